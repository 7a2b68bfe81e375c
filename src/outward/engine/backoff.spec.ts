import { describe, expect, it } from '@jest/globals';
import { backoffMs } from './backoff.js';

describe('the wait after a failure', () => {
  it('doubles with each failure up to the longest wait, between half and all of it', () => {
    expect([1, 2, 3, 4, 5].map((failures) => backoffMs(failures, 500, 4000, 0))).toEqual([250, 500, 1000, 2000, 2000]);
    for (const failures of [1, 2, 3, 40, 10_000]) {
      const [least, most] = [backoffMs(failures, 500, 60_000, 0), backoffMs(failures, 500, 60_000, 0.999999)];
      expect(most).toBeLessThanOrEqual(Math.min(60_000, 500 * 2 ** Math.min(30, failures - 1)));
      expect(least * 2).toBeGreaterThanOrEqual(most - 1);
      expect(Number.isFinite(most)).toBe(true);
    }
  });
});
