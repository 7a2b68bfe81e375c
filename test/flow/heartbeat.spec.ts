import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { freePort } from '../support/free-port.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Heartbeat {
  id: string;
  type: string;
  subject: { id: string };
  message: string;
  reason?: string;
  attributes: {
    number: number; sent: number; filtered: number; rejected: number; backlog: number; state: string; lastError: string | null;
    types: Array<{ type: string; count: number }>;
    partitions: Array<{ partition: number; from: number; to: number; sent: number; filtered: number; rejected: number; backlog: number }>;
  };
}

describe('heartbeats', () => {
  let test: TestService;
  let all: LoopbackReceiver;
  let users: LoopbackReceiver;
  const events = (receiver: LoopbackReceiver) => receiver.texts.map((text) => JSON.parse(text.slice(text.indexOf('{'))) as Heartbeat);
  const beats = (receiver: LoopbackReceiver) => events(receiver).filter(({ type }) => type === 'siem.heartbeat');
  let allId: string;
  beforeAll(async () => {
    test = await startTestService({ evidence: { heartbeatLookMs: 100 }, engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
    all = await LoopbackReceiver.start({ protocol: 'tcp', port: await freePort() });
    users = await LoopbackReceiver.start({ protocol: 'tcp' });
    const settings = (receiver: LoopbackReceiver) => ({ serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', connection: { heartbeatSeconds: 1, sealIntervalMs: 200, retryInitialMs: 100, retryMaxMs: 300 } });
    allId = await test.client.integrate({ name: 'all', ...settings(all), filter: { types: ['account.*'] } });
    await test.client.integrate({ name: 'users', ...settings(users), filter: { types: ['user.*'] } });
  });
  afterAll(async () => {
    await test.end();
    await all.stop();
    await users.stop();
  });

  it('tell each receiver, whatever its filter, what was sent and left out since the one before; together they tile the log and count every event once', async () => {
    await eventually('the first heartbeat', () => beats(all).length > 0 && beats(users).length > 0, 25_000);
    await test.client.ok('POST', '/api/v1/events', producerEvents('one', 40));
    await test.client.ok('POST', '/api/v1/events', producerEvents('two', 25));
    const told = (receiver: LoopbackReceiver) => beats(receiver).reduce((sum, { attributes }) => sum + attributes.types.filter(({ type }) => type === 'account.provisioned').reduce((count, one) => count + one.count, 0), 0);
    await eventually('all events were told', () => told(all) === 65, 20_000);
    await eventually('all are filtered for the other', () => beats(users).reduce((sum, { attributes }) => sum + attributes.filtered, 0) >= 65, 45_000);
    expect(told(users)).toBe(0);
    for (const receiver of [all, users]) {
      const ends = new Map<number, number>();
      beats(receiver).forEach(({ attributes, message }, index) => {
        expect(attributes.number).toBe(index + 1);
        // In the sentence, too, for receivers of formats without attributes.
        const runs = [...message.matchAll(/partition (\d+): (\d+) to (\d+) sent (\d+)/g)].map(([, ...numbers]) => numbers.map(Number));
        expect(runs).toEqual(attributes.partitions.filter(({ from, to, backlog }) => to > from || backlog > 0).map(({ partition, from, to, sent }) => [partition, from, to, sent]));
        for (const { partition, from, to, sent, filtered, rejected } of attributes.partitions) {
          if (ends.has(partition)) expect(from).toBe(ends.get(partition));
          ends.set(partition, to);
          expect(sent + filtered + rejected).toBe(to - from);
        }
      });
    }
    // Each gets its own only.
    expect(new Set(beats(all).map(({ subject }) => subject.id))).toEqual(new Set([allId]));
    expect(beats(users).some(({ subject }) => subject.id === allId)).toBe(false);
    const { deliveries } = await test.client.ok<{ deliveries: Array<{ name: string; outcome: string; rule: string | null }> }>('GET', `/api/v1/events/${beats(all)[0]?.id ?? ''}/deliveries?from=${new Date(Date.now() - 120_000).toISOString()}`);
    expect(deliveries).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'all', outcome: 'delivered' }), expect.objectContaining({ name: 'users', outcome: 'filtered', rule: 'heartbeat' })]));
  }, 90_000);

  it('tell after an outage what had waited and why, and go on counting through a restart', async () => {
    const { port } = all;
    const before = beats(all).length;
    await all.crash();
    await test.client.ok('POST', '/api/v1/events', producerEvents('away', 30));
    await eventually('it failed', async () => (await test.client.ok<{ lastFailure: unknown }>('GET', `/api/v1/integrations/${allId}/status`)).lastFailure !== null);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await test.restart();
    all = await LoopbackReceiver.start({ protocol: 'tcp', port });
    await eventually('heartbeats of the outage arrive', () => beats(all).some(({ attributes }) => attributes.backlog >= 30), 20_000);
    await eventually('and the events were told as sent', () => beats(all).reduce((sum, { attributes }) => sum + attributes.types.filter(({ type }) => type === 'account.provisioned').reduce((count, one) => count + one.count, 0), 0) >= 30, 20_000);
    expect(beats(all).some(({ attributes, reason, message }) => attributes.lastError !== null && reason === attributes.lastError && message.endsWith(`last error ${reason}`))).toBe(true);
    const numbers = beats(all).map(({ attributes }) => attributes.number);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(before - 1);
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: new Set(numbers).size }, (_, index) => Math.min(...numbers) + index));
  }, 60_000);
});
