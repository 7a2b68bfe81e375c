import type { Database } from 'lmdb';
import type { LogEnvironment } from './environment.js';
import { BatchCursor, readBatchHeader, type BatchHeader } from './record-batch.js';

/** Looks up batches of one partition. Nothing here holds a transaction open: every call is one short read. */
export class BatchStore {
  constructor(private readonly environment: LogEnvironment, readonly partition: number) {}

  private get table(): Database<Buffer, number> {
    const table = this.environment.batches[this.partition];
    if (!table) throw new RangeError(`The event log has no partition ${this.partition}.`);
    return table;
  }

  /** The batch that begins exactly at the offset; 'torn' when what is there is damaged. */
  at(base: number): BatchCursor | 'torn' | undefined {
    const bytes = this.table.getBinary(base);
    this.environment.read(bytes?.length ?? 0);
    return bytes ? (BatchCursor.open(this.partition, base, bytes) ?? 'torn') : undefined;
  }

  header(base: number): { header: BatchHeader | undefined; valueBytes: number } | undefined {
    const bytes = this.table.getBinary(base);
    return bytes ? { header: readBatchHeader(bytes), valueBytes: bytes.length } : undefined;
  }

  /** When the record at the offset was stored; undefined when no batch that can be read holds it. */
  timestampOf(offset: number): number | undefined {
    const base = this.baseAtOrBefore(offset);
    const header = base === undefined ? undefined : this.header(base)?.header;
    return header && header.base === base && offset < header.base + header.count ? header.timestamp : undefined;
  }

  /** First offset of the newest batch that begins at or before the offset. */
  baseAtOrBefore(offset: number): number | undefined {
    for (const base of this.table.getKeys({ start: offset, reverse: true, limit: 1 })) return base;
    return undefined;
  }

  /** First offset of the oldest batch that begins at or after the offset. */
  baseAtOrAfter(offset: number): number | undefined {
    for (const base of this.table.getKeys({ start: offset, limit: 1 })) return base;
    return undefined;
  }
}
