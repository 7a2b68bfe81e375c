import { jsonText } from './json-text.js';

/** Text that is its own JSON form between quotes, and safe in every record: most values. */
const NOT_PLAIN = /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;

/** A text as JSON, as `jsonText` writes it. */
export function quoted(text: string): string {
  return NOT_PLAIN.test(text) || text.includes('EF:') ? jsonText(text) : `"${text}"`;
}

/** `,"name":"text"`, or nothing for a text that is not there. `start` is `,"name":`. */
export function optional(start: string, text: string | undefined): string {
  return text === undefined || text === '' ? '' : start + quoted(text);
}
