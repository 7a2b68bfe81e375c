import { crc32 } from 'node:zlib';
import type { LogRecord } from '../../../contracts/event-log.js';
import { RecordView } from '../shared/record-view.js';

/**
 * One stored value: a run of records of one partition, as Kafka's record batches. Little endian.
 *
 *   0 u32 magic   4 u32 CRC-32 of everything behind this field   8 f64 first offset   16 f64 time of the append (ms)
 *  24 f64 greatest time of the partition up to here (so that a search by time needs no second table)   32 u32 number of records
 *  36 records, each: u32 octets of the value, u32 of the key, u32 of the headers (JSON, 0 when none), key, headers, value
 *
 * The offset is in the batch as well as in its key in the store: a value under the wrong key is as damaged as a torn one.
 */
const MAGIC = 0x31424754;
export const BATCH_HEADER_BYTES = 36;
export const RECORD_HEADER_BYTES = 12;

export interface BatchHeader {
  base: number;
  timestamp: number;
  /** Greatest timestamp of the partition up to and with this batch: never falls from one batch to the next. */
  greatestTimestamp: number;
  count: number;
}

/** Writes the header in front of `bytes` (records lie behind `BATCH_HEADER_BYTES`) and seals it with the checksum. */
export function sealBatch(bytes: Buffer, header: BatchHeader): void {
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeDoubleLE(header.base, 8);
  bytes.writeDoubleLE(header.timestamp, 16);
  bytes.writeDoubleLE(header.greatestTimestamp, 24);
  bytes.writeUInt32LE(header.count, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
}

/** The header, or undefined when this is no batch (its checksum is not looked at). */
export function readBatchHeader(bytes: Buffer): BatchHeader | undefined {
  if (bytes.length < BATCH_HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  return { base: bytes.readDoubleLE(8), timestamp: bytes.readDoubleLE(16), greatestTimestamp: bytes.readDoubleLE(24), count: bytes.readUInt32LE(32) };
}

/** A batch that is read record by record; its values are views of `bytes`, nothing is copied. */
export class BatchCursor {
  private position = BATCH_HEADER_BYTES;
  private index = 0;

  private constructor(private readonly partition: number, private readonly bytes: Buffer, readonly header: BatchHeader) {}

  /** undefined when the value is torn: not a batch, not the one of this offset, or its checksum does not agree. */
  static open(partition: number, base: number, bytes: Buffer): BatchCursor | undefined {
    const header = readBatchHeader(bytes);
    if (!header || header.base !== base || header.count === 0 || bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return undefined;
    return new BatchCursor(partition, bytes, header);
  }

  /** Offset of the record that `take` gives next; the offset behind the batch at its end. */
  get offset(): number {
    return this.header.base + this.index;
  }

  get end(): number {
    return this.header.base + this.header.count;
  }

  /** Octets of the next record's value. */
  get nextValueBytes(): number {
    return this.bytes.readUInt32LE(this.position);
  }

  skipTo(offset: number): void {
    while (this.offset < offset && this.offset < this.end) {
      this.position += RECORD_HEADER_BYTES + this.bytes.readUInt32LE(this.position) + this.bytes.readUInt32LE(this.position + 4) + this.bytes.readUInt32LE(this.position + 8);
      this.index++;
    }
  }

  take(): LogRecord {
    const { bytes } = this;
    const valueBytes = bytes.readUInt32LE(this.position);
    const keyBytes = bytes.readUInt32LE(this.position + 4);
    const headersBytes = bytes.readUInt32LE(this.position + 8);
    const keyAt = this.position + RECORD_HEADER_BYTES;
    const headersAt = keyAt + keyBytes;
    const valueAt = headersAt + headersBytes;
    const record = new RecordView(this.partition, this.header.base + this.index, this.header.timestamp, bytes, keyAt, headersAt, valueAt, valueAt + valueBytes);
    if (headersBytes > 0) record.headers = JSON.parse(bytes.toString('utf8', headersAt, valueAt)) as Record<string, string>;
    this.position = valueAt + valueBytes;
    this.index++;
    return record;
  }
}
