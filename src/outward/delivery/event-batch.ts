import type { LogBatch, LogMark, LogRecord } from '../../contracts/event-log.js';
import { decodeEvent, storedEventOf, type StoredEvent } from '../../model/event-envelope.js';
import { sequenceOf, type AuditEvent, type EnvelopedEvent } from '../../model/audit-event.js';
import type { Rendering } from './rendering.js';

/** So much of an unreadable record is kept. */
export const EXCERPT_CHARACTERS = 2000;

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
    /** Of each event. */
    readonly types: readonly string[],
    private readonly parsed: Array<AuditEvent | undefined>,
    private readonly unparsed: ReadonlyArray<StoredEvent | undefined>,
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

  /** @param late events that a receiver may get as they lie in the log are parsed only when somebody asks for them */
  static parse(batch: Omit<LogBatch, 'end'>, readForeign: ForeignReader = nobodysRecord, late = false): EventBatch {
    const types: string[] = [];
    const parsed: Array<AuditEvent | undefined> = [];
    const unparsed: Array<StoredEvent | undefined> = [];
    const offsets: number[] = [];
    const sizes: number[] = [];
    const storedAt: number[] = [];
    const unreadable: UnreadableRecord[] = [];
    for (const record of batch.records) {
      try {
        const stored = late && record.external !== true ? storedEventOf(record.value) : undefined;
        const event = stored ? undefined : record.external === true ? foreignEvent(record, readForeign) : decodeEvent(record.value);
        types.push(stored?.type ?? event?.type ?? '');
        parsed.push(event);
        if (late) unparsed.push(stored);
        offsets.push(record.offset);
        sizes.push(record.value.byteLength);
        storedAt.push(record.timestamp);
      } catch (error) {
        unreadable.push(unreadableOf(record, error));
      }
    }
    const last = batch.records.at(-1);
    return new EventBatch(batch.partition, types, parsed, unparsed, offsets, sizes, batch.next, unreadable, storedAt, last && { offset: last.offset, timestamp: last.timestamp });
  }

  /** @throws RangeError when there is none; SyntaxError or TypeError when a record that was to be parsed late is none of ours after all */
  event(index: number): AuditEvent {
    const known = this.parsed[index];
    if (known) return known;
    const stored = this.unparsed[index];
    if (!stored) throw new RangeError(`no event ${index} in the batch`);
    const event = decodeEvent(stored.octets);
    this.parsed[index] = event;
    return event;
  }

  /** All of them, in order. @throws as `event` */
  events(): AuditEvent[] {
    return this.types.map((_, index) => this.event(index));
  }

  /** The event as it lies in the log, where a receiver may get it like that. */
  stored(index: number): StoredEvent | undefined {
    return this.unparsed[index];
  }

  /** Where the record of an event lies. */
  mark(index: number): LogMark | undefined {
    const [offset, timestamp] = [this.offsets[index], this.storedAt[index]];
    return offset === undefined || timestamp === undefined ? undefined : { offset, timestamp };
  }

  /** The same run with other events, for what is sent again with a mark: it shares no rendering with the run itself. */
  mapped(change: (event: AuditEvent) => AuditEvent): EventBatch {
    return new EventBatch(this.partition, this.types, this.events().map(change), [], this.offsets, this.sizes, this.next, this.unreadable, this.storedAt, this.lastMark);
  }

  get length(): number {
    return this.types.length;
  }

  /** How many of the events (or of those at some indices, in order) lie at a position or after it. Mostly all: then nothing is searched. */
  countFrom(position: number, indices?: readonly number[]): number {
    const length = indices === undefined ? this.types.length : indices.length;
    if (length === 0 || (this.offsets[indices?.[0] ?? 0] ?? 0) >= position) return length;
    const offsetAt = (at: number): number => this.offsets[indices === undefined ? at : (indices[at] ?? 0)] ?? 0;
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
    excerpt: Buffer.from(record.value).toString('utf8').slice(0, EXCERPT_CHARACTERS),
  };
}
