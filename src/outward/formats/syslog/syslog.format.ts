import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { eventTypeOf } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { cleanLine, trimSpaces } from '../shared/clean-text.js';
import { factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { StructuredData, withTruncated } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { cutToOctets, fits, octetsOf } from '../shared/utf8.js';

/** Syslog text: the event's message behind a header, and our structured data element with id, type, sequence, outcome, actor, subject and correlation. */
export const syslogFormat: Format = {
  outputType: 'syslog',
  headers: OUTPUT_HEADERS.syslog,
  compile: (settings) => new SyslogRenderer(settings),
};

class SyslogRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, true);
    this.data = new StructuredData(settings.enterpriseNumber);
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      const message = messageText(event);
      const data = this.data.full(facts, event);
      const text = this.header.before(facts, data) + message;
      const { maxBytes } = this.settings;
      if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: false };
      if (this.settings.oversize === 'reject') return tooLong(octetsOf(text), maxBytes);
      // First the end of the message goes, then outcome, actor and subject make room for it.
      return this.cut(this.header.before(facts, withTruncated(data)), message, LEAST_MESSAGE_OCTETS)
        ?? this.cut(this.header.before(facts, withTruncated(this.data.identity(facts))), message, 0)
        ?? tooLong(octetsOf(text), maxBytes);
    } catch (error) {
      return notRenderable(error);
    }
  }

  private cut(before: string, message: string, leastOctets: number): Rendered | null {
    const room = this.settings.maxBytes - octetsOf(before);
    if (room < leastOctets) return null;
    return room < 0 ? null : { type: 'rendered', text: trimSpaces(before + cutToOctets(message, room)), shortened: true };
  }
}

/** Rather than less of the message, the event loses what the message most often says anyway. */
const LEAST_MESSAGE_OCTETS = 128;

/** `CEF:0|` or `LEEF:2|` in a text makes receivers that search for it read a forged event: a space parts the token. */
const FORGED_START = /(CEF|LEEF):(?=\s*\d)/g;

function messageText(event: AuditEvent): string {
  const line = cleanLine(event.message) || eventTypeOf(event.type)?.name || 'Event';
  return line.includes('EF:') ? line.replace(FORGED_START, '$1 :') : line;
}
