import type { EventLog, PositionRun, ReadOptions } from '../../contracts/event-log.js';
import type { EventBatch, ForeignReader } from '../delivery/event-batch.js';
import type { DeadLetterSink } from './dead-letter-store.js';
import type { LanePartition } from './lane-partition.js';
import type { ReadWatch } from './read-troubles.js';

/** What the shared reader and the catch-up readers have in common. */
export interface FeedContext {
  eventLog: EventLog;
  deadLetters: DeadLetterSink;
  readOptions: ReadOptions & Required<Pick<ReadOptions, 'maxBytes' | 'maxRecords'>>;
  /** What others wrote into the log themselves; without it such records are parked. */
  readForeign?: ForeignReader;
  /** Told of each batch that was read and each that could not be. */
  reading: ReadWatch;
  engineId: string;
  /**
   * Takes a lane up to the next record. `missing` are the runs without a record that the reading met, also beyond that record: what of them the lane did not pass before is told
   * durably. @throws when abandoned
   */
  passGap: (owned: LanePartition, to: number, missing: readonly PositionRun[], abandoned: () => boolean) => Promise<void>;
}

/** The first position that the batch holds, readable or not. */
export function firstOffset(batch: EventBatch): number {
  return Math.min(batch.offsets[0] ?? Number.POSITIVE_INFINITY, batch.unreadable[0]?.offset ?? Number.POSITIVE_INFINITY, batch.next);
}
