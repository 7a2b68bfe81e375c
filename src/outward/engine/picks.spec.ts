import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Picks } from './picks.js';

describe('what a lane picks of a batch', () => {
  it('is each index once, in order, batch after batch', () => {
    const picks = new Picks();
    const batch = fc.array(fc.record({ wanted: fc.boolean(), twice: fc.boolean() }), { maxLength: 40 });
    fc.assert(fc.property(batch, (events) => {
      const expected: number[] = [];
      for (const [index, { wanted, twice }] of events.entries()) {
        if (!wanted) continue;
        expected.push(index);
        picks.add(index);
        // By another of the values that its filter names.
        if (twice) picks.add(index);
      }
      expect(picks.take()).toEqual(expected);
      expect(picks.take()).toEqual([]);
    }), { numRuns: 300 });
  });

  it('is one list for all that take as much from the first one on, and no other batch changes it', () => {
    const [one, other, late] = [new Picks(), new Picks(), new Picks()];
    for (let index = 0; index < 3; index++) for (const picks of [one, other]) picks.add(index);
    late.add(2);
    const all = one.take();
    expect(other.take()).toBe(all);
    for (let index = 0; index < 2000; index++) one.add(index);
    one.add(2001);
    expect(one.take()).toHaveLength(2001);
    expect(late.take()).toEqual([2]);
    expect(all).toEqual([0, 1, 2]);
  });
});
