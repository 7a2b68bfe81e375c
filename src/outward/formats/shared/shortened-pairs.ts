import type { CompiledField, PairStyle, PairWriter } from './pair-fields.js';
import { listWithin } from './pair-list.js';
import { type ShrinkablePart, shrink } from './shrink.js';
import { octetsOf } from './utf8.js';

interface Pair extends ShrinkablePart {
  field: CompiledField;
  /** As written; null when dropped. */
  value: string | null;
  cut: boolean;
}

/** Keeps the pairs apart and brings them within a limit: they are cut, then dropped, by their `cutOrder`. */
export class ShortenedPairs implements PairWriter {
  private readonly all: Pair[] = [];

  constructor(private readonly style: PairStyle) {}

  text(field: CompiledField, value: string | undefined): void {
    const { text } = this.style;
    const clean = value === undefined ? '' : text.clean(value);
    if (clean === '') return;
    const within = text.fits(clean, field.field.maxOctets) ? clean : text.cut(clean, field.field.maxOctets);
    this.add(field, text.escape(within), within !== clean, (octets) => text.escape(text.cut(within, octets)));
  }

  list(field: CompiledField, items: readonly string[], total: number): void {
    const { text: pairText } = this.style;
    const { text, cut } = listWithin(pairText, items, total, field.field.maxOctets);
    if (text === '') return;
    this.add(field, pairText.escape(text), cut, (octets) => pairText.escape(listWithin(pairText, items, total, octets).text));
  }

  plain(field: CompiledField, value: string | number): void {
    this.add(field, String(value), false, null);
  }

  /** The pairs within so many octets, or null when not even the least of them fit. */
  finish(maxOctets: number): string | null {
    const cuttable = this.all.filter((pair) => pair.field.field.cutOrder > 0).sort((a, b) => a.field.field.cutOrder - b.field.field.cutOrder);
    // Room for all that might have to be named as cut.
    const reserved = octetsOf(this.style.truncated(this.all.filter((pair) => pair.cut || pair.field.field.cutOrder > 0).map(keyOf)));
    const total = this.all.reduce((sum, pair) => sum + pair.octets, reserved);
    if (shrink(cuttable, total - maxOctets) > 0) return null;
    let pairs = '';
    for (const pair of this.all) if (pair.value !== null) pairs += pair.field.start + pair.value;
    return pairs + this.style.truncated(this.all.filter((pair) => pair.cut).map(keyOf));
  }

  private add(field: CompiledField, value: string, cut: boolean, cutter: ((octets: number) => string) | null): void {
    const startOctets = octetsOf(field.start);
    const pair: Pair = {
      field, value, cut,
      octets: startOctets + octetsOf(value),
      floorOctets: cutter === null ? Number.POSITIVE_INFINITY : startOctets + LEAST_VALUE_OCTETS,
      cutTo: (octets) => {
        if (cutter === null) return;
        const shorter = cutter(octets - startOctets);
        pair.value = shorter === '' ? null : shorter;
        pair.cut = true;
        pair.octets = shorter === '' ? 0 : startOctets + octetsOf(shorter);
      },
      drop: () => {
        pair.value = null;
        pair.cut = true;
        pair.octets = 0;
      },
    };
    this.all.push(pair);
  }
}

function keyOf(pair: Pair): string {
  return pair.field.field.key;
}

/** A value shorter than this says too little: it is dropped instead, and only after all others were cut. */
const LEAST_VALUE_OCTETS = 64;
