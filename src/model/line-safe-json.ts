/** What `JSON.stringify` leaves as it is and a receiver could take for a line break or a control character: DEL, C1, U+2028, U+2029, U+FEFF. */
const INVISIBLE = /[\u007f-\u009f\u2028\u2029\ufeff]/;
const EVERY_INVISIBLE = new RegExp(INVISIBLE, 'g');
/** `CEF:` inside a value must not be found by a receiver that searches for it. A colon after these letters is never one of JSON's own: that one follows a quote. */
const FORGED_START = /(CEF|LEEF):/g;

/**
 * JSON of one line that may be shown to any receiver: no character that one could take for a line break or a control character stands there as it is, nor the start of another format.
 * Escaped values come back whole from any JSON parser.
 */
export function lineSafe(json: string): string {
  const text = INVISIBLE.test(json) ? json.replace(EVERY_INVISIBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
  return text.includes('EF:') ? text.replace(FORGED_START, '$1\\u003a') : text;
}

/** Whether JSON holds a lone surrogate, which shows as an escape that no UTF-8 has; now and then also true for a text that names such an escape. */
export function mayHoldLoneSurrogate(json: string): boolean {
  return json.includes('\\ud');
}
