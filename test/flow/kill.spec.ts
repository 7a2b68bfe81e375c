import { describe, expect, it } from '@jest/globals';
import { killRun } from '../support/kill-run.js';

/** Larger in CI; the full size runs by `npm run soak:kill`. */
const events = Number(process.env['TIDEGATE_TEST_KILL_EVENTS'] ?? 10_000);
const kills = Number(process.env['TIDEGATE_TEST_KILLS'] ?? 3);

describe('the service killed again and again', () => {
  it(`delivers every accepted event of ${events} although it is killed ${kills} times`, async () => {
    const result = await killRun({ events, kills, batch: 250, seed: 20260923 });
    console.log(`accepted ${result.accepted}, delivered ${result.delivered}, lost ${result.lost.length}, repeated ${result.repeated}, kills ${result.kills}, ${result.ms} ms`);
    expect(result.kills).toBe(kills);
    expect(result.accepted).toBe(events);
    expect(result.lost).toEqual([]);
    expect(result.torn).toEqual([]);
    expect(result.changed).toEqual([]);
  }, Math.max(240_000, events * 9));
});
