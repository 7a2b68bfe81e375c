import { cleanLine, cleanLines, trimSpaces } from '../shared/clean-text.js';
import type { PairText } from '../shared/pair-fields.js';
import { cutToOctets, fits, octetsOf } from '../shared/utf8.js';

/** Header fields: backslash and pipe are escaped, `=` is not (CEF Implementation Standard, "Character Encoding"). */
export function escapeHeader(text: string, maxOctets: number): string {
  return cutToOctets(cleanLine(text), maxOctets).replace(/[\\|]/g, '\\$&');
}

/** Nothing to clean, trim or escape: most values. */
const NOT_PLAIN = /[\\=\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;

function isPlain(text: string): boolean {
  return text.charCodeAt(0) !== 0x20 && text.charCodeAt(text.length - 1) !== 0x20 && !NOT_PLAIN.test(text);
}

/** A value ready to be cut: line breaks as LF, no other control characters, trimmed (receivers drop outer spaces anyway). */
function cleanValue(text: string): string {
  return isPlain(text) ? text : cleanLines(text);
}

/** Extension values: backslash and `=` are escaped, a line break is `\n`, the pipe stays. Comes after cutting. */
function escapeValue(clean: string): string {
  if (!/[\\=\n]/.test(clean)) return clean;
  return clean.replace(/[\\=]/g, '\\$&').replace(/\n/g, '\\n');
}

/** Octets of a clean value once escaped. Limits are kept by the escaped form: ParCEFone measures it and refuses the whole event beyond. */
function escapedOctets(clean: string): number {
  return octetsOf(escapeValue(clean));
}

function fitsEscaped(clean: string, maxOctets: number): boolean {
  return fits(clean, maxOctets / 2) || escapedOctets(clean) <= maxOctets;
}

/** The longest beginning whose escaped form has at most so many octets; never cut inside a character or an escape. */
function cutToEscapedOctets(clean: string, maxOctets: number): string {
  let octets = 0;
  let index = 0;
  while (index < clean.length) {
    const unit = clean.charCodeAt(index);
    const pair = unit >= 0xd800 && unit <= 0xdbff;
    const escaped = unit === 0x5c || unit === 0x3d || unit === 0x0a;
    const size = escaped ? 2 : unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
    if (octets + size > maxOctets) break;
    octets += size;
    index += pair ? 2 : 1;
  }
  return trimSpaces(clean.slice(0, index));
}

/** How CEF writes the text of an extension. */
export const CEF_TEXT: PairText = { isPlain, clean: cleanValue, escape: escapeValue, octets: escapedOctets, fits: fitsEscaped, cut: cutToEscapedOctets };
