/**
 * What a text of an event looks like when it comes back from a receiver (docs/reference/formats.md, "Text"), written apart from the renderers.
 * Characters are code points; a lone surrogate is U+FFFD.
 */
const LINE_BREAKS = ['\n', '\r', '\u000b', '\u000c', '\u0085', '\u2028', '\u2029'];

function characters(text: string): string[] {
  return Array.from(text.replaceAll('\r\n', '\n'), (character) => (/^[\ud800-\udfff]$/.test(character) ? '\ufffd' : character));
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || code === 0xfeff;
}

function trimmed(list: string[]): string {
  let start = 0;
  let end = list.length;
  while (start < end && (list[start] === ' ' || list[start] === '\n')) start += 1;
  while (end > start && (list[end - 1] === ' ' || list[end - 1] === '\n')) end -= 1;
  return list.slice(start, end).join('');
}

/** Syslog text: every control character and line break is a space, outer spaces go, `CEF:` and `LEEF:` before a digit are parted. */
export function expectedSyslogText(text: string): string {
  return trimmed(characters(text).map((character) => (isControl(character) ? ' ' : character))).replace(/(CEF|LEEF):(?=\s*\d)/g, '$1 :');
}

/** A CEF value: line breaks are LF, other control characters spaces, outer ones go, cut on a character border where the escaped form reaches the limit of the key. */
export function expectedCefValue(text: string, maxOctets: number): string {
  const clean = trimmed(characters(text).map((character) => (LINE_BREAKS.includes(character) ? '\n' : isControl(character) ? ' ' : character)));
  const kept: string[] = [];
  let octets = 0;
  for (const character of clean) {
    octets += ['\\', '=', '\n'].includes(character) ? 2 : Buffer.byteLength(character);
    if (octets > maxOctets) break;
    kept.push(character);
  }
  return trimmed(kept);
}

/** A JSON value comes back as it was, but for lone surrogates, in member names too. */
export function expectedJson(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(expectedJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined).map(([name, member]) => [name.toWellFormed(), expectedJson(member)]));
}
