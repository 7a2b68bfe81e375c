import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { settingsFrom } from '../config/settings.js';
import { HeapGrowth } from './heap-growth.js';

describe('how far the heap may grow', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const growth = (restGrowthPercent: number, busyPercent = 70) => {
    const loop = { share: 0 };
    const applied: number[] = [];
    new HeapGrowth({ ...settingsFrom().memory, restGrowthPercent, busyPercent }, () => loop.share, (percent) => applied.push(percent)).start();
    return { loop, applied };
  };

  it('is little at rest, left to V8 as soon as the event loop is busy, and little again after three calm seconds', () => {
    const { loop, applied } = growth(20);
    expect(applied).toEqual([20]);
    loop.share = 0.7;
    jest.advanceTimersByTime(5000);
    expect(applied).toEqual([20]);
    loop.share = 0.71;
    jest.advanceTimersByTime(250);
    expect(applied).toEqual([20, 0]);
    loop.share = 0.1;
    jest.advanceTimersByTime(2000);
    loop.share = 0.9;
    jest.advanceTimersByTime(1000);
    loop.share = 0.1;
    jest.advanceTimersByTime(2000);
    expect(applied).toEqual([20, 0]);
    jest.advanceTimersByTime(1000);
    expect(applied).toEqual([20, 0, 20]);
  });

  it('is left to V8 always where the setting says so', () => {
    const { loop, applied } = growth(0);
    loop.share = 1;
    jest.advanceTimersByTime(5000);
    expect(applied).toEqual([]);
  });
});

/** Lets a hundred thousand objects grow old again and again beside a million that stay; how many times V8 collected old ones. */
const PROBE = `
  import { constants, PerformanceObserver } from 'node:perf_hooks';
  import { setFlagsFromString } from 'node:v8';
  let collections = 0;
  new PerformanceObserver((list) => (collections += list.getEntries().filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length)).observe({ entryTypes: ['gc'] });
  const living = Array.from({ length: 1_000_000 }, (_, index) => ({ index, text: String(index) }));
  setFlagsFromString('--heap-growing-percent=' + process.argv[1]);
  const waiting = [];
  for (let index = 0; index < 5_000_000; index++) {
    waiting[index % 100_000] = { index, more: [index, index] };
    if (index % 100_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(collections, living.length);
`;

describe('the flag of V8', () => {
  it('takes hold in a process that runs already', () => {
    const collections = (percent: string): number => Number(execFileSync(process.execPath, ['--input-type=module', '-e', PROBE, percent], { encoding: 'utf8' }).split(' ')[0]);
    expect(collections('10')).toBeGreaterThan(2 * collections('400'));
  });
});
