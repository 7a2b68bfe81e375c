import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DialRate } from './dial-rate.js';

/** Who was let through, and at which millisecond of the test's own clock. */
interface Turn {
  who: string;
  at: number;
  go: boolean;
}

/** Asks for a turn and notes the answer. */
const asker = (rate: DialRate): { turns: Turn[]; ask: (who: string, destination?: string, signal?: AbortSignal) => void } => {
  const turns: Turn[] = [];
  const from = performance.now();
  return {
    turns,
    ask: (who, destination = 'siem:514', signal) => void rate.turn(destination, signal).then((go) => turns.push({ who, at: performance.now() - from, go })),
  };
};

describe('the rate of connections to one destination', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('lets so many begin at once and the next ones in their order, never more within a second', async () => {
    const { turns, ask } = asker(new DialRate(3));
    for (let who = 0; who < 8; who++) ask(`${who}`);
    await jest.advanceTimersByTimeAsync(5000);
    expect(turns.map(({ who, at }) => `${who} at ${at}`)).toEqual(['0 at 0', '1 at 0', '2 at 0', '3 at 1000', '4 at 1000', '5 at 1000', '6 at 2000', '7 at 2000']);
    expect(turns.every(({ go }) => go)).toBe(true);
  });

  it('counts any second, not those of a clock', async () => {
    const { turns, ask } = asker(new DialRate(2));
    ask('0');
    await jest.advanceTimersByTimeAsync(700);
    ask('1');
    ask('2');
    ask('3');
    await jest.advanceTimersByTimeAsync(2000);
    expect(turns.map(({ who, at }) => `${who} at ${at}`)).toEqual(['0 at 0', '1 at 700', '2 at 1000', '3 at 1700']);
  });

  it('holds no other destination', async () => {
    const { turns, ask } = asker(new DialRate(1));
    ask('first', 'one:514');
    ask('waits', 'one:514');
    ask('other', 'two:514');
    await jest.advanceTimersByTimeAsync(0);
    expect(turns.map(({ who }) => who)).toEqual(['first', 'other']);
    await jest.advanceTimersByTimeAsync(1000);
    expect(turns.at(-1)).toEqual({ who: 'waits', at: 1000, go: true });
  });

  it('is left by who is stopped, at once, and the place is the next one\'s', async () => {
    const { turns, ask } = asker(new DialRate(1));
    const stop = new AbortController();
    ask('first');
    ask('stopped', 'siem:514', stop.signal);
    ask('next');
    await jest.advanceTimersByTimeAsync(300);
    stop.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(turns.at(-1)).toEqual({ who: 'stopped', at: 300, go: false });
    await jest.advanceTimersByTimeAsync(2000);
    expect(turns.at(-1)).toEqual({ who: 'next', at: 1000, go: true });
    ask('too late', 'siem:514', stop.signal);
    await jest.advanceTimersByTimeAsync(0);
    expect(turns.at(-1)).toMatchObject({ who: 'too late', go: false });
  });

  it('is none where no limit is set', async () => {
    const { turns, ask } = asker(new DialRate(0));
    for (let who = 0; who < 100; who++) ask(`${who}`);
    await jest.advanceTimersByTimeAsync(0);
    expect(turns).toHaveLength(100);
  });

  it('forgets destinations that rest, and none whose second is not over', async () => {
    const rate = new DialRate(1);
    const { turns, ask } = asker(rate);
    for (let host = 0; host < 1000; host++) ask('filler', `host-${host}:514`);
    await jest.advanceTimersByTimeAsync(500);
    ask('young', 'young:514');
    await jest.advanceTimersByTimeAsync(600);
    ask('one more', 'one-more:514');
    ask('young again', 'young:514');
    ask('old again', 'host-0:514');
    await jest.advanceTimersByTimeAsync(0);
    expect(turns.slice(-2).map(({ who }) => who)).toEqual(['one more', 'old again']);
    await jest.advanceTimersByTimeAsync(500);
    expect(turns.at(-1)).toEqual({ who: 'young again', at: 1500, go: true });
  });
});
