/** How text comes back from a record (docs/reference/formats.md, "Text"), written apart from the renderers. Characters are code points; a lone surrogate is U+FFFD. */
const BREAKS = new Set(['\n', '\r', '\u000b', '\u000c', '\u0085', '\u2028', '\u2029']);

function characters(text: string): string[] {
  return Array.from(text.replaceAll('\r\n', '\n'), (character) => (/^[\ud800-\udfff]$/.test(character) ? '\ufffd' : character));
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || code === 0xfeff;
}

/** Most texts have nothing to change but outer spaces. */
function isPlainText(text: string): boolean {
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/.test(text);
}

function withoutOuterSpaces(text: string): string {
  return text.startsWith(' ') || text.endsWith(' ') ? text.replace(/^ +/, '').replace(/ +$/, '') : text;
}

function trimmed(list: readonly string[]): string {
  return list.join('').replace(/^[ \n]+/, '').replace(/[ \n]+$/, '');
}

/** One line: whatever is no text is a space. */
export function line(text: string): string {
  if (isPlainText(text)) return withoutOuterSpaces(text);
  return trimmed(characters(text).map((character) => (isControl(character) ? ' ' : character)));
}

/** Several lines: line breaks are LF, other controls spaces. */
export function lines(text: string): string {
  if (isPlainText(text)) return withoutOuterSpaces(text);
  return trimmed(characters(text).map((character) => (BREAKS.has(character) ? '\n' : isControl(character) ? ' ' : character)));
}

/** What a format makes of a value: its text, the octets that each character takes on the wire, and the text of a finished list. */
export interface ValueRules {
  text(value: string): string;
  octets(character: string): number;
  /** Whether each character of a text takes as many octets as in UTF-8. */
  plain(text: string): boolean;
  list(text: string): string;
}

export const CEF_RULES: ValueRules = { text: lines, octets: (character) => (['\\', '=', '\n'].includes(character) ? 2 : Buffer.byteLength(character)), plain: (text) => !/[\\=\n]/.test(text), list: (text) => text };

export function leefRules(delimiter: string): ValueRules {
  const parted = (text: string) => (text.includes(delimiter) ? trimmed(Array.from(text.replaceAll(delimiter, ' '))) : trimmed([text]));
  return { text: (value) => parted(line(value)), octets: (character) => Buffer.byteLength(character), plain: () => true, list: parted };
}

function size(text: string, rules: ValueRules): number {
  if (rules.plain(text)) return Buffer.byteLength(text);
  let octets = 0;
  for (const character of text) octets += rules.octets(character);
  return octets;
}

/** The longest beginning within so many octets. */
function beginning(text: string, maxOctets: number, rules: ValueRules): string {
  const kept: string[] = [];
  let octets = 0;
  for (const character of text) {
    octets += rules.octets(character);
    if (octets > maxOctets) break;
    kept.push(character);
  }
  return trimmed(kept);
}

export function valueWithin(value: string, maxOctets: number, rules: ValueRules): { text: string; cut: boolean } {
  const whole = rules.text(value);
  return size(whole, rules) <= maxOctets ? { text: whole, cut: false } : { text: beginning(whole, maxOctets, rules), cut: true };
}

/** Names joined by a comma, as many as fit, then "and N more". */
export function listWithin(names: readonly string[], total: number, maxOctets: number, rules: ValueRules): { text: string; cut: boolean } {
  const clean = names.map((name) => line(rules.text(name)) || '(unnamed)');
  const more = (count: number) => (count > 0 ? ` and ${count} more` : '');
  let best: string | undefined;
  let shown = 0;
  let joined = '';
  let octets = 0;
  for (const name of clean) {
    const piece = shown === 0 ? name : `, ${name}`;
    joined += piece;
    octets += size(piece, rules);
    if (octets + more(total - shown - 1).length > maxOctets) break;
    shown += 1;
    best = joined;
  }
  if (clean.length === 0) return { text: '', cut: false };
  if (best !== undefined) return { text: rules.list(best + more(total - shown)), cut: shown < clean.length };
  const ending = more(total - 1);
  const first = beginning(clean[0] ?? '', maxOctets - ending.length, rules);
  return { text: first === '' ? '' : rules.list(first + ending), cut: true };
}

/** A JSON value comes back as it was, but for lone surrogates, in member names too. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined).map(([name, member]) => [name.toWellFormed(), wellFormed(member)]));
}

/** Without empty texts and what is not there; undefined when nothing is left. */
export function filled<T extends Record<string, unknown>>(members: T): Partial<T> | undefined {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined && value !== '');
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as Partial<T>);
}
