import type { CompiledField, PairStyle, PairText, PairWriter } from './pair-fields.js';
import { listWithin } from './pair-list.js';
import { fits } from './utf8.js';

/** Writes the pairs straight away, each kept to the limit of its key: the way of all events that fit into a message. */
export class FastPairs implements PairWriter {
  pairs = '';
  private cut: string[] | null = null;
  private readonly pairText: PairText;

  constructor(private readonly style: PairStyle) {
    this.pairText = style.text;
  }

  text(field: CompiledField, value: string | undefined): void {
    if (value === undefined || value === '') return;
    const { pairText } = this;
    if (pairText.isPlain(value) && fits(value, field.field.maxOctets)) {
      this.pairs += field.start + value;
      return;
    }
    let clean = pairText.clean(value);
    if (clean === '') return;
    if (!pairText.fits(clean, field.field.maxOctets)) {
      clean = pairText.cut(clean, field.field.maxOctets);
      this.addCut(field);
    }
    this.pairs += field.start + pairText.escape(clean);
  }

  list(field: CompiledField, items: readonly string[], total: number): void {
    const { text, cut } = listWithin(this.pairText, items, total, field.field.maxOctets);
    if (text === '') return;
    if (cut) this.addCut(field);
    this.pairs += field.start + this.pairText.escape(text);
  }

  plain(field: CompiledField, value: string | number): void {
    this.pairs += field.start + value;
  }

  /** Whether a field was cut to the limit of its key. */
  get shortened(): boolean {
    return this.cut !== null;
  }

  /** All pairs, and which of them were cut to the limit of their key. */
  finish(): string {
    return this.cut === null ? this.pairs : this.pairs + this.style.truncated(this.cut);
  }

  private addCut({ field }: CompiledField): void {
    this.cut ??= [];
    this.cut.push(field.key);
  }
}
