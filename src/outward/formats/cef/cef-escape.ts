import { cleanLine, cleanLines, trimSpaces } from '../shared/clean-text.js';
import { cutToOctets, fits } from '../shared/utf8.js';

/** Header fields: backslash and pipe are escaped, `=` is not (CEF Implementation Standard, "Character Encoding"). */
export function escapeHeader(text: string, maxOctets: number): string {
  return cutToOctets(cleanLine(text), maxOctets).replace(/[\\|]/g, '\\$&');
}

/** Nothing to clean, trim or escape: most values. */
const NOT_PLAIN = /[\\=\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;

export function isPlain(text: string): boolean {
  return text.charCodeAt(0) !== 0x20 && text.charCodeAt(text.length - 1) !== 0x20 && !NOT_PLAIN.test(text);
}

/** A value ready to be cut: line breaks as LF, no other control characters, trimmed (receivers drop outer spaces anyway). */
export function cleanValue(text: string): string {
  return isPlain(text) ? text : cleanLines(text);
}

/** Extension values: backslash and `=` are escaped, a line break is `\n`, the pipe stays. Comes after cutting, so that no pair is cut apart. */
export function escapeValue(clean: string): string {
  if (!/[\\=\n]/.test(clean)) return clean;
  return clean.replace(/[\\=]/g, '\\$&').replace(/\n/g, '\\n');
}

/** The longest beginning whose escaped form has at most so many octets. */
export function cutToEscapedOctets(clean: string, maxOctets: number): string {
  let cut = cutToOctets(clean, maxOctets);
  while (cut !== '') {
    const escaped = escapeValue(cut);
    if (fits(escaped, maxOctets)) return trimSpaces(cut);
    cut = cutToOctets(cut, Buffer.byteLength(cut) - Math.max(1, Math.ceil((Buffer.byteLength(escaped) - maxOctets) / 2)));
  }
  return '';
}
