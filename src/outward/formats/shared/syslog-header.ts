import type { FormatSettings } from '../../../contracts/format.js';
import { printableAscii } from './clean-text.js';
import { type EventFacts, SYSLOG_SEVERITY } from './event-facts.js';
import { Rfc3164Time } from './rfc3164-time.js';

/** What stands in front of the body. Compiled once; serves all output types. */
export interface SyslogHeader {
  /**
   * Everything up to the body, its separator included.
   * @param structuredData our element, or '' for none.
   */
  before(facts: EventFacts, structuredData: string): string;
}

/** @param bodyIsText whether the body is plain text: then RFC 3164, which has no structured data, carries our element in front of the text. */
export function compileHeader(settings: FormatSettings, bodyIsText: boolean): SyslogHeader {
  switch (settings.header) {
    case 'rfc5424': return new Rfc5424Header(settings);
    case 'rfc3164': return new Rfc3164Header(settings, bodyIsText);
    case 'none': return { before: () => '' };
  }
}

/** PRI by event severity 0..10: facility * 8 + severity, no leading zero (RFC 5424, 6.2.1). */
function priorities(facility: number, after: string): readonly string[] {
  return SYSLOG_SEVERITY.map((severity) => `<${facility * 8 + severity}>${after}`);
}

class Rfc5424Header implements SyslogHeader {
  private readonly start: readonly string[];
  private readonly origin: string;
  private readonly textStart: string;

  constructor(settings: FormatSettings) {
    this.start = priorities(settings.facility, '1 ');
    // PROCID is nil: a record looks the same whichever process sends it, and on every resend.
    this.origin = ` ${printableAscii(settings.hostname, 255)} ${printableAscii(settings.appName, 48)} - `;
    // RFC 8259, 8.1 forbids the mark in front of JSON.
    const json = settings.outputType === 'json' || settings.outputType === 'ocsf' || settings.outputType === 'ecs';
    this.textStart = settings.bom && !json ? ' \ufeff' : ' ';
  }

  before(facts: EventFacts, structuredData: string): string {
    return `${this.start[facts.severity]}${facts.timestamp}${this.origin}${facts.type} ${structuredData === '' ? '-' : structuredData}${this.textStart}`;
  }
}

class Rfc3164Header implements SyslogHeader {
  private readonly start: readonly string[];
  private readonly origin: string;
  private readonly time: Rfc3164Time;

  constructor(settings: FormatSettings, private readonly bodyIsText: boolean) {
    this.start = priorities(settings.facility, '');
    // TAG: at most 32 octets, ended by the colon, which also keeps `CEF:` from being read as the tag.
    this.origin = ` ${printableAscii(settings.hostname, 255)} ${settings.appName.replace(/[^A-Za-z0-9._/-]/g, '-').slice(0, 32) || 'tidegate'}: `;
    this.time = new Rfc3164Time(settings.timeZone);
  }

  before(facts: EventFacts, structuredData: string): string {
    const header = `${this.start[facts.severity]}${this.time.format(facts.epochMs)}${this.origin}`;
    return this.bodyIsText && structuredData !== '' ? `${header}${structuredData} ` : header;
  }
}
