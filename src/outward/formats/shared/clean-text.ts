/**
 * Text as it may stand on one line of a record. Control characters (C0, DEL, C1), the line separators U+2028 and U+2029 and the byte order mark U+FEFF are what
 * receivers split, strip or rewrite; bidirectional controls are text and stay. A lone surrogate has no UTF-8 and becomes U+FFFD.
 */

/** Whether anything must be done at all; surrogate pairs match too and come out as they are. */
const SUSPICIOUS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;
const LINE_BREAK_OR_CONTROL = /\r\n|[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g;
const LINE_BREAK = /\r\n|[\n\r\u000b\u000c\u0085\u2028\u2029]/g;
const CONTROL_BUT_LF = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff]/g;

/** One line: every control character and line break (CR LF counts as one) becomes a space; without outer spaces. */
export function cleanLine(text: string): string {
  if (!SUSPICIOUS.test(text)) return trimSpaces(text);
  return trimSpaces(text.toWellFormed().replace(LINE_BREAK_OR_CONTROL, ' '));
}

/** As `cleanLine`, but line breaks stay as LF, for formats that can escape them. */
export function cleanLines(text: string): string {
  if (!SUSPICIOUS.test(text)) return trimSpaces(text);
  return trimSpaces(text.toWellFormed().replace(LINE_BREAK, '\n').replace(CONTROL_BUT_LF, ' '));
}

/** Without the spaces and LF at both ends, which receivers drop; other white space is text. */
export function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a;
}

/** Letters, digits, dot, underscore and hyphen are what ids and types are made of; anything else becomes `_`, so that the text is safe in every place of every format. */
export function safeToken(text: string, maxOctets: number): string {
  const token = /^[A-Za-z0-9._-]*$/.test(text) ? text : text.replace(/[^A-Za-z0-9._-]/g, '_');
  return token.length <= maxOctets ? token : token.slice(0, maxOctets);
}

/** Printable US-ASCII without space (RFC 5424, 6: PRINTUSASCII); anything else becomes `-`, and so does nothing at all. */
export function printableAscii(text: string, maxOctets: number): string {
  return text.replace(/[^\x21-\x7e]/g, '-').slice(0, maxOctets) || '-';
}
