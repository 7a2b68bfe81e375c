import { afterEach, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../demo/loopback-receiver.js';
import { eventually, producerEvents, startTestService } from '../../../test/support/service.js';
import { PromptSaves } from './prompt-saves.js';

describe('saves of what was proven', () => {
  const ends: Array<() => unknown> = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('come soon after a proof, together with those of other lanes, and then once an interval', async () => {
    const saves: Array<{ at: number; lanes: string[] }> = [];
    const begun = performance.now();
    const [one, two] = [{ name: 'one' }, { name: 'two' }];
    const prompt = new PromptSaves<{ name: string }>((lanes) => {
      saves.push({ at: performance.now() - begun, lanes: lanes.map(({ name }) => name) });
      return Promise.resolve();
    }, 1000);
    ends.push(() => prompt.stop());
    prompt.proven(one);
    prompt.proven(two);
    prompt.proven(one);
    expect(prompt.has(one)).toBe(true);
    await eventually('the first save', () => saves.length === 1);
    expect(prompt.has(one)).toBe(false);
    prompt.proven(one);
    await eventually('the second save', () => saves.length === 2);
    expect(saves.map(({ lanes }) => lanes)).toEqual([['one', 'two'], ['one']]);
    expect((saves[1]?.at ?? 0) - (saves[0]?.at ?? 0)).toBeGreaterThanOrEqual(995);
    prompt.proven(one);
    prompt.stop();
    await pause(1300);
    expect(saves).toHaveLength(2);
  });

  it('go on after one that took long, with what was proven meanwhile', async () => {
    let release = () => {};
    const saves: string[] = [];
    const prompt = new PromptSaves<{ name: string }>((lanes) => {
      saves.push(...lanes.map(({ name }) => name));
      return new Promise((resolve) => { release = resolve; });
    }, 50);
    ends.push(() => prompt.stop());
    prompt.proven({ name: 'one' });
    await eventually('the first save', () => saves.length === 1);
    prompt.proven({ name: 'two' });
    await pause(100);
    expect(saves).toEqual(['one']);
    release();
    await eventually('the second save', () => saves.length === 2);
  });

  it('do not wait for the next turn of the engine', async () => {
    const receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    ends.push(() => receiver.stop());
    const test = await startTestService({ engine: { heartbeatMs: 10_000, commitIntervalMs: 500 } });
    ends.push(() => test.end());
    const id = await test.client.integrate({ name: 'prompt', serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', filter: { types: ['account.*'] }, connection: { sealIntervalMs: 300 } });
    await test.client.ok('POST', '/api/v1/events', producerEvents('prompt', 3, 1));
    await eventually('they arrived', () => receiver.texts.filter((text) => text.includes('prompt-')).length >= 3);
    // It has just taken its turn, as the integration was new; the next one comes in ten seconds.
    const { items } = await test.client.ok<{ items: Array<{ partition: number; offset: number }> }>('POST', '/api/v1/events', producerEvents('later', 3, 1));
    const last = items.at(-1);
    await eventually('the cursor is saved', async () => {
      const { positions } = await test.client.ok<{ positions: Array<{ partition: number; position: number }> }>('GET', `/api/v1/integrations/${id}/status`);
      return positions.some(({ partition, position }) => partition === last?.partition && position > last.offset);
    }, 6000);
  });
});
