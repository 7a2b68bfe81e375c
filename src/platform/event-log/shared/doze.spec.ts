import { describe, expect, it } from '@jest/globals';
import { Doze } from './doze.js';

describe('a wait that may be cut short', () => {
  it('ends after its time when nobody speaks', async () => {
    await new Doze().for(5);
  });

  it('ends at once when somebody does', async () => {
    const doze = new Doze();
    const waiting = doze.for(2 ** 30);
    doze.wake();
    await waiting;
  });

  it('is not ended by what was said before it, nor by the end of one before it', async () => {
    const doze = new Doze();
    doze.wake();
    await doze.for(1);
    let over = false;
    const waiting = doze.for(2 ** 30).then(() => (over = true));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(over).toBe(false);
    doze.wake();
    await waiting;
  });
});
