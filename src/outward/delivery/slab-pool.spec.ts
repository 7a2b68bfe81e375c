import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SLAB_BYTES, SlabPool } from './slab-pool.js';
import { SlabWriter } from './slab-writer.js';

describe('slabs that are used again', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('come from the pool as long as it has some, and are never more than 64', () => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: 80 }, () => pool.take());
    expect(new Set(slabs).size).toBe(80);
    expect(slabs.every((slab) => slab.length === SLAB_BYTES)).toBe(true);
    pool.give(slabs);
    expect(pool.length).toBe(64);
    expect(slabs).toContain(pool.take());
  });

  it('are let go when nobody took one for a while', () => {
    const pool = new SlabPool();
    pool.give([pool.take()]);
    jest.advanceTimersByTime(5000);
    expect(pool.length).toBe(1);
    pool.give([pool.take()]);
    jest.advanceTimersByTime(5000);
    expect(pool.length).toBe(1);
    jest.advanceTimersByTime(5000);
    expect(pool.length).toBe(0);
    pool.give([pool.take()]);
    jest.advanceTimersByTime(10_000);
    expect(pool.length).toBe(0);
  });

  it('are those of long runs alone: what is written for few takes its own octets', () => {
    const pool = new SlabPool();
    const [few, many] = [new SlabWriter('newline', 3, pool), new SlabWriter('newline', 500, pool)];
    few.write('event');
    many.write('event');
    few.giveBack();
    many.giveBack();
    expect(pool.length).toBe(1);
    many.giveBack();
    expect(pool.length).toBe(1);
  });

  it('hold what is written next only once they were given back', () => {
    const pool = new SlabPool();
    const [first, second] = [new SlabWriter('newline', 500, pool), new SlabWriter('newline', 500, pool)];
    const slab = first.write('first');
    second.write('second');
    expect(slab.toString('latin1', first.start, first.end)).toBe('first\n');
    first.giveBack();
    expect(new SlabWriter('newline', 500, pool).write('third')).toBe(slab);
    // A writer goes on with another one.
    expect(first.write('fourth')).not.toBe(slab);
  });
});
