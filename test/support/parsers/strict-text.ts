/** Decodes a record as strictly as UTF-8 allows and checks what no record may hold, whatever its format. @param tab whether the format parts its fields by the tab @throws Error */
export function strictText(octets: Uint8Array, tab = false): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  const bad = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.exec(tab ? text.replaceAll('\t', ' ') : text);
  if (bad) throw new Error(`control character U+${bad[0].charCodeAt(0).toString(16)} at ${bad.index}`);
  return text;
}
