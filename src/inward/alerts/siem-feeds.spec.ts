import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import request from 'supertest';
import { basic, openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { settingsFrom } from '../../config/settings.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { PinoLog } from '../../platform/telemetry/pino-log.js';
import { AlertsModule } from './alerts.module.js';
import { LogFeed } from './feeds/log-feed.service.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
type Element = Record<string, unknown> & { id: string; created: number };
interface Page {
  auditEvents: Element[];
  syslogEvents: Element[];
  currentIndex: number;
  itemsPerPage: number;
  totalResults: number;
}

let application: TestApplication;
let reader: string;
let audit: AuditService;
let time = Date.parse('2026-11-02T10:00:00Z');
const clock = { now: () => time };
const log = PinoLog.create(settingsFrom({ log: { level: 'warn' } }), { write: () => undefined });

@Global()
@Module({ providers: [{ provide: PinoLog, useValue: log }], exports: [PinoLog] })
class LogModule {}

beforeAll(async () => {
  application = await openTestApplication({ imports: [LogModule, AlertsModule], clock, log, settings: { siem: { feedIntervalMs: 600_000, logQueueEvents: 50, logEvents: 100, feedRetentionDays: 90 } } });
  reader = await application.user('reader', ['siemextadministrator', 'siemadministrator']);
  audit = application.http.app.get(AuditService, { strict: false });
});
afterAll(() => application.close());

const get = (path: string) => request(application.url).get(`${BASE}/${path}`).set('Authorization', reader);
const page = async (path: string) => (await get(path).expect(200).expect('Content-Type', /application\/json/)).body as Page;
let made = 0;
async function record(count: number, change: Record<string, unknown> = {}): Promise<string[]> {
  const records = Array.from({ length: count }, () => newAuditRecord({ type: 'audit.door.open', actor: { kind: 'user', id: 'u', name: 'Ada' }, subject: { kind: 'door', id: `d-${made++}`, name: 'front' }, ...change }, clock));
  await audit.record(...records);
  return records.map(({ id }) => id);
}

describe('the audit-events feed', () => {
  it('has the 18 keys of the contract, all text but created, and what Tidegate adds', async () => {
    const [id] = await record(1, {
      type: 'mitigation.alert.processed', correlationId: 'alert-1', reason: 'done', subject: { kind: 'alert', id: 'alert-1', name: 'SIEM Identity Entitlement' }, attributes: { action: 'identity/entitlement', alertType: 'identity/entitlement', count: 1 },
      objects: [{ kind: 'account', id: 'acc-1', name: 'Jane.Doe', application: 'Active Directory' }, { kind: 'identity', id: 'i-1', name: 'jane' }, { kind: 'entitlement', id: 'e-1', attribute: 'memberOf', value: 'group1' }],
    });
    const { auditEvents } = await page('audit-events?type=siemProvisioning');
    const event = auditEvents.at(-1) ?? { id: '', created: 0 };
    const { serverHost, attributesMap, created, ...texts } = event;
    expect(Object.keys(texts).sort()).toEqual(['accountName', 'action', 'application', 'attributeName', 'attributeValue', 'attributes', 'id', 'instance', 'interface', 'owner', 'source', 'string1', 'string2', 'string3', 'string4', 'target', 'trackingId']);
    expect(Object.values(texts).every((value) => typeof value === 'string')).toBe(true);
    expect([typeof created, typeof serverHost, typeof attributesMap]).toEqual(['number', 'string', 'object']);
    expect(event).toMatchObject({
      id, action: 'siemProvisioning', source: 'Ada', target: 'jane', application: 'Active Directory', accountName: 'Jane.Doe', attributeName: 'memberOf', attributeValue: 'group1', trackingId: 'alert-1',
      string1: 'identity/entitlement', string2: 'SIEM Operation: Remove', string3: 'success', string4: 'done', attributes: expect.stringMatching(/^\{action=identity\/entitlement, alertType=.*count=1.*\}$/),
    });
  });

  it('counts pages, not rows, clamps the size, and is empty beyond the end', async () => {
    await record(25, { type: 'audit.page.read' });
    const of = (query: string) => page(`audit-events?type=audit.page.read&${query}`);
    const second = await of('startIndex=2&count=10');
    expect(second).toMatchObject({ currentIndex: 2, itemsPerPage: 10, totalResults: 25 });
    expect(second.auditEvents).toHaveLength(10);
    const all = (await of('count=1000')).auditEvents.map(({ id }) => id);
    expect(second.auditEvents.map(({ id }) => id)).toEqual(all.slice(10, 20));
    expect(await of('startIndex=3&count=10')).toMatchObject({ currentIndex: 3, itemsPerPage: 5, totalResults: 25 });
    expect(await of('startIndex=4&count=10')).toEqual({ auditEvents: [], currentIndex: 4, itemsPerPage: 0, totalResults: 25 });
    expect(await of('startIndex=999999999999999999&count=10')).toMatchObject({ auditEvents: [], itemsPerPage: 0, totalResults: 25 });
    await request(application.url).patch('/api/v1/settings/mitigation').set('Authorization', basic('admin')).send({ auditEventLimit: 7 }).expect(200);
    time += 1000;
    expect(await of('count=10')).toMatchObject({ itemsPerPage: 7, totalResults: 25 });
    await request(application.url).patch('/api/v1/settings/mitigation').set('Authorization', basic('admin')).send({ auditEventLimit: null }).expect(200);
    time += 1000;
  });

  it('takes both times as exclusive bounds, and an unknown type as an empty page', async () => {
    await record(5, { type: 'audit.bound.read' });
    const { auditEvents } = await page('audit-events?type=audit.bound.read');
    const [first, , third, , fifth] = auditEvents.map(({ created }) => created);
    expect((await page(`audit-events?type=audit.bound.read&startTime=${first}&endTime=${fifth}`)).auditEvents.map(({ created }) => created)).toEqual(auditEvents.slice(1, 4).map(({ created }) => created));
    expect(await page(`audit-events?type=audit.bound.read&startTime=${third}&endTime=${third}`)).toMatchObject({ auditEvents: [], totalResults: 0 });
    expect(await page('audit-events?type=AUDIT.bound.read')).toMatchObject({ auditEvents: [], totalResults: 0 });
  });

  it('answers parameter errors with 200 and without a list', async () => {
    expect(await page('audit-events?startIndex=0')).toEqual({ code: 'IndexError', message: 'Invalid startIndex.', details: 'startIndex should begin at index 1.' });
    expect(await page('syslog-events?startTime=9&endTime=8&quickKey=1')).toEqual({ code: 'TimeError', message: 'Invalid duration.', details: 'startTime should be less than endTime(epoch).' });
  });

  it('loses nothing and repeats nothing for a client that polls with the last created while the log grows', async () => {
    const type = 'audit.poll.read';
    const made = new Set<string>();
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 3 }, async (_, writer) => {
        for (let round = 0; round < 25; round += 1) {
          // Many in one millisecond, some late, some with a clock ahead.
          const happened = new Date(time + [0, -60_000, 5000][writer]!).toISOString();
          for (const id of await record(1 + (round % 9), { type, occurredAt: happened })) made.add(id);
          if (round % 3 === 0) time += 1;
        }
      }),
    ).finally(() => (writing = false));
    const seen: string[] = [];
    let startTime = 1;
    const poll = async () => {
      const { auditEvents } = await page(`audit-events?type=${type}&startIndex=1&count=50&startTime=${startTime}`);
      for (const { id, created } of auditEvents) {
        expect(created).toBeGreaterThan(startTime);
        startTime = created;
        seen.push(id);
      }
      return auditEvents.length;
    };
    while (writing) await poll();
    await writers;
    while ((await poll()) > 0);
    expect(seen).toHaveLength(made.size);
    expect(new Set(seen)).toEqual(made);
  });

  it('hides an action that was turned off, and only hides it', async () => {
    await record(2, { type: 'audit.hide.read' });
    const set = (enabled: boolean) => request(application.url).put('/api/v1/settings/audit-actions/audit.hide.read').set('Authorization', basic('admin')).send({ enabled }).expect(200);
    time += 61_000;
    await set(false);
    expect(await page('audit-events?type=audit.hide.read')).toMatchObject({ totalResults: 0, auditEvents: [] });
    expect((await page('audit-events')).auditEvents.some(({ action }) => action === 'audit.hide.read')).toBe(false);
    expect((await get('auditConfiguration?name=AUDIT.HIDE.READ').expect(200)).body).toEqual({ name: 'audit.hide.read', enabled: false });
    expect(((await get('auditConfiguration?enabled=true').expect(200)).body as Array<{ name: string }>).map(({ name }) => name)).not.toContain('audit.hide.read');
    expect(((await get('auditConfiguration').expect(200)).body as unknown[])).toEqual(expect.arrayContaining([{ name: 'audit.hide.read', enabled: false }, { name: 'siemProvisioning', enabled: true }, { name: 'mitigation.alert.received', enabled: true }]));
    expect((await get('auditConfiguration?name=nobody').expect(400)).body).toEqual({ status: 'error', message: 'AuditAction nobody not found.', details: '' });
    await set(true);
    expect(await page('audit-events?type=audit.hide.read')).toMatchObject({ totalResults: 2 });
    await request(application.url).put('/api/v1/settings/audit-actions/nobody').set('Authorization', basic('admin')).send({ enabled: false }).expect(404);
  });

  it('needs its own right', async () => {
    const other = await application.user('alerter', ['siemadministrator']);
    await request(application.url).get(`${BASE}/audit-events`).set('Authorization', other).expect(403);
    await request(application.url).get(`${BASE}/Audit-Events`).set('Authorization', reader).expect(404);
  });
});

describe('the syslog-events feed', () => {
  it('has what the service logs at warn and above, with the 38 keys of the contract and a growing quickKey', async () => {
    const before = (await page('syslog-events')).totalResults;
    log.child('engine').info({}, 'nothing to see');
    log.child('engine').warn({ integration: 'i-1', password: 'secret-1' }, 'a receiver is slow');
    log.child('engine.lane').error({ error: new Error('gone'), user: 'ann' }, 'a receiver is gone');
    const { syslogEvents, totalResults } = await page('syslog-events');
    expect(totalResults).toBe(before + 2);
    const [warn, error] = syslogEvents.slice(-2);
    expect(Object.keys(warn ?? {}).sort()).toEqual([
      'assignedScope', 'assignedScopePath', 'attributeMetaData', 'auditClassName', 'autoCreated', 'classname', 'created', 'description', 'dirty', 'disabled', 'eventLevel', 'id', 'immutable', 'lineNumber', 'lock', 'lockInfo', 'locked', 'message', 'modified', 'name', 'nameUnique',
      'originalXml', 'owner', 'pendingWorkflow', 'persisted', 'quickKey', 'referenceClass', 'referenceId', 'referenceName', 'refreshedExistingLock', 'server', 'signOffs', 'stacktrace', 'thread', 'uid', 'uniqueKeyProperties', 'username', 'xml',
    ]);
    expect(warn).toMatchObject({ eventLevel: 'WARN', classname: 'tidegate.engine', message: expect.stringContaining('a receiver is slow'), username: 'system', quickKey: expect.stringMatching(/^\d{10}$/), auditClassName: 'SyslogEvent', referenceId: warn?.id, persisted: true, xml: false });
    expect(JSON.stringify(warn)).not.toContain('secret-1');
    expect(error).toMatchObject({ eventLevel: 'ERROR', classname: 'tidegate.engine.lane', username: 'ann', stacktrace: expect.stringContaining('Error: gone'), lineNumber: expect.stringMatching(/^\d+$/) });
    expect(Number(error?.['quickKey'])).toBe(Number(warn?.['quickKey']) + 1);
    for (const key of [String(warn?.['quickKey']), String(Number(warn?.['quickKey']))]) expect((await page(`syslog-events?quickKey=${key}&startTime=1&endTime=2`)).syslogEvents.map(({ id }) => id)).toEqual([error?.id]);
    expect((await page(`syslog-events?startTime=${String(warn?.created)}`)).syslogEvents.map(({ id }) => id)).toEqual([error?.id]);
  });

  it('never holds up who logs: what comes too fast is counted, and the count is an event', async () => {
    const before = Number((await page('syslog-events')).syslogEvents.at(-1)?.['quickKey']);
    for (let line = 0; line < 120; line += 1) log.warn({ line }, 'a flood');
    await page('syslog-events');
    const { syslogEvents } = await page(`syslog-events?quickKey=${before}`);
    expect(syslogEvents).toHaveLength(51);
    expect(syslogEvents.at(-1)).toMatchObject({ message: expect.stringMatching(/^70 lines of the log came too fast/) });
  });

  it('loses what is older than the retention and beyond the most that is kept, the oldest first, and numbers go on', async () => {
    const feed = application.http.app.get(LogFeed, { strict: false });
    const keys = async () => (await page('syslog-events')).syslogEvents.map(({ quickKey }) => Number(quickKey));
    const before = await keys();
    const last = before.at(-1) ?? 0;
    time += 89 * 86_400_000;
    log.warn({}, 'a young one');
    expect(await keys()).toEqual([...before, last + 1]);
    expect(await feed.removeOld(new AbortController().signal)).toBe(0);
    time += 2 * 86_400_000;
    expect(await feed.removeOld(new AbortController().signal)).toBe(before.length);
    expect(await keys()).toEqual([last + 1]);
    for (let line = 0; line < 120; line += 1) {
      log.warn({ line }, 'one of many');
      if (line % 40 === 39) await page('syslog-events');
    }
    expect(await feed.removeOld(new AbortController().signal)).toBe(21);
    expect(await keys()).toEqual(Array.from({ length: 100 }, (_, index) => last + 22 + index));
  });
});

describe('the retention of the feeds', () => {
  it('ends what they show, and not the audit trail', async () => {
    const trail = async () => ((await request(application.url).get('/api/v1/audit?type=audit.page.read').set('Authorization', basic('admin')).expect(200)).body as { total: number }).total;
    expect([(await page('audit-events?type=audit.page.read')).totalResults, await trail()]).toEqual([0, 25]);
    await record(2, { type: 'audit.page.read' });
    expect([(await page('audit-events?type=audit.page.read')).totalResults, await trail()]).toEqual([2, 27]);
    expect((await page('audit-events?startTime=1')).auditEvents.every(({ created }) => created >= time - 90 * 86_400_000)).toBe(true);
  });
});
