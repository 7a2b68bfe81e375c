import type { LogBatch, LogMark, LogRecord, LogRecords, RecordLists } from '../../contracts/event-log.js';
import { decodeEventAt, octetsOf, StoredEvent, storedTypeAt } from '../../model/event-envelope.js';
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
    /** What an event that was not parsed lies in, as `storedTypeAt` found it; none for others. With `starts` and `ends` in place of an object for each, as what waits is moved about in memory. */
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
    const { length } = records;
    const { sources, starts, ends, offsets, times, external } = records.lists ?? listsOf(records);
    const types = new Array<string>(length).fill('');
    const parsed: Array<AuditEvent | undefined> = [];
    const unreadable: UnreadableRecord[] = [];
    let count = 0;
    for (let index = 0; index < length; index++) {
      const source = sources[index] ?? NOTHING;
      const [at, end] = [starts[index] ?? 0, ends[index] ?? 0];
      const isForeign = external.size > 0 && external.has(index);
      try {
        const type = late && !isForeign ? storedTypeAt(source, at, end) : undefined;
        const event = type !== undefined ? undefined : isForeign ? foreignEvent(records.at(index), readForeign) : decodeEventAt(source, at, end);
        types[count] = type ?? event?.type ?? '';
        if (event) parsed[count] = event;
        sources[count] = event ? undefined : source;
        // Those that are no events leave no gap.
        if (count < index) {
          starts[count] = at;
          ends[count] = end;
          offsets[count] = offsets[index] ?? 0;
          times[count] = times[index] ?? 0;
        }
        count++;
      } catch (error) {
        unreadable.push({ offset: offsets[index] ?? 0, storedAt: times[index] ?? 0, reason: error instanceof Error ? error.message : String(error), excerpt: source.toString('utf8', at, end).slice(0, EXCERPT_CHARACTERS) });
      }
    }
    types.length = count;
    const last = records.at(-1);
    return new EventBatch(batch.partition, types, parsed, sources, starts, ends, offsets, batch.next, unreadable, times, last && { offset: last.offset, timestamp: last.timestamp }, parsing === 'kept');
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

  /** The event as it lies in the log, where a receiver may get it like that. Until the next call, of any batch: an object for each event would be thrown away at once. */
  stored(index: number): StoredEvent | undefined {
    const source = this.sources[index];
    return source && theStoredEvent.moveTo(source, this.starts[index] ?? 0, this.ends[index] ?? 0, this.partition, this.offsets[index] ?? 0);
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

function foreignEvent(record: LogRecord | undefined, readForeign: ForeignReader): AuditEvent {
  const outcome = (record ? readForeign(record) : undefined) ?? nobodys;
  if (outcome.type === 'refused') throw new TypeError(outcome.reason);
  return outcome.enveloped.event;
}

const nobodysRecord: ForeignReader = () => nobodys;
const nobodys = { type: 'refused', reason: 'the record was not written by Tidegate' } as const;

const NOTHING = Buffer.alloc(0);
const theStoredEvent = new StoredEvent();

function listsOf(records: LogRecords): RecordLists {
  const { length } = records;
  const lists = { sources: new Array<Buffer | undefined>(length).fill(undefined), starts: new Int32Array(length), ends: new Int32Array(length), offsets: new Float64Array(length), times: new Float64Array(length), external: new Set<number>() };
  let index = 0;
  for (const record of records) {
    const { source = octetsOf(record.value), valueAt = 0, valueEnd = source.length } = record;
    lists.sources[index] = source;
    lists.starts[index] = valueAt;
    lists.ends[index] = valueEnd;
    lists.offsets[index] = record.offset;
    lists.times[index] = record.timestamp;
    if (record.external === true) lists.external.add(index);
    index++;
  }
  return lists;
}
