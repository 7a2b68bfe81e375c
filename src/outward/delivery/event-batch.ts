import type { LogBatch, LogMark, LogRecord } from '../../contracts/event-log.js';
import { decodeEvent } from '../../model/event-envelope.js';
import { sequenceOf, type AuditEvent, type EnvelopedEvent } from '../../model/audit-event.js';
import type { Rendering } from './rendering.js';

/** A record that is no event: it is parked with its position, and the stream moves on. */
export interface UnreadableRecord {
  offset: number;
  /** Milliseconds since 1970: another log may hold another record at the same place. */
  storedAt?: number;
  reason: string;
  /** The first 2,000 characters, for a person. */
  excerpt: string;
}

/** Reads a record that others wrote into the log themselves. Never throws for data. */
export type ForeignReader = (record: LogRecord) => { type: 'event'; enveloped: EnvelopedEvent } | { type: 'refused'; reason: string };

/**
 * A run of one partition's events, parsed once and shared by every lane that wants some of them. Renderings hang on it by shape,
 * so each (event, shape) is rendered at most once while the batch lives.
 */
export class EventBatch {
  readonly renderings = new Map<string, Rendering>();

  private constructor(
    readonly partition: number,
    readonly events: readonly AuditEvent[],
    readonly offsets: readonly number[],
    /** Bytes of each record's value, for the queues. */
    readonly sizes: readonly number[],
    /** The position after this batch. */
    readonly next: number,
    readonly unreadable: readonly UnreadableRecord[],
    /** When each event was stored. */
    private readonly storedAt: readonly number[],
    /** Of its last record, readable or not. */
    readonly lastMark: LogMark | undefined,
  ) {}

  static parse(batch: Omit<LogBatch, 'end'>, readForeign: ForeignReader = nobodysRecord): EventBatch {
    const events: AuditEvent[] = [];
    const offsets: number[] = [];
    const sizes: number[] = [];
    const storedAt: number[] = [];
    const unreadable: UnreadableRecord[] = [];
    for (const record of batch.records) {
      try {
        events.push(record.external === true ? foreignEvent(record, readForeign) : decodeEvent(record.value));
        offsets.push(record.offset);
        sizes.push(record.value.byteLength);
        storedAt.push(record.timestamp);
      } catch (error) {
        unreadable.push(unreadableOf(record, error));
      }
    }
    const last = batch.records.at(-1);
    return new EventBatch(batch.partition, events, offsets, sizes, batch.next, unreadable, storedAt, last && { offset: last.offset, timestamp: last.timestamp });
  }

  /** Where the record of an event lies. */
  mark(index: number): LogMark | undefined {
    const [offset, timestamp] = [this.offsets[index], this.storedAt[index]];
    return offset === undefined || timestamp === undefined ? undefined : { offset, timestamp };
  }

  /** The same run with other events, for what is sent again with a mark: it shares no rendering with the run itself. */
  mapped(change: (event: AuditEvent) => AuditEvent): EventBatch {
    return new EventBatch(this.partition, this.events.map(change), this.offsets, this.sizes, this.next, this.unreadable, this.storedAt, this.lastMark);
  }

  get length(): number {
    return this.events.length;
  }

  /** How many of the events (or of those at some indices, in order) lie at a position or after it. Mostly all: then nothing is searched. */
  countFrom(position: number, indices?: readonly number[]): number {
    const length = indices === undefined ? this.events.length : indices.length;
    const offsetAt = (at: number): number => this.offsets[indices === undefined ? at : (indices[at] ?? 0)] ?? 0;
    if (length === 0 || offsetAt(0) >= position) return length;
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsetAt(middle) < position) low = middle + 1;
      else high = middle;
    }
    return length - low;
  }

  sequence(index: number): string {
    return sequenceOf(this.partition, this.offsets[index] ?? -1);
  }
}

function foreignEvent(record: LogRecord, readForeign: ForeignReader): AuditEvent {
  const outcome = readForeign(record);
  if (outcome.type === 'refused') throw new TypeError(outcome.reason);
  return outcome.enveloped.event;
}

const nobodysRecord: ForeignReader = () => ({ type: 'refused', reason: 'the record was not written by Tidegate' });

function unreadableOf(record: LogRecord, error: unknown): UnreadableRecord {
  return {
    offset: record.offset,
    storedAt: record.timestamp,
    reason: error instanceof Error ? error.message : String(error),
    excerpt: Buffer.from(record.value).toString('utf8').slice(0, 2000),
  };
}
