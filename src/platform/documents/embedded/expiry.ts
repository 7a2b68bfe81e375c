import type { Clock } from '../../../contracts/clock.js';
import type { Collection } from './catalogue.js';
import { type Index } from './indexes.js';
import { componentOf, inverted, successor, tableKey } from './keys.js';
import { pause } from './reading.js';
import type { Store } from './store.js';
import { Rank } from './values.js';

/** Documents removed in one transaction: short enough that writers hardly notice. */
const BATCH = 200;

/** Removes what TTL indexes say is over. Answers how many documents went. Several processes may do so at once. */
export async function removeExpired(store: Store, clock: Clock): Promise<number> {
  let removed = 0;
  store.refresh();
  for (const { database, name, indexes } of store.listCollections()) {
    for (const { entry } of indexes) {
      if (entry.expireAfterSeconds === undefined) continue;
      for (let batch = BATCH; batch === BATCH; removed += batch) {
        batch = expiredIn(store, store.collection(database, name), entry.id, clock).length;
        if (batch > 0) batch = await store.write(() => removeBatch(store, database, name, entry.id, clock));
        await pause(store);
      }
    }
  }
  return removed;
}

function expiredIn(store: Store, collection: Collection | undefined, indexId: number, clock: Clock): Buffer[] {
  const index = collection?.indexes.find((each) => each.entry.id === indexId);
  if (!index) return [];
  const [from, to] = expiredRange(index, clock.now() - (index.entry.expireAfterSeconds ?? Infinity) * 1000);
  const ids = new Map<string, Buffer>();
  for (const { value } of store.range(from, to, false)) {
    ids.set(value.toString('latin1'), value);
    if (ids.size >= BATCH) break;
  }
  return [...ids.values()];
}

function removeBatch(store: Store, database: string, name: string, indexId: number, clock: Clock): number {
  const collection = store.collection(database, name);
  const ids = expiredIn(store, collection, indexId, clock);
  for (const idKey of ids) {
    const bytes = collection && store.get(collection, idKey);
    if (collection && bytes) store.delete(collection, idKey, bytes);
  }
  return ids.length;
}

/** All dates up to the moment. */
function expiredRange(index: Index, beforeMs: number): [Buffer, Buffer] {
  const first = Buffer.from([Rank.date]);
  const end = successor(componentOf(new Date(Math.max(beforeMs, -8.64e15)), index.limit).bytes);
  const [from, to] = index.fields[0]?.descending ? [successor(inverted(end)), successor(inverted(first))] : [first, end];
  return [tableKey(index.entry.id, from), tableKey(index.entry.id, to)];
}
