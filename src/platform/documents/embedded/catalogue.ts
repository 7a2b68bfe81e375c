import { type Index, type IndexEntry, readyIndex } from './indexes.js';
import { tableKey } from './keys.js';
import { type Doc, decode, encode } from './values.js';

/** What the store keeps about a collection: its tables and indexes. One entry in table 0, read afresh for each command because other processes write it too. */
export interface Collection {
  namespace: string;
  database: string;
  name: string;
  /** Number of the table of documents. */
  table: number;
  indexes: Index[];
}

const CATALOGUE_TABLE = 0;
const SEPARATOR = Buffer.from([0]);
export const FORMAT = 1;

export const catalogueKey = (database: string, name: string) => tableKey(CATALOGUE_TABLE, Buffer.from('c'), Buffer.from(database), SEPARATOR, Buffer.from(name));
export const cataloguePrefix = (database?: string) => (database === undefined ? tableKey(CATALOGUE_TABLE, Buffer.from('c')) : tableKey(CATALOGUE_TABLE, Buffer.from('c'), Buffer.from(database), SEPARATOR));
/** Format number and the last table number given out. */
export const HEADER_KEY = tableKey(CATALOGUE_TABLE, Buffer.from('h'));

export interface Header {
  format: number;
  lastTable: number;
}
export const encodeHeader = (header: Header) => encode({ ...header });
export function decodeHeader(bytes: Uint8Array): Header {
  const header = decode(bytes);
  return { format: Number(header['format']), lastTable: Number(header['lastTable']) };
}

export function encodeCollection(collection: Collection): Buffer {
  return encode({ database: collection.database, name: collection.name, table: collection.table, indexes: collection.indexes.map((index) => index.entry) });
}

export function decodeCollection(bytes: Uint8Array): Collection {
  const entry = decode(bytes) as { database: string; name: string; table: number; indexes: Doc[] };
  return {
    namespace: `${entry.database}.${entry.name}`,
    database: entry.database,
    name: entry.name,
    table: entry.table,
    indexes: entry.indexes.map((index) => readyIndex(index as IndexEntry)),
  };
}
