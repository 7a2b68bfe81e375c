import type { LogBatch, LogMark, LogRecord } from '../../contracts/event-log.js';
import { decodeEventAt, octetsOf, storedEventAt, storedTypeAt, type StoredEvent } from '../../model/event-envelope.js';
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

/**
 * When an event is parsed that says without it what routing by type needs: `at-once`; when somebody asks for it, and `kept` for who asks next; or when somebody asks, and `forgotten`, where nobody else will:
 * what lives on is moved about by the memory's housekeeping, which costs more than parsing.
 */
export type Parsing = 'at-once' | 'kept' | 'forgotten';

/** Reads a record that others wrote into the log themselves. Never throws for data. */
export type ForeignReader = (record: LogRecord) => { type: 'event'; enveloped: EnvelopedEvent } | { type: 'refused'; reason: string };

/**
 * A run of one partition's events, shared by every lane that wants some of them. Renderings hang on it by shape,
 * so each (event, shape) is rendered at most once while the batch lives.
 */
export class EventBatch {
  readonly renderings = new Map<string, Rendering>();

  private constructor(
    readonly partition: number,
    /** Of each event. */
    readonly types: readonly string[],
    /** Of those that were parsed. */
    private readonly parsed: Array<AuditEvent | undefined>,
    /** What an event that was not parsed lies in; none for others. With `starts` and `ends` in place of an object for each, as what waits is moved about in memory. */
    private readonly sources: ReadonlyArray<Buffer | undefined>,
    private readonly starts: Int32Array,
    private readonly ends: Int32Array,
    readonly offsets: Float64Array,
    /** The position after this batch. */
    readonly next: number,
    readonly unreadable: readonly UnreadableRecord[],
    /** When each event was stored. */
    private readonly storedAt: Float64Array,
    /** Of its last record, readable or not. */
    readonly lastMark: LogMark | undefined,
    private readonly keeps: boolean,
  ) {}

  static parse(batch: Omit<LogBatch, 'end'>, readForeign: ForeignReader = nobodysRecord, parsing: Parsing = 'at-once'): EventBatch {
    const late = parsing !== 'at-once';
    const { records } = batch;
    const types = new Array<string>(records.length).fill('');
    const parsed: Array<AuditEvent | undefined> = [];
    const sources = new Array<Buffer | undefined>(late ? records.length : 0).fill(undefined);
    const [starts, ends] = [new Int32Array(records.length), new Int32Array(records.length)];
    const [offsets, storedAt] = [new Float64Array(records.length), new Float64Array(records.length)];
    const unreadable: UnreadableRecord[] = [];
    let count = 0;
    for (const record of records) {
      try {
        const { source = octetsOf(record.value), valueAt: at = 0, valueEnd: end = source.length } = record;
        const type = late && record.external !== true ? storedTypeAt(source, at, end) : undefined;
        const event = type !== undefined ? undefined : record.external === true ? foreignEvent(record, readForeign) : decodeEventAt(source, at, end);
        types[count] = type ?? event?.type ?? '';
        if (event) parsed[count] = event;
        else sources[count] = source;
        starts[count] = at;
        ends[count] = end;
        offsets[count] = record.offset;
        storedAt[count] = record.timestamp;
        count++;
      } catch (error) {
        unreadable.push(unreadableOf(record, error));
      }
    }
    types.length = count;
    const last = records.at(-1);
    return new EventBatch(batch.partition, types, parsed, sources, starts, ends, offsets, batch.next, unreadable, storedAt, last && { offset: last.offset, timestamp: last.timestamp }, parsing === 'kept');
  }

  /** Octets of the value of a record, for the queues. */
  size(index: number): number {
    return (this.ends[index] ?? 0) - (this.starts[index] ?? 0);
  }

  /** Of all of them. */
  get octets(): number {
    let octets = 0;
    for (let index = 0; index < this.length; index++) octets += this.size(index);
    return octets;
  }

  /** @throws RangeError when there is none; SyntaxError or TypeError when a record that was to be parsed late is none of ours after all */
  event(index: number): AuditEvent {
    const event = this.parsed[index];
    if (event) return event;
    const source = this.sources[index];
    if (!source) throw new RangeError(`no event ${index} in the batch`);
    const decoded = decodeEventAt(source, this.starts[index] ?? 0, this.ends[index] ?? 0);
    if (this.keeps) this.parsed[index] = decoded;
    return decoded;
  }

  /** Whether an event lies here parsed that can be had again from its octets. */
  isSpare(index: number): boolean {
    return this.parsed[index] !== undefined && this.sources[index] !== undefined;
  }

  /** Drops an event that is spare: nobody is expected to ask for it any more. */
  forget(index: number): void {
    if (this.isSpare(index)) this.parsed[index] = undefined;
  }

  /** All of them, in order. @throws as `event` */
  events(): AuditEvent[] {
    return this.types.map((_, index) => this.event(index));
  }

  /** The event as it lies in the log, where a receiver may get it like that. */
  stored(index: number): StoredEvent | undefined {
    const source = this.sources[index];
    return source && storedEventAt(source, this.starts[index] ?? 0, this.ends[index] ?? 0);
  }

  /** Where the record of an event lies. */
  mark(index: number): LogMark | undefined {
    const [offset, timestamp] = [this.offsets[index], this.storedAt[index]];
    return offset === undefined || timestamp === undefined ? undefined : { offset, timestamp };
  }

  /** The same run with other events, for what is sent again with a mark: it shares no rendering with the run itself. */
  mapped(change: (event: AuditEvent) => AuditEvent): EventBatch {
    return new EventBatch(this.partition, this.types, this.events().map(change), [], this.starts, this.ends, this.offsets, this.next, this.unreadable, this.storedAt, this.lastMark, true);
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
