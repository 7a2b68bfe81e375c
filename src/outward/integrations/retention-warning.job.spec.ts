import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { settingsFrom } from '../../config/settings.js';
import { noMetrics, type Gauge, type Metrics } from '../../contracts/metrics.js';
import { silentLog } from '../../contracts/log.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../platform/audit/audit-record.schema.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { JobHistory } from '../../platform/jobs/job-history.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { Leases } from '../../platform/jobs/leases.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { BacklogService } from './backlog.service.js';
import { RetentionMetrics } from './retention-metrics.js';
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
  const records = () => api.store.model<AuditRecordDocument>('audit-record', auditRecordSchema).find({ type: 'siem.retention.warning' }).sort({ occurredAt: 1, 'subject.name': 1 }).lean<AuditRecordDocument[]>();
  const told = async () => (await records()).map(({ notification }) => notification);

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

  /** What the metric says, by integration. */
  async function seconds(): Promise<Record<string, number>> {
    const set: Record<string, number> = {};
    let collect = (): void | Promise<void> => undefined;
    const metrics: Metrics = { ...noMetrics, gauge: (options) => {
      const gauge: Gauge = { set: (value, labels = {}) => void (set[labels['integration'] ?? ''] = value), clear: () => {} };
      if (options.name === 'tidegate_integration_retention_seconds') collect = () => options.collect?.(gauge);
      return gauge;
    } };
    new RetentionMetrics(api.store, api.app.get(RetentionRiskService), api.app.get(BacklogService), fixture.log, api.clock, metrics);
    await collect();
    return set;
  }

  beforeEach(async () => {
    api = await openIntegrationsApp({ engine: { retentionWarningHours: 2 } });
    api.clock.set(START);
    const { store, clock } = api;
    const jobs = new JobsService(store, new Leases(store, clock), new JobHistory(store, settings), new SchedulerRegistry(), settings, clock, silentLog);
    job = new RetentionWarningJob(store, jobs, api.app.get(RetentionRiskService), new AuditService(store, api.app.get(AuditRelay)), clock, settings, silentLog);
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

    expect((await records())[0]).toMatchObject({ type: 'siem.retention.warning', actor: { kind: 'system' }, subject: { kind: 'integration', id: behind, name: 'behind' }, outcome: 'failure', attributes: { count: 30, limits: 'age', enabled: true, before: facts.before } });

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

  it('is told of what a partition with a limit of its own removes as it grows, at most half of what it keeps', async () => {
    await openLog();
    const [behind, healthy] = [await integrate('behind', { enabled: true }), await integrate('healthy', { enabled: true })];
    let keptBytes = 0;
    // As on Kafka with retention.bytes.
    api.log.real = new Proxy(fixture.log, {
      get: (log, name) => {
        if (name === 'retention') return () => Promise.resolve({ ageMs: null, bytes: null, perPartition: { bytes: keptBytes, recordBytes: new Map([[0, 20_000], [1, 20_000]]) } });
        const value: unknown = Reflect.get(log, name);
        return typeof value === 'function' ? (value.bind(log) as unknown) : value;
      },
    });
    for (const hour of [0, 1, 2, 3, 4, 5, 6, 7]) {
      after(hour);
      await append(8);
    }
    await readAll(healthy);
    const held = (await fixture.log.ranges()).map(({ first, next }) => next - first);
    keptBytes = 20_000 * 1000;
    expect(await job.run(never)).toEqual({ told: 0 });
    keptBytes = 20_000 * 32;
    const growth = (count: number) => Math.min((count / 8) * 2, 16);
    const risk = held.reduce((sum, count) => sum + Math.max(0, count - Math.floor(32 - growth(count))), 0);
    expect(risk).toBeGreaterThan(0);
    expect(await job.run(never)).toEqual({ told: 1 });
    expect(await records()).toMatchObject([{ subject: { id: behind }, attributes: { count: expect.any(Number), limits: 'bytes', before: null } }]);
    const { count } = (await records())[0]?.attributes as { count: number };
    expect(Math.abs(count - risk)).toBeLessThan(10);
    expect(await seconds()).toEqual({ [behind]: expect.any(Number), [healthy]: Infinity });
    expect((await seconds())[behind]).toBeLessThan(2 * 3600);
  });

  it('is shown to monitoring with the seconds until its oldest event goes', async () => {
    await openLog();
    const [behind, healthy] = [await integrate('behind', { enabled: true }), await integrate('healthy', { enabled: true })];
    expect(await seconds()).toEqual({ [behind]: Infinity, [healthy]: Infinity });
    await append(6);
    after(4);
    await append(6);
    await readAll(healthy);
    expect(await seconds()).toEqual({ [behind]: 6 * 3600, [healthy]: Infinity });
    after(9.5);
    expect(await seconds()).toEqual({ [behind]: 1800, [healthy]: Infinity });
    await append(2);
    after(9.6);
    expect((await seconds())[healthy]).toBeCloseTo(9.9 * 3600, -1);
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
