import { describe, expect, it } from '@jest/globals';
import { Signal, within } from './signal.js';

describe('a wake-up', () => {
  it('that comes before the wait ends the next wait at once, once', async () => {
    const signal = new Signal();
    signal.notify();
    signal.notify();
    await signal.wait();
    let woken = false;
    const waiting = signal.wait().then(() => (woken = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(woken).toBe(false);
    signal.notify();
    await waiting;
  });

  it('ends a wait after its time, and is not left over from it', async () => {
    const signal = new Signal();
    await signal.wait(1);
    let woken = false;
    void signal.wait().then(() => (woken = true));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(woken).toBe(false);
    signal.notify();
  });

  it('does not wait for work beyond its time, and takes its failure for an end', async () => {
    await within(1, new Promise(() => undefined));
    await within(10_000, Promise.reject(new Error('its owner knows')));
  });
});
