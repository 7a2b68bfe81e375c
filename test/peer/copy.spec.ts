import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { loadSettings } from '../../src/config/load-settings.js';
import { silentLog } from '../../src/contracts/log.js';
import { copyToEngines } from '../../src/copy/copy-to-engines.js';
import { Arrivals } from '../support/arrivals.js';
import { eventually, producerEvents, startTestService } from '../support/service.js';
import { Stack, stackMissing } from '../support/stack.js';

const missing = await stackMissing();
const SLOW_MS = 90_000;

(missing === undefined ? describe : describe.skip)('an embedded installation that moves to Kafka and MongoDB', () => {
  const open: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  }, SLOW_MS);

  it('goes on there: users, integrations, and each event that one of them has not received, once and in order', async () => {
    const embedded = await startTestService();
    open.push(() => embedded.end());
    const stack = await Stack.start({ keyFile: join(embedded.dataDir, 'secret.key') });
    open.push(() => stack.stop());
    const [healthy, gone] = [await Arrivals.start('copy-'), await Arrivals.start('copy-')];
    open.push(() => healthy.receiver.stop());
    const { port } = gone.receiver;
    await gone.receiver.stop();
    const settings = (name: string, to: number) => ({ name, serverUrl: `tcp://127.0.0.1:${to}`, outputType: 'json', filter: { types: ['account.*'] }, connection: { retryInitialMs: 50, retryMaxMs: 500, settleMs: 50, sealIntervalMs: 200 } });
    const early = await Arrivals.start('copy-');
    open.push(() => early.receiver.stop());
    await embedded.client.integrate(settings('healthy', healthy.receiver.port));
    await embedded.client.integrate(settings('gone', port));
    await embedded.client.ok('POST', '/api/v1/integrations', settings('never enabled', early.receiver.port));
    const events = producerEvents('copy', 1500, 40);
    await embedded.client.ok('POST', '/api/v1/events', events.slice(0, 750));
    await embedded.client.ok('POST', '/api/v1/events', events.slice(750));
    await eventually('the healthy one has all', () => healthy.distinct === 1500, SLOW_MS);
    const target = loadSettings({ ...stack.environment, TIDEGATE_DATA_DIR: embedded.dataDir });

    await expect(copyToEngines(target, silentLog)).rejects.toThrow('stop it');
    await embedded.stop();

    const report = await copyToEngines(target, silentLog);
    expect(report).toMatchObject({ outcome: 'copied', integrations: 3 });
    expect(report.events).toBeGreaterThanOrEqual(1500);
    expect(await copyToEngines(target, silentLog)).toMatchObject({ outcome: 'already', events: report.events, documents: report.documents, integrations: 3 });

    const back = await Arrivals.start('copy-', port);
    open.push(() => back.receiver.stop());
    const api = await stack.api();
    await stack.engine('one');
    await eventually('the one that was gone has all', () => back.distinct === 1500, SLOW_MS);
    expect({ repeated: back.repeated, disordered: back.disordered }).toEqual({ repeated: 0, disordered: 0 });
    await api.client.ok('POST', '/api/v1/events', producerEvents('copy-later', 100));
    await eventually('both have what came later', () => healthy.distinct === 1600 && back.distinct === 1600, SLOW_MS);
    expect(healthy.repeated).toBe(0);
    expect(early.distinct).toBe(0);
    const { total } = await api.client.ok<{ total: number }>('GET', '/api/v1/audit?type=audit.integration.create');
    expect(total).toBe(3);
  }, 4 * SLOW_MS);

  it('is told what to set', async () => {
    await expect(copyToEngines(loadSettings({}), silentLog)).rejects.toThrow('TIDEGATE_KAFKA_BROKERS');
  });
});
