import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SETTINGS, type Settings } from '../../src/config/settings.js';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from '../../src/outward/engine/integration-status.schema.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { removeTopic, TEST_BROKERS } from '../support/engines-environment.js';
import { freePort } from '../support/free-port.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Replay {
  id: string;
  state: string;
  sent: number;
  filtered: number;
  rejected: number;
  missing: number;
  left: number;
  problem: string | null;
}
interface Sent {
  id: string;
  type: string;
  sequence: string;
  attributes: { replay?: string; number?: number };
}

describe('events are sent again', () => {
  let test: TestService;
  let receiver: LoopbackReceiver;
  const got = (): Sent[] => receiver.texts.map((text) => JSON.parse(text.slice(text.indexOf('{'))) as Sent);
  const again = (replay: Replay) => got().filter(({ attributes }) => attributes.replay === replay.id);
  const first = () => got().filter(({ attributes }) => attributes.replay === undefined);
  const send = async (prefix: string, count: number, more: Record<string, unknown> = {}): Promise<string[]> => {
    const { items } = await test.client.ok<{ items: Array<{ position: string }> }>('POST', '/api/v1/events', producerEvents(prefix, count).map((event) => ({ ...event, ...more })));
    return items.map(({ position }) => position);
  };
  /** Other settings, and the engine works by them: before that an event leaves by the former ones. */
  const change = async (output: Record<string, unknown>): Promise<void> => {
    const { version } = await test.client.ok<{ version: number }>('PATCH', `/api/v1/integrations/${integration}`, { output });
    const statuses = test.service.application.app.get(DocumentStore).model<IntegrationStatusDocument>('integration-status', integrationStatusSchema);
    await eventually('the engine has the settings', async () => (await statuses.exists({ integrationId: integration, version })) !== null);
  };
  const ask = (id: string, body: unknown) => test.client.ok<Replay>('POST', `/api/v1/integrations/${id}/replays`, body);
  const ended = async ({ id }: Replay): Promise<Replay> => {
    let replay: Replay | undefined;
    await eventually('the replay has ended', async () => {
      replay = await test.client.ok<Replay>('GET', `/api/v1/replays/${id}`);
      return replay.state === 'done';
    }, 25_000);
    if (!replay) throw new Error('no replay');
    return replay;
  };
  beforeAll(async () => {
    test = await startTestService({ engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
    receiver = await LoopbackReceiver.start({ protocol: 'tcp', port: await freePort() });
  });
  afterAll(async () => {
    await test.end();
    await receiver.stop();
  });

  let integration: string;
  let since: string;
  let positions: string[];
  it('by time: every one that the filter takes, once, in order, marked, under its own id and sequence', async () => {
    integration = await test.client.integrate({ name: 'replayed', serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', filter: { types: ['account.*'] }, connection: { sealIntervalMs: 100, settleMs: 100, retryInitialMs: 50, retryMaxMs: 300 } });
    await send('before', 20);
    await new Promise((resolve) => setTimeout(resolve, 20));
    since = new Date().toISOString();
    positions = await send('since', 60);
    await send('other', 5, { type: 'user.synced.created', subject: { kind: 'user', id: 'u' } });
    await receiver.until(() => first().length === 80, 20_000, 'the live stream');
    const replay = await ended(await ask(integration, { from: since }));
    expect(replay).toMatchObject({ sent: 60, rejected: 0, missing: 0, left: 0 });
    expect(replay.filtered).toBeGreaterThanOrEqual(5);
    const second = again(replay);
    expect(new Set(second.map(({ id }) => id))).toEqual(new Set(Array.from({ length: 60 }, (_, index) => `since-${index}`)));
    expect(second.map(({ sequence }) => sequence).sort()).toEqual([...positions].sort());
    // In order within each subject.
    for (let subject = 0; subject < 7; subject++) {
      const numbers = second.filter(({ attributes: { number = 0 } }) => number % 7 === subject).map(({ attributes: { number = 0 } }) => number);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    // The live stream did not move.
    expect(first().length).toBe(80);
    await eventually('the audit tells that it was asked for and how it ended', async () => {
      const { items } = await test.client.ok<{ items: Array<{ type: string; correlationId?: string }> }>('GET', `/api/v1/audit?subject=${integration}`);
      return ['audit.integration.replay', 'audit.integration.replayed'].every((type) => items.some((item) => item.type === type && item.correlationId === replay.id));
    });
  });

  it('by id and by position: only those', async () => {
    const byId = await ended(await ask(integration, { from: since, ids: ['since-3', 'since-44', 'never-there'] }));
    expect(again(byId).map(({ id }) => id).sort()).toEqual(['since-3', 'since-44']);
    const byPosition = await ended(await ask(integration, { positions: [positions[10], positions[59]] }));
    expect(again(byPosition).map(({ id }) => id).sort()).toEqual(['since-10', 'since-59']);
    expect(byPosition).toMatchObject({ sent: 2 });
  });

  it('at the rate that was asked for, and it can be cancelled', async () => {
    const slow = await ask(integration, { from: since, eventsPerSecond: 5 });
    await receiver.until(() => again(slow).length > 0, 15_000, 'the first of them');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(again(slow).length).toBeLessThan(40);
    expect(await test.client.ok('POST', `/api/v1/replays/${slow.id}/cancel`)).toMatchObject({ state: 'cancelled' });
    // The engine hears of it within a moment; until then five come each second.
    let [so, later] = [0, again(slow).length];
    for (let looks = 0; looks < 5 && later !== so; looks++) {
      so = later;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      later = again(slow).length;
    }
    expect(later).toBe(so);
    expect(so).toBeLessThan(60);
    expect((await test.client.call('POST', `/api/v1/replays/${slow.id}/cancel`)).status).toBe(409);
  });

  it('goes on after the receiver was away and after a restart of the service', async () => {
    const replay = await ask(integration, { from: since, eventsPerSecond: 40 });
    await receiver.until(() => again(replay).length > 0, 15_000, 'the first of them');
    const before = new Set(again(replay).map(({ id }) => id));
    const { port } = receiver;
    await receiver.crash();
    await test.restart();
    receiver = await LoopbackReceiver.start({ protocol: 'tcp', port });
    expect(await ended(replay)).toMatchObject({ state: 'done' });
    const all = new Set([...before, ...again(replay).map(({ id }) => id)]);
    expect([...Array.from({ length: 60 }, (_, index) => `since-${index}`)].filter((id) => !all.has(id))).toEqual([]);
  });

  it('brings dead letters to the receiver once the settings allow it, and says which ones', async () => {
    await change({ maxBytes: 1500, oversize: 'reject' });
    await send('long', 3, { reason: 'x'.repeat(2000) });
    const letters = async (query = '') => (await test.client.ok<{ items: Array<{ id: string; attempts: number; replayedAt: string | null }> }>('GET', `/api/v1/dead-letters?integrationId=${integration}${query}`)).items;
    await eventually('they are dead', async () => (await letters()).length === 3);
    expect((await letters('&search=long-1')).length).toBe(1);
    expect((await letters('&search=.*')).length).toBe(0);
    const one = (await letters())[0]?.id ?? '';

    const inVain = await ended(await test.client.ok<Replay>('POST', `/api/v1/dead-letters/${encodeURIComponent(one)}/replay`));
    expect(inVain).toMatchObject({ sent: 0, rejected: 1 });
    expect((await letters()).find(({ id }) => id === one)).toMatchObject({ attempts: 2, replayedAt: null });

    await test.client.ok('PATCH', `/api/v1/integrations/${integration}`, { output: { maxBytes: 8000 } });
    const { replays, deadLetters } = await test.client.ok<{ replays: Replay[]; deadLetters: number }>('POST', '/api/v1/dead-letters/replay', { integrationId: integration });
    expect(deadLetters).toBe(3);
    expect(await ended(replays[0] as Replay)).toMatchObject({ sent: 3, rejected: 0 });
    expect(again(replays[0] as Replay).map(({ id }) => id).sort()).toEqual(['long-0', 'long-1', 'long-2']);
    expect((await letters('&replayed=true')).length).toBe(3);
    expect(await letters('&replayed=false')).toEqual([]);
    expect((await test.client.call('POST', '/api/v1/dead-letters/replay', { integrationId: integration })).status).toBe(404);
  });

  it('is refused in plain words where it makes no sense', async () => {
    for (const body of [{}, { positions: ['0.1'], ids: ['a'] }, { positions: ['x'] }, { from: 'yesterday' }, { from: '2090-01-01T00:00:00Z' }, { ids: ['a'], eventsPerSecond: 0 }]) {
      expect((await test.client.call('POST', `/api/v1/integrations/${integration}/replays`, body)).status).toBe(400);
    }
    expect((await test.client.call('POST', '/api/v1/integrations/nobody/replays', { from: since })).status).toBe(404);
    expect((await test.client.call('POST', '/api/v1/dead-letters/replay', { integrationId: integration, ids: ['a'] })).status).toBe(400);
    expect((await test.client.call('GET', '/api/v1/replays/nothing')).status).toBe(404);
  });

  it('is refused, or fails, when the event log was replaced since: the same positions hold other events', async () => {
    await change({ maxBytes: 1500 });
    await send('former', 3, { reason: 'x'.repeat(2000) });
    const letters = async () => (await test.client.ok<{ items: Array<{ id: string; eventId: string }> }>('GET', `/api/v1/dead-letters?integrationId=${integration}&replayed=false`)).items;
    await eventually('they are dead', async () => (await letters()).length === 3);
    const former = (await letters())[0]?.id ?? '';
    const slow = await ask(integration, { from: since, eventsPerSecond: 1 });
    const { topic } = test.service.application.app.get<Settings>(SETTINGS).kafka;
    await test.stop();
    if (TEST_BROKERS.length > 0) await removeTopic(topic);
    else rmSync(join(test.dataDir, 'event-log'), { recursive: true });
    await test.restart();
    await eventually('the replay has failed', async () => (await test.client.ok<Replay>('GET', `/api/v1/replays/${slow.id}`)).state === 'failed');
    expect((await test.client.ok<Replay>('GET', `/api/v1/replays/${slow.id}`)).problem).toContain('log was replaced');
    await send('new', 60);
    await receiver.until(() => first().filter(({ id }) => id.startsWith('new-')).length === 60, 20_000, 'the events of the new log');

    const asked = again(slow).length;
    expect(await test.client.call('POST', `/api/v1/dead-letters/${encodeURIComponent(former)}/replay`)).toMatchObject({ status: 409, body: { code: 'log-replaced' } });
    expect(await test.client.call('POST', '/api/v1/dead-letters/replay', { ids: [former] })).toMatchObject({ status: 409, body: { code: 'log-replaced' } });
    expect(await test.client.call('POST', '/api/v1/dead-letters/replay', { integrationId: integration })).toMatchObject({ status: 409, body: { code: 'log-replaced' } });
    await send('late', 2, { reason: 'x'.repeat(2000) });
    await eventually('those of the new log are dead', async () => (await letters()).length === 5);
    await test.client.ok('PATCH', `/api/v1/integrations/${integration}`, { output: { maxBytes: 8000 } });
    const { replays, ...counts } = await test.client.ok<{ replays: Replay[]; deadLetters: number; ofFormerLog: number }>('POST', '/api/v1/dead-letters/replay', { integrationId: integration });
    expect(counts).toMatchObject({ deadLetters: 2, ofFormerLog: 3 });
    await ended(replays[0] as Replay);
    expect(again(replays[0] as Replay).map(({ id }) => id).sort()).toEqual(['late-0', 'late-1']);
    expect(again(slow).length).toBe(asked);
  });
});
