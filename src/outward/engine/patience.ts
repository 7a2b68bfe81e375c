import { performance } from 'node:perf_hooks';
import type { LanePartition } from './lane-partition.js';

/** A lane that got nothing on its way for so long does not get on: nobody waits for it. A seal takes two round trips, and as long as the receiver needs to read what it has. */
const GETS_ON_MS = 1000;
/** The same where the process was busy all the time: its turn may not have come. */
const GETS_ON_BUSY_MS = 10_000;
/** What the others may lose by waiting, of their time and at a stretch. */
const SHARE = 0.1;
const MOST_MS = 2000;
/** What waiting costs while the process is busy: it works for those that are waited for, so next to nothing is lost. Not nothing, for it may be busy with something else. */
const BUSY_SHARE = 0.02;
/** Nor is one waited for whose pace is so many times less than that of the fastest: the others would go at its pace. */
const MUCH_SLOWER = 8;
/** Octets a millisecond that are fast enough: what goes faster goes into buffers, and says nothing about others that only go at this pace. */
const FAST = 8 * 1024;
/** A timer's shortest time: for less nobody waits, it would become more. */
const LEAST_MS = 5;

/** A moment by two clocks: how long the process has run, and how long of that it stood idle (both in milliseconds). */
export interface Moment {
  at: number;
  idle: number;
}

let lastMoment: Moment = { at: -Infinity, idle: 0 };

/** At most a millisecond old: many lanes ask in one turn. */
export function thisMoment(): Moment {
  const at = performance.now();
  if (at - lastMoment.at >= 1) lastMoment = { at, idle: performance.eventLoopUtilization().idle };
  return lastMoment;
}

/**
 * How long the lanes of a shared reader wait for those among them that are full or a little behind but get on, where all work off what has gathered: nothing that is new waits.
 * Counted is the time in which the process stood idle.
 */
export class Patience {
  private saved = MOST_MS;
  private at = performance.now();

  /**
   * Milliseconds that are left for these; 0 when none of them gets on.
   * @param all the lanes among which the fastest counts
   */
  left(awaited: readonly LanePartition[], all: Iterable<LanePartition>): number {
    const { at, idle } = thisMoment();
    this.saved = Math.min(MOST_MS, this.saved + (at - this.at) * SHARE);
    this.at = at;
    if (awaited.length === 0 || this.saved < LEAST_MS) return 0;
    const tooSlow = paceOfFastest(all) / MUCH_SLOWER;
    let most = 0;
    for (const { lane: { moved, pace } } of awaited) {
      if (pace.known && pace.rate < tooSlow) continue;
      most = Math.max(most, Math.min(moved.idle + GETS_ON_MS - idle, moved.at + GETS_ON_BUSY_MS - at));
    }
    return Math.min(this.saved, most);
  }

  async spend(wait: () => Promise<void>): Promise<void> {
    const before = thisMoment();
    await wait();
    const { at, idle } = thisMoment();
    const idleMs = idle - before.idle;
    this.saved = Math.max(0, this.saved - idleMs - (at - before.at - idleMs) * BUSY_SHARE);
    this.at = at;
  }
}

function paceOfFastest(lanes: Iterable<LanePartition>): number {
  let most = 0;
  for (const { lane } of lanes) most = Math.max(most, lane.pace.rate);
  return Math.min(most, FAST);
}
