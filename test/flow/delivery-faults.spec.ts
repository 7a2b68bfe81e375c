import { afterEach, describe, expect, it } from '@jest/globals';
import { SETTINGS, type Settings } from '../../src/config/settings.js';
import { EVENT_LOG, type EventLog } from '../../src/contracts/event-log.js';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { TestAuthority } from '../support/certificates.js';
import { removeOldest, TEST_BROKERS } from '../support/engines-environment.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface TestAnswer {
  ok: boolean;
  stages: Array<{ stage: string; ok: boolean; ms: number; detail: string }>;
  failure: { code: string; stage: string; cause: string; fix: string } | null;
  evidence: string | null;
  caveat: string | null;
  engineId: string;
  eventId: string;
}

const QUICK = { retryInitialMs: 20, retryMaxMs: 100, settleMs: 50, sealIntervalMs: 100 };

describe('when delivery meets trouble', () => {
  const open: Array<{ end(): Promise<void> }> = [];
  const service = async (...args: Parameters<typeof startTestService>): Promise<TestService> => {
    const started = await startTestService(...args);
    open.push(started);
    return started;
  };
  const receiver = async (...args: Parameters<typeof LoopbackReceiver.start>): Promise<LoopbackReceiver> => {
    const started = await LoopbackReceiver.start(...args);
    open.push({ end: () => started.stop() });
    return started;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) await one.end();
  });
  const create = async (test: TestService, settings: Record<string, unknown>): Promise<string> => (await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', settings)).id;
  const push = async (test: TestService, id: string): Promise<TestAnswer> => (await test.client.call<TestAnswer>('POST', `/api/v1/integrations/${id}/test`)).body;

  it('tells an integration that fell out of retention how many events it will not get, and goes on with the rest', async () => {
    const test = await service({ eventLog: { partitions: 1, retentionBytes: 1_048_576, retentionIntervalMs: 200 } });
    const dead = await receiver({ protocol: 'tcp' });
    const { port } = dead;
    const id = await test.client.integrate({ name: 'late', serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'json', connection: QUICK, filter: { types: ['account.*', 'siem.retention.exceeded'] } });
    await dead.stop();
    const events = producerEvents('old', 5000).map((event) => ({ ...event, attributes: { domain: 'example.com', text: 'x'.repeat(600) } }));
    for (let at = 0; at < events.length; at += 250) await test.client.ok('POST', '/api/v1/events', events.slice(at, at + 250));
    // There the brokers remove what is old; the bytes are a setting of the embedded log.
    if (TEST_BROKERS.length > 0) await removeOldest(test.service.application.app.get<Settings>(SETTINGS).kafka.topic, 1000);
    interface Status {
      status: { lost: number; delivered: number; backlog: number };
    }
    await eventually('the loss is counted', async () => (await test.client.ok<Status>('GET', `/api/v1/integrations/${id}`)).status.lost > 0);
    const again = await receiver({ protocol: 'tcp', port });
    await again.until(() => again.texts.some((text) => text.includes('"type":"siem.retention.exceeded"')), 20_000, 'the event about the loss');
    await eventually('nothing waits any more', async () => (await test.client.ok<Status>('GET', `/api/v1/integrations/${id}`)).status.backlog === 0);
    const { status } = await test.client.ok<Status>('GET', `/api/v1/integrations/${id}`);
    const arrived = new Set(again.texts.flatMap((text) => /"id":"(old-\d+)"/.exec(text)?.[1] ?? []));
    // Every event is accounted for: delivered or counted as lost (positions of our own audit events lie between them).
    expect(arrived.size + status.lost).toBeGreaterThanOrEqual(5000);
    expect(arrived.has('old-4999')).toBe(true);
    // The event about a loss can fall out itself while the receiver is away; the audit keeps each of them.
    const { items } = await test.client.ok<{ items: Array<{ attributes: { count: number } }> }>('GET', '/api/v1/audit?type=siem.retention.exceeded');
    expect(items.reduce((sum, item) => sum + item.attributes.count, 0)).toBe(status.lost);
    expect(again.texts.find((text) => text.includes('"type":"siem.retention.exceeded"'))).toContain('before late received them');
  });

  it('tells a change of state once when an integration goes down and once when it comes back, never per try', async () => {
    const test = await service();
    const dead = await receiver({ protocol: 'tcp' });
    const { port } = dead;
    await test.client.integrate({ name: 'down', serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'json', connection: QUICK });
    await dead.stop();
    await test.client.ok('POST', '/api/v1/events', producerEvents('down', 10));
    interface Audit {
      total: number;
      items: Array<{ outcome: string; reason: string; subject: { name: string }; attributes?: { fix: string } }>;
    }
    const changes = () => test.client.ok<Audit>('GET', '/api/v1/audit?type=siem.state.changed');
    await eventually('it is told that it is down', async () => (await changes()).total === 1);
    await new Promise((resolve) => setTimeout(resolve, 800));
    const down = await changes();
    expect(down.total).toBe(1);
    expect(down.items[0]).toMatchObject({ outcome: 'failure', subject: { name: 'down' } });
    expect(down.items[0]?.reason).toContain(String(port));
    const again = await receiver({ protocol: 'tcp', port });
    await again.until(() => again.texts.some((text) => text.includes('"new":"delivering"')), 15_000, 'the event about the recovery');
    expect((await changes()).total).toBe(2);
  });

  it('parks a record of the log that is no event, with its position, and the stream moves on', async () => {
    const test = await service({ eventLog: { partitions: 1 } });
    const one = await receiver({ protocol: 'tcp' });
    await test.client.integrate({ name: 'parked', serverUrl: `tcp://127.0.0.1:${one.port}`, outputType: 'json', connection: QUICK });
    const log = test.service.application.app.get<EventLog>(EVENT_LOG, { strict: false });
    const [outcome] = await log.append([{ key: 'x', value: Buffer.from('{"not":"an event"') }]);
    await test.client.ok('POST', '/api/v1/events', producerEvents('after', 5));
    await one.until(() => one.texts.filter((text) => text.includes('"id":"after-')).length >= 5, 15_000, 'the events after it');
    const letters = await test.client.ok<{ items: Array<{ integrationId: string; partition: number; offset: number; code: string; rendered: string }> }>('GET', '/api/v1/dead-letters?code=record-unreadable');
    expect(letters.items).toHaveLength(1);
    expect(letters.items[0]).toMatchObject({ integrationId: '*', code: 'record-unreadable', rendered: '{"not":"an event"' });
    expect(outcome).toMatchObject({ type: 'appended', offset: letters.items[0]?.offset });
  });

  it('says what is wrong with a certificate, waits for a person, and delivers what waited once it is mended', async () => {
    const test = await service();
    const authority = await TestAuthority.create('Right CA');
    const wrong = await TestAuthority.create('Wrong CA');
    const { certificate, key } = await authority.issue({ commonName: 'localhost', dns: ['localhost'], ips: ['127.0.0.1'] });
    const one = await receiver({ protocol: 'tls', tls: { cert: certificate, key } });
    const id = await test.client.integrate({ name: 'tls', serverUrl: `tls://127.0.0.1:${one.port}`, connection: { ...QUICK, tls: { ca: wrong.certificate } } });
    await test.client.ok('POST', '/api/v1/events', producerEvents('tls', 20));
    await eventually('the fault is shown', async () => {
      const { status } = await test.client.ok<{ status: { state: string; lastFailure: { code: string } | null } }>('GET', `/api/v1/integrations/${id}`);
      return status.state === 'fault' && status.lastFailure?.code === 'certificate-untrusted';
    });
    await test.client.ok('PATCH', `/api/v1/integrations/${id}`, { connection: { tls: { ca: authority.certificate } } });
    await one.until(() => one.texts.filter((text) => text.includes('id="tls-')).length >= 20, 15_000, 'the events that waited');
  });

  it('goes on over TLS when the receiver is killed again and again, and loses nothing', async () => {
    const test = await service();
    const authority = await TestAuthority.create('CA');
    const { certificate, key } = await authority.issue({ commonName: 'localhost', dns: ['localhost'], ips: ['127.0.0.1'] });
    const seen = new Set<string>();
    let current = await receiver({ protocol: 'tls', tls: { cert: certificate, key } });
    const { port } = current;
    const listen = (to: LoopbackReceiver) => to.onMessage(({ text }) => seen.add(/id="(cut-\d+)"/.exec(text)?.[1] ?? ''));
    listen(current);
    await test.client.integrate({ name: 'cut', serverUrl: `tls://127.0.0.1:${port}`, connection: { ...QUICK, tls: { ca: authority.certificate } } });
    const events = producerEvents('cut', 5000);
    for (let at = 0; at < events.length; at += 250) {
      await test.client.ok('POST', '/api/v1/events', events.slice(at, at + 250));
      if (at % 1000 === 750) {
        await current.stop();
        current = await receiver({ protocol: 'tls', port, tls: { cert: certificate, key } });
        listen(current);
      }
    }
    await eventually('every event arrived', () => events.every((event) => seen.has(String(event['id']))), 25_000);
  });

  describe('the Test button', () => {
    it('passes every stage with its time and says what the success shows, also while the integration is disabled', async () => {
      const test = await service();
      const one = await receiver({ protocol: 'tcp' });
      const id = await create(test, { name: 'fine', serverUrl: `tcp://127.0.0.1:${one.port}` });
      const answer = await push(test, id);
      expect(answer.ok).toBe(true);
      expect(answer.stages.map((stage) => stage.stage)).toEqual(['resolve', 'policy', 'connect', 'send', 'close']);
      expect(answer.stages.every((stage) => stage.ok && stage.ms >= 0 && stage.detail !== '')).toBe(true);
      expect(answer.evidence).toBe('read');
      expect(answer.engineId).not.toBe('');
      await one.waitFor(1);
      expect(one.texts[0]).toContain(`id="${answer.eventId}"`);
      expect(one.texts[0]).toContain('siem.test');
    });

    it('names connection refused at the stage connect, with the cause and the fix', async () => {
      const test = await service();
      const gone = await receiver({ protocol: 'tcp' });
      const { port } = gone;
      await gone.stop();
      const answer = await push(test, await create(test, { name: 'refused', serverUrl: `tcp://127.0.0.1:${port}` }));
      expect(answer).toMatchObject({ ok: false, failure: { code: 'connection-refused', stage: 'connect' }, evidence: null });
      expect(answer.failure?.cause).toContain(String(port));
      expect(answer.failure?.fix.length).toBeGreaterThan(10);
      expect(answer.stages.at(-1)).toMatchObject({ stage: 'connect', ok: false });
    });

    it('names a host that does not exist at the stage resolve', async () => {
      const test = await service();
      const answer = await push(test, await create(test, { name: 'nowhere', serverUrl: 'tcp://siem.invalid:514' }));
      expect(answer.failure?.stage).toBe('resolve');
      expect(['name-not-found', 'name-lookup-failed']).toContain(answer.failure?.code);
    });

    it('takes a receiver that closes at the first message for one that wants the other framing', async () => {
      const test = await service();
      const counted = await receiver({ protocol: 'tcp', framing: 'octet-counting' });
      const id = await create(test, { name: 'framing', serverUrl: `tcp://127.0.0.1:${counted.port}`, framing: 'newline' });
      const answer = await push(test, id);
      expect(answer).toMatchObject({ ok: false, failure: { stage: 'send' } });
      expect(answer.failure?.fix).toContain('octet-counting');
      await test.client.ok('PATCH', `/api/v1/integrations/${id}`, { framing: 'octet-counting' });
      expect(await push(test, id)).toMatchObject({ ok: true, evidence: 'read' });
    });

    it('says of udp that only "sent" can be shown', async () => {
      const test = await service();
      const one = await receiver({ protocol: 'udp' });
      const answer = await push(test, await create(test, { name: 'udp', serverUrl: `udp://127.0.0.1:${one.port}` }));
      expect(answer).toMatchObject({ ok: true, evidence: 'sent' });
      expect(answer.caveat).toMatch(/sent/);
      await one.waitFor(1);
    });

    it('says that a message is too long for the limit', async () => {
      const test = await service();
      const one = await receiver({ protocol: 'udp' });
      const id = await create(test, { name: 'long '.repeat(19), serverUrl: `udp://127.0.0.1:${one.port}`, outputType: 'json', output: { maxBytes: 480, oversize: 'reject', hostname: 'h'.repeat(200) } });
      expect(await push(test, id)).toMatchObject({ ok: false, failure: { code: 'message-too-long', stage: 'send' } });
    });

    it('tells apart an expired, an untrusted and a wrongly named certificate, and a client certificate that is wanted', async () => {
      const test = await service();
      const authority = await TestAuthority.create('CA');
      const other = await TestAuthority.create('Other CA');
      const good = await authority.issue({ commonName: 'localhost', ips: ['127.0.0.1'] });
      const expired = await authority.issue({ commonName: 'localhost', ips: ['127.0.0.1'], notBefore: new Date('2025-01-01'), notAfter: new Date('2025-02-01') });
      const named = await authority.issue({ commonName: 'elsewhere', dns: ['elsewhere.example'] });
      const stranger = await other.issue({ commonName: 'localhost', ips: ['127.0.0.1'] });
      const client = await authority.issue({ commonName: 'tidegate', usage: 'client' });
      const cases: Array<[string, { certificate: string; key: string }, string]> = [['expired', expired, 'certificate-expired'], ['stranger', stranger, 'certificate-untrusted'], ['named', named, 'certificate-wrong-name']];
      for (const [name, { certificate, key }, code] of cases) {
        const one = await receiver({ protocol: 'tls', tls: { cert: certificate, key } });
        const answer = await push(test, await create(test, { name, serverUrl: `tls://127.0.0.1:${one.port}`, connection: { tls: { ca: authority.certificate } } }));
        expect([name, answer.failure?.code, answer.failure?.stage]).toEqual([name, code, 'tls']);
        expect(answer.failure?.fix.length).toBeGreaterThan(10);
      }
      const wants = await receiver({ protocol: 'tls', tls: { cert: good.certificate, key: good.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true } });
      const id = await create(test, { name: 'mutual', serverUrl: `tls://127.0.0.1:${wants.port}`, connection: { tls: { ca: authority.certificate } } });
      expect((await push(test, id)).failure?.code).toBe('client-certificate-wanted');
      await test.client.ok('PATCH', `/api/v1/integrations/${id}`, { connection: { tls: { certificate: client.certificate, key: client.key } } });
      const answer = await push(test, id);
      expect(answer).toMatchObject({ ok: true });
      expect(answer.stages.map((stage) => stage.stage)).toContain('tls');
    });

    it('answers 503 with the name of the pool when no engine of it is there', async () => {
      const test = await service({ engine: { testTimeoutMs: 1000 } });
      const id = await create(test, { name: 'pool', serverUrl: 'tcp://127.0.0.1:9', enginePool: 'elsewhere' });
      const answer = await test.client.call<{ detail: string }>('POST', `/api/v1/integrations/${id}/test`);
      expect(answer.status).toBe(503);
      expect(answer.body.detail).toContain('elsewhere');
    });
  });
});
