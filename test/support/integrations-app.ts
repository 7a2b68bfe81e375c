import { type CanActivate, type ExecutionContext, ForbiddenException, Global, Injectable, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { randomBytes } from 'node:crypto';
import type { NextFunction, Response } from 'express';
import { SETTINGS, settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { CLOCK } from '../../src/contracts/clock.js';
import { EVENT_LOG, type EventLog, type PartitionRange } from '../../src/contracts/event-log.js';
import { LOG, silentLog, type Log } from '../../src/contracts/log.js';
import { SECRETS, type Secrets } from '../../src/contracts/secrets.js';
import { IntegrationsModule } from '../../src/outward/integrations/integrations.module.js';
import { RIGHT_KEY, RIGHTS, type Right } from '../../src/platform/access/rights.js';
import { AuditRelay } from '../../src/platform/audit/audit.relay.js';
import type { AuditRecord } from '../../src/platform/audit/audit-record.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { ProblemFilter } from '../../src/platform/http/problem.filter.js';
import { jsonBody } from '../../src/platform/http/request-body.js';
import type { GateRequest } from '../../src/platform/http/request.js';
import { Leases } from '../../src/platform/jobs/leases.js';
import { SecretBox } from '../../src/platform/secrets/secret-box.js';
import { openTestDocuments } from './documents.js';

/** The REST of the integrations over real documents, without the rest of the service. `x-rights` names the rights of the caller (all when absent). */
export interface IntegrationsApp {
  app: NestExpressApplication;
  store: DocumentStore;
  secrets: Secrets;
  clock: { now(): number; set(ms: number): void };
  /** The ends of the event log, as `enable` sees them; null makes the log fail. `real` stands in for both. */
  log: { ranges: PartitionRange[] | null; real?: EventLog };
  /** Errors that the service logged. */
  errors: Array<{ facts: object; message: string }>;
  /** The audit records of an integration, oldest first, wherever they are by now. */
  audit(integrationId: string): Promise<AuditRecord[]>;
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

export async function openIntegrationsApp(input: SettingsInput = {}): Promise<IntegrationsApp> {
  const store = await openTestDocuments();
  const secrets = new SecretBox([randomBytes(32)]);
  let setTo: number | undefined;
  const clock = { now: () => setTo ?? Date.now(), set: (ms: number) => void (setTo = ms) };
  const log: IntegrationsApp['log'] = { ranges: [{ partition: 0, first: 0, next: 0 }] };
  const errors: IntegrationsApp['errors'] = [];
  const ownLog: Log = { ...silentLog, error: (facts, message) => void errors.push({ facts, message }), child: () => ownLog };
  const eventLog = {
    ranges: async () => {
      if (log.ranges === null) throw new Error('the broker does not answer');
      if (log.real) return log.real.ranges();
      return log.ranges;
    },
    openReader: async (...args: Parameters<EventLog['openReader']>) => {
      if (!log.real) throw new Error('there is no event log in this test');
      return log.real.openReader(...args);
    },
    positionAt: async (...args: Parameters<EventLog['positionAt']>) => {
      if (!log.real) throw new Error('there is no event log in this test');
      return log.real.positionAt(...args);
    },
    retention: async () => log.real?.retention() ?? { ageMs: null, bytes: null },
    identity: () => Promise.resolve('test:log'),
  };

  @Global()
  @Module({
    providers: [
      { provide: DocumentStore, useValue: store },
      { provide: SETTINGS, useValue: settingsFrom(input) },
      { provide: CLOCK, useValue: clock },
      { provide: SECRETS, useValue: secrets },
      { provide: EVENT_LOG, useValue: eventLog },
      { provide: LOG, useValue: ownLog },
      Leases,
      AuditRelay,
    ],
    exports: [DocumentStore, SETTINGS, CLOCK, SECRETS, EVENT_LOG, LOG, AuditRelay],
  })
  class GroundModule {}

  const testing = await Test.createTestingModule({ imports: [GroundModule, IntegrationsModule], providers: [{ provide: APP_GUARD, useClass: HeaderGuard }] }).compile();
  const app = testing.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: false });
  app.use(jsonBody(5_242_880));
  app.use((request: GateRequest, _response: Response, next: NextFunction) => {
    request.id = 'test';
    const rights = request.headers['x-rights'];
    request.principal = { id: 'u-ann', name: 'ann', ip: '192.0.2.7', rights: new Set(typeof rights === 'string' ? (rights.split(',') as Right[]) : RIGHTS) };
    next();
  });
  app.useGlobalFilters(new ProblemFilter(ownLog));
  await app.init();
  await store.ensureIndexes();

  return {
    app,
    store,
    secrets,
    clock,
    log,
    errors,
    async audit(integrationId) {
      const inOutbox = await store.connection.collection('integrations').findOne({ _id: integrationId as never });
      const moved = await store.connection.collection('audit_records').find({ 'subject.id': integrationId }).sort({ _id: 1 }).toArray();
      const known = new Map<string, AuditRecord>();
      for (const { _id, ...record } of moved) known.set(String(_id), { ...(record as unknown as AuditRecord), id: String(_id) });
      for (const record of (inOutbox?.['auditOutbox'] ?? []) as AuditRecord[]) known.set(record.id, record);
      return [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async close() {
      await app.close();
      await store.close();
    },
  };
}
