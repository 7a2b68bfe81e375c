import { createHash } from 'node:crypto';
import { Rank, binaryParts, numeric, objectFields, objectIdBytes, rankOf, regexParts, text, timestampValue } from './values.js';

/**
 * Keys whose byte order is BSON's order of values, so that LMDB's sorted tables serve equality, ranges and sorting.
 * A component is self-delimiting (none is the beginning of another); a descending one has every byte inverted. A component beyond its limit keeps its
 * first bytes and ends in a hash: equality stays exact, order among such values is by hash. The format is on disk: it never changes without a new format number.
 */
const HASH_BYTES = 16;
/** All components of a key together stay below this; LMDB takes 1,978 bytes, and a table number and an `_id` join them. */
const KEY_BYTES = 1_350;
export const ID_LIMIT = 400;
export const componentLimit = (components: number) => Math.min(400, Math.floor(KEY_BYTES / components));

/** The bytes of one value; `beyondLimit` says that the end is a hash. */
export interface Component {
  bytes: Buffer;
  beyondLimit: boolean;
}

export function componentOf(value: unknown, limit: number): Component {
  writer.reset();
  writeValue(value);
  const bytes = writer.take();
  if (bytes.length <= limit) return { bytes, beyondLimit: false };
  const hash = createHash('sha256').update(bytes).digest().subarray(0, HASH_BYTES);
  return { bytes: Buffer.concat([bytes.subarray(0, limit), hash]), beyondLimit: true };
}

/** The whole order of a value, of any length: for sorting and grouping in memory. */
export function orderOf(value: unknown): Buffer {
  writer.reset();
  writeValue(value);
  return writer.take();
}

/** The first bytes common to all strings that begin with `prefix`, cut at the limit. */
export function stringPrefix(prefix: string, limit: number): Buffer {
  writer.reset();
  writer.byte(Rank.string);
  writeEscaped(Buffer.from(prefix, 'utf8'));
  const bytes = writer.take();
  return bytes.length <= limit ? bytes : bytes.subarray(0, limit);
}

export function inverted(bytes: Uint8Array): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  for (let index = 0; index < bytes.length; index++) result[index] = ~(bytes[index] as number) & 0xff;
  return result;
}

/** The least key that is above every key that begins with `prefix`. */
export function successor(prefix: Uint8Array): Buffer {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  const result = Buffer.from(prefix.subarray(0, length));
  if (length > 0) result[length - 1] = (result[length - 1] as number) + 1;
  return result;
}

export function tableKey(table: number, ...parts: Uint8Array[]): Buffer {
  let length = 4;
  for (const part of parts) length += part.length;
  const key = Buffer.allocUnsafe(length);
  key.writeUInt32BE(table, 0);
  let position = 4;
  for (const part of parts) {
    key.set(part, position);
    position += part.length;
  }
  return key;
}

/** One growing buffer for all keys of the thread: keys are made one after the other. */
const writer = {
  buffer: Buffer.allocUnsafe(4096),
  position: 0,
  reset() {
    this.position = 0;
  },
  room(bytes: number) {
    if (this.position + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  },
  byte(value: number) {
    this.room(1);
    this.buffer[this.position++] = value;
  },
  bytes(value: Uint8Array) {
    this.room(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  },
  take(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.position));
  },
};

function writeValue(value: unknown): void {
  const rank = rankOf(value);
  writer.byte(rank);
  writePayload(rank, value);
}

function writePayload(rank: number, value: unknown): void {
  switch (rank) {
    case Rank.number:
      return writeNumber(numeric(value));
    case Rank.string:
      writeEscaped(Buffer.from(text(value), 'utf8'));
      return writeEnd();
    case Rank.boolean:
      return writer.byte(value ? 1 : 0);
    case Rank.date:
      return writeInt64(BigInt(Math.trunc((value as Date).getTime() || 0)));
    case Rank.objectId:
      return writer.bytes(objectIdBytes(value));
    case Rank.array:
      for (const item of value as unknown[]) writeValue(item);
      return writer.byte(0);
    case Rank.object:
      for (const [name, item] of objectFields(value)) {
        const itemRank = rankOf(item);
        writer.byte(itemRank);
        writeEscaped(Buffer.from(name, 'utf8'));
        writeEnd();
        writePayload(itemRank, item);
      }
      return writer.byte(0);
    case Rank.binary: {
      const { bytes, subtype } = binaryParts(value);
      writer.room(5);
      writer.position = writer.buffer.writeUInt32BE(bytes.length, writer.position);
      writer.byte(subtype);
      return writer.bytes(bytes);
    }
    case Rank.timestamp:
      writer.room(8);
      writer.position = writer.buffer.writeBigUInt64BE(timestampValue(value), writer.position);
      return;
    case Rank.regex: {
      const { pattern, options } = regexParts(value);
      writeEscaped(Buffer.from(pattern, 'utf8'));
      writeEnd();
      writeEscaped(Buffer.from(options, 'utf8'));
      return writeEnd();
    }
    case Rank.code:
      writeEscaped(Buffer.from(JSON.stringify(value), 'utf8'));
      return writeEnd();
    default:
  }
}

/** NUL becomes 00 FF and the end is 00 01, so that order and self-delimiting hold for every content. */
function writeEscaped(bytes: Buffer): void {
  let from = 0;
  for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, from)) {
    writer.bytes(bytes.subarray(from, zero + 1));
    writer.byte(0xff);
    from = zero + 1;
  }
  writer.bytes(bytes.subarray(from));
}
function writeEnd(): void {
  writer.byte(0);
  writer.byte(1);
}

/** The nearest double in sortable form, then how far a 64-bit integer is from it: 1, 1.0 and 1n are one key, 2^53 and 2^53 + 1 are two. */
function writeNumber(value: number | bigint): void {
  const double = Number(value);
  writer.room(10);
  if (Number.isNaN(double)) {
    writer.buffer.fill(0, writer.position, writer.position + 10);
    writer.position += 10;
    return;
  }
  const start = writer.position;
  writer.position = writer.buffer.writeDoubleBE(double === 0 ? 0 : double, start);
  if (double < 0) for (let index = start; index < start + 8; index++) writer.buffer[index] = ~(writer.buffer[index] as number) & 0xff;
  else writer.buffer[start] = (writer.buffer[start] as number) | 0x80;
  const distance = typeof value === 'bigint' ? Number(value - BigInt(double)) : 0;
  writer.position = writer.buffer.writeUInt16BE(0x8000 + distance, writer.position);
}

function writeInt64(value: bigint): void {
  writer.room(8);
  writer.position = writer.buffer.writeBigUInt64BE(BigInt.asUintN(64, value) ^ (1n << 63n), writer.position);
}
