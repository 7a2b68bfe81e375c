import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { LogEnvironment } from './environment.js';

/**
 * Another process makes its commit visible a moment after its last write to the file: what the watch tells is looked at so much later.
 * Commits of this process change the file as well; however many changes come, there is one look in this time.
 */
const LOOK_MS = 2;
/** Without a watch (the system has none left) the log is looked at this often while somebody waits. */
const POLL_MS = 25;

export interface TailWaiter {
  readonly partition: number;
  /** Where the reader stands: it sleeps while nothing is stored at this offset. */
  readonly position: number;
  wake(): void;
}

/** Wakes the readers that stand at the end: at once after an append of this process; after one of another as soon as the file changes. Nothing runs while nothing happens. */
export class Tail {
  private readonly waiters = new Set<TailWaiter>();
  private timer: NodeJS.Timeout | undefined;
  private watcher: FSWatcher | undefined;
  /** The file changed while a look was due already. */
  private again = false;

  constructor(private readonly environment: LogEnvironment) {
    try {
      this.watcher = watch(join(environment.directory, 'data.mdb'), { persistent: false }, () => this.changed());
      this.watcher.on('error', () => this.unwatch());
    } catch {
      this.watcher = undefined;
    }
  }

  add(waiter: TailWaiter): void {
    this.waiters.add(waiter);
    if (!this.watcher) this.lookLater();
  }

  remove(waiter: TailWaiter): void {
    this.waiters.delete(waiter);
  }

  /** After a commit of this process. */
  appended(partitions: ReadonlySet<number>): void {
    for (const waiter of [...this.waiters]) if (partitions.has(waiter.partition)) waiter.wake();
  }

  close(): void {
    this.watcher?.close();
    this.watcher = undefined;
    clearTimeout(this.timer);
    for (const waiter of [...this.waiters]) waiter.wake();
  }

  private unwatch(): void {
    this.watcher?.close();
    this.watcher = undefined;
    this.lookLater();
  }

  private changed(): void {
    if (this.waiters.size === 0) return;
    if (this.timer) this.again = true;
    else this.lookLater();
  }

  private lookLater(): void {
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        const changed = this.again;
        this.again = false;
        this.look();
        const more = changed || this.again || !this.watcher;
        if (more && this.waiters.size > 0) this.lookLater();
      },
      this.watcher ? LOOK_MS : POLL_MS,
    );
  }

  private look(): void {
    if (this.waiters.size === 0) return;
    if (this.environment.busy) {
      this.again = true;
      return;
    }
    this.environment.refresh();
    const state = this.environment.readState();
    for (const waiter of [...this.waiters]) {
      const next = state[waiter.partition]?.next ?? 0;
      if (next > waiter.position) waiter.wake();
    }
  }
}
