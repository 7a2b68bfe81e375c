import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import type { PreviewView } from './integration-preview.service.js';
import type { IntegrationView } from './integration-view.js';
import { recentEvents } from './recent-events.js';

let ground: IntegrationsApp;
let log: TestEventLog;
beforeAll(async () => {
  log = await openTestEventLog({ partitions: 2 });
  ground = await openIntegrationsApp();
  ground.log.real = log.log;
});
afterAll(async () => {
  await ground.close();
  await log.dispose();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
let count = 0;
const created = async (body: object = {}) => ((await api().post(BASE).send({ name: `difference ${(count += 1)}`, serverUrl: 'siem', outputType: 'json', header: 'none', ...body }).expect(201)).body as IntegrationView).id;
const difference = async (id: string, body: object) => {
  const { difference: found } = (await api().post(`${BASE}/${id}/preview`).send(body).expect(200)).body as PreviewView;
  if (!found) throw new Error('no difference');
  return found;
};
const append = async (events: ReadonlyArray<Partial<AuditEvent>>) => {
  const outcomes = await log.log.append(events.map((event, index) => ({ key: `k-${index}`, value: encodeEnvelope({ event: { ...sampleEvent('account.owner.changed'), ...event }, producer: 'p', source: 's' }) })));
  expect(outcomes.every(({ type }) => type === 'appended')).toBe(true);
};

describe('the preview of a change', () => {
  it('tells what would be newly sent, no longer sent and by which rule, on the last real events', async () => {
    await append(Array.from({ length: 60 }, (_, index) => ({ id: `d-${index}`, severity: index % 3 === 0 ? 7 : 2, tenantId: index % 2 === 0 ? 'acme' : 'beta' })));
    const id = await created({ filter: { include: [{ name: 'acme alone', conditions: [{ field: 'tenantId', operator: 'equals', value: 'acme' }] }] } });
    const found = await difference(id, { proposed: { filter: { include: [], severityMin: 5 } }, lastEvents: 60 });
    expect(found.events).toMatchObject({ asked: 60, looked: 60, complete: true, stoppedBy: null });
    expect(found.before).toMatchObject({ sent: 30, filtered: 30, filteredBy: { 'filter.include': 30 } });
    expect(found.after).toMatchObject({ sent: 20, filtered: 40, filteredBy: { 'filter.severityMin': 40 } });
    expect(found.newlySent).toMatchObject({ count: 10, byRule: { 'filter.include': 10 }, byType: { 'account.owner.changed': 10 } });
    expect(found.noLongerSent).toMatchObject({ count: 20, byRule: { 'filter.severityMin': 20 } });
    expect(found.noLongerSent.examples).toHaveLength(10);
    expect(found.changed.count).toBe(0);
    expect(found.change).toMatchObject({ events: -10, eventsPercent: -33.33 });
    expect(found.before.eventsPerSecond).toBeGreaterThan(found.after.eventsPerSecond);
  });

  it('shows both renderings, sizes and rejects of what would look different, masked as each of the settings says, and stores nothing', async () => {
    const id = await created({ output: { mask: [{ field: 'actor.ip', action: 'drop' }] } });
    const found = await difference(id, { proposed: { output: { mask: [{ field: 'actor.ip', action: 'drop' }, { field: 'actor.name', action: 'hash' }], hashKey: 'sixteen characters or more' } }, lastEvents: 10 });
    expect(found.changed.count).toBe(10);
    const [example] = found.changed.examples;
    expect(example?.before.text).toContain('ann.keller');
    expect(example?.after.text).toMatch(/hmac-[0-9a-f]{32}/);
    expect(`${example?.before.text ?? ''}${example?.after.text ?? ''}`).not.toContain('192.0.2.10');
    expect(example?.after.text).not.toContain('ann.keller');
    const rejected = await difference(id, { proposed: { output: { maxBytes: 480, oversize: 'reject' } }, lastEvents: 5 });
    expect(rejected.after).toMatchObject({ sent: 0, rejected: 5, bytes: 0 });
    expect(rejected.changed.examples[0]?.after).toMatchObject({ outcome: 'rejected', reason: expect.stringContaining('message-too-long') });
    expect((await api().get(`${BASE}/${id}`)).body).toMatchObject({ version: 1, output: { mask: [{ field: 'actor.ip' }], hashKey: { set: false } } });
  });

  it('counts what a receiver really gets, so that another envelope is another volume', async () => {
    const id = await created({ serverUrl: 'https://siem/in', connection: { http: { body: 'ndjson' } } });
    const found = await difference(id, { proposed: { connection: { http: { body: 'cloudevents-batch' } } }, lastEvents: 20 });
    expect(found.changed.count).toBe(20);
    const [example] = found.changed.examples;
    const text = Buffer.byteLength(example?.before.text ?? '');
    expect(example?.before).toMatchObject({ bytes: text + 1 });
    const wrapped = (await api().post(`${BASE}/${id}/preview`).send({ proposed: { connection: { http: { body: 'cloudevents-batch' } } }, type: 'account.owner.changed', sequence: '0.1' }).expect(200)).body as PreviewView;
    expect((example?.after.bytes ?? 0) - text).toBeGreaterThan(100);
    expect(wrapped.bytes - Buffer.byteLength(wrapped.text ?? '')).toBeGreaterThan(100);
    expect(found.change.bytes).toBe(found.after.bytes - found.before.bytes);
    expect(found.change.bytes).toBeGreaterThan(20 * 100);
    const relp = await created({ serverUrl: 'tcp://siem', framing: 'newline' });
    const [framed] = (await difference(relp, { proposed: { protocol: 'relp', serverUrl: 'relp://siem' }, lastEvents: 5 })).changed.examples;
    expect((framed?.after.bytes ?? 0) - (framed?.before.bytes ?? 0)).toBe(`2 syslog ${Buffer.byteLength(framed?.before.text ?? '')} `.length);
  });

  it('points into the proposed settings, and asks for the right to read events', async () => {
    const id = await created();
    const refused = await api().post(`${BASE}/${id}/preview`).send({ proposed: { output: { mask: [{ field: 'id', action: 'drop' }, { field: 'actor.ip', action: 'hash' }] } } }).expect(400);
    expect((refused.body as { errors: Array<{ pointer: string }> }).errors.map(({ pointer }) => pointer)).toEqual(['/proposed/output/mask/0/field', '/proposed/output/hashKey']);
    await api().post(`${BASE}/${id}/preview`).set('x-rights', 'integrations:read').send({ lastEvents: 5 }).expect(403);
    await api().post(`${BASE}/${id}/preview`).send({ lastEvents: 2001 }).expect(400);
    await api().post(`${BASE}/${id}/preview`).set('x-rights', 'integrations:read').send({ type: 'siem.test' }).expect(200);
  });

  it('refuses at save what would hide or take the place of the mark of a replay, with the field', async () => {
    const refused = await api().post(BASE).send({ name: 'marks', serverUrl: 'siem', outputType: 'json', header: 'none', output: { mask: [{ field: 'attributes.*', action: 'drop' }, { field: 'attributes.replay', action: 'drop' }], extraFields: [{ name: 'Replay', value: 'x' }] } }).expect(400);
    expect((refused.body as { errors: Array<{ pointer: string; message: string }> }).errors).toEqual([
      { pointer: '/output/mask/1/field', message: 'attributes.replay stays as it is: receivers tell by it that an event comes again' },
      { pointer: '/output/extraFields/0/name', message: '"Replay" is the mark of events that a replay sends again; choose another name' },
    ]);
  });

  it('never shows the key of the hashes', async () => {
    const key = 'sixteen characters or more';
    const id = await created({ output: { mask: [{ field: 'actor.ip', action: 'hash' }], hashKey: key } });
    const shown = await api().get(`${BASE}/${id}`).expect(200);
    expect(shown.text).not.toContain(key);
    expect(shown.body).toMatchObject({ output: { hashKey: { set: true } } });
    expect(JSON.stringify(await ground.store.connection.collection('integrations').findOne({ _id: id as never }))).not.toContain(key);
    await api().patch(`${BASE}/${id}`).send({ output: shown.body.output }).expect(200);
  });

  it('ends at its bounds of memory and says so', async () => {
    const found = await recentEvents(log.log, { count: 60, bytes: 2000, ms: 60_000, now: Date.now(), readForeign: () => ({ type: 'refused', reason: 'none' }) });
    expect(found.stoppedBy).toBe('memory');
    const late = await recentEvents(log.log, { count: 60, bytes: 1e9, ms: 0, now: Date.now(), readForeign: () => ({ type: 'refused', reason: 'none' }) });
    expect(late.stoppedBy).toBe('time');
  });
});
