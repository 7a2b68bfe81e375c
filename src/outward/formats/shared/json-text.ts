import type { JsonValue } from '../../../model/json.js';
import { lineSafe, mayHoldLoneSurrogate } from '../../../model/line-safe-json.js';

/** JSON on one line, made safe for any receiver (`lineSafe`). */
export function jsonText(value: unknown): string {
  return lineSafe(plainJson(value));
}

/** JSON of well-formed text, for a place inside another text, which is made safe as a whole. */
export function plainJson(value: unknown): string {
  const text = JSON.stringify(value);
  return mayHoldLoneSurrogate(text) ? JSON.stringify(wellFormedCopy(value as JsonValue)) : text;
}

/** The same value with U+FFFD for each lone surrogate, in member names too. */
function wellFormedCopy(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map((item) => wellFormedCopy(item) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, member]) => {
    const copy = wellFormedCopy(member);
    return copy === undefined ? [] : [[name.toWellFormed(), copy]];
  }));
}

/** Octets of a value as `jsonText` writes it. */
export function jsonOctets(value: unknown): number {
  return Buffer.byteLength(jsonText(value), 'utf8');
}

/** The longest beginning of a text whose JSON form, quotes included, has at most so many octets; never cut inside a character. */
export function cutToJsonOctets(text: string, maxOctets: number): string {
  let octets = 2;
  let index = 0;
  let previous = 0;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    const pair = unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(index + 1));
    const size = pair ? 4 : escapedOctets(unit, previous);
    if (octets + size > maxOctets) break;
    octets += size;
    index += pair ? 2 : 1;
    previous = unit;
  }
  return text.slice(0, index);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function escapedOctets(unit: number, previous: number): number {
  if (unit < 0x20) return unit === 0x08 || unit === 0x09 || unit === 0x0a || unit === 0x0c || unit === 0x0d ? 2 : 6;
  if (unit === 0x22 || unit === 0x5c) return 2;
  // A colon after F may be escaped.
  if (unit === 0x3a) return previous === 0x46 ? 6 : 1;
  if (unit < 0x7f) return 1;
  if (unit < 0xa0 || unit === 0x2028 || unit === 0x2029 || unit === 0xfeff) return 6;
  return unit < 0x800 ? 2 : 3;
}
