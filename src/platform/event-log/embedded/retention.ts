import type { Clock } from '../../../contracts/clock.js';
import type { Log } from '../../../contracts/log.js';
import type { BatchStore } from './batch-store.js';
import type { LogEnvironment } from './environment.js';
import { storedBytes, totalBytes, type LogState } from './log-state.js';

export interface RetentionOptions {
  retentionMs: number;
  retentionBytes: number;
  clock: Clock;
  log: Log;
}

/** One step removes at most so much and then gives the disk back to the appender. */
const STEP_BATCHES = 64;
const STEP_BYTES = 4_194_304;

/** Removes the oldest batches by age and by bytes, never the newest batch of a partition. Any process on the directory may run it. */
export class Retention {
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly environment: LogEnvironment, private readonly stores: readonly BatchStore[], private readonly options: RetentionOptions) {}

  /** Ends when nothing is left to remove. A call while it runs joins it. */
  run(): Promise<void> {
    this.running ??= this.steps().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async steps(): Promise<void> {
    let records = 0;
    let bytes = 0;
    try {
      for (let more = await this.due(); more && !this.stopped; more = await this.due()) {
        const removed = await this.environment.write(() => this.step());
        records += removed.records;
        bytes += removed.bytes;
        if (removed.batches === 0) break;
      }
      if (records > 0) this.options.log.info({ records, bytes }, 'event log removed what is older or more than its retention');
    } catch (error) {
      this.options.log.warn({ reason: error instanceof Error ? error.message : String(error), records, bytes }, 'event log could not remove old batches; it tries again at the next interval');
    }
  }

  private async due(): Promise<boolean> {
    await this.environment.ready();
    this.environment.refresh();
    const state = this.environment.readState();
    return this.oldest(state, this.heads(state)) !== undefined;
  }

  /** Runs inside the write transaction. */
  private step(): { batches: number; records: number; bytes: number } {
    const state = this.environment.readState();
    const heads = this.heads(state);
    const removed = { batches: 0, records: 0, bytes: 0 };
    while (removed.batches < STEP_BATCHES && removed.bytes < STEP_BYTES) {
      const head = this.oldest(state, heads);
      const partition = head && state[head.partition];
      if (!head || !partition) break;
      this.environment.batches[head.partition]?.removeSync(head.base);
      removed.batches++;
      removed.records += head.following - partition.first;
      removed.bytes += head.bytes;
      partition.first = head.following;
      partition.bytes = Math.max(0, partition.bytes - head.bytes);
      heads[head.partition] = this.head(head.partition, state);
    }
    if (removed.batches > 0) this.environment.writeState(state);
    return removed;
  }

  private oldest(state: LogState, heads: readonly (Head | undefined)[]): Head | undefined {
    const over = totalBytes(state) > this.options.retentionBytes;
    let oldestAt = over ? Infinity : this.options.clock.now() - this.options.retentionMs;
    let oldest: Head | undefined;
    for (const head of heads) {
      if (head && head.timestamp < oldestAt) {
        oldest = head;
        oldestAt = head.timestamp;
      }
    }
    return oldest;
  }

  private heads(state: LogState): (Head | undefined)[] {
    return this.stores.map((_, partition) => this.head(partition, state));
  }

  /** The oldest batch of a partition when another one follows it. */
  private head(partition: number, state: LogState): Head | undefined {
    const store = this.stores[partition];
    const first = state[partition]?.first ?? 0;
    const base = store?.baseAtOrAfter(first);
    const following = base === undefined ? undefined : store?.baseAtOrAfter(base + 1);
    if (!store || base === undefined || following === undefined) return undefined;
    const found = store.header(base);
    // A head that cannot be read goes first: it must not stop retention for ever.
    return { partition, base, following, timestamp: found?.header?.timestamp ?? 0, bytes: storedBytes(found?.valueBytes ?? 0) };
  }
}

interface Head {
  partition: number;
  base: number;
  /** First offset of the batch behind it. */
  following: number;
  timestamp: number;
  bytes: number;
}
