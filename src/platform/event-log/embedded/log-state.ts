/**
 * What the log knows of its partitions: one small value, read and written inside every write transaction, so that offsets have one owner
 * whichever process appends. Little endian: u32 format, u32 partitions, then for each f64 first, f64 next, f64 bytes, f64 greatest time.
 */
export interface PartitionState {
  /** Oldest offset still held; equal to `next` when empty. */
  first: number;
  /** Offset of the next append. Never falls, also when everything was removed. */
  next: number;
  /** Bytes held on disk, in whole pages for large batches. */
  bytes: number;
  /** Greatest time of an append so far (ms). */
  greatestTimestamp: number;
}
export type LogState = PartitionState[];

const FORMAT = 1;
const PAGE_BYTES = 4096;
/** From about half a page on, LMDB gives a value pages of its own. */
const INLINE_BYTES = 2000;

export const emptyState = (partitions: number): LogState => Array.from({ length: partitions }, () => ({ first: 0, next: 0, bytes: 0, greatestTimestamp: 0 }));

/** What a value of this size takes of the disk. */
export function storedBytes(valueBytes: number): number {
  return valueBytes > INLINE_BYTES ? Math.ceil((valueBytes + 16) / PAGE_BYTES) * PAGE_BYTES : valueBytes + 32;
}

export function totalBytes(state: LogState): number {
  let bytes = 0;
  for (const partition of state) bytes += partition.bytes;
  return bytes;
}

export function encodeState(state: LogState): Buffer {
  const bytes = Buffer.alloc(8 + 32 * state.length);
  bytes.writeUInt32LE(FORMAT, 0);
  bytes.writeUInt32LE(state.length, 4);
  let position = 8;
  for (const { first, next, bytes: held, greatestTimestamp } of state) {
    bytes.writeDoubleLE(first, position);
    bytes.writeDoubleLE(next, position + 8);
    bytes.writeDoubleLE(held, position + 16);
    bytes.writeDoubleLE(greatestTimestamp, position + 24);
    position += 32;
  }
  return bytes;
}

/** @throws when it was written by a version of the service that this one does not know */
export function decodeState(bytes: Buffer): LogState {
  const format = bytes.readUInt32LE(0);
  if (format !== FORMAT) throw new Error(`The embedded event log has format ${format}; this version of Tidegate reads format ${FORMAT}.`);
  const state: LogState = [];
  for (let position = 8; position < 8 + 32 * bytes.readUInt32LE(4); position += 32) {
    state.push({ first: bytes.readDoubleLE(position), next: bytes.readDoubleLE(position + 8), bytes: bytes.readDoubleLE(position + 16), greatestTimestamp: bytes.readDoubleLE(position + 24) });
  }
  return state;
}
