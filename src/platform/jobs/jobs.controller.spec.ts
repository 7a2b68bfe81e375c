import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Module, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { openTestDocuments } from '../../../test/support/documents.js';
import { ConfigModule } from '../../config/config.module.js';
import { settingsFrom } from '../../config/settings.js';
import { LOG, silentLog } from '../../contracts/log.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobsModule } from './jobs.module.js';
import { JobsService } from './jobs.service.js';

describe('GET /api/v1/jobs', () => {
  let store: DocumentStore;
  let app: INestApplication;

  beforeEach(async () => {
    store = await openTestDocuments();
    @Global()
    @Module({ providers: [{ provide: DocumentStore, useValue: store }, { provide: LOG, useValue: silentLog }], exports: [DocumentStore, LOG] })
    class Ground {}
    app = (await Test.createTestingModule({ imports: [ConfigModule.forRoot(settingsFrom()), Ground, JobsModule] }).compile()).createNestApplication();
    app.get(JobsService).register({ name: 'sweep', cron: '0 3 * * *', runAtStart: true, run: async () => ({ swept: 4 }) });
    app.get(JobsService).register({ name: 'wash', intervalMs: 3_600_000, run: async () => {} });
    await store.ensureIndexes();
    await app.init();
  });
  afterEach(async () => {
    await app.close();
    await store.close();
  });

  it('lists jobs with their last run, and the runs of one', async () => {
    const http = request(app.getHttpServer() as Server);
    type Jobs = { items: Array<{ name: string; lastRun: object | null; running: object | null }> };
    let jobs: Jobs;
    do jobs = (await http.get('/api/v1/jobs').expect(200)).body as Jobs;
    while (jobs.items.length < 2 || jobs.items[0]?.lastRun === null);
    expect(jobs).toMatchObject({
      total: 2,
      items: [{ name: 'sweep', schedule: '0 3 * * *', nextRunAt: expect.stringContaining('T03:00:00.000Z'), running: null, lastRun: { outcome: 'success', error: null, counts: { swept: 4 } } }, { name: 'wash', schedule: 'every 3600 s', lastRun: null }],
    });
    let runs: { total: number; items: object[] };
    do runs = (await http.get('/api/v1/jobs/sweep/runs').expect(200)).body as typeof runs;
    while (runs.total === 0);
    expect(runs).toMatchObject({ total: 1, page: 1, items: [{ job: 'sweep', outcome: 'success', runs: 1, counts: { swept: 4 } }] });
    await http.get('/api/v1/jobs/sweep/runs?pageSize=0').expect(400);
  });
});
