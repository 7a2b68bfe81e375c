import type { Server } from 'node:http';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Global, Module, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { openTestDocuments } from '../../../test/support/documents.js';
import { ConfigModule } from '../../config/config.module.js';
import { settingsFrom, type SettingsInput } from '../../config/settings.js';
import { METRICS, type Metrics } from '../../contracts/metrics.js';
import { accessOf } from '../access/route-rights.js';
import type { Principal } from '../access/rights.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuditService } from '../audit/audit.service.js';
import { DocumentStore } from '../documents/document-store.js';
import { settingsDocumentSchema, type SettingsDocument } from '../settings/settings.schema.js';
import { HealthRegistry } from './health-registry.js';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { PinoLog } from './pino-log.js';
import { TelemetryModule } from './telemetry.module.js';

const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  // Those over a shared store before the one that owns it.
  for (const stop of stops.splice(0)) await stop();
});

async function start(input: SettingsInput = {}, prepare: (app: INestApplication) => void = () => {}, shared?: DocumentStore) {
  const store = shared ?? (await openTestDocuments());
  @Global()
  @Module({ providers: [{ provide: DocumentStore, useValue: store }], exports: [DocumentStore] })
  class Documents {}
  const settings = settingsFrom(input);
  const log = PinoLog.create(settings, { write: () => {} });
  const app = (await Test.createTestingModule({ imports: [ConfigModule.forRoot(settings), Documents, AuditModule, TelemetryModule.forRoot(settings, log)] }).compile()).createNestApplication();
  const principal: Principal = { id: 'u-1', name: 'ann', rights: new Set() };
  app.use((incoming: { principal?: Principal }, _response: unknown, next: () => void) => {
    incoming.principal = principal;
    next();
  });
  prepare(app);
  await store.ensureIndexes();
  await app.init();
  stops.unshift(async () => {
    await app.close();
    if (!shared) await store.close();
  });
  return { app, log, store, http: request(app.getHttpServer() as Server) };
}

describe('health', () => {
  it('is live, and ready while every dependency is', async () => {
    const { http } = await start();
    await http.get('/health/live').expect(200, { status: 'ok' });
    await http.get('/health/ready').expect(200, { status: 'ready', checks: { documents: { ok: true } } });
  });

  it('answers 503 with the reason of each dependency that fails, without a secret', async () => {
    const { http } = await start({}, (app) => {
      const health = app.get(HealthRegistry);
      health.register('mail', () => ({ ok: false, reason: 'smtp://gate:hunter22@mail refused' }));
      health.register('directory', () => {
        throw new Error('no route');
      });
    });
    const answer = await http.get('/health/ready').expect(503);
    expect(answer.body).toEqual({ status: 'not-ready', checks: { documents: { ok: true }, mail: { ok: false, reason: 'smtp://***@mail refused' }, directory: { ok: false, reason: 'no route' } } });
  });

  it('asks dependencies once a second, however often it is asked', async () => {
    let time = 1_000_000;
    let asked = 0;
    const health = new HealthRegistry({ now: () => time });
    health.register('counted', () => ({ ok: (asked += 1) > 0 }));
    await Promise.all([health.ask(), health.ask(), health.ask()]);
    time += 999;
    await health.ask();
    expect(asked).toBe(1);
    time += 1;
    await health.ask();
    expect(asked).toBe(2);
  });

  it('does not wait for ever for a dependency that does not answer', async () => {
    const health = new HealthRegistry({ now: () => 0 });
    health.register('silent', () => new Promise(() => {}));
    expect(await health.ask()).toEqual({ ok: false, checks: { silent: { ok: false, reason: 'no answer within 2 s' } } });
  });

  it('is not ready before the start ended and while it stops', async () => {
    const { app, http } = await start();
    const { HealthController } = await import('./health.controller.js');
    const controller = app.get(HealthController);
    controller.beforeApplicationShutdown();
    expect((await http.get('/health/ready').expect(503)).body).toMatchObject({ status: 'stopping' });
  });
});

describe('metrics', () => {
  it('serves the figures of the process and of every part', async () => {
    const { http } = await start({}, (app) => {
      const metrics = app.get<Metrics>(METRICS);
      metrics.counter({ name: 'tidegate_sweeps_total', help: 'Sweeps', labels: ['room'] }).add(2, { room: 'hall' });
      metrics.counter({ name: 'tidegate_sweeps_total', help: 'Sweeps', labels: ['room'] }).add(1, { room: 'hall' });
      metrics.gauge({ name: 'tidegate_dust_bytes', help: 'Dust', collect: (gauge) => gauge.set(7) });
      metrics.gauge({ name: 'tidegate_broken', help: 'Broken', collect: () => Promise.reject(new Error('no dust meter')) });
      metrics.histogram({ name: 'tidegate_sweep_seconds', help: 'Time', buckets: [1, 2] }).observe(1.5);
    });
    const { text } = await http.get('/metrics').expect(200).expect('Content-Type', /text\/plain/);
    expect(text).toContain('tidegate_sweeps_total{room="hall"} 3');
    expect(text).toContain('tidegate_dust_bytes 7');
    expect(text).toContain('tidegate_sweep_seconds_bucket{le="2"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toContain('tidegate_audit_records_pending{state="refused"} 0');
    expect(text).toContain('# TYPE tidegate_job_last_run_failed gauge');
    expect((await http.get('/metrics')).text).toMatch(/tidegate_metrics_failures_total\{metric="tidegate_broken"\} [12]/);
  });

  it('asks for the right to read the status, unless the setting makes it public', async () => {
    expect(accessOf(Reflect.get(MetricsController.prototype, 'scrape') as object, MetricsController)).toEqual({ type: 'right', right: 'status:read' });
    expect(accessOf(Reflect.get(PublicMetricsController.prototype, 'scrape') as object, PublicMetricsController)).toEqual({ type: 'public' });
    const closed = await start();
    expect(closed.app.get(MetricsController)).toBeDefined();
    const open = await start({ metrics: { public: true } });
    expect(open.app.get(PublicMetricsController)).toBeDefined();
    expect(() => open.app.get(MetricsController)).toThrow();
  });

  it('refuses two metrics of one name that differ', async () => {
    const { app } = await start();
    const metrics = app.get<Metrics>(METRICS);
    metrics.counter({ name: 'tidegate_x_total', help: 'x' });
    expect(() => metrics.gauge({ name: 'tidegate_x_total', help: 'x' })).toThrow('tidegate_x_total is a counter() already');
  });
});

describe('log levels', () => {
  it('change at run time by REST, with an audit record', async () => {
    const { app, log, http } = await start();
    await http.get('/api/v1/log-levels').expect(200, { level: 'info', parts: {} });
    await http.put('/api/v1/log-levels').send({ part: 'engine', level: 'debug' }).expect(200, { level: 'info', parts: { engine: 'debug' } });
    expect(log.levels.of('engine.lane')).toBe('debug');
    await http.put('/api/v1/log-levels').send({ part: 'engine', level: 'loud' }).expect(400);
    const { items } = await app.get(AuditService).list({ type: 'audit.setting.update' }, { page: 1, pageSize: 10 });
    expect(items).toMatchObject([{ actor: { kind: 'user', id: 'u-1' }, subject: { kind: 'setting', id: 'log-levels' }, changes: [{ field: 'engine', old: 'info', new: 'debug' }] }]);
  });

  it('take hold in every process within seconds, and again after a restart', async () => {
    const one = await start();
    const other = await start({ roles: ['engine'], log: { level: 'warn', levels: ['intake=silent'] } }, undefined, one.store);
    const said = async (part: string, level: string) => {
      const deadline = Date.now() + 15_000;
      while (other.log.levels.of(part) !== level && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(other.log.levels.of(part)).toBe(level);
    };
    const put = (part: string, level: string | null) => one.http.put('/api/v1/log-levels').send({ part, level }).expect(200);
    await put('engine.lane', 'debug');
    await put('intake', 'error');
    await put('', 'info');
    await said('engine.lane', 'debug');
    await said('intake', 'error');
    await said('engine', 'info');
    const restarted = await start({ roles: ['mitigation'] }, undefined, one.store);
    expect(restarted.log.levels.all()).toEqual({ level: 'info', parts: { 'engine.lane': 'debug', intake: 'error' } });
    // Without the change each process has its own file and environment again.
    await put('intake', null);
    await put('', null);
    await said('intake', 'silent');
    await said('engine', 'warn');
    expect(other.log.levels.all()).toEqual({ level: 'warn', parts: { intake: 'silent', 'engine.lane': 'debug' } });
  });

  it('stay as they are while the document store does not answer, and where what is stored is no level', async () => {
    const { log, http, store } = await start();
    await http.put('/api/v1/log-levels').send({ part: 'constructor', level: 'warn' }).expect(200, { level: 'info', parts: { constructor: 'warn' } });
    await store.connection.collection<{ _id: string }>('settings').updateOne({ _id: 'log-levels' }, { $set: { 'values.intake': 'loud' } });
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect(log.levels.all()).toEqual({ level: 'info', parts: { constructor: 'warn' } });
    const read = jest.spyOn(store.model<SettingsDocument>('settings', settingsDocumentSchema), 'findById').mockImplementation(() => {
      throw new Error('away');
    });
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect(read).toHaveBeenCalled();
    expect(log.levels.of('constructor')).toBe('warn');
    read.mockRestore();
  });
});
