import { describe, expect, it } from '@jest/globals';
import { DialRate } from './dial-rate.js';

const took = async (work: Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work;
  return performance.now() - from;
};

describe('the rate of connections to one destination', () => {
  it('lets so many begin at once and the next ones in their order, never more within a second', async () => {
    const rate = new DialRate(3);
    const began: Array<{ who: number; at: number }> = [];
    await Promise.all(Array.from({ length: 8 }, async (_, who) => {
      expect(await rate.turn('siem:514')).toBe(true);
      began.push({ who, at: performance.now() });
    }));
    expect(began.map(({ who }) => who)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const [index, { at }] of began.entries()) {
      const third = began[index + 3];
      if (third) expect(third.at - at).toBeGreaterThanOrEqual(999);
    }
    expect((began[7]?.at ?? 0) - (began[0]?.at ?? 0)).toBeLessThan(3500);
  });

  it('holds no other destination', async () => {
    const rate = new DialRate(1);
    await rate.turn('one:514');
    const waiting = rate.turn('one:514');
    expect(await took(rate.turn('two:514'))).toBeLessThan(200);
    expect(await took(waiting)).toBeGreaterThan(500);
  });

  it('is left by who is stopped, at once, and the place is the next one\'s', async () => {
    const rate = new DialRate(1);
    await rate.turn('siem:514');
    const stop = new AbortController();
    const [stopped, next] = [rate.turn('siem:514', stop.signal), took(rate.turn('siem:514'))];
    stop.abort();
    expect(await took(stopped)).toBeLessThan(200);
    expect(await stopped).toBe(false);
    expect(await next).toBeLessThan(1300);
    expect(await rate.turn('siem:514', stop.signal)).toBe(false);
  });

  it('is none where no limit is set', async () => {
    const rate = new DialRate(0);
    expect(await took(Promise.all(Array.from({ length: 100 }, () => rate.turn('siem:514'))))).toBeLessThan(200);
  });

  it('forgets destinations that rest', async () => {
    const rate = new DialRate(1);
    for (let index = 0; index < 1000; index++) await rate.turn(`host-${index}:514`);
    const held = rate.turn('host-0:514');
    await new Promise((resolve) => setTimeout(resolve, 1050));
    await held;
    await rate.turn('one-more:514');
    // The one that was let through just now is still known: its second is not over.
    expect(await took(rate.turn('host-0:514'))).toBeGreaterThan(500);
  });
});
