import { type BSONRegExp, type Binary, type DBRef, type Decimal128, type ObjectId, type Timestamp, deserialize, serialize } from 'bson';

/** A decoded BSON document. Integers of 64 bits are bigint, so that they survive a rewrite. */
export type Doc = Record<string, unknown>;

/** Stands for "there is no such field" where null is something else. */
export const MISSING = Symbol('missing');
/** Stands for an empty array where its elements are sorted: before null. */
export const EMPTY = Symbol('empty array');

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** BSON's order between types (MongoDB manual, "Comparison/Sort Order"). The numbers are also the first byte of a key, so they never change. */
export const Rank = { minKey: 0x08, empty: 0x0c, null: 0x10, number: 0x20, string: 0x30, object: 0x40, array: 0x50, binary: 0x60, objectId: 0x70, boolean: 0x80, date: 0x90, timestamp: 0xa0, regex: 0xb0, code: 0xb8, maxKey: 0xf0 } as const;

export function decode(bytes: Uint8Array): Doc {
  return deserialize(bytes, { useBigInt64: true, promoteBuffers: false, bsonRegExp: true });
}

export function encode(document: Doc): Buffer {
  const bytes = serialize(document, { ignoreUndefined: false });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface Tagged {
  _bsontype: string;
}
export function bsonType(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && '_bsontype' in value ? (value as Tagged)._bsontype : undefined;
}

/** A sub-document, as opposed to a value that JavaScript also holds in an object. */
export function isDoc(value: unknown): value is Doc {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof RegExp) && !(value instanceof Uint8Array) && bsonType(value) === undefined;
}

export function own(document: Doc, field: string): unknown {
  return Object.hasOwn(document, field) ? document[field] : MISSING;
}

/** Sets a field whatever its name is (`__proto__` too). */
export function setOwn(document: Doc, field: string, value: unknown): void {
  if (field === '__proto__') Object.defineProperty(document, field, { value, writable: true, enumerable: true, configurable: true });
  else document[field] = value;
}

export function rankOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return Rank.string;
    case 'number':
    case 'bigint':
      return Rank.number;
    case 'boolean':
      return Rank.boolean;
    case 'object': {
      if (value === null) return Rank.null;
      if (Array.isArray(value)) return Rank.array;
      if (value instanceof Date) return Rank.date;
      if (value instanceof RegExp) return Rank.regex;
      if (value instanceof Uint8Array) return Rank.binary;
      switch (bsonType(value)) {
        case 'ObjectId':
          return Rank.objectId;
        case 'Decimal128':
        case 'Int32':
        case 'Double':
        case 'Long':
          return Rank.number;
        case 'Binary':
          return Rank.binary;
        case 'Timestamp':
          return Rank.timestamp;
        case 'BSONRegExp':
          return Rank.regex;
        case 'BSONSymbol':
          return Rank.string;
        case 'Code':
          return Rank.code;
        case 'MinKey':
          return Rank.minKey;
        case 'MaxKey':
          return Rank.maxKey;
        default:
          return Rank.object;
      }
    }
    case 'symbol':
      return value === EMPTY ? Rank.empty : Rank.null;
    default:
      return Rank.null;
  }
}

/** A number of any BSON type; decimals are compared as doubles. */
export function numeric(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return Number((value as Decimal128).toString());
}

export function regexParts(value: unknown): { pattern: string; options: string } {
  if (value instanceof RegExp) return { pattern: value.source, options: [...value.flags].filter((flag) => 'ims'.includes(flag)).sort().join('') };
  const regex = value as BSONRegExp;
  return { pattern: regex.pattern, options: regex.options };
}

export function binaryParts(value: unknown): { bytes: Uint8Array; subtype: number } {
  if (bsonType(value) === 'Binary') {
    const binary = value as Binary;
    return { bytes: binary.buffer.subarray(0, binary.length()), subtype: binary.sub_type };
  }
  return { bytes: value as Uint8Array, subtype: 0 };
}

export function objectFields(value: unknown): Array<[string, unknown]> {
  return Object.entries(bsonType(value) === 'DBRef' ? (value as DBRef).toJSON() : (value as Doc));
}

export function objectIdBytes(value: unknown): Uint8Array {
  return (value as ObjectId).id;
}

export function timestampValue(value: unknown): bigint {
  return BigInt.asUintN(64, (value as Timestamp).toBigInt());
}

/** Total order of BSON values. */
export function compare(a: unknown, b: unknown): number {
  const rank = rankOf(a);
  const byRank = rank - rankOf(b);
  if (byRank !== 0) return byRank;
  switch (rank) {
    case Rank.number:
      return compareNumbers(numeric(a), numeric(b));
    case Rank.string:
      return compareStrings(text(a), text(b));
    case Rank.boolean:
      return Number(a) - Number(b);
    case Rank.date:
      return (a as Date).getTime() - (b as Date).getTime();
    case Rank.objectId:
      return Buffer.compare(objectIdBytes(a), objectIdBytes(b));
    case Rank.array:
      return compareArrays(a as unknown[], b as unknown[]);
    case Rank.object:
      return compareObjects(objectFields(a), objectFields(b));
    case Rank.binary:
      return compareBinaries(a, b);
    case Rank.timestamp:
      return compareNumbers(timestampValue(a), timestampValue(b));
    case Rank.regex: {
      const left = regexParts(a);
      const right = regexParts(b);
      return compareStrings(left.pattern, right.pattern) || compareStrings(left.options, right.options);
    }
    case Rank.code:
      return compareStrings(JSON.stringify(a), JSON.stringify(b));
    default:
      return 0;
  }
}

export function equals(a: unknown, b: unknown): boolean {
  return a === b || compare(a, b) === 0;
}

/** The text of a string or symbol. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : (value as { toString(): string }).toString();
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a == b) return 0;
  // NaN is equal to itself and below every number.
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

/** Order of the UTF-8 bytes: that of the code points, which UTF-16 breaks for surrogates. */
function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointOrder(left) - codePointOrder(right);
  }
  return a.length - b.length;
}
const codePointOrder = (unit: number) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

function compareArrays(a: unknown[], b: unknown[]): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const order = compare(a[index], b[index]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareObjects(a: Array<[string, unknown]>, b: Array<[string, unknown]>): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [leftName, left] = a[index] as [string, unknown];
    const [rightName, right] = b[index] as [string, unknown];
    const order = rankOf(left) - rankOf(right) || compareStrings(leftName, rightName) || compare(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareBinaries(a: unknown, b: unknown): number {
  const left = binaryParts(a);
  const right = binaryParts(b);
  return left.bytes.length - right.bytes.length || left.subtype - right.subtype || Buffer.compare(left.bytes, right.bytes);
}
