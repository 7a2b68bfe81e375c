import type { Clock } from '../../../contracts/clock.js';
import type { AppendOutcome, NewRecord } from '../../../contracts/event-log.js';
import type { Log } from '../../../contracts/log.js';
import { withLimit } from '../shared/with-limit.js';
import { cutCall, writeChunk, type AppendCall, type Chunk } from './append-call.js';
import { DiskSpace } from './disk-space.js';
import { WriteRefused, type LogEnvironment } from './environment.js';
import { storedBytes, totalBytes, type PartitionState } from './log-state.js';
import { BATCH_HEADER_BYTES, sealBatch } from './record-batch.js';

export interface AppenderOptions {
  partitions: number;
  fullBytes: number;
  minFreeDiskBytes: number;
  directory: string;
  clock: Clock;
  log: Log;
}

/** Records up to this many bytes share a stored batch: 16 pages, small enough that LMDB finds room for it among freed pages. */
const BATCH_BYTES = 65_000;
/** Calls up to this many bytes share a commit. */
const GROUP_BYTES = 4_194_304;
/** More than this may not wait for the disk. */
const WAITING_BYTES = 67_108_864;
/** A commit that takes longer: new calls are refused at once. */
const SLOW_MS = 10_000;
/** A commit that takes longer is given up: its calls are answered, though the disk may yet store them (the producer's retry then repeats the same event ids). */
const STUCK_MS = 60_000;
const SOON_MS = 1000;
const FULL_RETRY_MS = 5000;
/** After a commit that failed the disk is left alone for so long. */
const FAILURE_PAUSE_MS = 1000;
/** How long health speaks of a failure that no append has put right yet. */
const FAILURE_SHOWN_MS = 30_000;

interface Stored {
  accepted: { call: AppendCall; outcomes: AppendOutcome[] }[];
  /** Did not fit below the byte limit. */
  refused: AppendCall[];
  partitions: Set<number>;
}
type Unavailable = Extract<AppendOutcome, { type: 'unavailable' }>;

/**
 * Group commit: while one commit is under way, calls gather for the next. A call is stored as a whole or not at all, over all its partitions,
 * because a group is one LMDB transaction and the byte limit is asked call by call.
 */
export class Appender {
  private waiting: AppendCall[] = [];
  private waitingBytes = 0;
  private pumping: Promise<void> | undefined;
  /** Set and cleared in the same turn as `waiting` is looked at, so that no call is left behind. */
  private busy = false;
  private commitSince: number | undefined;
  private closed = false;
  /** The last commit that failed, until one succeeds. */
  private failure: { outcome: Unavailable; at: number } | undefined;
  /** Whether the last call was refused: said once, not for every call. */
  private refusing = false;
  private readonly disk: DiskSpace;
  private readonly scratch = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + BATCH_BYTES);

  constructor(
    private readonly environment: LogEnvironment,
    private readonly options: AppenderOptions,
    /** Called after each commit with the partitions that grew. */
    private readonly appended: (partitions: ReadonlySet<number>) => void,
    /** Called when the byte limit refused a call: retention should make room now. */
    private readonly full: () => void,
  ) {
    this.disk = new DiskSpace(options.directory, options.minFreeDiskBytes);
  }

  /** Why an append would be refused now, or undefined. */
  async trouble(): Promise<string | undefined> {
    await this.environment.ready();
    const held = totalBytes(this.environment.readState());
    if (held >= this.options.fullBytes) return this.atLimit().reason;
    if (!(await this.disk.roomFor(0))) return this.diskLow().reason;
    if (this.failure && performance.now() - this.failure.at < FAILURE_SHOWN_MS) return this.failure.outcome.reason;
    return this.stalled()?.reason;
  }

  append(records: readonly NewRecord[]): Promise<AppendOutcome[]> {
    if (records.length === 0) return Promise.resolve([]);
    const refused = this.closed ? unavailable('log-closed', 'The event log is closed: the service stops.', SOON_MS) : this.stalled();
    if (refused) return Promise.resolve(records.map(() => refused));
    return new Promise((answer) => {
      const call = cutCall(records, this.options.partitions, BATCH_BYTES, answer);
      this.waiting.push(call);
      this.waitingBytes += call.bytes;
      if (!this.busy) this.pumping = this.pump();
    });
  }

  /** Ends when every open call is answered. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pumping;
  }

  private stalled(): Unavailable | undefined {
    if (this.failure && performance.now() - this.failure.at < FAILURE_PAUSE_MS) return this.failure.outcome;
    if (this.commitSince !== undefined && performance.now() - this.commitSince > SLOW_MS) return unavailable('log-unreachable', `The disk of ${this.options.directory} has not answered for more than ${SLOW_MS / 1000} s.`, FULL_RETRY_MS);
    if (this.waitingBytes > WAITING_BYTES) return unavailable('log-unreachable', `More than ${WAITING_BYTES / 1_048_576} MiB wait for the disk of ${this.options.directory}.`, SOON_MS);
    return undefined;
  }

  private async pump(): Promise<void> {
    this.busy = true;
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      let bytes = 0;
      for (const call of group) bytes += call.bytes;
      if (!(await this.disk.roomFor(bytes))) {
        this.refuse(group, this.diskLow());
        continue;
      }
      await this.commit(group);
    }
    this.busy = false;
  }

  private takeGroup(): AppendCall[] {
    let bytes = 0;
    let count = 0;
    for (const call of this.waiting) {
      if (count > 0 && bytes + call.bytes > GROUP_BYTES) break;
      bytes += call.bytes;
      count++;
    }
    this.waitingBytes -= bytes;
    return this.waiting.splice(0, count);
  }

  private async commit(group: AppendCall[]): Promise<void> {
    const stored = await this.write(group);
    if (!stored) return;
    if (stored.partitions.size > 0) this.appended(stored.partitions);
    for (const { call, outcomes } of stored.accepted) call.answer(outcomes);
    if (stored.refused.length === 0) {
      this.refusing = false;
      return;
    }
    this.refuse(stored.refused, this.atLimit());
    this.full();
  }

  /** What was stored; undefined when nothing was, and the group is answered. */
  private async write(group: AppendCall[]): Promise<Stored | undefined> {
    this.commitSince = performance.now();
    try {
      const stored = await withLimit(this.environment.write(() => this.store(group)), STUCK_MS, `the disk has not answered for ${STUCK_MS / 1000} s`);
      if (stored.accepted.length > 0) this.failure = undefined;
      return stored;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      // LMDB calls a write that was cut short by a full disk an input/output error.
      const code = (error instanceof WriteRefused && error.kind === 'full') || (await this.disk.isFull()) ? 'log-full' : 'log-unreachable';
      const outcome = unavailable(code, `The event log in ${this.options.directory} could not be written: ${cause}.`, FULL_RETRY_MS);
      this.failure = { outcome, at: performance.now() };
      this.refuse(group, outcome);
      return undefined;
    } finally {
      this.commitSince = undefined;
    }
  }

  private refuse(calls: AppendCall[], outcome: Unavailable): void {
    if (!this.refusing) this.options.log.error({ directory: this.options.directory, code: outcome.code, reason: outcome.reason }, 'event log refuses events; producers are asked to try again');
    this.refusing = true;
    for (const call of calls) call.answer(Array.from({ length: call.records }, () => outcome));
  }

  private atLimit(): Unavailable {
    return unavailable('log-full', `The event log holds its limit of ${this.options.fullBytes} bytes (eventLog.fullBytes).`, FULL_RETRY_MS);
  }

  private diskLow(): Unavailable {
    return unavailable('log-full', `The disk of ${this.options.directory} has less than ${this.options.minFreeDiskBytes} bytes left (eventLog.minFreeDiskBytes).`, FULL_RETRY_MS);
  }

  /** Runs inside the write transaction. */
  private store(group: readonly AppendCall[]): Stored {
    const state = this.environment.readState();
    const timestamp = this.options.clock.now();
    let held = totalBytes(state);
    const accepted: Stored['accepted'] = [];
    const refused: AppendCall[] = [];
    const runs = new Map<number, { chunk: Chunk; outcomes: AppendOutcome[] }[]>();
    for (const call of group) {
      if (held + call.bytes > this.options.fullBytes) {
        refused.push(call);
        continue;
      }
      held += call.bytes;
      const outcomes = new Array<AppendOutcome>(call.records);
      accepted.push({ call, outcomes });
      for (const chunk of call.chunks) {
        const run = runs.get(chunk.partition);
        if (run) run.push({ chunk, outcomes });
        else runs.set(chunk.partition, [{ chunk, outcomes }]);
      }
    }
    for (const [partition, run] of runs) {
      const partitionState = state[partition];
      if (!partitionState) throw new RangeError(`The event log has no partition ${partition}.`);
      this.storeRun(partition, partitionState, run, timestamp);
    }
    if (runs.size > 0) this.environment.writeState(state);
    return { accepted, refused, partitions: new Set(runs.keys()) };
  }

  /** Chunks of one partition, in the order of their calls, as few batches as their size allows. */
  private storeRun(partition: number, state: PartitionState, run: readonly { chunk: Chunk; outcomes: AppendOutcome[] }[], timestamp: number): void {
    state.greatestTimestamp = Math.max(state.greatestTimestamp, timestamp);
    let start = 0;
    while (start < run.length) {
      let end = start;
      let bytes = 0;
      let count = 0;
      for (; end < run.length; end++) {
        const chunk = run[end]?.chunk;
        if (!chunk || (end > start && bytes + chunk.byteLength > BATCH_BYTES)) break;
        bytes += chunk.byteLength;
        for (const { index } of chunk.records) {
          const outcomes = run[end]?.outcomes;
          if (outcomes) outcomes[index] = { type: 'appended', partition, offset: state.next + count };
          count++;
        }
      }
      const value = this.room(BATCH_HEADER_BYTES + bytes);
      let position = BATCH_HEADER_BYTES;
      for (const { chunk } of run.slice(start, end)) position = writeChunk(chunk, value, position);
      sealBatch(value, { base: state.next, timestamp, greatestTimestamp: state.greatestTimestamp, count });
      this.environment.batches[partition]?.putSync(state.next, value, { append: true });
      state.next += count;
      state.bytes += storedBytes(value.length);
      start = end;
    }
  }

  /** LMDB copies the value at once, so one buffer serves all batches of the usual size. */
  private room(bytes: number): Buffer {
    return bytes <= this.scratch.length ? this.scratch.subarray(0, bytes) : Buffer.allocUnsafeSlow(bytes);
  }
}

function unavailable(code: Unavailable['code'], reason: string, retryAfterMs: number): Unavailable {
  return { type: 'unavailable', code, reason, retryAfterMs };
}
