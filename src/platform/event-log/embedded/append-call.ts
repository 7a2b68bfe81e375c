import type { AppendOutcome, NewRecord } from '../../../contracts/event-log.js';
import { partitionOf } from '../shared/partitioner.js';
import { BATCH_HEADER_BYTES, RECORD_HEADER_BYTES } from './record-batch.js';
import { storedBytes } from './log-state.js';

/** Records of one call and one partition, small enough for one batch (a single larger record is a chunk of its own). */
export interface Chunk {
  partition: number;
  records: readonly MeasuredRecord[];
  /** Octets of the records one behind the other, without a batch header. */
  byteLength: number;
}

/** One call of `append`, cut and measured before it waits for the disk. The caller leaves the values alone until the answer. */
export interface AppendCall {
  chunks: Chunk[];
  records: number;
  /** What it will take of the log's byte limits, at most. */
  bytes: number;
  answer(outcomes: AppendOutcome[]): void;
}

export interface MeasuredRecord {
  /** Which record of the call it is. */
  index: number;
  record: NewRecord;
  keyBytes: number;
  headers: string;
  headersBytes: number;
  bytes: number;
}

export function cutCall(records: readonly NewRecord[], partitions: number, batchBytes: number, answer: (outcomes: AppendOutcome[]) => void): AppendCall {
  const byPartition = new Map<number, MeasuredRecord[]>();
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (!record) continue;
    const headers = record.headers && Object.keys(record.headers).length > 0 ? JSON.stringify(record.headers) : '';
    const keyBytes = Buffer.byteLength(record.key);
    const headersBytes = Buffer.byteLength(headers);
    const measured = { index, record, keyBytes, headers, headersBytes, bytes: RECORD_HEADER_BYTES + keyBytes + headersBytes + record.value.length };
    const partition = partitionOf(record.key, partitions);
    const list = byPartition.get(partition);
    if (list) list.push(measured);
    else byPartition.set(partition, [measured]);
  }
  const chunks: Chunk[] = [];
  for (const [partition, list] of byPartition) cut(partition, list, batchBytes, chunks);
  let bytes = 0;
  for (const chunk of chunks) bytes += storedBytes(BATCH_HEADER_BYTES + chunk.byteLength);
  return { chunks, records: records.length, bytes, answer };
}

function cut(partition: number, list: readonly MeasuredRecord[], batchBytes: number, chunks: Chunk[]): void {
  let start = 0;
  while (start < list.length) {
    let end = start;
    let bytes = 0;
    for (; end < list.length; end++) {
      const next = list[end]?.bytes ?? 0;
      if (end > start && bytes + next > batchBytes) break;
      bytes += next;
    }
    chunks.push({ partition, records: list.slice(start, end), byteLength: bytes });
    start = end;
  }
}

/** Writes the records of a chunk one behind the other; gives the position after them. */
export function writeChunk({ records }: Chunk, bytes: Buffer, start: number): number {
  let position = start;
  for (const { record, keyBytes, headers, headersBytes } of records) {
    bytes.writeUInt32LE(record.value.length, position);
    bytes.writeUInt32LE(keyBytes, position + 4);
    bytes.writeUInt32LE(headersBytes, position + 8);
    position += RECORD_HEADER_BYTES;
    position += bytes.write(record.key, position, 'utf8');
    if (headersBytes > 0) position += bytes.write(headers, position, 'utf8');
    bytes.set(record.value, position);
    position += record.value.length;
  }
  return position;
}
