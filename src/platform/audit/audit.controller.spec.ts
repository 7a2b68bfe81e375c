import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Module, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { openTestDocuments } from '../../../test/support/documents.js';
import { ConfigModule } from '../../config/config.module.js';
import { settingsFrom } from '../../config/settings.js';
import { EVENT_SINK, type EventSink } from '../../contracts/event-sink.js';
import { LOG, silentLog } from '../../contracts/log.js';
import { accessOf } from '../access/route-rights.js';
import { DocumentStore } from '../documents/document-store.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { AuditController } from './audit.controller.js';
import { AuditModule } from './audit.module.js';
import { AuditService } from './audit.service.js';
import { actorOf, newAuditRecord, systemActor } from './new-audit-record.js';

interface Entry {
  id: string;
  exportedAt: string | null;
  sequence: string | null;
}
interface Answer {
  items: Entry[];
  total: number;
  errors: Array<{ pointer: string }>;
}

describe('GET /api/v1/audit', () => {
  let store: DocumentStore;
  let app: INestApplication;
  let time = Date.parse('2026-03-01T10:00:00Z');
  const clock = { now: () => time };
  const sink: EventSink = { publish: async (events) => events.map(({ type }) => (type === 'audit.door.open' ? { type: 'refused', reason: 'too large' } : { type: 'accepted', partition: 1, offset: 7, duplicate: false })) };
  const ids: Record<string, string> = {};

  beforeEach(async () => {
    store = await openTestDocuments();
    @Global()
    @Module({ providers: [{ provide: DocumentStore, useValue: store }, { provide: LOG, useValue: silentLog }], exports: [DocumentStore, LOG] })
    class Ground {}
    @Module({ providers: [{ provide: EVENT_SINK, useValue: sink }] })
    class Intake {}
    app = (await Test.createTestingModule({ imports: [ConfigModule.forRoot(settingsFrom(), clock), Ground, AuditModule, Intake] }).compile()).createNestApplication();
    app.useGlobalFilters(new ProblemFilter(silentLog));
    await store.ensureIndexes();
    await app.init();
    const audit = app.get(AuditService);
    const ann = actorOf({ id: 'u-1', name: 'ann', ip: '192.0.2.7' });
    const acts = {
      lock: { type: 'audit.door.lock', actor: ann, subject: { kind: 'door', id: 'd-1', name: 'front' } },
      open: { type: 'audit.door.open', actor: ann, subject: { kind: 'door', id: 'd-2', name: 'back' }, outcome: 'failure' as const, reason: 'jammed' },
      sweep: { type: 'audit.hall.update', actor: systemActor('janitor'), subject: { kind: 'hall', id: 'h-1' }, correlationId: 'case-9' },
    };
    for (const [name, act] of Object.entries(acts)) {
      time += 60_000;
      const record = newAuditRecord(act, clock);
      ids[name] = record.id;
      await audit.record(record);
    }
  });
  afterEach(async () => {
    await app.close();
    await store.close();
  });

  const get = async (query: string, status = 200): Promise<Answer> => (await request(app.getHttpServer() as Server).get(`/api/v1/audit${query}`).expect(status)).body as Answer;
  const names = (answer: Answer) => answer.items.map(({ id }) => Object.keys(ids).find((name) => ids[name] === id));

  it('asks for the right to read the audit', () => {
    expect(accessOf(Reflect.get(AuditController.prototype, 'list') as object, AuditController)).toEqual({ type: 'right', right: 'audit:read' });
  });

  it('lists acts newest first, a page at a time, with the total', async () => {
    expect(names(await get(''))).toEqual(['sweep', 'open', 'lock']);
    const second = await get('?page=2&pageSize=2');
    expect(names(second)).toEqual(['lock']);
    expect(second).toMatchObject({ page: 2, pageSize: 2, total: 3 });
    expect((await get('?page=9')).items).toEqual([]);
  });

  it('finds by type, actor, subject, outcome, correlation and time', async () => {
    expect(names(await get('?type=audit.door.open'))).toEqual(['open']);
    expect(names(await get('?actor=ann'))).toEqual(['open', 'lock']);
    expect(names(await get('?actor=u-1&subject=front'))).toEqual(['lock']);
    expect(names(await get('?subject=h-1'))).toEqual(['sweep']);
    expect(names(await get('?outcome=failure'))).toEqual(['open']);
    expect(names(await get('?correlationId=case-9'))).toEqual(['sweep']);
    const at = (minutes: number) => encodeURIComponent(new Date(time - minutes * 60_000).toISOString());
    expect(names(await get(`?from=${at(1)}`))).toEqual(['sweep', 'open']);
    expect(names(await get(`?from=${at(2)}&to=${at(1)}`))).toEqual(['lock']);
  });

  it('tells what became of each as an event', async () => {
    while ((await get('?exported=waiting')).total > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(names(await get('?exported=refused'))).toEqual(['open']);
    const [sweep, open, lock] = (await get('')).items;
    expect(sweep).toMatchObject({ sequence: '1.7', exportedAt: expect.any(String), refusedReason: null });
    expect(open).toMatchObject({ sequence: null, exportedAt: null, refusedReason: 'too large', reason: 'jammed', outcome: 'failure' });
    expect(lock).toMatchObject({ type: 'audit.door.lock', actor: { kind: 'user', id: 'u-1', name: 'ann', ip: '192.0.2.7' }, subject: { kind: 'door', id: 'd-1', name: 'front' }, outcome: 'success' });
  });

  it.each([['?pageSize=501', '/pageSize'], ['?page=0', '/page'], ['?from=yesterday', '/from'], ['?colour=red', '/colour'], ['?type=a&type=b', '/type'], ['?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', '/to']])('refuses %s with the place', async (query, pointer) => {
    expect((await get(query, 400)).errors.map((error) => error.pointer)).toEqual([pointer]);
  });
});
