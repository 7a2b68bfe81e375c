import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { eventTypeOf } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { cleanLine, trimSpaces } from '../shared/clean-text.js';
import { type EventFacts, factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { extraParameters } from '../shared/extra-fields.js';
import { renderedParts } from '../shared/split.js';
import { StructuredData, withPart, withTruncated } from '../shared/structured-data.js';
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
    this.data = new StructuredData(settings.enterpriseNumber, extraParameters(settings.extraFields));
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
      switch (this.settings.oversize) {
        case 'reject': return tooLong(octetsOf(text), maxBytes);
        // First the end of the message goes, then outcome, actor and subject make room for it.
        case 'shorten': return this.cut(this.header.before(facts, withTruncated(data)), message, LEAST_MESSAGE_OCTETS)
          ?? this.cut(this.header.before(facts, withTruncated(this.data.identity(facts))), message, 0)
          ?? tooLong(octetsOf(text), maxBytes);
        case 'split': return this.split(facts, data, message) ?? this.split(facts, this.data.identity(facts), message) ?? tooLong(octetsOf(text), maxBytes);
      }
    } catch (error) {
      return notRenderable(error);
    }
  }

  private cut(before: string, message: string, leastOctets: number): Rendered | null {
    const room = this.settings.maxBytes - octetsOf(before);
    if (room < leastOctets) return null;
    return room < 0 ? null : { type: 'rendered', text: trimSpaces(before + cutToOctets(message, room)), shortened: true };
  }

  /** The words of the message over as many records as it takes, each behind the whole header. Null when there is no room for words. */
  private split(facts: EventFacts, data: string, message: string): Rendered | null {
    const { maxBytes } = this.settings;
    const room = maxBytes - octetsOf(this.header.before(facts, withPart(data, MAX_PARTS, MAX_PARTS)));
    if (room < LEAST_MESSAGE_OCTETS) return null;
    const pieces = piecesOf(message, room);
    if (pieces.length > MAX_PARTS) return null;
    return renderedParts({ type: 'parts', parts: pieces.map((piece, index) => this.header.before(facts, withPart(data, index + 1, pieces.length)) + piece) }, maxBytes);
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

const MAX_PARTS = 9999;

/** Runs of words within so many octets; only a word that is longer than that goes on in the next piece. */
function piecesOf(message: string, maxOctets: number): string[] {
  const pieces: string[] = [];
  let rest = message;
  while (!fits(rest, maxOctets)) {
    const most = cutToOctets(rest, maxOctets);
    const space = rest.charAt(most.length) === ' ' ? most.length : most.lastIndexOf(' ');
    const piece = space > 0 ? rest.slice(0, space) : most;
    pieces.push(trimSpaces(piece));
    rest = trimSpaces(rest.slice(piece.length));
  }
  return [...pieces, rest].filter((piece) => piece !== '');
}
