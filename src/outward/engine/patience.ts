import type { LanePartition } from './lane-partition.js';

/** A lane that got nothing on its way for so long does not get on: nobody waits for it. A seal takes two round trips, and as long as the receiver needs to read what it has. */
const GETS_ON_MS = 1000;
/** What the others may spend on waiting, of their time and at a stretch. */
const SHARE = 0.1;
const MOST_MS = 2000;

/** How long the lanes of a shared reader wait for those among them that are full but get on, where all work off what has gathered: nothing that is new waits. */
export class Patience {
  private saved = MOST_MS;
  private at = performance.now();

  /** Milliseconds that are left for these; 0 when one of them does not get on. */
  left(full: readonly LanePartition[]): number {
    const now = performance.now();
    this.saved = Math.min(MOST_MS, this.saved + (now - this.at) * SHARE);
    this.at = now;
    return full.reduce((least, { lane }) => Math.min(least, lane.movedAt + GETS_ON_MS - now), this.saved);
  }

  async spend(wait: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await wait();
    this.saved = Math.max(0, this.saved - (performance.now() - began));
    this.at = performance.now();
  }
}
