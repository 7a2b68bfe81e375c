import type { ExtraField } from '../../../model/event-mask.js';
import { compileField, type CompiledField, type PairWriter } from './pair-fields.js';
import { shortValue } from './structured-data.js';

/** Constant fields of an integration where a format has no attributes to put them into: under `extra<Name>`, which no key of ours is. */

/** The longest value, as written. */
const MOST_OCTETS = 4000;

export interface ExtraPair {
  field: CompiledField;
  value: string;
}

export function compileExtraPairs(extraFields: readonly ExtraField[] = [], separator: string): ExtraPair[] {
  // They stay whole and stand in every part of a split event.
  return extraFields.map(({ name, value }) => ({ field: compileField({ key: keyOf(name), maxOctets: MOST_OCTETS, cutOrder: 0, meaning: 'an extra field' }, separator), value }));
}

export function writeExtraPairs(out: PairWriter, extra: readonly ExtraPair[]): void {
  for (const { field, value } of extra) out.text(field, value);
}

/** As parameters of our structured data element, a space in front of each; with the few characters that weak readers take. */
export function extraParameters(extraFields: readonly ExtraField[] = []): string {
  return extraFields.map(({ name, value }) => ` ${keyOf(name).slice(0, 32)}="${shortValue(value, undefined)}"`).filter((parameter) => !parameter.endsWith('=""')).join('');
}

function keyOf(name: string): string {
  return `extra${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
