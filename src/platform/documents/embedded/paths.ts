import { EMPTY, MISSING, isDoc, own } from './values.js';

/** `a.b.0` as its names. @throws when a name is empty is left to the caller, who knows the message. */
export const segmentsOf = (path: string): string[] => path.split('.');

const ARRAY_INDEX = /^(0|[1-9]\d{0,8})$/;
export const isArrayIndex = (segment: string) => ARRAY_INDEX.test(segment);

/**
 * Every value that a filter's path reaches: arrays on the way open to their documents, and a number is also a position. `MISSING` where a document ends early;
 * nothing at all from an array without documents.
 * A value that is itself an array is given whole; its elements are the matcher's business.
 */
export function valuesAt(value: unknown, segments: readonly string[], from = 0, found: unknown[] = []): unknown[] {
  if (from === segments.length) {
    found.push(value);
    return found;
  }
  const segment = segments[from] as string;
  if (Array.isArray(value)) {
    const at: unknown = isArrayIndex(segment) && Number(segment) < value.length ? value[Number(segment)] : undefined;
    if (at !== undefined && (from + 1 === segments.length || isDoc(at) || Array.isArray(at))) valuesAt(at, segments, from + 1, found);
    for (const item of value) if (isDoc(item)) valuesAt(item, segments, from, found);
  } else if (isDoc(value)) {
    const next = own(value, segment);
    if (next === MISSING) found.push(MISSING);
    else valuesAt(next, segments, from + 1, found);
  } else {
    found.push(MISSING);
  }
  return found;
}

/** The values that sorting and distinct look at: as above, with a last array opened too. */
export function leavesAt(value: unknown, segments: readonly string[]): unknown[] {
  const leaves: unknown[] = [];
  for (const item of valuesAt(value, segments)) {
    if (Array.isArray(item)) leaves.push(...(item.length > 0 ? (item as unknown[]) : [EMPTY]));
    else leaves.push(item);
  }
  return leaves;
}
