import { INDEX_OPTIONS } from './allowed.js';
import { CommandError, cannotCreateIndex, notSupported, show } from './errors.js';
import { componentLimit, componentOf, inverted } from './keys.js';
import { type Filter, compileFilter, truthy } from './matcher.js';
import { isArrayIndex, segmentsOf } from './paths.js';
import { type Doc, EMPTY, MISSING, Rank, encode, isDoc, numeric, own, rankOf } from './values.js';

/** An index as the catalogue keeps it. */
export interface IndexEntry extends Doc {
  /** Number of its table. */
  id: number;
  name: string;
  key: Record<string, 1 | -1>;
  unique?: boolean;
  sparse?: boolean;
  partialFilterExpression?: Doc;
  expireAfterSeconds?: number;
  /** For each field: whether a document ever had several values there. */
  multikey: boolean[];
}

/** An index made ready. */
export interface Index {
  entry: IndexEntry;
  fields: Array<{ path: string; segments: readonly string[]; descending: boolean }>;
  limit: number;
  partial?: Filter;
}

/** One key of a document in an index, with the values it was made of. */
export interface IndexKey {
  key: Buffer;
  row: unknown[];
}

export interface IndexKeys {
  /** One a document, or one for each element of an array. */
  keys: IndexKey[];
  multikey: boolean[];
}

export function readyIndex(entry: IndexEntry): Index {
  const fields = Object.entries(entry.key).map(([path, direction]) => ({ path, segments: segmentsOf(path), descending: direction === -1 }));
  return { entry, fields, limit: componentLimit(fields.length), partial: entry.partialFilterExpression ? compileFilter(entry.partialFilterExpression) : undefined };
}

/** Checks what createIndexes was asked for. @throws CommandError for options and kinds outside the supported subset. */
export function indexEntryOf(spec: unknown): Omit<IndexEntry, 'id'> {
  if (!isDoc(spec) || !isDoc(spec['key'])) throw cannotCreateIndex('an index needs a key document');
  for (const option of Object.keys(spec)) {
    if (!INDEX_OPTIONS.has(option)) throw notSupported(`the index option ${option}`);
  }
  const key: Record<string, 1 | -1> = {};
  for (const [path, direction] of Object.entries(spec['key'])) {
    if (typeof direction === 'string') throw notSupported(`a ${direction} index`);
    const number = rankOf(direction) === Rank.number ? Number(numeric(direction)) : 0;
    if (number === 0 || Number.isNaN(number)) throw cannotCreateIndex(`Values in the index key pattern cannot be 0 (field ${path})`);
    if (path.includes('$')) throw notSupported(`an index on ${path}`);
    if (segmentsOf(path).includes('')) throw cannotCreateIndex(`an index field name cannot be empty: ${path}`);
    key[path] = number > 0 ? 1 : -1;
  }
  const paths = Object.keys(key);
  if (paths.length === 0) throw cannotCreateIndex('Index keys cannot be empty.');
  if (paths.length > 16) throw cannotCreateIndex('an index has at most 16 fields');
  const name = spec['name'];
  if (typeof name !== 'string' || name === '') throw cannotCreateIndex('an index needs a name');
  const entry: Omit<IndexEntry, 'id'> = { name, key, multikey: paths.map(() => false) };
  if (truthy(spec['unique'])) entry.unique = true;
  if (truthy(spec['sparse'])) entry.sparse = true;
  if (spec['partialFilterExpression'] !== undefined) {
    if (entry.sparse) throw cannotCreateIndex('cannot mix "partialFilterExpression" and "sparse" options');
    entry.partialFilterExpression = partialOf(spec['partialFilterExpression']);
  }
  if (spec['expireAfterSeconds'] !== undefined) {
    const seconds = rankOf(spec['expireAfterSeconds']) === Rank.number ? Number(numeric(spec['expireAfterSeconds'])) : -1;
    if (!(seconds >= 0 && seconds <= 2147483647)) throw cannotCreateIndex(`TTL index 'expireAfterSeconds' option must be within an acceptable range: ${show(spec['expireAfterSeconds'])}`);
    if (paths.length !== 1 || paths[0] === '_id') throw cannotCreateIndex('TTL indexes are single-field indexes, compound indexes do not support TTL, nor does _id');
    entry.expireAfterSeconds = seconds;
  }
  return entry;
}

function partialOf(source: unknown): Doc {
  if (!isDoc(source)) throw cannotCreateIndex('"partialFilterExpression" for an index must be a document');
  for (const test of compileFilter(source).test.tests) {
    const fits = test.kind === 'field' && (test.operator === '$eq' || (test.operator === '$exists' && truthy(test.operand)));
    if (!fits) throw notSupported('a partialFilterExpression of anything but equalities and {$exists: true}');
  }
  return source;
}

/** The part of an index definition that makes it the same index. */
export function definitionOf(entry: Omit<IndexEntry, 'id'>): string {
  const { name, key, unique, sparse, partialFilterExpression, expireAfterSeconds } = entry;
  return encode({ name, key, unique: unique ?? false, sparse: sparse ?? false, partial: partialFilterExpression ?? null, expire: expireAfterSeconds ?? null }).toString('latin1');
}

/** The keys under which a document stands in an index; none when a partial or sparse index leaves it out. @throws 171 for arrays side by side. */
export function indexKeysOf(index: Index, document: Doc): IndexKeys {
  const multikey = index.fields.map(() => false);
  if (index.partial && !index.partial.matches(document)) return { keys: [], multikey };
  const rows = expand(index.fields.map((field) => ({ value: document, rest: field.segments, closed: false })), multikey);
  if (index.entry.sparse && rows.every((row) => row.every((value) => value === MISSING))) return { keys: [], multikey };
  const seen = new Set<string>();
  const keys: IndexKey[] = [];
  for (const row of rows) {
    const key = keyOf(index, row);
    const name = key.toString('latin1');
    if (!seen.has(name)) keys.push({ key, row });
    seen.add(name);
  }
  return { keys, multikey };
}

function keyOf(index: Index, row: readonly unknown[]): Buffer {
  const components = row.map((value, position) => {
    const { bytes } = componentOf(value, index.limit);
    return index.fields[position]?.descending ? inverted(bytes) : bytes;
  });
  return components.length === 1 ? (components[0] as Buffer) : Buffer.concat(components);
}

/** The values of a key by field, for the message about a duplicate. */
export function keyValueOf(index: Index, row: readonly unknown[]): Doc {
  return Object.fromEntries(index.fields.map((field, position) => [field.path, typeof row[position] === 'symbol' || row[position] === undefined ? null : row[position]]));
}

/** Where a field's path has got to. A closed array is one inside an array, which is indexed as one value. */
interface Place {
  value: unknown;
  rest: readonly string[];
  closed: boolean;
}

/** Walks all fields at once and opens one array into a row for each of its elements (MongoDB manual, "Multikey Indexes"). */
function expand(places: readonly Place[], multikey: boolean[]): unknown[][] {
  const walked = places.map(walk);
  const arrays = new Set(walked.filter((place) => !place.closed && Array.isArray(place.value)).map((place) => place.value));
  const [array] = arrays;
  if (array === undefined) return [walked.map((place) => place.value)];
  if (arrays.size > 1) throw new CommandError(171, 'CannotIndexParallelArrays', 'cannot index parallel arrays');
  const items = array as unknown[];
  const opened = walked.map((place) => !place.closed && place.value === array);
  opened.forEach((open, position) => {
    if (open) multikey[position] = true;
  });
  const rowsFor = (next: (place: Place) => Place) => expand(walked.map((place, position) => (opened[position] ? next(place) : place)), multikey);
  if (items.length === 0) return rowsFor((place) => ({ value: place.rest.length === 0 ? EMPTY : MISSING, rest: [], closed: true }));
  return items.flatMap((item) => rowsFor((place) => elementPlace(place, item, items)));
}

function elementPlace(place: Place, item: unknown, items: readonly unknown[]): Place {
  const [next] = place.rest;
  if (next === undefined) return { value: item, rest: [], closed: true };
  // `a.0`: a position in the array, unless its elements have a field of that name.
  if (isArrayIndex(next) && !(isDoc(item) && own(item, next) !== MISSING)) return { value: Number(next) < items.length ? items[Number(next)] : MISSING, rest: place.rest.slice(1), closed: false };
  return isDoc(item) ? { value: item, rest: place.rest, closed: false } : { value: MISSING, rest: [], closed: true };
}

function walk(place: Place): Place {
  if (place.closed) return place;
  let value = place.value;
  let depth = 0;
  for (; depth < place.rest.length && isDoc(value); depth++) value = own(value, place.rest[depth] as string);
  const rest = place.rest.slice(depth);
  if (rest.length === 0 || Array.isArray(value)) return { value, rest, closed: false };
  return { value: MISSING, rest: [], closed: true };
}
