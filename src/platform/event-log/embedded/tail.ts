import type { LogEnvironment } from './environment.js';

/** How soon an append of another process is seen. One read of 10 microseconds each, and only while somebody waits. */
const POLL_MS = 25;

export interface TailWaiter {
  readonly partition: number;
  /** Where the reader stands: it sleeps while nothing is stored at this offset. */
  readonly position: number;
  wake(): void;
}

/** Wakes the readers that stand at the end: at once after an append of this process, within `POLL_MS` after one of another. */
export class Tail {
  private readonly waiters = new Set<TailWaiter>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly environment: LogEnvironment) {}

  add(waiter: TailWaiter): void {
    this.waiters.add(waiter);
    this.timer ??= setTimeout(() => this.poll(), POLL_MS);
  }

  remove(waiter: TailWaiter): void {
    this.waiters.delete(waiter);
  }

  /** After a commit of this process. */
  appended(partitions: ReadonlySet<number>): void {
    for (const waiter of [...this.waiters]) if (partitions.has(waiter.partition)) waiter.wake();
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const waiter of [...this.waiters]) waiter.wake();
  }

  private poll(): void {
    this.timer = undefined;
    if (this.waiters.size === 0) return;
    this.environment.refresh();
    const state = this.environment.readState();
    for (const waiter of [...this.waiters]) {
      const next = state[waiter.partition]?.next ?? 0;
      if (next > waiter.position) waiter.wake();
    }
    // Kept while nobody waits for a moment: readers come and go with every batch.
    this.timer = setTimeout(() => this.poll(), POLL_MS);
  }
}
