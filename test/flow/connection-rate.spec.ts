import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

const EVENTS = 30;

describe('several integrations with one destination', () => {
  let test: TestService;
  let shared: LoopbackReceiver;
  let other: LoopbackReceiver;
  beforeAll(async () => {
    shared = await LoopbackReceiver.start({ protocol: 'tcp' });
    other = await LoopbackReceiver.start({ protocol: 'tcp' });
    test = await startTestService({ engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
  });
  afterAll(async () => {
    await test.end();
    await Promise.all([shared.stop(), other.stop()]);
  });

  it('open at most four connections a second to it together, lose nothing, keep no other waiting, and stop at once', async () => {
    const connection = { sealIntervalMs: 50, settleMs: 50, heartbeatSeconds: 0 };
    for (let index = 0; index < 5; index++) await test.client.integrate({ name: `shared ${index}`, serverUrl: `tcp://127.0.0.1:${shared.port}`, connection, outputType: 'json', filter: { types: ['account.*'] } });
    await test.client.integrate({ name: 'other', serverUrl: `tcp://127.0.0.1:${other.port}`, connection, outputType: 'json', filter: { types: ['account.*'] } });
    const began = performance.now();
    for (let round = 0; round < EVENTS; round++) {
      await test.client.ok('POST', '/api/v1/events', producerEvents(`round-${round}`, 1));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await other.until(() => other.received >= EVENTS, 10_000, 'all events at the other one');
    await shared.until(() => new Set(shared.messages.map(({ text, connection: by }) => `${by}|${text}`)).size >= 5 * EVENTS, 30_000, 'all events of all five');
    const seconds = (performance.now() - began) / 1000;
    // A window of a second may hold four at each of its ends.
    expect(shared.accepted).toBeLessThanOrEqual(4 * (Math.ceil(seconds) + 1));
    expect(other.accepted).toBeGreaterThan(seconds);
    await eventually('everything is proven', async () => {
      const { items } = await test.client.ok<{ items: Array<{ status: { delivered: number } }> }>('GET', '/api/v1/integrations');
      return items.every(({ status }) => status.delivered === EVENTS);
    }, 30_000);
    const stopping = performance.now();
    await test.stop();
    expect(performance.now() - stopping).toBeLessThan(8000);
    await test.restart();
  }, 120_000);
});
