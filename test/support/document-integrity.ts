import { successor, tableKey } from '../../src/platform/documents/embedded/keys.js';
import { indexKeysOf } from '../../src/platform/documents/embedded/indexes.js';
import { Store } from '../../src/platform/documents/embedded/store.js';
import { decode } from '../../src/platform/documents/embedded/values.js';

/** Looks into the files of an embedded document store that nobody has open, and says where index entries and documents disagree. */
export async function disagreements(directory: string): Promise<string[]> {
  const store = new Store(directory);
  const found: string[] = [];
  try {
    for (const collection of store.listCollections()) {
      const expected = new Map(collection.indexes.map((index) => [index, new Set<string>()]));
      const table = tableKey(collection.table);
      for (const { key, value } of store.range(table, successor(table), false)) {
        const document = decode(value);
        if (!Store.idKey(document['_id']).equals(key.subarray(4))) found.push(`${collection.namespace}: a document lies under another _id`);
        for (const [index, entries] of expected) for (const each of indexKeysOf(index, document).keys) entries.add(tableKey(index.entry.id, each.key, key.subarray(4)).toString('hex'));
      }
      for (const [index, entries] of expected) {
        const prefix = tableKey(index.entry.id);
        for (const { key } of store.range(prefix, successor(prefix), false)) {
          if (!entries.delete(key.toString('hex'))) found.push(`${collection.namespace}: ${index.entry.name} has an entry without its document`);
        }
        if (entries.size > 0) found.push(`${collection.namespace}: ${index.entry.name} lacks ${entries.size} entries`);
      }
    }
  } finally {
    await store.close();
  }
  return found;
}
