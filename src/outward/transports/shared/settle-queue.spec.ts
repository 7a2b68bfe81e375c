import { describe, expect, it } from '@jest/globals';
import { SettleQueue } from './settle-queue.js';

describe('the quiet period', () => {
  it('calls chunks safe in order, each rung under its own name', async () => {
    const safe: [number, string][] = [];
    const queue = new SettleQueue((upTo, evidence) => safe.push([upTo, evidence]));
    queue.add(1, 'sent', 30);
    queue.add(2, 'sent', 0);
    queue.add(3, 'read', 0);
    await queue.drained(5000);
    expect(safe.at(-1)).toEqual([3, 'read']);
    expect(safe).toContainEqual([2, 'sent']);
    expect(safe.map(([upTo]) => upTo)).toEqual([...safe.map(([upTo]) => upTo)].sort());
  });

  it('calls nothing safe after a failure, also when its time was over while the process was busy', async () => {
    const safe: number[] = [];
    const queue = new SettleQueue((upTo) => safe.push(upTo));
    queue.add(1, 'sent', 5);
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    // The failure is read from the socket after the timer is due, in the same turn of the loop.
    await new Promise<void>((resolve) => setImmediate(() => { queue.stop(); resolve(); }));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(safe).toEqual([]);
    await queue.drained(5000);
  });

  it('gives up waiting when the time is over', async () => {
    const safe: number[] = [];
    const queue = new SettleQueue((upTo) => safe.push(upTo));
    queue.add(1, 'sent', 60_000);
    await queue.drained(10);
    expect(safe).toEqual([]);
    queue.stop();
    queue.add(2, 'sent', 0);
    await queue.drained(5000);
    expect(safe).toEqual([]);
  });
});
