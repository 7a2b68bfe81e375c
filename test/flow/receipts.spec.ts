import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { Client, eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface Event {
  id: string;
  type: string;
  sequence: string;
  attributes: { replay?: string; partitions?: Array<{ partition: number; from: number; to: number; sent: number }> };
}
interface Receipt {
  state: string;
  sent: number;
  found: number;
  replayId: string | null;
}

/** A SIEM: what it received, what it lost afterwards, and the search that counts. */
class Siem {
  readonly lost = new Set<string>();
  constructor(readonly receiver: LoopbackReceiver) {}

  get events(): Event[] {
    return this.receiver.texts.map((text) => JSON.parse(text.slice(text.indexOf('{'))) as Event);
  }

  /** Distinct events of a run; a lost one is there again when it came as a replay. */
  count(partition: number, from: number, to: number): number {
    const held = this.events.filter(({ id, sequence, attributes }) => {
      const [part = -1, offset = -1] = sequence.split('.').map(Number);
      return part === partition && offset >= from && offset < to && (!this.lost.has(id) || attributes.replay !== undefined);
    });
    return new Set(held.map(({ id }) => id)).size;
  }
}

describe('receipts of a SIEM', () => {
  let test: TestService;
  let siem: Siem;
  let door: Client;
  let id: string;
  const send = (receipt: Record<string, unknown>) => door.call<Receipt>('POST', '/api/v1/receipts', { integration: 'siem', ...receipt });
  /** The run of a heartbeat that holds an event. */
  const runOf = async (eventId: string): Promise<{ partition: number; from: number; to: number; sent: number }> => {
    let run: { partition: number; from: number; to: number; sent: number } | undefined;
    await eventually('a heartbeat tells of it', () => {
      const [partition = -1, offset = -1] = siem.events.find((event) => event.id === eventId)?.sequence.split('.').map(Number) ?? [];
      run = siem.events.flatMap(({ attributes }) => attributes.partitions ?? []).find((part) => part.partition === partition && part.from <= offset && offset < part.to);
      return run !== undefined;
    }, 20_000);
    if (!run) throw new Error('no run');
    return run;
  };
  beforeAll(async () => {
    test = await startTestService({ evidence: { heartbeatLookMs: 100 }, engine: { commitIntervalMs: 50, heartbeatMs: 50 } });
    siem = new Siem(await LoopbackReceiver.start({ protocol: 'tcp' }));
    await test.client.ok('POST', '/api/v1/users', { name: 'search', password: 'a-long-password-of-it', rights: ['receipts:write'] });
    door = new Client(test.client.url, `Basic ${Buffer.from('search:a-long-password-of-it').toString('base64')}`);
    id = await test.client.integrate({ name: 'siem', serverUrl: `tcp://127.0.0.1:${siem.receiver.port}`, outputType: 'json', filter: { types: ['account.*'] }, connection: { heartbeatSeconds: 1, sealIntervalMs: 200 } });
    await eventually('the first heartbeat', () => siem.events.length > 0, 20_000);
    await test.client.ok('POST', '/api/v1/events', producerEvents('event', 40, 1));
    await eventually('all arrived', () => siem.events.filter((event) => event.id.startsWith('event-')).length === 40);
  });
  afterAll(async () => {
    await test.end();
    await siem.receiver.stop();
  });
  const evidence = async (eventId: string) => {
    const position = siem.events.find((event) => event.id === eventId)?.sequence ?? '';
    const { deliveries } = await test.client.ok<{ deliveries: Array<{ evidence: string; foundAt: string | null }> }>('GET', `/api/v1/events/${position}/deliveries`);
    return deliveries[0];
  };

  it('bring what was found to the rung found', async () => {
    const { partition, from, to, sent } = await runOf('event-5');
    expect(await evidence('event-5')).toMatchObject({ evidence: 'read', foundAt: null });
    const { status, body } = await send({ partition, from, to, count: siem.count(partition, from, to) });
    expect({ status, body }).toMatchObject({ status: 200, body: { state: 'found', sent, replayId: null } });
    expect((await evidence('event-5'))?.evidence).toBe('found');
  });

  it('that count fewer have the run sent again once; when that helped it is found, and when not administrators are told', async () => {
    await test.client.ok('POST', '/api/v1/events', producerEvents('second', 30, 1));
    await eventually('all arrived', () => siem.events.filter((event) => event.id.startsWith('second-')).length === 30);
    const { partition, from, to } = await runOf('second-7');
    siem.lost.add('second-7');
    const first = await send({ partition, from, to, count: siem.count(partition, from, to) });
    expect(first.body).toMatchObject({ state: 'replayed' });
    await eventually('it came again', () => siem.events.some((event) => event.id === 'second-7' && event.attributes.replay === first.body.replayId), 20_000);
    expect((await send({ partition, from, to, count: siem.count(partition, from, to) })).body).toMatchObject({ state: 'found' });

    await test.client.ok('POST', '/api/v1/events', producerEvents('third', 10, 1));
    await eventually('all arrived', () => siem.events.filter((event) => event.id.startsWith('third-')).length === 10);
    const run = await runOf('third-2');
    const named = await send({ partition: run.partition, from: run.from, to: run.to, missing: ['third-2'] });
    expect(named.body).toMatchObject({ state: 'replayed' });
    await eventually('exactly that one came again', async () => (await test.client.ok<{ state: string; sent: number }>('GET', `/api/v1/replays/${named.body.replayId ?? ''}`)).state === 'done', 20_000);
    expect(siem.events.filter((event) => event.attributes.replay === named.body.replayId).map((event) => event.id)).toEqual(['third-2']);
    const again = await send({ partition: run.partition, from: run.from, to: run.to, missing: ['third-2'] });
    expect(again.body).toMatchObject({ state: 'missing', replayId: named.body.replayId });
    expect((await test.client.ok<{ total: number }>('GET', `/api/v1/replays?integrationId=${id}`)).total).toBe(2);
    await eventually('it is in the audit', async () => (await test.client.ok<{ items: unknown[] }>('GET', '/api/v1/audit?type=audit.receipt.missing')).items.length === 1);
    await eventually('administrators are told', async () => JSON.stringify(await test.client.ok('GET', '/api/v1/notifications')).includes('receipt.missing'));
    expect(await test.client.ok<{ items: unknown[] }>('GET', '/api/v1/receipts?state=missing')).toMatchObject({ total: 1 });
  });

  it('are refused in plain words where they cannot be right', async () => {
    const { partition, from, to } = await runOf('event-5');
    expect((await send({ partition, from: to + 1_000_000, to: to + 1_000_010, count: 1 })).status).toBe(409);
    expect((await send({ partition, from, to })).status).toBe(400);
    expect((await send({ partition, from: to, to: from, count: 1 })).status).toBe(400);
    expect((await door.call('POST', '/api/v1/receipts', { integration: 'nobody', partition, from, to, count: 1 })).status).toBe(404);
    expect((await door.call('GET', '/api/v1/receipts')).status).toBe(403);
  });
});
