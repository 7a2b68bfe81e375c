/** A strict parser of the RFC 3164 conventions (section 4.1), written apart from the renderers. */
export interface Rfc3164Message {
  facility: number;
  severity: number;
  /** `Mmm dd hh:mm:ss` as it stands there. */
  timestamp: string;
  hostname: string;
  tag: string;
  message: string;
}

const SHAPE = /^<(0|[1-9]\d{0,2})>((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?: [1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d) ([\x21-\x7e]{1,255}) ([A-Za-z0-9._/-]{1,32})(?:\[(\d+)\])?: (.*)$/su;

/** @throws Error */
export function parseRfc3164(text: string): Rfc3164Message {
  const match = SHAPE.exec(text);
  const value = Number(match?.[1]);
  if (!match || value > 191) throw new Error(`no RFC 3164 message: ${text.slice(0, 80)}`);
  return { facility: value >> 3, severity: value & 7, timestamp: match[2] ?? '', hostname: match[3] ?? '', tag: match[4] ?? '', message: match[6] ?? '' };
}

/** The structured data element that our RFC 3164 Syslog messages carry in front of the text. @throws Error */
export function splitElement(message: string): { element: string; text: string } {
  const match = /^(\[[^[\]]*\])(?: (.*))?$/su.exec(message);
  if (!match) throw new Error(`no element in front of ${message.slice(0, 80)}`);
  return { element: match[1] ?? '', text: match[2] ?? '' };
}
