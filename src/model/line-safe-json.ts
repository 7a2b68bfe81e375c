/** What `JSON.stringify` leaves as it is and a receiver could take for a line break or a control character: DEL, C1, U+2028, U+2029, U+FEFF. */
export const INVISIBLE = /[\u007f-\u009f\u2028\u2029\ufeff]/;

/** Whether JSON of one line may be shown to any receiver as it is: nothing invisible, not the start of another format (`CEF:`, `LEEF:`), no escaped lone surrogate. */
export function isLineSafe(json: string): boolean {
  return !INVISIBLE.test(json) && !json.includes('EF:') && !json.includes('\\ud');
}
