import { beforeEach, describe, expect, it } from '@jest/globals';
import { silentLog, type Log } from '../../contracts/log.js';
import { ChangeQueue } from './change-queue.js';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('changes of an engine', () => {
  let said: string[];
  let told: object[];
  let queue: ChangeQueue;
  const act = (name: string, ms = 5) => async () => {
    said.push(`${name} begins`);
    await pause(ms);
    said.push(`${name} ends`);
  };
  beforeEach(() => {
    [said, told] = [[], []];
    const log: Log = { ...silentLog, error: (facts: object) => void told.push(facts) };
    queue = new ChangeQueue(log, 50);
  });

  it('are made one after the other, also after one that failed', async () => {
    const failed = queue.serially('one', async () => {
      await pause(5);
      throw new Error('refused');
    });
    const done = queue.serially('two', act('two'));
    await expect(failed).rejects.toThrow('refused');
    await done;
    expect(said).toEqual(['two begins', 'two ends']);
  });

  it('take a partition when its former owner has given it up; several are given up side by side', async () => {
    const given = [queue.giveUp(0, act('giving 0', 30)), queue.giveUp(1, act('giving 1', 10))];
    await queue.take(0, act('taking 0'));
    await Promise.all(given);
    expect(said).toEqual(['giving 0 begins', 'giving 1 begins', 'giving 1 ends', 'giving 0 ends', 'taking 0 begins', 'taking 0 ends']);
  });

  it('go on when a partition is revoked before its turn to be taken, and again', async () => {
    const slow = queue.serially('slow', act('slow', 20));
    const taken = queue.take(0, act('taking'));
    const given = queue.giveUp(0, act('giving', 20));
    const again = queue.take(0, act('taking again'));
    // The test's own limit tells when they wait for each other.
    await Promise.all([slow, taken, given, again]);
    expect(said).toEqual(['slow begins', 'slow ends', 'taking begins', 'taking ends', 'giving begins', 'giving ends', 'taking again begins', 'taking again ends']);
  });

  it('do not forget a later giving up when an earlier one ends', async () => {
    const first = queue.giveUp(0, act('first', 5));
    const second = queue.giveUp(0, act('second', 40));
    await first;
    await queue.take(0, act('taking'));
    await second;
    expect(said.indexOf('second ends')).toBeLessThan(said.indexOf('taking begins'));
  });

  it('are told when one takes long', async () => {
    await queue.serially('a long one', act('long', 120));
    expect(told).toEqual([{ what: 'a long one', forMs: 50 }]);
  });
});
