import { type CanActivate, type ExecutionContext, ForbiddenException, Global, Injectable, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { NextFunction, Response } from 'express';
import { SETTINGS, settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { CLOCK } from '../../src/contracts/clock.js';
import { LOG, silentLog } from '../../src/contracts/log.js';
import { DirectoryModule } from '../../src/directory/directory.module.js';
import { RIGHT_KEY, RIGHTS, type Right } from '../../src/platform/access/rights.js';
import type { AuditRecord } from '../../src/platform/audit/audit-record.js';
import { AuditRelay } from '../../src/platform/audit/audit.relay.js';
import { AuditService } from '../../src/platform/audit/audit.service.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { ProblemFilter } from '../../src/platform/http/problem.filter.js';
import { jsonBody, RAW_BODY_PATHS, rawBody } from '../../src/platform/http/request-body.js';
import type { GateRequest } from '../../src/platform/http/request.js';
import type { Job } from '../../src/platform/jobs/job.js';
import { JobsService } from '../../src/platform/jobs/jobs.service.js';
import { Leases } from '../../src/platform/jobs/leases.js';
import { openTestDocuments } from './documents.js';

/** The directory over real documents, without the rest of the service. `x-rights` names the rights of the caller (all when absent). Jobs run only when a test runs them. */
export interface DirectoryApp {
  app: NestExpressApplication;
  store: DocumentStore;
  clock: { now(): number; set(ms: number): void };
  jobs: Map<string, Job>;
  /** Every audit record that was stored, wherever it is by now, in the order of the acts. */
  audit(): Promise<AuditRecord[]>;
  close(): Promise<void>;
}

@Injectable()
class HeaderGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const right = this.reflector.get<Right | undefined>(RIGHT_KEY, context.getHandler());
    const { principal } = context.switchToHttp().getRequest<GateRequest>();
    if (right === undefined || !principal?.rights.has(right)) throw new ForbiddenException(`needs ${right ?? 'a declared right'}`);
    return true;
  }
}

export async function openDirectoryApp(input: SettingsInput = {}): Promise<DirectoryApp> {
  const store = await openTestDocuments();
  let setTo: number | undefined;
  const clock = { now: () => setTo ?? Date.now(), set: (ms: number) => void (setTo = ms) };
  const jobs = new Map<string, Job>();
  const settings = settingsFrom(input);

  @Global()
  @Module({
    providers: [
      { provide: DocumentStore, useValue: store },
      { provide: SETTINGS, useValue: settings },
      { provide: CLOCK, useValue: clock },
      { provide: LOG, useValue: silentLog },
      { provide: JobsService, useValue: { register: (job: Job) => void jobs.set(job.name, job) } },
      Leases,
      AuditRelay,
      AuditService,
    ],
    exports: [DocumentStore, SETTINGS, CLOCK, LOG, JobsService, AuditRelay, AuditService],
  })
  class GroundModule {}

  const testing = await Test.createTestingModule({ imports: [GroundModule, DirectoryModule], providers: [{ provide: APP_GUARD, useClass: HeaderGuard }] }).compile();
  const app = testing.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: false });
  for (const path of RAW_BODY_PATHS) app.getHttpAdapter().getInstance().post(path, rawBody(settings.http.requestBytes));
  app.use(jsonBody(settings.http.requestBytes));
  app.use((request: GateRequest, _response: Response, next: NextFunction) => {
    request.id = 'test';
    const rights = request.headers['x-rights'];
    request.principal = { id: 'u-ann', name: 'ann', ip: '192.0.2.7', rights: new Set(typeof rights === 'string' ? (rights.split(',') as Right[]) : RIGHTS) };
    next();
  });
  app.useGlobalFilters(new ProblemFilter(silentLog));
  await app.init();
  await store.ensureIndexes();

  return {
    app,
    store,
    clock,
    jobs,
    async audit() {
      const known = new Map<string, AuditRecord>();
      // The outboxes first: a record moves from there to the other place, never back.
      for (const name of ['applications', 'identities', 'accounts', 'entitlements']) {
        for (const document of await store.connection.collection(name).find().toArray()) for (const record of (document['auditOutbox'] ?? []) as AuditRecord[]) known.set(record.id, record);
      }
      for (const { _id, ...record } of await store.connection.collection('audit_records').find().toArray()) known.set(String(_id), { ...(record as unknown as AuditRecord), id: String(_id) });
      return [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async close() {
      await app.close();
      await store.close();
    },
  };
}
