import type { LogMark } from '../../contracts/event-log.js';
import type { EventBatch } from '../delivery/event-batch.js';
import type { Rendering } from '../delivery/rendering.js';
import { LedgerRun } from '../evidence/ledger-run.js';
import type { CompiledFilter } from '../delivery/event-filter.js';
import type { Feed } from './feed.js';
import type { Lane } from './lane.js';
import type { CatchUp } from './catch-up.js';
import { Picks } from './picks.js';

/** What is known of a cursor beside its position. Without it: a cursor of this log, never set back. */
export interface CursorOrigin {
  mark?: LogMark;
  resets?: number;
  recognised?: boolean;
}

/**
 * One integration in one partition. Three positions, each at most the next one:
 * `cursor` (everything before it is resolved) <= what is in flight or queued <= `taken` (everything before it was handed to the lane or filtered).
 */
export class LanePartition {
  taken: number;
  /** The last record before `cursor`, and before `taken`, that was seen: they tell later whether the log is still the one that was read. */
  mark: LogMark | undefined;
  takenMark: LogMark | undefined;
  /** Where it began. */
  readonly origin: { position: number; mark?: LogMark };
  /** Whether the log was found to be the one that the cursor belongs to. Before that the cursor is not saved: its mark would be of another log. */
  recognised: boolean;
  /** How often this cursor was set back because its log was replaced. Only documents with the same number are written. */
  readonly resets: number;
  /** Another engine set the cursor back meanwhile: nothing is saved any more. */
  overtaken = false;
  /** Events of this partition that are queued or in flight. */
  outstanding = 0;
  /** Where the cursor document stands. */
  savedCursor: number;
  /** Whether an event was delivered or rejected since the cursor was saved; filtered ones alone need no haste. */
  resolvedSinceSave = false;
  /** High-water marks, so that what is read again is counted once as filtered and counted as repeated when sent again. */
  seenTo: number;
  sentTo: number;
  /** What became of the positions before the cursor, until it is stored. */
  readonly ledger: LedgerRun;
  /** How often what lies between `cursor` and `sentTo` was handed over in vain. */
  failedAttempts = 0;
  /** Losses are told one after the other: the last of them. */
  tellingLoss: Promise<void> = Promise.resolve();
  /** What the log no longer held and was told, runs of positions that do not overlap; those before the cursor are forgotten. */
  private told: Array<{ from: number; to: number }> = [];
  /** Reads for this partition alone while it is behind the shared reader. */
  catchUp: CatchUp | undefined;
  /** Of the batch that the shared feed is about to hand over. */
  readonly picks = new Picks();

  constructor(
    readonly lane: Lane,
    readonly feed: Feed,
    public cursor: number,
    /** Whether the cursor came from a document; a fresh one is saved even when it does not move. */
    saved: boolean,
    { mark, resets = 0, recognised = true }: CursorOrigin = {},
  ) {
    this.origin = { position: cursor, ...(mark ? { mark } : {}) };
    this.mark = mark;
    this.takenMark = mark;
    this.resets = resets;
    this.recognised = recognised;
    this.taken = cursor;
    this.seenTo = cursor;
    this.sentTo = cursor;
    this.savedCursor = saved ? cursor : -1;
    this.ledger = new LedgerRun(cursor, lane.integration.version);
  }

  get integrationId(): string {
    return this.lane.integration.id;
  }

  get filter(): CompiledFilter {
    return this.lane.filter;
  }

  get shapeKey(): string | undefined {
    return this.lane.shapeKey;
  }

  get partition(): number {
    return this.feed.partition;
  }

  /** After a failure: everything after the cursor is read and sent again. */
  rewind(): void {
    if (this.sentTo > this.cursor) this.failedAttempts++;
    this.taken = this.cursor;
    this.takenMark = this.mark;
    this.outstanding = 0;
  }

  /** Whether somebody reads for it now, and so meets gaps himself. */
  get reading(): boolean {
    return this.feed.hasLive(this) || this.catchUp !== undefined;
  }

  /** The parts of a run of positions that were not told as lost before: after a rewind the same gap is met again, and a wider one may be. */
  untold(from: number, to: number): Array<{ from: number; to: number }> {
    const parts: Array<{ from: number; to: number }> = [];
    let at = from;
    for (const known of this.told) {
      if (known.to <= at) continue;
      if (known.from >= to) break;
      if (known.from > at) parts.push({ from: at, to: known.from });
      at = known.to;
    }
    if (at < to) parts.push({ from: at, to });
    return parts;
  }

  markTold(from: number, to: number): void {
    this.told = [...this.told.filter((known) => known.to > this.cursor), { from, to }].sort((a, b) => a.from - b.from);
  }

  /** Nothing waits: the cursor may stand where reading stands. */
  settle(): void {
    if (this.outstanding !== 0 || this.taken <= this.cursor) return;
    this.moveCursor(this.taken, this.takenMark);
    this.ledger.passed(this.cursor, this.lane.now());
  }

  moveCursor(position: number, mark: LogMark | undefined): void {
    this.cursor = position;
    this.mark = mark ?? this.mark;
    // Without a mark that came with it there is nothing to compare: what was read is of this log.
    if (!this.origin.mark && mark) this.recognised = true;
  }
}

/** A run of events of one batch that one lane wants. */
export interface Lot {
  owner: LanePartition;
  batch: EventBatch;
  /** Of the batch as the lane sends it; held by this lot. */
  rendering: Rendering;
  indices: readonly number[];
  /** Next of `indices` to send. */
  at: number;
  /** Position after the batch. */
  end: number;
  bytes: number;
  /** performance.now() when it was queued. */
  queuedAt: number;
  /** Much waits in the log behind it, so more comes soon. */
  moreFollows: boolean;
}
