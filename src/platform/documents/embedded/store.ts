import { setTimeout as sleep } from 'node:timers/promises';
import { type RootDatabase, open } from 'lmdb';
import { type Collection, FORMAT, HEADER_KEY, catalogueKey, cataloguePrefix, decodeCollection, decodeHeader, encodeCollection, encodeHeader } from './catalogue.js';
import { refuseForeignFile } from './data-file.js';
import { CommandError, cannotCreateIndex, documentTooLarge, duplicateKey } from './errors.js';
import { type Index, type IndexEntry, type IndexKey, definitionOf, indexKeysOf, keyValueOf, readyIndex } from './indexes.js';
import { ID_LIMIT, componentOf, successor, tableKey } from './keys.js';
import { type Doc, MAX_DOCUMENT_BYTES, decode, encode } from './values.js';

const CLOSE_MS = 3000;

export interface Entry {
  key: Buffer;
  value: Buffer;
}

/**
 * Documents and their indexes in one sorted LMDB table. A document's key is its table and its `_id`; an index entry's key is the index's table, the values
 * and the `_id`, its value the `_id`'s bytes. Every change of a document and of its index entries is one LMDB transaction.
 */
export class Store {
  private readonly environment: RootDatabase<Buffer, Buffer>;
  private readonly collections = new Map<string, { bytes: Buffer; collection: Collection }>();

  /** @throws when the directory cannot be opened, holds a foreign or damaged file, or was written by a newer version. */
  constructor(directory: string) {
    refuseForeignFile(directory);
    this.environment = open<Buffer, Buffer>({
      path: directory,
      keyEncoding: 'binary',
      encoding: 'binary',
      maxDbs: 1,
      noSubdir: false,
      maxReaders: 510,
      // A commit is flushed before anybody sees it, so that nobody acts on what a power cut takes away.
      overlappingSync: false,
      // With lmdb's default a failed commit (a full disk) also rejects promises that nobody can reach.
      eventTurnBatching: false,
    });
    const header = this.environment.getBinary(HEADER_KEY);
    if (header && decodeHeader(header).format > FORMAT) throw new Error(`${directory} was written by a newer version of Tidegate (document format ${decodeHeader(header).format}, this one knows ${FORMAT})`);
  }

  /**
   * Runs `change` as one transaction and answers after it is on disk; when `change` throws nothing of it is kept. Several callers' transactions share
   * a commit and its flush. `change` must not wait.
   */
  async write<T>(change: () => T): Promise<T> {
    try {
      return await this.environment.childTransaction(change);
    } catch (error) {
      throw await causeOf(error);
    }
  }

  /** Lets the reads that follow see what other processes committed. One synchronous run of reads sees one state. */
  refresh(): void {
    this.environment.resetReadTxn();
  }

  /** Frees the places of readers whose process died; they would keep old pages from being used again. */
  forgetDeadReaders(): void {
    this.environment.readerCheck();
  }

  async close(): Promise<void> {
    // After a failed commit lmdb may wait for one that never comes; what was acknowledged is flushed already.
    await Promise.race([this.environment.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  collection(database: string, name: string): Collection | undefined {
    const namespace = `${database}.${name}`;
    const bytes = this.environment.getBinary(catalogueKey(database, name));
    if (!bytes) return undefined;
    const known = this.collections.get(namespace);
    if (known && known.bytes.equals(bytes)) return known.collection;
    const collection = decodeCollection(bytes);
    this.collections.set(namespace, { bytes, collection });
    return collection;
  }

  /** All of a database, or of all databases, by name. */
  listCollections(database?: string): Collection[] {
    const prefix = cataloguePrefix(database);
    return [...this.environment.getRange({ start: prefix, end: successor(prefix) })].map((entry) => decodeCollection(entry.value));
  }

  /** Within `write`. Makes the collection when it is not there yet. */
  collectionForWrite(database: string, name: string): Collection {
    return this.collection(database, name) ?? this.createCollection(database, name);
  }

  private createCollection(database: string, name: string): Collection {
    if (name === '' || name.includes('$') || name.includes('\0') || Buffer.byteLength(`${database}.${name}`) > 255) throw new CommandError(73, 'InvalidNamespace', `Invalid collection name: ${name}`);
    const collection: Collection = { namespace: `${database}.${name}`, database, name, table: this.nextTable(), indexes: [] };
    this.saveCollection(collection);
    return collection;
  }

  /** Within `write`. Removes the collection with its documents and indexes. */
  dropCollection(collection: Collection): void {
    for (const index of collection.indexes) this.clearTable(index.entry.id);
    this.clearTable(collection.table);
    this.remove(catalogueKey(collection.database, collection.name));
    this.collections.delete(collection.namespace);
  }

  /** Within `write`. Fills the index from the documents. Answers false when the same one exists. @throws 85 or 86 for another of the same name or key, 11000 for duplicates. */
  createIndex(collection: Collection, wanted: Omit<IndexEntry, 'id'>): boolean {
    for (const { entry } of collection.indexes) {
      if (definitionOf(entry) === definitionOf(wanted)) return false;
      if (entry.name === wanted.name) throw new CommandError(86, 'IndexKeySpecsConflict', `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: ${wanted.name}`);
      if (definitionOf({ ...entry, name: '', expireAfterSeconds: undefined, unique: undefined, sparse: undefined }) === definitionOf({ ...wanted, name: '', expireAfterSeconds: undefined, unique: undefined, sparse: undefined })) {
        throw new CommandError(85, 'IndexOptionsConflict', `An equivalent index already exists with a different name or other options: ${entry.name}`);
      }
    }
    if (collection.indexes.length >= 63) throw cannotCreateIndex(`add index fails, too many indexes for ${collection.namespace}`);
    const index = readyIndex({ ...wanted, id: this.nextTable() } as IndexEntry);
    for (const idKey of this.idKeys(collection)) this.addIndexEntries(collection, index, idKey, decode(this.get(collection, idKey) as Buffer));
    this.saveCollection({ ...collection, indexes: [...collection.indexes, index] });
    return true;
  }

  /** Within `write`. */
  dropIndexes(collection: Collection, leaving: (index: Index) => boolean): void {
    const goes = collection.indexes.filter((index) => !leaving(index));
    for (const index of goes) this.clearTable(index.entry.id);
    this.saveCollection({ ...collection, indexes: collection.indexes.filter(leaving) });
  }

  static idKey(id: unknown): Buffer {
    return componentOf(id, ID_LIMIT).bytes;
  }

  get(collection: Collection, idKey: Uint8Array): Buffer | undefined {
    return this.environment.getBinary(tableKey(collection.table, idKey));
  }

  /** Entries in key order within [from, to); `reverse` begins at the end. Break off at will. */
  *range(from: Buffer, to: Buffer, reverse: boolean): Generator<Entry> {
    if (!reverse) {
      yield* this.environment.getRange({ start: from, end: to });
      return;
    }
    for (const entry of this.environment.getRange({ start: to, end: from, inclusiveEnd: true, reverse: true })) {
      if (Buffer.compare(entry.key, to) < 0) yield entry;
    }
  }

  /** How many entries lie in [from, to). */
  count(from: Buffer, to: Buffer): number {
    return this.environment.getKeysCount({ start: from, end: to });
  }

  /** Within `write`. @throws 11000 when the `_id` or a unique index has it; 10334 when it is too large. Throws before it writes anything. */
  insert(collection: Collection, document: Doc): void {
    const idKey = Store.idKey(document['_id']);
    if (this.get(collection, idKey)) throw duplicateKey(collection.namespace, '_id_', { _id: 1 }, { _id: document['_id'] });
    this.put(collection, idKey, undefined, document);
  }

  /** Within `write`. Answers false when the document is the same. */
  replace(collection: Collection, idKey: Buffer, before: Buffer, document: Doc): boolean {
    return this.put(collection, idKey, before, document);
  }

  /** Within `write`. */
  delete(collection: Collection, idKey: Buffer, before: Buffer): void {
    const document = decode(before);
    for (const index of collection.indexes) {
      for (const { key } of indexKeysOf(index, document).keys) this.remove(tableKey(index.entry.id, key, idKey));
    }
    this.remove(tableKey(collection.table, idKey));
  }

  private put(collection: Collection, idKey: Buffer, before: Buffer | undefined, document: Doc): boolean {
    const after = encode(document);
    if (after.length > MAX_DOCUMENT_BYTES) throw documentTooLarge(after.length);
    if (before?.equals(after)) return false;
    const old = before && decode(before);
    const steps = collection.indexes.map((index) => {
      const { keys, multikey } = indexKeysOf(index, document);
      const oldKeys = old ? indexKeysOf(index, old).keys : [];
      const added = without(keys, oldKeys);
      const gone = without(oldKeys, keys);
      if (index.entry.unique) for (const { key, row } of added) this.refuseDuplicate(collection, index, key, row, idKey);
      return { index, added, gone, multikey };
    });
    for (const { index, added, gone, multikey } of steps) {
      for (const { key } of gone) this.remove(tableKey(index.entry.id, key, idKey));
      for (const { key } of added) this.set(tableKey(index.entry.id, key, idKey), idKey);
      this.noteMultikey(collection, index, multikey);
    }
    this.set(tableKey(collection.table, idKey), after);
    return true;
  }

  private addIndexEntries(collection: Collection, index: Index, idKey: Buffer, document: Doc): void {
    const { keys, multikey } = indexKeysOf(index, document);
    for (const { key, row } of keys) {
      if (index.entry.unique) this.refuseDuplicate(collection, index, key, row, idKey);
      this.set(tableKey(index.entry.id, key, idKey), idKey);
    }
    multikey.forEach((many, position) => {
      if (many) index.entry.multikey[position] = true;
    });
  }

  private refuseDuplicate(collection: Collection, index: Index, key: Buffer, row: unknown[], idKey: Buffer): void {
    const prefix = tableKey(index.entry.id, key);
    for (const entry of this.environment.getRange({ start: prefix, end: successor(prefix), limit: 2 })) {
      if (!entry.value.equals(idKey)) throw duplicateKey(collection.namespace, index.entry.name, index.entry.key, keyValueOf(index, row));
    }
  }

  /** The planner must know from the first array on; so the flag is saved in the transaction that stores it. */
  private noteMultikey(collection: Collection, index: Index, multikey: readonly boolean[]): void {
    if (!multikey.some((many, position) => many && !index.entry.multikey[position])) return;
    const current = this.collection(collection.database, collection.name) ?? collection;
    this.saveCollection({
      ...current,
      indexes: current.indexes.map((other) => (other.entry.id === index.entry.id ? readyIndex({ ...other.entry, multikey: other.entry.multikey.map((many, position) => many || multikey[position] === true) }) : other)),
    });
  }

  private idKeys(collection: Collection): Buffer[] {
    const prefix = tableKey(collection.table);
    return [...this.environment.getKeys({ start: prefix, end: successor(prefix) })].map((key) => key.subarray(4));
  }

  private saveCollection(collection: Collection): void {
    this.set(catalogueKey(collection.database, collection.name), encodeCollection(collection));
    this.collections.delete(collection.namespace);
  }

  private nextTable(): number {
    const bytes = this.environment.getBinary(HEADER_KEY);
    const next = (bytes ? decodeHeader(bytes).lastTable : 0) + 1;
    this.set(HEADER_KEY, encodeHeader({ format: FORMAT, lastTable: next }));
    return next;
  }

  private clearTable(table: number): void {
    const prefix = tableKey(table);
    const keys = [...this.environment.getKeys({ start: prefix, end: successor(prefix) })];
    for (const key of keys) this.remove(key);
  }

  private set(key: Buffer, value: Buffer): void {
    this.environment.putSync(key, value);
  }

  private remove(key: Buffer): void {
    this.environment.removeSync(key);
  }
}

/** The keys that the others do not have. */
function without(keys: readonly IndexKey[], others: readonly IndexKey[]): IndexKey[] {
  if (others.length === 0) return [...keys];
  const names = new Set(others.map(({ key }) => key.toString('latin1')));
  return keys.filter(({ key }) => !names.has(key.toString('latin1')));
}

/** lmdb hides why a commit failed (a full disk, for example) in a promise of its own. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  return (error.commitError as Promise<never>).catch((cause: unknown) => cause);
}
