import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Delivery {
  name: string;
  outcome: string;
  evidence: string | null;
  attempts: number | null;
  rule: string | null;
  reason: string | null;
  waiting: { ahead: number; state: string; problem: string | null } | null;
  run: { first: number; end: number; engineId: string } | null;
  at: string | null;
  replayId: string | null;
  before: { outcome: string; at: string | null; reason: string | null } | null;
}
interface Answer {
  found: boolean;
  eventId: string | null;
  position: string | null;
  inLog: boolean;
  progress: { scanned: number; left: number; next: string | null } | null;
  deliveries: Delivery[];
}

describe('what became of an event', () => {
  let test: TestService;
  let receiver: LoopbackReceiver;
  let freePort: number;
  const of = async (id: string, query = '') => test.client.ok<Answer>('GET', `/api/v1/events/${id}/deliveries${query}`);
  const outcome = async (id: string, name: string) => (await of(id)).deliveries.find((delivery) => delivery.name === name);
  const send = async (prefix: string, count: number, more: Record<string, unknown> = {}): Promise<string[]> => {
    const { items } = await test.client.ok<{ items: Array<{ position: string }> }>('POST', '/api/v1/events', producerEvents(prefix, count).map((event) => ({ ...event, ...more })));
    return items.map(({ position }) => position);
  };
  beforeAll(async () => {
    test = await startTestService({ evidence: { lookupMs: 100 }, engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    const gone = await LoopbackReceiver.start({ protocol: 'tcp' });
    freePort = gone.port;
    await gone.stop();
  });
  afterAll(async () => {
    await test.end();
    await receiver.stop();
  });

  it('is told for each integration: delivered on which rung, filtered by which rule, dead and why, waiting behind what, or before its start', async () => {
    const url = `tcp://127.0.0.1:${receiver.port}`;
    const connection = { sealIntervalMs: 100, settleMs: 100 };
    const [early = ''] = await send('early', 1);
    await test.client.integrate({ name: 'takes all', serverUrl: url, connection, outputType: 'json' });
    await test.client.integrate({ name: 'takes users', serverUrl: url, connection, outputType: 'json', filter: { types: ['user.*'] } });
    await test.client.integrate({ name: 'takes short ones', serverUrl: url, connection, outputType: 'json', output: { maxBytes: 1100, oversize: 'reject' }, filter: { types: ['account.*'] } });
    await test.client.integrate({ name: 'is down', serverUrl: `tcp://127.0.0.1:${freePort}`, connection: { retryInitialMs: 50, retryMaxMs: 300 }, filter: { types: ['account.*'] } });
    const positions = await send('first', 50);
    const [long = ''] = await send('long', 1, { reason: 'x'.repeat(2000) });
    const position = positions[20] ?? '';
    await eventually('it was delivered', async () => (await outcome(position, 'takes all'))?.outcome === 'delivered');
    await eventually('it was filtered', async () => (await outcome(position, 'takes users'))?.outcome === 'filtered');
    await eventually('the long one is dead', async () => (await outcome(long, 'takes short ones'))?.outcome === 'dead');

    const answer = await of(position);
    expect(answer).toMatchObject({ found: true, eventId: 'first-20', position, inLog: true });
    const offset = Number(position.split('.')[1]);
    const delivered = await outcome(position, 'takes all');
    expect(delivered).toMatchObject({ outcome: 'delivered', evidence: 'read', attempts: 1, rule: null });
    expect(delivered?.run?.first).toBeLessThanOrEqual(offset);
    expect(delivered?.run?.end).toBeGreaterThan(offset);
    expect(await outcome(position, 'takes users')).toMatchObject({ outcome: 'filtered', rule: 'filter.types' });
    expect((await outcome(long, 'takes short ones'))?.reason).toContain('1100');
    await eventually('the one that is down says why', async () => (await outcome(position, 'is down'))?.waiting?.problem !== null);
    expect(await outcome(position, 'is down')).toMatchObject({ outcome: 'waiting', waiting: { state: 'retrying' } });
    expect(await outcome(early, 'takes all')).toMatchObject({ outcome: 'before-start' });
  });

  it('is found by its id in steps, within the time that is asked for', async () => {
    const before = new Date().toISOString();
    await send('many', 900);
    const [position = ''] = await send('searched', 1);
    let answer = await of('searched-0', `?from=${before}`);
    for (let step = 0; !answer.found && answer.progress?.next && step < 50; step++) answer = await of('searched-0', `?next=${answer.progress.next}`);
    expect(answer).toMatchObject({ found: true, position, eventId: 'searched-0' });
    const absent = await of('searched-1', `?from=${before}`);
    expect(absent).toMatchObject({ found: false, deliveries: [] });
    expect(absent.progress?.scanned).toBeGreaterThan(0);
  });

  it('is a clear refusal for what cannot be', async () => {
    expect((await test.client.call('GET', '/api/v1/events/0.99999999/deliveries')).status).toBe(404);
    expect((await test.client.call('GET', '/api/v1/events/77.0/deliveries')).status).toBe(404);
    expect((await test.client.call('GET', '/api/v1/events/some-id/deliveries?next=rubbish')).status).toBe(400);
    expect((await test.client.call('GET', '/api/v1/events/some-id/deliveries?from=yesterday')).status).toBe(400);
  });

  it('says that a replay brought what was skipped, on which rung and when, and that it was skipped before; what nobody asked for again stays skipped', async () => {
    const id = await test.client.integrate({ name: 'was away', serverUrl: `tcp://127.0.0.1:${receiver.port}`, connection: { sealIntervalMs: 100, settleMs: 100 }, outputType: 'json', filter: { types: ['account.*'] } });
    const [seen = ''] = await send('seen', 1);
    await eventually('it works', async () => (await outcome(seen, 'was away'))?.outcome === 'delivered');
    await test.client.ok('POST', `/api/v1/integrations/${id}/disable`);
    await eventually('no engine has it', async () => (await test.client.ok<{ byEngine: Array<{ stale: boolean }> }>('GET', `/api/v1/integrations/${id}/status`)).byEngine.every(({ stale }) => stale));
    const [first = '', second = '', third = ''] = await send('while-away', 3);
    const [unwanted = ''] = await send('unwanted-away', 1, { type: 'user.synced.created', subject: { kind: 'user', id: 'u' } });
    await eventually('it is skipped', async () => (await test.client.call('POST', `/api/v1/integrations/${id}/enable`, { resume: 'skip' })).status === 200);
    await eventually('that is told', async () => (await outcome(first, 'was away'))?.outcome === 'skipped');
    const skipped = await outcome(first, 'was away');
    expect(skipped).toMatchObject({ replayId: null, before: null });

    const from = Date.now();
    const replay = await test.client.ok<{ id: string }>('POST', `/api/v1/integrations/${id}/replays`, { positions: [first, third, unwanted] });
    await eventually('the replay is told', async () => (await outcome(third, 'was away'))?.outcome === 'delivered');
    const brought = await outcome(first, 'was away');
    expect(brought).toMatchObject({ outcome: 'delivered', evidence: 'read', attempts: 1, replayId: replay.id, before: { outcome: 'skipped', at: skipped?.at, reason: skipped?.reason }, reason: expect.stringContaining(replay.id) });
    expect(Date.parse(brought?.at ?? '')).toBeGreaterThanOrEqual(from);
    expect(await outcome(second, 'was away')).toMatchObject({ outcome: 'skipped', replayId: null });
    expect(await outcome(unwanted, 'was away')).toMatchObject({ outcome: 'skipped' });
    // What the live stream delivered is its own, also when it is sent once more.
    await test.client.ok('POST', `/api/v1/integrations/${id}/replays`, { positions: [seen] });
    await eventually('it came again', () => receiver.messages.filter(({ text }) => text.includes('"seen-0"') && text.includes('"replay"')).length > 0);
    expect(await outcome(seen, 'was away')).toMatchObject({ outcome: 'delivered', replayId: null, before: null });
    await test.restart();
    expect(await outcome(first, 'was away')).toMatchObject({ outcome: 'delivered', replayId: replay.id, before: { outcome: 'skipped' } });
    const { items } = await test.client.ok<{ items: Array<{ id: string; name: string }> }>('GET', '/api/v1/integrations');
    expect(items.some(({ name }) => name === 'was away')).toBe(true);
  });

  it('outlives a restart, and what was delivered is told with the settings of that time', async () => {
    const [position = ''] = await send('restart', 1);
    await eventually('it was filtered', async () => (await outcome(position, 'takes users'))?.outcome === 'filtered');
    await eventually('it was delivered', async () => (await outcome(position, 'takes all'))?.outcome === 'delivered');
    const { items } = await test.client.ok<{ items: Array<{ id: string; name: string }> }>('GET', '/api/v1/integrations');
    const users = items.find(({ name }) => name === 'takes users')?.id ?? '';
    await test.client.ok('PATCH', `/api/v1/integrations/${users}`, { filter: { types: [] } });
    await test.restart();
    expect(await outcome(position, 'takes users')).toMatchObject({ outcome: 'filtered', rule: 'filter.types' });
    expect(await outcome(position, 'takes all')).toMatchObject({ outcome: 'delivered', evidence: 'read' });
  });
});
