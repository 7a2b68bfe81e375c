import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Reach {
  rung: string;
  foundBy: string;
  since: string;
  at: string;
  why: string | null;
}

describe('the rung that the receiver of an integration reaches', () => {
  let test: TestService;
  const receivers: LoopbackReceiver[] = [];
  const receiver = async (options: Parameters<typeof LoopbackReceiver.start>[0]) => {
    const started = await LoopbackReceiver.start(options);
    receivers.push(started);
    return started;
  };
  const reach = async (id: string) => (await test.client.ok<{ reachable: Reach | null }>('GET', `/api/v1/integrations/${id}/status`)).reachable;
  const create = async (settings: Record<string, unknown>) => (await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', settings)).id;
  const button = (id: string) => test.client.ok<{ ok: boolean }>('POST', `/api/v1/integrations/${id}/test`);
  const send = (prefix: string) => test.client.ok('POST', '/api/v1/events', producerEvents(prefix, 20));
  beforeAll(async () => {
    test = await startTestService({ engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
  });
  afterAll(async () => {
    await test.end();
    for (const one of receivers) await one.stop();
  });

  it('is not known before a test or a delivery, found by the Test button also of one that is disabled, and still there after a restart', async () => {
    const udp = await create({ name: 'by udp', serverUrl: `udp://127.0.0.1:${(await receiver({ protocol: 'udp' })).port}` });
    const relp = await create({ name: 'by relp', serverUrl: `relp://127.0.0.1:${(await receiver({ protocol: 'relp' })).port}` });
    expect([await reach(udp), await reach(relp)]).toEqual([null, null]);
    expect([(await button(udp)).ok, (await button(relp)).ok]).toEqual([true, true]);
    expect(await reach(udp)).toMatchObject({ rung: 'sent', foundBy: 'test', why: expect.stringContaining('UDP') });
    expect(await reach(relp)).toMatchObject({ rung: 'accepted', foundBy: 'test', why: null });
    await test.restart();
    expect(await reach(udp)).toMatchObject({ rung: 'sent', foundBy: 'test' });
    const { items } = await test.client.ok<{ items: Array<{ id: string; status: { reachable: Reach | null } }> }>('GET', '/api/v1/integrations');
    expect(items.find(({ id }) => id === relp)?.status.reachable).toMatchObject({ rung: 'accepted' });
    // Of another destination nothing is known.
    await test.client.ok('PATCH', `/api/v1/integrations/${relp}`, { serverUrl: 'relp://127.0.0.1:1', port: 1 });
    expect(await reach(relp)).toBeNull();
  });

  it('is found by the stream: read where the half-close is answered, sent where it never is, and changes when the receiver does', async () => {
    const good = await receiver({ protocol: 'tcp' });
    const mute = await receiver({ protocol: 'tcp', faults: { neverAnswersHalfClose: true } });
    const connection = { sealIntervalMs: 100, settleMs: 50, sendTimeoutMs: 300, retryInitialMs: 50, retryMaxMs: 200 };
    const [sealed, quiet] = [await test.client.integrate({ name: 'answers', serverUrl: `tcp://127.0.0.1:${good.port}`, connection }), await test.client.integrate({ name: 'never answers', serverUrl: `tcp://127.0.0.1:${mute.port}`, connection })];
    await send('first');
    await eventually('both are known', async () => (await reach(sealed)) !== null && (await reach(quiet)) !== null);
    expect(await reach(sealed)).toMatchObject({ rung: 'read', foundBy: 'stream', why: null });
    expect(await reach(quiet)).toMatchObject({ rung: 'sent', foundBy: 'stream', why: expect.stringContaining('half-close') });
    const since = (await reach(sealed))?.since;
    await test.restart();
    expect(await reach(sealed)).toMatchObject({ rung: 'read', since });

    // No proof asked for: other settings, so another way, of which nothing is known at first.
    await test.client.ok('PATCH', `/api/v1/integrations/${sealed}`, { connection: { sealIntervalMs: 0 } });
    expect(await reach(sealed)).toBeNull();
    await send('second');
    await eventually('it is known anew', async () => (await reach(sealed))?.rung === 'sent');
    expect(await reach(sealed)).toMatchObject({ foundBy: 'stream', why: expect.stringContaining('connection.sealIntervalMs is 0') });
    await test.client.ok('POST', `/api/v1/integrations/${sealed}/disable`);
    expect(await reach(sealed)).toMatchObject({ rung: 'sent' });
  });
});
