import { type ShrinkablePart, shrink } from '../shared/shrink.js';
import { fits, octetsOf } from '../shared/utf8.js';
import { cleanValue, cutToEscapedOctets, escapeValue, fitsEscaped, isPlain } from './cef-escape.js';
import { type CefField, startOf, TRUNCATED_FIELD } from './cef-fields.js';
import { listWithin } from './cef-list.js';

/** A field compiled for writing. */
export interface CompiledField {
  field: CefField;
  /** ` key=` with its label, a space in front: pairs are parted by one space. */
  start: string;
}

export function compileField(field: CefField): CompiledField {
  return { field, start: ` ${startOf(field)}` };
}

const truncated = compileField(TRUNCATED_FIELD);

/** Takes the pairs of one event. Two of them: the fast one writes straight away, the other keeps the pairs apart to shorten them. */
export interface PairWriter {
  text(field: CompiledField, value: string | undefined): void;
  list(field: CompiledField, items: readonly string[], total: number): void;
  /** A value of our own: a number, or text that needs no escape. */
  plain(field: CompiledField, value: string | number): void;
}

export class FastPairWriter implements PairWriter {
  pairs = '';
  cutFields = 0;

  text(field: CompiledField, value: string | undefined): void {
    if (value === undefined || value === '') return;
    if (isPlain(value) && fits(value, field.field.maxOctets)) {
      this.pairs += field.start + value;
      return;
    }
    let clean = cleanValue(value);
    if (clean === '') return;
    if (!fitsEscaped(clean, field.field.maxOctets)) {
      clean = cutToEscapedOctets(clean, field.field.maxOctets);
      this.cutFields += 1;
    }
    this.pairs += field.start + escapeValue(clean);
  }

  list(field: CompiledField, items: readonly string[], total: number): void {
    const { text, cut } = listWithin(items, total, field.field.maxOctets);
    if (text === '') return;
    if (cut) this.cutFields += 1;
    this.pairs += field.start + escapeValue(text);
  }

  plain(field: CompiledField, value: string | number): void {
    this.pairs += field.start + value;
  }

  /** All pairs, and how many fields were cut to the limit of their key. */
  finish(): string {
    return this.cutFields === 0 ? this.pairs : `${this.pairs}${truncated.start}${this.cutFields}`;
  }
}

interface Pair extends ShrinkablePart {
  field: CompiledField;
  /** Escaped; null when dropped. */
  value: string | null;
  cut: boolean;
}

export class ShorteningPairWriter implements PairWriter {
  private readonly all: Pair[] = [];

  text(field: CompiledField, value: string | undefined): void {
    const clean = value === undefined ? '' : cleanValue(value);
    if (clean === '') return;
    const within = fitsEscaped(clean, field.field.maxOctets) ? clean : cutToEscapedOctets(clean, field.field.maxOctets);
    this.add(field, escapeValue(within), within !== clean, (octets) => escapeValue(cutToEscapedOctets(within, octets)));
  }

  list(field: CompiledField, items: readonly string[], total: number): void {
    const { text, cut } = listWithin(items, total, field.field.maxOctets);
    if (text === '') return;
    this.add(field, escapeValue(text), cut, (octets) => escapeValue(listWithin(items, total, octets).text));
  }

  plain(field: CompiledField, value: string | number): void {
    this.add(field, String(value), false, null);
  }

  /** The pairs within so many octets, or null when not even the least of them fit. */
  finish(maxOctets: number): string | null {
    const reserved = truncated.start.length + 2;
    const total = this.all.reduce((sum, pair) => sum + pair.octets, reserved);
    const cuttable = this.all.filter((pair) => pair.field.field.cutOrder > 0).sort((a, b) => a.field.field.cutOrder - b.field.field.cutOrder);
    if (shrink(cuttable, total - maxOctets) > 0) return null;
    let pairs = '';
    let cutFields = 0;
    for (const pair of this.all) {
      if (pair.cut) cutFields += 1;
      if (pair.value !== null) pairs += pair.field.start + pair.value;
    }
    return `${pairs}${truncated.start}${cutFields}`;
  }

  private add(field: CompiledField, value: string, cut: boolean, cutter: ((octets: number) => string) | null): void {
    const startOctets = field.start.length;
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

/** A value shorter than this says too little: it is dropped instead, and only after all others were cut. */
const LEAST_VALUE_OCTETS = 64;
