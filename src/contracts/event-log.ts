/**
 * The event log: append-only, partitioned, durable. Embedded (LMDB) or Apache Kafka; the same contract suite runs over both.
 * From the moment `append` answers, the log owns the event. Cursors are documents of ours, not part of the log.
 */

/** What is appended. The same key always goes to the same partition and keeps its order there. */
export interface NewRecord {
  key: string;
  value: Uint8Array;
  /** Small ASCII headers; `undefined` when none. */
  headers?: Record<string, string>;
}

export type AppendOutcome =
  | { type: 'appended'; partition: number; offset: number }
  /** Nothing of this record is stored; the caller may try again after `retryAfterMs`. */
  | { type: 'unavailable'; code: 'log-full' | 'log-unreachable' | 'log-closed'; reason: string; retryAfterMs: number };

export interface LogRecord {
  partition: number;
  /** Strictly increasing within a partition; gaps are allowed (see `LogBatch.vacant`). */
  offset: number;
  key: string;
  value: Uint8Array;
  /** Milliseconds since 1970 at the append. */
  timestamp: number;
  headers?: Record<string, string>;
  /** Larger octets that the value lies in, and where; `value` is the same as a view of its own. Absent where the value lies alone. */
  readonly source?: Buffer;
  readonly valueAt?: number;
  readonly valueEnd?: number;
  /** True when somebody else wrote it into the topic itself: it bears no valid signature of ours. Never true on the embedded log. */
  external?: boolean;
}

/**
 * A record that was read: where it lay and when it was stored. Two logs hardly ever store their records of one position at the same millisecond, so it tells whether the log is still
 * the one that was read, whatever happened to it (made anew, brought back from a backup, shortened by a broker).
 */
export interface LogMark {
  offset: number;
  timestamp: number;
}

/** Records as lists of numbers, one entry for each (the lists may have room for more): an object for each record would be made for a moment, and moved about by the memory's housekeeping. Who takes the lists may change them. */
export interface RecordLists {
  /** What the value lies in. */
  sources: Array<Buffer | undefined>;
  starts: Int32Array;
  ends: Int32Array;
  offsets: Float64Array;
  /** Milliseconds since 1970. */
  times: Float64Array;
  /** Indices of those that are `external`. */
  external: ReadonlySet<number>;
}

/** Records in their order: an array, or what makes its records when somebody asks for one. */
export interface LogRecords extends Iterable<LogRecord> {
  readonly length: number;
  /** Negative: from the end. */
  at(index: number): LogRecord | undefined;
  /** The same as lists, where the log reads them like that. Once taken, by one. */
  readonly lists?: RecordLists;
}

/** `same` = the record lies where it lay; `other` = another one does, or none; `gone` = nothing to compare: retention removed that place. */
export type Recognition = 'same' | 'other' | 'gone';

/** Positions `from` (inclusive) to `to` (exclusive) of one partition. */
export interface PositionRun {
  from: number;
  to: number;
}

/** A run of records of one partition. `records` may be empty (nothing came within the wait, or only a gap). */
export interface LogBatch {
  partition: number;
  records: LogRecords;
  /** The position to read next: after the last record, or beyond a gap. */
  next: number;
  /** Where the partition ended, as far as the reader knew when it read this; at least `next`. */
  end: number;
  /**
   * Of the positions before `next` that were passed without a record: those that the log itself says never held one of ours (marks of Kafka's transactions, and what a transaction
   * wrote that was given up). In order, without overlaps; absent when there are none. Any other position without a record lost it: to retention where it lies before `first`, else to something that should not be.
   */
  vacant?: readonly PositionRun[];
}

/** `first` is the oldest position still held, `next` the position the next append will get. Empty when they are equal. */
export interface PartitionRange {
  partition: number;
  first: number;
  next: number;
  /** Bytes held, where the log knows it. */
  bytes?: number;
}

export interface ReadOptions {
  /** Upper bound of a batch, in bytes of values (one record is always given). Default 1 MiB. */
  maxBytes?: number;
  /** Upper bound of a batch, in records. Default 1000. */
  maxRecords?: number;
  /** How long `next` waits for a first record before it answers an empty batch. Default 500 ms. */
  maxWaitMs?: number;
}

/** Reads one partition in order. One `next` at a time. A position older than `first` continues at `first` (the gap shows in the offsets). */
export interface PartitionReader {
  readonly partition: number;
  next(): Promise<LogBatch>;
  /** Moves the reader; an outstanding `next` answers an empty batch. */
  seek(position: number): void;
  /** Frees what the reader holds; an outstanding `next` answers an empty batch. Idempotent. */
  close(): Promise<void>;
}

/** A partition that this member of the pool owns until it is revoked. */
export interface OwnedPartition {
  readonly partition: number;
  /** Grows with each assignment of the pool; a larger one means that a smaller one is over. */
  readonly generation: number;
  /** The shared reader, positioned by `PoolHandler.startAt`. */
  readonly reader: PartitionReader;
  /** Tells the log how far the pool got (the least cursor of its integrations), for its own tools and lag figures. Best effort. */
  commit(position: number): Promise<void>;
}

export interface PoolHandler {
  /** Where the shared reader starts, asked before each assignment. */
  startAt(partition: number, range: PartitionRange): Promise<number>;
  assigned(owned: OwnedPartition): Promise<void>;
  /** The partition goes to another member when this promise ends or after `graceMs`: finish the open segment, save cursors, stop. */
  revoked(partition: number, graceMs: number): Promise<void>;
}

export interface PoolMember {
  /** Leaves the pool; `revoked` was called for every owned partition when the promise ends. */
  leave(): Promise<void>;
}

export interface LogHealth {
  ok: boolean;
  /** One sentence for the administrator when not ok. */
  reason?: string;
  /** One sentence on what it cannot know although it works. */
  note?: string;
}

/** What the log removes, read or not. */
export interface LogRetention {
  /** Records that are older go; null when none go for their age. */
  ageMs: number | null;
  /** Beyond so many bytes held (the sum of `PartitionRange.bytes`) the oldest go; null when none go for that, or the log does not know how many it holds. */
  bytes: number | null;
  /** Beyond so many bytes in one partition its oldest go. `recordBytes` by partition: about what a record takes there, as a sample says; none where there was no sample. Only where partitions have limits of their own. */
  perPartition?: { bytes: number; recordBytes: ReadonlyMap<number, number> };
}

export interface EventLog {
  /** Opens or creates what is needed. @throws with the cause and the fix when settings are wrong; an unreachable broker is not an error here. */
  open(): Promise<void>;
  /** Finishes open appends, closes readers and members. Idempotent. */
  close(): Promise<void>;
  /** Durable when it answers: one outcome a record, in the order given. Never throws for data. The values belong to the log until then. */
  append(records: readonly NewRecord[]): Promise<AppendOutcome[]>;
  ranges(): Promise<PartitionRange[]>;
  /** Names the log: the same over restarts, never that of another log that was made under another name or in another place. One that was made anew in its place may have the same name: marks tell. @throws when the log does not answer */
  identity(): Promise<string>;
  /** Whether this is still the log that the mark was read from. @throws when the log does not answer */
  recognise(partition: number, mark: LogMark): Promise<Recognition>;
  /** The mark of the record right before the position; undefined when none is held there. @throws when the log does not answer */
  markBefore(partition: number, position: number): Promise<LogMark | undefined>;
  /** First position whose record is not older than the time (ms), or `next` when there is none. */
  positionAt(partition: number, timeMs: number): Promise<number>;
  /** What it removes, as it is now. @throws when the log does not answer */
  retention(): Promise<LogRetention>;
  /** A reader of its own (catch-up, look-up): `label` names it in the log's own tools. */
  openReader(partition: number, from: number, label: string, options?: ReadOptions): Promise<PartitionReader>;
  /** Joins the pool: each partition is owned by one member at a time; several members share them. */
  join(pool: string, handler: PoolHandler, options?: ReadOptions): Promise<PoolMember>;
  health(): Promise<LogHealth>;
}
export const EVENT_LOG = Symbol('EventLog');
