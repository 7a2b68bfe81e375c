import type { EventBatch } from '../delivery/event-batch.js';

/** How many events of which type, each type once. */
export type TypeCounts = Iterable<readonly [type: string, events: number]>;

/** A shorter run is counted faster than found, and a list of its few types takes less than a map: a lane that gets little of each batch makes one for every few events. */
const LONG = 16;

/** The last run that was counted in a batch: lanes of one shape send the same runs, one after the other. */
const recent = new WeakMap<EventBatch, { first: number; last: number; counts: TypeCounts }>();

/** Counts the types of some events of a batch, so that the batch need not be held until they are safe: with its events it is many times as large as what was sent of it. */
export function countTypes(batch: EventBatch, indices: readonly number[]): TypeCounts {
  const [first = -1, last = -1] = [indices[0], indices.at(-1)];
  const unbroken = indices.length >= LONG && last - first + 1 === indices.length;
  const known = unbroken ? recent.get(batch) : undefined;
  if (known && known.first === first && known.last === last) return known.counts;
  if (indices.length < LONG) return countFew(batch, indices);
  const counts = new Map<string, number>();
  for (const index of indices) {
    const type = batch.types[index] ?? '';
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  if (unbroken) recent.set(batch, { first, last, counts });
  return counts;
}

function countFew({ types }: EventBatch, indices: readonly number[]): TypeCounts {
  let counts: Array<[string, number]> = [];
  for (const index of indices) {
    const type = types[index] ?? '';
    const known = counts.find(([counted]) => counted === type);
    if (known) known[1]++;
    // A list that grows would get room for some twenty; mostly there is one.
    else counts = [...counts, [type, 1]];
  }
  return counts;
}
