import { describe, expect, it } from '@jest/globals';
import type { LanePartition } from './lane-partition.js';
import { Patience, thisMoment, type Moment } from './patience.js';

const lane = (moved: Moment, rate = 0, known = rate > 0) => ({ lane: { moved, pace: { rate, known } } }) as LanePartition;
const awaited = (...moments: Moment[]) => moments.map((moved) => lane(moved));
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** The process has work in every turn, and some turns. */
const work = async (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    for (const slice = performance.now() + 5; performance.now() < slice; );
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('patience with lanes that are full', () => {
  it('is spent by idle time, hardly by time in which the process works', async () => {
    const patience = new Patience();
    await patience.spend(() => work(300));
    const afterWork = patience.left(awaited({ at: Infinity, idle: Infinity }), []);
    expect(afterWork).toBeGreaterThan(1900);
    await patience.spend(() => pause(300));
    expect(patience.left(awaited({ at: Infinity, idle: Infinity }), [])).toBeLessThan(afterWork - 200);
  });

  it('is for lanes that get on: it ends for one that got nothing on its way while the process was idle, or for long', () => {
    const patience = new Patience();
    const { at, idle } = thisMoment();
    expect(patience.left(awaited({ at, idle }), [])).toBeGreaterThan(900);
    expect(patience.left(awaited({ at, idle: idle - 1001 }), [])).toBe(0);
    expect(patience.left(awaited({ at: at - 5000, idle }), [])).toBeGreaterThan(900);
    expect(patience.left(awaited({ at: at - 10_001, idle }), [])).toBe(0);
    expect(patience.left(awaited({ at: -Infinity, idle: -Infinity }), [])).toBe(0);
    expect(patience.left([], [])).toBe(0);
  });

  it('is not for one whose receiver is much slower than that of the fastest, however busy the process is', () => {
    const patience = new Patience();
    const now = thisMoment();
    const fast = lane(now, 4000);
    const [slow, slower, unknown] = [lane(now, 600), lane(now, 400), lane(now, 1, false)];
    expect(patience.left([slower], [fast, slower])).toBe(0);
    expect(patience.left([slow], [fast, slow])).toBeGreaterThan(900);
    expect(patience.left([slow, slower], [fast, slow, slower])).toBeGreaterThan(900);
    expect(patience.left([unknown], [fast, unknown])).toBeGreaterThan(900);
    expect(patience.left([slower], [slower])).toBeGreaterThan(900);
    // What only fills buffers is no measure.
    expect(patience.left([lane(now, 1100)], [lane(now, 300_000)])).toBeGreaterThan(900);
  });

  it('has one that gets on waited for beside one that does not', () => {
    const { at, idle } = thisMoment();
    expect(new Patience().left(awaited({ at: -Infinity, idle: -Infinity }, { at, idle }), [])).toBeGreaterThan(900);
  });
});
