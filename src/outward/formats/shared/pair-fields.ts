/** A `key=value` pair that a format writes. */
export interface PairField {
  key: string;
  /** A custom field of CEF needs its label: a fixed word, never data. */
  label?: string;
  /** The longest value in octets, as written. */
  maxOctets: number;
  /** Beyond the message limit the fields with the smallest number are cut, then dropped, first; 0 stays whole and stands in every part of a split event. */
  cutOrder: number;
  meaning: string;
}

/** How a format writes text into a pair. Sizes are those of the written form. */
export interface PairText {
  /** Nothing to clean, trim or escape: most values. */
  isPlain(text: string): boolean;
  /** A value ready to be cut. */
  clean(text: string): string;
  /** The form on the wire; comes after cutting. */
  escape(clean: string): string;
  octets(clean: string): number;
  fits(clean: string, maxOctets: number): boolean;
  /** The longest beginning that fits, never cut inside a character or an escape. */
  cut(clean: string, maxOctets: number): string;
}

/** How a format joins its pairs and says in the event what it did to it. */
export interface PairStyle {
  text: PairText;
  /** In front of each pair but the first. */
  separator: string;
  /** Pairs that say which fields were cut or left out: never empty when one was. */
  truncated(keys: readonly string[]): string;
  /** Pairs that say which part this is. */
  part(number: number, of: number): string;
}

/** A field compiled for writing. */
export interface CompiledField {
  field: PairField;
  /** Separator, label where it has one, `key=`. */
  start: string;
}

export function compileField(field: PairField, separator: string): CompiledField {
  return { field, start: separator + startOf(field) };
}

/** `key=`, with its label in front where it has one. */
export function startOf({ key, label }: PairField): string {
  return label === undefined ? `${key}=` : `${key}Label=${label} ${key}=`;
}

/** Takes the pairs of one event, in the order of the wire. */
export interface PairWriter {
  text(field: CompiledField, value: string | undefined): void;
  list(field: CompiledField, items: readonly string[], total: number): void;
  /** A value of our own: a number, or text that needs no escape. */
  plain(field: CompiledField, value: string | number): void;
}
