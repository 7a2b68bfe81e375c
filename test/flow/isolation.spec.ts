import { afterEach, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { BAD_WAYS, startBadReceiver } from '../support/bad-receivers.js';
import { TEST_BROKERS } from '../support/engines-environment.js';
import { eventually, producerEvents, startTestService } from '../support/service.js';

/** Cursors of a hundred integrations take SecantusDB seconds: fewer there. */
const HEALTHY = TEST_BROKERS.length > 0 ? 20 : 96;
const EVENTS = 100;
const BATCH = 20;
const SUBJECTS = 7;

describe('one bad destination and another', () => {
  const ends: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it(`leave ${HEALTHY} others with everything, in order, while four of ${HEALTHY + BAD_WAYS.length} are dead, slow, mute and resetting`, async () => {
    const test = await startTestService();
    ends.push(() => test.end());
    const receiver = await LoopbackReceiver.start({ protocol: 'tcp', keep: 0 });
    ends.push(() => receiver.stop());
    /** Numbers of the events that an integration got, by its name and their subject, each once and in the order of arrival. */
    const arrived = new Map<string, number[]>();
    const seen = new Set<string>();
    receiver.onMessage(({ text }) => {
      const found = /^<\d+>1 \S+ \S+ (\S+) .*"id":"iso-(\d+)"/.exec(text);
      if (!found) return;
      const [, way = '', number = ''] = found;
      const key = `${way}:${Number(number) % SUBJECTS}`;
      if (seen.has(`${way}:${number}`)) return;
      seen.add(`${way}:${number}`);
      arrived.set(key, [...(arrived.get(key) ?? []), Number(number)]);
    });
    const common = { outputType: 'json', filter: { types: ['account.*'] }, connection: { retryInitialMs: 20, retryMaxMs: 100, sealIntervalMs: 500, sendTimeoutMs: 1000 } };
    for (const way of BAD_WAYS) {
      const bad = await startBadReceiver(way);
      ends.push(() => bad.stop());
      await test.client.integrate({ name: way, serverUrl: `tcp://127.0.0.1:${bad.port}`, ...common });
    }
    for (let at = 0; at < HEALTHY; at++) await test.client.integrate({ name: `good-${at}`, serverUrl: `tcp://127.0.0.1:${receiver.port}`, output: { appName: `good-${at}` }, ...common });

    const events = producerEvents('iso', EVENTS, SUBJECTS);
    for (let at = 0; at < EVENTS; at += BATCH) {
      await test.client.ok('POST', '/api/v1/events', events.slice(at, at + BATCH));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await eventually('every healthy integration got everything', () => seen.size >= HEALTHY * EVENTS, 60_000);
    for (let at = 0; at < HEALTHY; at++) {
      for (let subject = 0; subject < SUBJECTS; subject++) {
        const numbers = arrived.get(`good-${at}:${subject}`) ?? [];
        expect(numbers).toEqual(Array.from({ length: Math.ceil((EVENTS - subject) / SUBJECTS) }, (_, index) => index * SUBJECTS + subject));
      }
    }
    interface Status {
      name: string;
      status: { state: string; backlog: number; delivered: number };
    }
    for (const way of ['dead', 'resetting']) {
      let bad: Status | undefined;
      // What is shown is as old as the last heartbeat.
      await eventually(`everything waits for ${way}`, async () => {
        const { items } = await test.client.ok<{ items: Status[] }>('GET', '/api/v1/integrations?pageSize=100');
        bad = items.find(({ name }) => name === way);
        return (bad?.status.backlog ?? 0) >= EVENTS;
      });
      expect(bad?.status.delivered).toBe(0);
      expect(['retrying', 'fault']).toContain(bad?.status.state);
    }
  }, 120_000);
});
