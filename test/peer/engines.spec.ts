import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { Arrivals } from '../support/arrivals.js';
import { pythonVenv } from '../support/python-venv.js';
import { eventually, producerEvents, type Client } from '../support/service.js';
import type { ServiceProcess } from '../support/service-process.js';
import { enginesOwnAll, Stack, stackMissing } from '../support/stack.js';

const missing = await stackMissing();
const python = missing === undefined ? await pythonVenv('confluent-kafka', ['confluent-kafka==2.16.1']) : undefined;

/** Times are generous: the machine may be slow, and no sentence here is about speed. */
const SLOW_MS = 90_000;

(missing === undefined ? describe : describe.skip)('an API and engines in two pools, on Apache Kafka and a MongoDB-wire server', () => {
  let stack: Stack;
  let api: ServiceProcess;
  let client: Client;
  const engines = new Map<string, ServiceProcess>();
  const open: Arrivals[] = [];
  const ids: string[] = [];

  beforeAll(async () => {
    stack = await Stack.start();
    api = await stack.api();
    client = api.client;
    for (const [id, pool] of [['one', 'default'], ['two', 'default'], ['far', 'remote']] as const) engines.set(id, await stack.engine(id, pool));
    await enginesOwnAll(client, { default: ['one', 'two'], remote: ['far'] });
  }, 240_000);
  afterAll(async () => {
    await stack?.stop();
  }, 60_000);
  afterEach(async () => {
    for (const id of ids.splice(0)) await client.ok('DELETE', `/api/v1/integrations/${id}`);
    for (const one of open.splice(0)) await one.receiver.stop();
  });

  const arrivals = async (prefix: string, port?: number): Promise<Arrivals> => {
    const started = await Arrivals.start(`${prefix}-`, port);
    open.push(started);
    return started;
  };
  const settings = (name: string, port: number, more: Record<string, unknown> = {}) => ({
    name, serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'json', connection: { retryInitialMs: 50, retryMaxMs: 500, settleMs: 50, sealIntervalMs: 200 }, ...more,
  });
  const integrate = async (name: string, port: number, more: Record<string, unknown> = {}): Promise<string> => {
    const id = await client.integrate(settings(name, port, more));
    ids.push(id);
    return id;
  };
  const publish = async (events: Array<Record<string, unknown>>, act?: (at: number) => Promise<void>): Promise<void> => {
    for (let at = 0; at < events.length; at += 250) {
      const answer = await client.call<{ items: Array<{ status: string }> }>('POST', '/api/v1/events', events.slice(at, at + 250));
      expect(answer.status).toBe(202);
      expect(answer.body.items.every(({ status }) => status === 'accepted')).toBe(true);
      await act?.(at);
    }
  };
  const all = (receivers: Arrivals[], count: number) => eventually(`${count} events at each receiver`, () => receivers.every(({ distinct }) => distinct >= count), SLOW_MS);

  it('delivers each event once to each integration of both pools, in the order of its subject', async () => {
    const receivers = await Promise.all(Array.from({ length: 5 }, () => arrivals('once')));
    for (const [at, { receiver }] of receivers.entries()) await integrate(`once ${at}`, receiver.port, { enginePool: at < 3 ? 'default' : 'remote' });
    await publish(producerEvents('once', 3000, 50));
    await all(receivers, 3000);
    for (const { distinct, repeated, disordered, torn } of receivers) expect({ distinct, repeated, disordered, torn }).toEqual({ distinct: 3000, repeated: 0, disordered: 0, torn: 0 });
  }, 2 * SLOW_MS);

  it('does not let a dead integration delay another, and gives it everything in order when it comes back', async () => {
    const [healthy, gone] = [await arrivals('dead'), await arrivals('dead')];
    const { port } = gone.receiver;
    await gone.receiver.stop();
    await integrate('healthy', healthy.receiver.port);
    const id = await integrate('dead', port);
    await publish(producerEvents('dead', 2000, 50));
    await all([healthy], 2000);
    const { status } = await client.ok<{ status: { state: string; lastFailure: { code: string } } }>('GET', `/api/v1/integrations/${id}`);
    expect(['retrying', 'fault']).toContain(status.state);
    expect(status.lastFailure.code).toBe('connection-refused');
    const back = await arrivals('dead', port);
    await all([back], 2000);
    expect([back.disordered, healthy.disordered, healthy.repeated]).toEqual([0, 0, 0]);
  }, 2 * SLOW_MS);

  it('takes a change over on every engine while events flow, and loses none', async () => {
    const [before, after] = [await arrivals('moved'), await arrivals('moved')];
    const id = await integrate('moving', before.receiver.port);
    await publish(producerEvents('moved', 3000, 50), async (at) => {
      if (at === 1000) await client.ok('PATCH', `/api/v1/integrations/${id}`, { port: after.receiver.port });
    });
    const events = producerEvents('moved', 3000, 50).map((event) => String(event['id']));
    await eventually('every event at one of the two', () => events.every((event) => before.has(event) || after.has(event)), SLOW_MS);
    // Every engine of the pool: nothing of what comes now, whatever its partition, goes to the former place.
    const former = before.distinct;
    await publish(producerEvents('moved-later', 600, 50));
    await eventually('the later ones at the new place', () => producerEvents('moved-later', 600, 50).every((event) => after.has(String(event['id']))), SLOW_MS);
    expect(before.distinct).toBe(former);
  }, 2 * SLOW_MS);

  it('moves an integration from one pool to the other without losing an event', async () => {
    const receiver = await arrivals('pools');
    const id = await integrate('moving pools', receiver.receiver.port);
    await publish(producerEvents('pools', 2000, 50), async (at) => {
      if (at === 500) await client.ok('PATCH', `/api/v1/integrations/${id}`, { enginePool: 'remote' });
    });
    await all([receiver], 2000);
    await eventually('only the engine of the other pool speaks of it', async () => {
      const { byEngine } = await client.ok<{ byEngine: Array<{ engineId: string }> }>('GET', `/api/v1/integrations/${id}/status`);
      return byEngine.length === 1 && byEngine[0]?.engineId === 'far';
    }, SLOW_MS);
  }, 2 * SLOW_MS);

  it('runs the Test button on an engine of the pool of the integration, and says which', async () => {
    const receiver = await arrivals('button');
    const far = await integrate('far button', receiver.receiver.port, { enginePool: 'remote' });
    expect(await client.ok('POST', `/api/v1/integrations/${far}/test`)).toMatchObject({ ok: true, engineId: 'far' });
    const near = await integrate('near button', receiver.receiver.port);
    const { engineId } = await client.ok<{ engineId: string }>('POST', `/api/v1/integrations/${near}/test`);
    expect(['one', 'two']).toContain(engineId);
  }, SLOW_MS);

  it('shows a pool without a live engine on its integrations, at the Test button and in the list of engines', async () => {
    const receiver = await arrivals('nobody');
    const id = await integrate('nobody', receiver.receiver.port, { enginePool: 'empty' });
    const { status } = await client.ok<{ status: { state: string; problem: string; fix: string } }>('GET', `/api/v1/integrations/${id}`);
    expect(status).toMatchObject({ state: 'no-engine', problem: 'no live engine in pool empty' });
    expect(status.fix).toContain('TIDEGATE_ENGINE_POOL=empty');
    expect(await client.call('POST', `/api/v1/integrations/${id}/test`)).toMatchObject({ status: 503, body: { code: 'no-live-engine', pool: 'empty' } });
    await publish(producerEvents('nobody', 50));
    const first = await stack.engine('first', 'empty');
    await all([receiver], 50);
    await first.end();
    await eventually('an engine that stopped in order is gone at once', async () => {
      const { items } = await client.ok<{ items: Array<{ id: string }> }>('GET', '/api/v1/engines');
      return !items.some((engine) => engine.id === 'first');
    }, SLOW_MS);
  }, 2 * SLOW_MS);

  it('gives what was accepted before, and no engine lived to send, to the first engine that comes', async () => {
    const receiver = await arrivals('waiting');
    await integrate('waiting', receiver.receiver.port, { enginePool: 'late' });
    await publish(producerEvents('waiting', 300));
    await stack.engine('late', 'late');
    await all([receiver], 300);
    expect(receiver.repeated).toBe(0);
  }, 2 * SLOW_MS);

  it('loses nothing over a rolling restart and a scale-out under load', async () => {
    const receivers = await Promise.all(Array.from({ length: 3 }, () => arrivals('rolling')));
    for (const [at, { receiver }] of receivers.entries()) await integrate(`rolling ${at}`, receiver.port, { enginePool: at < 2 ? 'default' : 'remote' });
    const steps: Array<() => Promise<unknown>> = [
      async () => stack.engine('three'),
      ...['one', 'two', 'far'].map((id) => async () => {
        await engines.get(id)?.end();
        await engines.get(id)?.start(60_000);
      }),
      async () => {
        await api.end();
        await api.start(60_000);
      },
    ];
    const events = producerEvents('rolling', 6000, 50);
    await publish(events, async (at) => {
      if (at % 1000 === 500) await steps.shift()?.();
    });
    await all(receivers, events.length);
    await enginesOwnAll(client, { default: ['one', 'two', 'three'], remote: ['far'] });
    const repeated = receivers.reduce((sum, each) => sum + each.repeated, 0);
    const lost = receivers.reduce((sum, each) => sum + events.filter((event) => !each.has(String(event['id']))).length, 0);
    console.log(`rolling restart and scale-out: accepted ${events.length}, delivered ${receivers.map((each) => each.distinct).join(' + ')}, lost ${lost}, repeated ${repeated}, out of order ${receivers.map((each) => each.disordered).join(' + ')}`);
    expect(lost).toBe(0);
    expect(receivers.map((each) => each.disordered)).toEqual([0, 0, 0]);
    expect(steps).toEqual([]);
  }, 3 * SLOW_MS);

  describe('and producers that write the topic themselves', () => {
    let producer: kafkajs.Producer;
    beforeAll(async () => {
      const kafka = new kafkajs.Kafka({ brokers: stack.kafka.brokers, logLevel: kafkajs.logLevel.NOTHING });
      producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
    });
    afterAll(async () => {
      await producer.disconnect();
    });
    const envelope = (id: string, more: Record<string, unknown> = {}) => ({
      key: 'acc-1', value: JSON.stringify({ specversion: '1.0', id, source: '/idm', type: 'account.provisioned', subject: 'acc-1', data: { attributes: { domain: 'example.com', number: 1 } }, ...more }),
    });

    it('delivers their events, parks what is none with its reason and position, and never stands still', async () => {
      const [near, far] = [await arrivals('foreign'), await arrivals('foreign')];
      await integrate('foreign near', near.receiver.port);
      await integrate('foreign far', far.receiver.port, { enginePool: 'remote' });
      const [sent] = await producer.send({
        topic: 'tidegate.events',
        messages: [
          envelope('foreign-1'), { key: 'acc-1', value: 'this is no event' }, envelope('foreign-2', { type: 'siem.state.changed' }), envelope('foreign-3', { data: {} }), { key: 'acc-1', value: null },
          envelope('foreign-4', { tidegateproducer: 'tidegate' }),
        ],
      });
      await eventually('what is valid arrives at both', () => [near, far].every((one) => one.has('foreign-1') && one.has('foreign-4')), SLOW_MS);
      await publish(producerEvents('foreign-own', 200, 50));
      await eventually('what comes behind it, too', () => [near, far].every((one) => producerEvents('foreign-own', 200, 50).every((event) => one.has(String(event['id'])))), SLOW_MS);
      expect([near.has('foreign-2'), near.has('foreign-3')]).toEqual([false, false]);
      const base = Number(sent?.baseOffset);
      const parked = async () => (await client.ok<{ items: Array<{ partition: number; offset: number; reason: string }> }>('GET', '/api/v1/dead-letters?integrationId=*')).items.filter(({ partition }) => partition === sent?.partition);
      await eventually('four of them are parked', async () => (await parked()).length === 4, SLOW_MS);
      const reasons = new Map((await parked()).map(({ offset, reason }) => [offset - base, reason]));
      expect([...reasons.keys()].sort()).toEqual([1, 2, 3, 4]);
      expect(reasons.get(1)).toContain('not a JSON object');
      expect(reasons.get(2)).toContain('only Tidegate itself sends');
      expect(reasons.get(3)).toContain('/data/attributes/domain is missing');
      expect(reasons.get(4)).toContain('not a JSON object');
    }, 2 * SLOW_MS);

    (python === undefined ? it.skip : it)('takes what the Python example of the guide writes', async () => {
      const receiver = await arrivals('python');
      const texts: string[] = [];
      receiver.receiver.onMessage(({ text }) => texts.push(text));
      await integrate('python', receiver.receiver.port);
      const [, example = ''] = /```python\n([\s\S]*?)```/.exec(readFileSync('docs/guides/write-to-the-topic.md', 'utf8')) ?? [];
      await promisify(execFile)(join(python ?? '', 'python'), ['-c', example], { env: { ...process.env, BROKERS: stack.kafka.brokers.join(',') }, timeout: SLOW_MS });
      const of = (type: string) => texts.filter((text) => text.includes(`"type":"${type}"`) && text.includes('acc-7001'));
      await eventually('both events', () => of('account.provisioned').length === 1 && of('account.owner.changed').length === 1, SLOW_MS);
      expect(of('account.provisioned')[0]).toContain('"producedBy":"external"');
    }, 3 * SLOW_MS);
  });

  it('tells by its metrics and health how each process goes', async () => {
    for (const one of [api, ...engines.values()]) {
      const ready = await fetch(`${one.client.url}/health/ready`);
      expect(await ready.json()).toMatchObject({ status: 'ready', checks: { documents: { ok: true }, 'event-log': { ok: true } } });
      expect((await fetch(`${one.client.url}/metrics`)).status).toBe(200);
    }
    expect((await engines.get('one')?.client.call('GET', '/api/v1/integrations'))?.status).toBe(404);
  }, SLOW_MS);

  it('starts and stops a process of each role by itself', async () => {
    for (const role of ['api', 'engine', 'mitigation']) {
      const one = await stack.run(role, { TIDEGATE_ROLES: role, TIDEGATE_ENGINE_POOL: 'alone' });
      expect(one.said).toContain(`(roles ${role})`);
      expect((await fetch(`${one.client.url}/health/ready`)).status).toBe(200);
      expect((await one.client.call('GET', '/api/v1/integrations')).status).toBe(role === 'api' ? 200 : 404);
      expect(await one.end()).toBe(0);
    }
  }, 2 * SLOW_MS);

  it('runs scheduled work once across the processes', async () => {
    const { items } = await client.ok<{ items: Array<{ name: string }> }>('GET', '/api/v1/jobs');
    expect(items.length).toBeGreaterThan(0);
    // Every act of this file became an event once: the relay of one process at a time has the lease.
    await eventually('no audit record waits', async () => {
      const waiting = await client.ok<{ total: number }>('GET', '/api/v1/audit?exported=waiting');
      return waiting.total === 0;
    }, SLOW_MS);
  }, SLOW_MS);

  it('does not start a process that holds another secret key', async () => {
    await expect(stack.run('stranger', { TIDEGATE_ROLES: 'engine', TIDEGATE_SECRET_KEY_FILE: stack.anotherKeyFile() })).rejects.toThrow('The secret key of this process is not that of the other processes');
  }, SLOW_MS);
});
