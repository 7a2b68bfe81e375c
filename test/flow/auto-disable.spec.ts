import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { TEST_BROKERS } from '../support/engines-environment.js';
import { freePort } from '../support/free-port.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

/** Longer than a restart takes to come: 3 s, or 11 s where engines join a group and documents are slow. */
const DISABLE_AFTER_HOURS = TEST_BROKERS.length > 0 ? 0.003 : 0.0008;

interface Shown { enabled: boolean; version: number; status: { state: string; delivered: number; breaker: string | null; failingSince: string | null } }
interface Backlog { events: number; bytes: number; oldestAt: string | null; began: boolean; removedByRetention: number }
interface Audit { items: Array<{ actor: { kind: string; name: string }; reason?: string; attributes: Record<string, unknown> }> }

describe('an integration that fails for long', () => {
  let test: TestService;
  let receiver: LoopbackReceiver;
  let id: string;
  let port: number;
  const events = (prefix: string, count: number) => test.client.ok<{ items: Array<{ position: string }> }>('POST', '/api/v1/events', producerEvents(prefix, count, count));
  const show = () => test.client.ok<Shown>('GET', `/api/v1/integrations/${id}`);
  const waiting = () => test.client.ok<Backlog>('GET', `/api/v1/integrations/${id}/backlog`);
  const ids = () => receiver.texts.map((text) => (JSON.parse(text.slice(text.indexOf('{'))) as { id: string }).id);
  const restartReceiver = async () => void (receiver = await LoopbackReceiver.start({ protocol: 'tcp', port }));
  /** Refused as long as an engine may still deliver what would be left out. */
  const enable = (resume: string) => eventually('no engine holds it', async () => {
    const { status, body } = await test.client.call('POST', `/api/v1/integrations/${id}/enable`, { resume });
    if (status !== 200) expect([status, body['code']]).toEqual([409, 'delivery-stopping']);
    return status === 200;
  });
  /** Ends when no engine has it (what a former one said stays for a while): before that what is accepted may still be delivered. */
  const disable = async () => {
    await test.client.ok('POST', `/api/v1/integrations/${id}/disable`);
    await eventually('no engine has it', async () => (await test.client.ok<{ byEngine: Array<{ stale: boolean }> }>('GET', `/api/v1/integrations/${id}/status`)).byEngine.every(({ stale }) => stale));
  };
  const lastAudit = async (verb: string) => (await test.client.ok<Audit>('GET', `/api/v1/audit?type=audit.integration.${verb}&subject=${id}`)).items[0];

  beforeAll(async () => {
    test = await startTestService({ engine: { watchIntervalMs: 200 } });
    receiver = await LoopbackReceiver.start({ protocol: 'tcp', port: await freePort() });
    port = receiver.port;
    id = await test.client.integrate({
      name: 'siem', serverUrl: `tcp://127.0.0.1:${port}`, outputType: 'json', filter: { types: ['account.*'] },
      connection: { retryInitialMs: 50, retryMaxMs: 200, sealIntervalMs: 100, settleMs: 50, disableAfterHours: DISABLE_AFTER_HOURS },
    });
    await events('first', 20);
    await eventually('the first events', () => ids().length === 20, 20_000);
    // Read is not yet proven: only then are they not sent again.
    await eventually('they are delivered', async () => (await show()).status.delivered >= 20);
  });
  afterAll(async () => {
    await test.end();
    await receiver.stop();
  });

  it('is disabled by itself across a restart, its positions are kept with it, and administrators are told once', async () => {
    await receiver.stop();
    await events('while-down', 30);
    await eventually('its breaker is open', async () => (await show()).status.breaker === 'open');
    const { failingSince } = (await show()).status;
    expect(failingSince).not.toBeNull();
    await test.restart();
    await eventually('it is disabled', async () => !(await show()).enabled, 30_000);
    expect(await show()).toMatchObject({ version: 3, status: { state: 'disabled' } });
    await eventually('the audit says why', async () => (await lastAudit('disable')) !== undefined);
    expect(await lastAudit('disable')).toMatchObject({ actor: { kind: 'system', name: 'engine' }, reason: expect.stringContaining('nothing but failures since') as unknown });
    await eventually('administrators are told', async () => {
      const { items } = await test.client.ok<{ items: Array<{ kind: string; facts: Record<string, unknown> }> }>('GET', '/api/v1/notifications?kind=integration.disabled');
      return items.length === 1 && Number(items[0]?.facts['events']) >= 30;
    });
  });

  it('shows what waits, and goes on with all of it although the cursors were lost', async () => {
    const backlog = await waiting();
    expect(backlog).toMatchObject({ began: true, removedByRetention: 0 });
    expect(backlog.events).toBeGreaterThanOrEqual(30);
    expect(backlog.bytes).toBeGreaterThan(30 * 200);
    expect(Date.parse(backlog.oldestAt ?? '')).toBeLessThanOrEqual(Date.now());
    await restartReceiver();
    await test.service.application.app.get(DocumentStore).connection.collection('cursors').deleteMany({ integrationId: id });
    await test.client.ok('POST', `/api/v1/integrations/${id}/enable`, { resume: 'all' });
    await receiver.until(() => new Set(ids().filter((one) => one.startsWith('while-down-'))).size === 30, 15_000, 'what waited');
    expect(ids().filter((one) => one.startsWith('first-'))).toEqual([]);
    await eventually('the breaker is closed', async () => (await show()).status.breaker === 'closed');
  });

  it('leaves out exactly what waits when it is told to skip, and the ledger and the audit say so', async () => {
    await disable();
    const { items } = await events('skipped', 25);
    expect((await waiting()).events).toBeGreaterThanOrEqual(25);
    await enable('skip');
    await events('after', 20);
    await receiver.until(() => ids().filter((one) => one.startsWith('after-')).length === 20, 15_000, 'the events after it');
    expect(ids().filter((one) => one.startsWith('skipped-'))).toEqual([]);
    await eventually('the audit has the count', async () => (await lastAudit('enable'))?.attributes['resume'] === 'skip');
    const skipped = Number((await lastAudit('enable'))?.attributes['skipped']);
    // The acts of the service itself are events, too.
    expect(skipped).toBeGreaterThanOrEqual(25);
    expect(skipped).toBeLessThanOrEqual(35);
    const pages = await test.service.application.app.get(DocumentStore).connection.collection('delivery_ledger').find({ integrationId: id, engineId: 'api' }).toArray();
    expect(pages.reduce((sum, page) => sum + Number(page['end']) - Number(page['first']), 0)).toBe(skipped);
    for (const { position } of items) {
      const { deliveries } = await test.client.ok<{ deliveries: Array<{ outcome: string }> }>('GET', `/api/v1/events/${position}/deliveries`);
      expect(deliveries).toMatchObject([{ outcome: 'skipped' }]);
    }
  });

  it('takes what was accepted since a time', async () => {
    await disable();
    await events('too-old', 20);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const since = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await events('young', 20);
    await enable(since);
    await receiver.until(() => ids().filter((one) => one.startsWith('young-')).length === 20, 15_000, 'the events since then');
    expect(ids().filter((one) => one.startsWith('too-old-'))).toEqual([]);
  });

  it('refuses to resume what never began, and what is no time', async () => {
    const { id: fresh } = await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', { name: 'new', serverUrl: 'tcp://127.0.0.1:9' });
    expect(await test.client.ok<Backlog>('GET', `/api/v1/integrations/${fresh}/backlog`)).toMatchObject({ began: false, events: 0 });
    expect(await test.client.call('POST', `/api/v1/integrations/${fresh}/enable`, { resume: 'skip' })).toMatchObject({ status: 409, body: { code: 'delivery-not-begun' } });
    expect((await test.client.call('POST', `/api/v1/integrations/${fresh}/enable`, { resume: 'tomorrow' })).status).toBe(400);
  });
});
