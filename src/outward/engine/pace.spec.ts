import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Pace } from './pace.js';

describe('the pace of a lane', () => {
  let now = 1000;
  let pace = new Pace();
  const pieces = (count: number, ms: number, bytes = 1000) => {
    for (let piece = 0; piece < count; piece++) {
      pace.begin();
      now += ms;
      pace.passed(bytes);
    }
  };

  beforeEach(() => {
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    pace = new Pace();
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is not known before anything was sent, nor in the first second', () => {
    pace.begin();
    now += 5000;
    expect(pace.rate).toBe(0);
    expect(pace.known).toBe(false);
    pace = new Pace();
    pieces(9, 100);
    expect(pace.known).toBe(false);
    pieces(9, 100);
    expect(pace.known).toBe(true);
  });

  it('is octets a millisecond of the time in which there was something to send', () => {
    pieces(1, 10);
    pace.rest();
    now += 60_000;
    expect(pace.rate).toBeCloseTo(100);
    pieces(1, 10);
    expect(pace.rate).toBeCloseTo(100);
  });

  it('falls while a piece does not get on, hardly by a pause for a moment, and follows the last seconds', () => {
    pieces(1000, 1);
    now += 100;
    expect(pace.rate).toBeGreaterThan(800);
    now += 9900;
    expect(pace.rate).toBeLessThan(150);
    pace.passed(1000);
    expect(pace.rate).toBeLessThan(10);
    pieces(20_000, 1);
    expect(pace.rate).toBeGreaterThan(950);
  });
});
