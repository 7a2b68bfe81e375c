import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { settingsFrom } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import { JobHistory } from '../../platform/jobs/job-history.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { Leases } from '../../platform/jobs/leases.js';
import { notificationSchema, type NotificationDocument } from '../../platform/notify/notification.schema.js';
import { Notifier } from '../../platform/notify/notifier.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { RetentionRiskService } from './retention-risk.service.js';
import { RetentionWarningJob } from './retention-warning.job.js';

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-03-01T06:00:00Z');
const EVENT = Buffer.alloc(20_000);

describe('an integration that falls out of retention', () => {
  let api: IntegrationsApp;
  let fixture: TestEventLog;
  let job: RetentionWarningJob;
  const never = new AbortController().signal;
  const settings = settingsFrom({ engine: { retentionWarningHours: 2 } });
  const after = (hours: number) => api.clock.set(START + hours * HOUR_MS);
  const told = () => api.store.model<NotificationDocument>('notification', notificationSchema).find({}).sort({ createdAt: 1, title: 1 }).lean<NotificationDocument[]>();

  /** Ten hours of retention, by the clock of the service. */
  async function openLog(retentionBytes = 1_073_741_824): Promise<void> {
    const { clock } = api;
    fixture = await openTestEventLog({ partitions: 2, retentionMs: 10 * HOUR_MS, retentionBytes, clock: { now: () => clock.now() } });
    api.log.real = fixture.log;
  }
  async function append(count: number): Promise<void> {
    for (let index = 0; index < count; index++) expect(await fixture.log.append([{ key: `k${index}`, value: EVENT }])).toMatchObject([{ type: 'appended' }]);
  }
  async function integrate(name: string, { enabled }: { enabled: boolean }): Promise<string> {
    const server = api.app.getHttpServer() as Parameters<typeof request>[0];
    const { body } = await request(server).post('/api/v1/integrations').send({ name, serverUrl: 'tcp://127.0.0.1:9' }).expect(201) as { body: { id: string } };
    await request(server).post(`/api/v1/integrations/${body.id}/enable`).expect(200);
    if (!enabled) await request(server).post(`/api/v1/integrations/${body.id}/disable`).expect(200);
    return body.id;
  }
  /** As its engine saves it. */
  async function readAll(integrationId: string): Promise<void> {
    const cursors = api.store.model<CursorDocument>('cursor', cursorSchema);
    for (const { partition, next } of await fixture.log.ranges()) {
      await cursors.updateOne({ _id: `${integrationId}:${partition}` }, { $set: { integrationId, partition, position: next, log: 'test:log', updatedAt: new Date() } }, { upsert: true });
    }
  }
  async function retentionOf(id: string): Promise<unknown> {
    const { body } = await request(api.app.getHttpServer() as Parameters<typeof request>[0]).get(`/api/v1/integrations/${id}/status`).expect(200) as { body: { retention?: unknown } };
    return body.retention;
  }

  beforeEach(async () => {
    api = await openIntegrationsApp({ engine: { retentionWarningHours: 2 } });
    api.clock.set(START);
    const { store, clock } = api;
    const jobs = new JobsService(store, new Leases(store, clock), new JobHistory(store, settings), new SchedulerRegistry(), settings, clock, silentLog);
    job = new RetentionWarningJob(store, jobs, api.app.get(RetentionRiskService), new Notifier(store, clock), clock, settings, silentLog);
  });
  afterEach(async () => {
    await api.close();
    await fixture.dispose();
  });

  it('is told once a day with the count, enabled or not, before the events go; one that has read everything is not', async () => {
    await openLog();
    const [behind, disabled, healthy] = [await integrate('behind', { enabled: true }), await integrate('switched off', { enabled: false }), await integrate('healthy', { enabled: true })];
    await append(30);
    after(1);
    await append(12);
    await readAll(healthy);

    after(7.9);
    expect(await job.run(never)).toEqual({ told: 0 });
    expect(await retentionOf(behind)).toBeNull();

    after(8.5);
    expect(await job.run(never)).toEqual({ told: 2 });
    expect(await job.run(never)).toEqual({ told: 0 });
    expect(await retentionOf(behind)).toEqual({ eventsAtRisk: 30, before: new Date(START + 10.5 * HOUR_MS).toISOString(), limits: ['age'] });
    expect(await retentionOf(healthy)).toBeNull();
    const [first, second] = await told();
    const facts = { events: 30, before: '2026-03-01T16:30:00.000Z', limits: 'age' };
    expect([first, second].map((notification) => notification?.subject.id).sort()).toEqual([behind, disabled].sort());
    expect(first).toMatchObject({ kind: 'integration.retention-warning', severity: 'warning', title: 'behind is about to lose 30 events', facts: { ...facts, enabled: true } });
    expect(second).toMatchObject({ title: 'switched off is about to lose 30 events', facts: { ...facts, enabled: false }, text: expect.stringContaining('It is disabled: enable it') as unknown });

    await readAll(disabled);
    after(18.5);
    expect(await job.run(never)).toEqual({ told: 1 });
    expect((await told()).at(-1)).toMatchObject({ subject: { id: behind }, facts: { events: 42 } });
  });

  it('is told of the oldest tenth when the log is nearly full, however young it is', async () => {
    await openLog(2_000_000);
    const [behind, healthy] = [await integrate('behind', { enabled: true }), await integrate('healthy', { enabled: true })];
    await append(80);
    await readAll(healthy);
    expect(await job.run(never)).toEqual({ told: 0 });
    await append(12);
    const held = (await fixture.log.ranges()).map(({ first, next }) => next - first);
    const oldest = held.reduce((sum, count) => sum + Math.floor(count / 10), 0);
    expect(oldest).toBeGreaterThan(5);
    expect(await job.run(never)).toEqual({ told: 1 });
    expect(await told()).toMatchObject([{ subject: { id: behind }, facts: { events: oldest, before: null, limits: 'bytes' } }]);
    expect(await retentionOf(behind)).toEqual({ eventsAtRisk: oldest, before: null, limits: ['bytes'] });
  });

  it('counts from the oldest event when it stood in a log that was replaced', async () => {
    await openLog();
    const id = await integrate('of another log', { enabled: true });
    await append(20);
    await readAll(id);
    await api.store.model<CursorDocument>('cursor', cursorSchema).updateMany({ integrationId: id }, { $set: { log: 'another:log' } });
    after(9);
    expect(await retentionOf(id)).toMatchObject({ eventsAtRisk: 20, limits: ['age'] });
  });

  it('does not know it while the event log does not answer: the run fails, the status says so', async () => {
    await openLog();
    const id = await integrate('siem', { enabled: true });
    api.log.ranges = null;
    await expect(job.run(never)).rejects.toThrow('the broker does not answer');
    expect(await retentionOf(id)).toEqual({ eventsAtRisk: null, before: null, limits: [] });
  });
});
