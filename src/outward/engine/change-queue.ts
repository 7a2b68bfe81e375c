import type { Log } from '../../contracts/log.js';

/** A change that takes longer is told: everything behind it waits. */
const LONG_MS = 30_000;

/** Changes of lanes and partitions in one engine, one after the other. */
export class ChangeQueue {
  private last: Promise<unknown> = Promise.resolve();
  private readonly givingUp = new Map<number, Promise<void>>();

  constructor(private readonly log: Log, private readonly longMs = LONG_MS) {}

  /** Begins when those before it have ended, whatever became of them. */
  serially<T>(what: string, change: () => Promise<T>): Promise<T> {
    const result = this.last.then(() => this.watched(what, change));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** As `serially`, and after those who are giving the partition up when this is called; later ones wait for this one. */
  take(partition: number, change: () => Promise<void>): Promise<void> {
    const givenUp = this.givingUp.get(partition);
    return this.serially(`taking partition ${partition}`, async () => {
      await givenUp;
      await change();
    });
  }

  /** Begins when the changes before it have ended; partitions are given up side by side, so that all of them have the whole grace. */
  giveUp(partition: number, act: () => Promise<void>): Promise<void> {
    const given = this.last.then(() => this.watched(`giving partition ${partition} up`, act));
    const ended = given.catch(() => undefined).finally(() => {
      if (this.givingUp.get(partition) === ended) this.givingUp.delete(partition);
    });
    this.givingUp.set(partition, ended);
    return given;
  }

  private async watched<T>(what: string, change: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.log.error({ what, forMs: this.longMs }, 'a change of the engine takes long; the next ones wait for it'), this.longMs);
    timer.unref();
    try {
      return await change();
    } finally {
      clearTimeout(timer);
    }
  }
}
