import { type Command, collectionName, documentField, documentsField, flagField } from './command-fields.js';
import { CommandError, badValue, notSupported } from './errors.js';
import { type Index, indexEntryOf } from './indexes.js';
import { compileFilter } from './matcher.js';
import { cursorReply } from './replies.js';
import type { Store } from './store.js';
import { type Doc, encode, isDoc } from './values.js';
import { requireCollection } from './write-commands.js';

export interface AdminServices {
  store: Store;
}

/** Makes a collection; one that is there already stays as it is. */
export async function create({ store }: AdminServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  await store.write(() => store.collectionForWrite(command.database, name));
  return { ok: 1 };
}

export async function drop({ store }: AdminServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  const dropped = await store.write(() => {
    const collection = store.collection(command.database, name);
    if (collection) store.dropCollection(collection);
    return collection?.indexes.length;
  });
  return dropped === undefined ? { ok: 1 } : { nIndexesWas: dropped + 1, ns: `${command.database}.${name}`, ok: 1 };
}

export async function dropDatabase({ store }: AdminServices, command: Command): Promise<Doc> {
  await store.write(() => {
    for (const collection of store.listCollections(command.database)) store.dropCollection(collection);
  });
  return { dropped: command.database, ok: 1 };
}

export async function createIndexes({ store }: AdminServices, command: Command): Promise<Doc> {
  const name = collectionName(command);
  const specs = documentsField(command.body, 'indexes');
  if (specs.length === 0) throw badValue('Must specify at least one index to create');
  const entries = specs.filter((spec) => !isIdIndex(spec)).map(indexEntryOf);
  return store.write((): Doc => {
    const existed = store.collection(command.database, name);
    const before = existed?.indexes.length ?? 0;
    store.collectionForWrite(command.database, name);
    let made = 0;
    for (const entry of entries) if (store.createIndex(store.collectionForWrite(command.database, name), entry)) made++;
    return { numIndexesBefore: before + 1, numIndexesAfter: before + 1 + made, createdCollectionAutomatically: !existed, ...(made === 0 ? { note: 'all indexes already exist' } : {}), ok: 1 };
  });
}

function isIdIndex(spec: Doc): boolean {
  return isDoc(spec['key']) && Object.keys(spec['key']).join() === '_id' && Number(spec['key']['_id']) === 1;
}

export async function dropIndexes({ store }: AdminServices, command: Command): Promise<Doc> {
  const wanted = command.body['index'];
  return store.write((): Doc => {
    const collection = requireCollection(store, command);
    const names = Array.isArray(wanted) ? wanted : [wanted];
    if (names.includes('_id_')) throw new CommandError(72, 'InvalidOptions', 'cannot drop _id index');
    const goes = (index: Index) => wanted === '*' || names.some((name) => (isDoc(name) ? JSON.stringify(name) === JSON.stringify(index.entry.key) : name === index.entry.name));
    if (wanted !== '*') {
      for (const name of names) {
        if (!collection.indexes.some((index) => (isDoc(name) ? JSON.stringify(name) === JSON.stringify(index.entry.key) : name === index.entry.name))) throw new CommandError(27, 'IndexNotFound', `index not found with name [${JSON.stringify(name)}]`);
      }
    }
    store.dropIndexes(collection, (index) => !goes(index));
    return { nIndexesWas: collection.indexes.length + 1, ok: 1 };
  });
}

export function listIndexes({ store }: AdminServices, command: Command): Buffer {
  const collection = requireCollection(store, command);
  const shown = collection.indexes.map(({ entry: { id: _id, multikey: _multikey, name, key, ...options } }) => encode({ v: 2, key, name, ...options }));
  return cursorReply(`${command.database}.$cmd.listIndexes.${collection.name}`, 0n, 'firstBatch', [encode({ v: 2, key: { _id: 1 }, name: '_id_' }), ...shown]);
}

export function listCollections({ store }: AdminServices, command: Command): Buffer {
  const filter = compileFilter(documentField(command.body, 'filter'));
  const namesOnly = flagField(command.body, 'nameOnly');
  const all = store.listCollections(command.database).map((collection): Doc => ({ name: collection.name, type: 'collection', ...(namesOnly ? {} : { options: {}, info: { readOnly: false }, idIndex: { v: 2, key: { _id: 1 }, name: '_id_' } }) }));
  return cursorReply(`${command.database}.$cmd.listCollections`, 0n, 'firstBatch', all.filter((entry) => filter.matches(entry)).map(encode));
}

export function listDatabases({ store }: AdminServices, command: Command): Doc {
  if (command.database !== 'admin') throw new CommandError(13, 'Unauthorized', 'listDatabases may only be run against the admin database.');
  if (command.body['filter'] !== undefined && Object.keys(documentField(command.body, 'filter')).length > 0) throw notSupported('listDatabases with a filter');
  const names = [...new Set(store.listCollections().map((collection) => collection.database))];
  return { databases: names.map((name) => ({ name, empty: false })), totalSize: 0, ok: 1 };
}
