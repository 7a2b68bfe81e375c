import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Arrivals } from '../support/arrivals.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

interface FullStatus {
  resets: number;
  backlog: number;
  positions: Array<{ partition: number; position: number; resets: number; resetAt: string | null }>;
}
interface Audit {
  items: Array<{ reason: string; subject: { name: string }; attributes: { code?: string; positions?: number[] } }>;
}

describe('when the event log is replaced', () => {
  let test: TestService;
  let got: Arrivals;
  let id: string;
  const directory = () => join(test.dataDir, 'event-log');
  const backup = () => join(test.dataDir, 'backup-of-event-log');
  beforeEach(async () => {
    test = await startTestService({ eventLog: { partitions: 1 } });
    got = await Arrivals.start('');
    id = await test.client.integrate({ name: 'siem', serverUrl: `tcp://127.0.0.1:${got.receiver.port}`, outputType: 'json', connection: { retryInitialMs: 20, settleMs: 50, sealIntervalMs: 100 }, filter: { types: ['account.*'] } });
  });
  afterEach(async () => {
    await test.end();
    await got.receiver.stop();
  });

  const publish = (prefix: string, count: number) => test.client.ok('POST', '/api/v1/events', producerEvents(prefix, count));
  const count = (prefix: string, events: number) => Array.from({ length: events }, (_, at) => got.has(`${prefix}-${at}`)).filter(Boolean).length;
  const arrived = (prefix: string, events: number) => eventually(`${events} of ${prefix} arrived`, () => count(prefix, events) === events, 20_000);
  const status = () => test.client.ok<FullStatus>('GET', `/api/v1/integrations/${id}/status`);
  const saved = () => eventually('the cursor is saved', async () => (await status()).backlog === 0 && ((await status()).positions[0]?.position ?? 0) > 0);
  const told = async (): Promise<Audit['items']> => (await test.client.ok<Audit>('GET', '/api/v1/audit?type=siem.state.changed')).items.filter(({ attributes }) => attributes?.code === 'log-replaced');

  it('by a new one, everything that the new one holds is sent, and it is told once', async () => {
    await publish('first', 200);
    await arrived('first', 200);
    await saved();
    await test.stop();
    rmSync(directory(), { recursive: true });
    await test.restart();
    await publish('second', 30);
    await arrived('second', 30);
    expect(got.torn).toBe(0);
    expect((await status()).resets).toBe(1);
    expect((await status()).positions[0]?.resetAt).toMatch(/^20/);
    const [only, ...more] = await told();
    expect(more).toEqual([]);
    expect(only).toMatchObject({ subject: { name: 'siem' }, attributes: { code: 'log-replaced', positions: [expect.any(Number)] } });
    expect(only?.reason).toContain('another name');
    // From here on it is the log that is known.
    await saved();
    await test.stop();
    await test.restart();
    await publish('third', 10);
    await arrived('third', 10);
    expect(await told()).toHaveLength(1);
  });

  it('by an older state of itself that ends before the cursor', async () => {
    await publish('first', 50);
    await arrived('first', 50);
    await test.stop();
    cpSync(directory(), backup(), { recursive: true });
    await test.restart();
    await publish('later', 300);
    await arrived('later', 300);
    await saved();
    await test.stop();
    rmSync(directory(), { recursive: true });
    cpSync(backup(), directory(), { recursive: true });
    await test.restart();
    await publish('second', 20);
    await arrived('second', 20);
    await eventually('it is told', async () => (await told()).length === 1);
    expect((await told())[0]?.reason).toContain('ends before');
  });

  it('by an older state of itself that grew beyond the cursor before an engine looked', async () => {
    await publish('first', 50);
    await arrived('first', 50);
    await test.stop();
    cpSync(directory(), backup(), { recursive: true });
    await test.restart();
    await publish('later', 40);
    await arrived('later', 40);
    await saved();
    await test.stop();
    rmSync(directory(), { recursive: true });
    cpSync(backup(), directory(), { recursive: true });
    await test.restart({ roles: ['api'] });
    await publish('unseen', 200);
    await test.stop();
    await test.restart();
    await arrived('unseen', 200);
    await eventually('it is told', async () => (await told()).length === 1);
    expect((await told())[0]?.reason).toContain('another record');
    await saved();
    await publish('second', 20);
    await arrived('second', 20);
  });

  it('before the first event passed, an integration that starts from now gets what the new log holds', async () => {
    await eventually('an engine has it', async () => (await status()).positions.length > 0);
    await test.stop();
    rmSync(directory(), { recursive: true });
    await test.restart({ roles: ['api'] });
    await publish('unseen', 60);
    await test.stop();
    await test.restart();
    await arrived('unseen', 60);
  });
});
