import { cleanLine, trimSpaces } from '../shared/clean-text.js';
import type { PairText } from '../shared/pair-fields.js';
import { cutToOctets, fits, octetsOf } from '../shared/utf8.js';

/** What no value may hold, whatever the delimiter; surrogate pairs match too and come out as they are. */
const SUSPICIOUS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;

/**
 * LEEF has no escape: a control character, a line break and the delimiter become a space each, and outer spaces go. `=`, the pipe and the backslash stand as they are.
 * @param delimiter the character between two pairs: the tab or a printable ASCII character
 */
export function leefText(delimiter: string): PairText {
  const withoutDelimiter = (text: string): string => (text.includes(delimiter) ? trimSpaces(text.replaceAll(delimiter, ' ')) : text);
  return {
    isPlain: (text) => text.charCodeAt(0) !== 0x20 && text.charCodeAt(text.length - 1) !== 0x20 && !SUSPICIOUS.test(text) && !text.includes(delimiter),
    clean: (text) => withoutDelimiter(cleanLine(text)),
    escape: withoutDelimiter,
    octets: octetsOf,
    fits,
    cut: (clean, maxOctets) => trimSpaces(cutToOctets(clean, Math.max(maxOctets, 0))),
  };
}

/** A field of the header: the pipe ends it, and nothing escapes it. */
export function headerText(text: string, maxOctets: number): string {
  return cutToOctets(cleanLine(text).replaceAll('|', ' '), maxOctets);
}
