import { setImmediate as turn } from 'node:timers/promises';
import type { LogBatch, LogRecord, PartitionReader, ReadOptions } from '../../../contracts/event-log.js';
import { Doze } from '../shared/doze.js';
import type { BatchCursor } from './record-batch.js';
import type { BatchStore } from './batch-store.js';
import type { LogEnvironment } from './environment.js';
import type { Tail, TailWaiter } from './tail.js';

const DEFAULT_MAX_BYTES = 1_048_576;
const DEFAULT_MAX_RECORDS = 1000;
const DEFAULT_MAX_WAIT_MS = 500;

export interface ReaderPorts {
  environment: LogEnvironment;
  batches: BatchStore;
  tail: Tail;
  /** A stored batch cannot be read and is left out, from its first offset up to where the log goes on. Called each time a reader comes upon it. */
  damaged(partition: number, from: number, to: number): void;
  closed(reader: EmbeddedReader): void;
}

/** Reads one partition. Between two calls it holds at most one stored batch and no transaction. */
export class EmbeddedReader implements PartitionReader {
  private readonly maxBytes: number;
  private readonly maxRecords: number;
  private readonly maxWaitMs: number;
  private current: BatchCursor | undefined;
  private shut = false;
  /** Grows with seek and close, so that an outstanding `next` sees that it is over. */
  private moves = 0;
  private readonly untilStored = new Doze();

  constructor(readonly partition: number, private position: number, options: ReadOptions, private readonly ports: ReaderPorts) {
    this.maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.maxRecords = Math.max(1, options.maxRecords ?? DEFAULT_MAX_RECORDS);
    this.maxWaitMs = options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS;
  }

  async next(): Promise<LogBatch> {
    const moves = this.moves;
    // A backlog read in a tight loop must leave the event loop (and LMDB's snapshot) a turn.
    await turn();
    await this.ports.environment.release();
    if (this.shut || this.moves !== moves) return this.empty();
    let batch = this.read();
    if (batch.records.length > 0 || batch.gap || this.maxWaitMs <= 0) return this.moveTo(batch);
    await this.wait();
    await this.ports.environment.ready();
    if (this.shut || this.moves !== moves) return this.empty();
    batch = this.read();
    return this.moveTo(batch);
  }

  seek(position: number): void {
    this.moves++;
    this.position = position;
    this.current = undefined;
    this.untilStored.wake();
  }

  async close(): Promise<void> {
    if (this.shut) return;
    this.shut = true;
    this.moves++;
    this.current = undefined;
    this.untilStored.wake();
    this.ports.closed(this);
  }

  private empty(): LogBatch {
    return { partition: this.partition, records: [], next: this.position, end: this.position };
  }

  private moveTo({ records, next, end }: { records: LogRecord[]; next: number; end: number }): LogBatch {
    this.position = next;
    return { partition: this.partition, records, next, end };
  }

  private async wait(): Promise<void> {
    const { tail } = this.ports;
    const waiter: TailWaiter = { partition: this.partition, position: this.position, wake: () => this.untilStored.wake() };
    const waiting = this.untilStored.for(this.maxWaitMs);
    tail.add(waiter);
    await waiting;
    tail.remove(waiter);
  }

  /** What is stored from the position on, within the limits. `gap`: nothing to give, but the position moved over offsets that are gone. */
  private read(): { records: LogRecord[]; next: number; end: number; gap: boolean } {
    const records: LogRecord[] = [];
    const { first, end } = this.range();
    const start = Math.min(Math.max(this.position, first), end);
    let next = start;
    let bytes = 0;
    while (next < end && records.length < this.maxRecords) {
      const cursor = this.cursorAt(next, end);
      if (!cursor) {
        if (records.length > 0) break;
        next = Math.min(this.ports.batches.baseAtOrAfter(next + 1) ?? end, end);
        continue;
      }
      let full = false;
      while (cursor.offset < cursor.end && records.length < this.maxRecords) {
        if (records.length > 0 && bytes + cursor.nextValueBytes > this.maxBytes) {
          full = true;
          break;
        }
        bytes += cursor.nextValueBytes;
        records.push(cursor.take());
      }
      next = cursor.offset;
      this.current = next < cursor.end ? cursor : undefined;
      if (full || bytes >= this.maxBytes) break;
    }
    return { records, next, end: Math.max(next, end), gap: next !== this.position };
  }

  private range(): { first: number; end: number } {
    let state = this.ports.environment.readState()[this.partition];
    if (state && this.position > state.next) {
      // Beyond the end: either our snapshot is old, or the log was replaced by an older one. Then the next append is the next record.
      this.ports.environment.refresh();
      state = this.ports.environment.readState()[this.partition];
    }
    return { first: state?.first ?? 0, end: state?.next ?? 0 };
  }

  /** A cursor that stands at the offset, or undefined when no batch holds it (removed, or damaged). */
  private cursorAt(offset: number, end: number): BatchCursor | undefined {
    if (this.current?.offset === offset) return this.current;
    this.current = undefined;
    const { batches } = this.ports;
    let base: number | undefined = offset;
    let found = batches.at(offset);
    if (found === undefined) {
      base = batches.baseAtOrBefore(offset);
      found = base === undefined ? undefined : batches.at(base);
    }
    if (found === undefined || base === undefined) return undefined;
    if (found === 'torn') {
      this.ports.damaged(this.partition, base, Math.min(batches.baseAtOrAfter(base + 1) ?? end, end));
      return undefined;
    }
    if (offset >= found.end) return undefined;
    found.skipTo(offset);
    return found;
  }
}
