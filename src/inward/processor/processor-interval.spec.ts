import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { basic, openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { openTestMitigation, type TestMitigation } from '../../../test/support/mitigation.js';
import { AlertsModule } from '../alerts/alerts.module.js';

const HOUR_MS = 3_600_000;

describe('the interval of the processor', () => {
  let application: TestApplication;
  let processes: TestMitigation[];
  beforeAll(async () => {
    application = await openTestApplication({ imports: [AlertsModule] });
    processes = await Promise.all([1, 2].map(() => openTestMitigation({ documents: application.documents, settings: { mitigation: { intervalMs: HOUR_MS } } })));
    for (const { jobs, processor } of processes) {
      jobs.onApplicationBootstrap();
      processor.onApplicationBootstrap();
    }
  }, 120_000);
  afterAll(async () => {
    for (const each of processes) await each.close();
    await application.close();
  }, 60_000);
  const change = (intervalMs: number | null) => request(application.url).patch('/api/v1/settings/mitigation').set('Authorization', basic('admin')).send({ intervalMs });

  it('is changed by REST, and takes hold in every process without a restart', async () => {
    const [one, two] = processes as [TestMitigation, TestMitigation];
    const system = await one.application('Active Directory');
    await one.addAccount(system, 'jdoe');
    expect((await change(200).expect(200)).body).toMatchObject({ intervalMs: 200, changed: ['intervalMs'] });
    // Stored without a hint, as by another process: only a tick finds it. One of the two is stopped, so each has to find one by itself.
    const until = async (id: string) => {
      const deadline = Date.now() + 50_000;
      while (['new', 'processing'].includes((await one.alert(id)).state) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await one.alert(id)).state).toBe('succeeded');
    };
    await until(await one.post({ type: 'identity/account', nativeId: 'jdoe' }));
    await one.processor.beforeApplicationShutdown();
    await until(await two.post({ type: 'identity/account', nativeId: 'jdoe' }));
  }, 120_000);

  it('has bounds, and null gives the default again', async () => {
    await change(10).expect(400);
    expect((await change(null).expect(200)).body).toMatchObject({ intervalMs: 10_000, changed: [] });
  });
});
