import type { CompiledField, PairStyle, PairWriter } from './pair-fields.js';
import { more, nameOf } from './pair-list.js';
import type { SplitOutcome } from './split.js';
import { octetsOf } from './utf8.js';

interface Pair {
  field: CompiledField;
  /** As written. */
  value: string;
  /** The names of a list, which may stand in several parts; null for a value, which stays in one piece. */
  list: { items: readonly string[]; total: number } | null;
}

/** Keeps the pairs apart and puts them into as many parts as it takes. Pairs with `cutOrder` 0 stand in every part; no value is cut for the sake of the message limit. */
export class SplitPairs implements PairWriter {
  private readonly common: Pair[] = [];
  private readonly spread: Pair[] = [];
  private readonly cut: string[] = [];

  constructor(private readonly style: PairStyle) {}

  text(field: CompiledField, value: string | undefined): void {
    const { text } = this.style;
    const clean = value === undefined ? '' : text.clean(value);
    if (clean === '') return;
    // The limit of the key holds in every message, split or not.
    const within = text.fits(clean, field.field.maxOctets) ? clean : text.cut(clean, field.field.maxOctets);
    if (within !== clean) this.cut.push(field.field.key);
    this.add({ field, value: text.escape(within), list: null });
  }

  list(field: CompiledField, items: readonly string[], total: number): void {
    if (items.length > 0) this.add({ field, value: '', list: { items, total } });
  }

  plain(field: CompiledField, value: string | number): void {
    this.add({ field, value: String(value), list: null });
  }

  /** The pairs of each part within so many octets, or what is too long for any part. */
  finish(maxOctets: number): SplitOutcome<string> {
    const start = this.common.map(({ field, value }) => field.start + value).join('');
    const end = this.cut.length > 0 ? this.style.truncated(this.cut) : '';
    const room = maxOctets - octetsOf(start) - octetsOf(end) - octetsOf(this.style.part(MAX_PARTS, MAX_PARTS));
    const parts: string[] = [];
    let current = '';
    let used = 0;
    const close = (): void => {
      parts.push(current);
      current = '';
      used = 0;
    };
    const put = (pair: string, octets: number): void => {
      current += pair;
      used += octets;
    };
    for (const { field, value, list } of this.spread) {
      if (list === null) {
        const octets = octetsOf(field.start) + octetsOf(value);
        if (octets > room) return { type: 'too-long', name: field.field.key, octets };
        if (used + octets > room) close();
        put(field.start + value, octets);
        continue;
      }
      const { items, total } = list;
      const startOctets = octetsOf(field.start);
      let from = 0;
      while (from < items.length) {
        const run = this.runOf(items, total, from, Math.min(field.field.maxOctets, room - used - startOctets));
        if (run === null) {
          if (used === 0) return { type: 'too-long', name: field.field.key, octets: startOctets + this.style.text.octets(nameOf(this.style.text, items[from] ?? '')) };
          close();
          continue;
        }
        put(field.start + this.style.text.escape(run.text), startOctets + run.octets);
        from = run.next;
        // The same key cannot stand twice in one part.
        if (from < items.length) close();
      }
    }
    if (current !== '' || parts.length === 0) close();
    if (parts.length > MAX_PARTS) return { type: 'too-long', name: `the whole event, in ${parts.length} parts,`, octets: parts.reduce((sum, part) => sum + octetsOf(part), 0) };
    return { type: 'parts', parts: parts.map((part, index) => start + part + end + this.style.part(index + 1, parts.length)) };
  }

  /** As many names from a place on as fit; null when not one does. Names beyond the listed ones are told at the end of the last run. */
  private runOf(items: readonly string[], total: number, from: number, maxOctets: number): { text: string; octets: number; next: number } | null {
    let text = '';
    let octets = 0;
    let next = from;
    while (next < items.length) {
      const name = nameOf(this.style.text, items[next] ?? '');
      const piece = text === '' ? name : `, ${name}`;
      const ending = next === items.length - 1 ? more(total - items.length) : '';
      const size = this.style.text.octets(piece);
      if (octets + size + ending.length > maxOctets) break;
      text += piece + ending;
      octets += size + ending.length;
      next += 1;
    }
    return text === '' ? null : { text, octets, next };
  }

  private add(pair: Pair): void {
    (pair.field.field.cutOrder === 0 ? this.common : this.spread).push(pair);
  }
}

const MAX_PARTS = 9999;
