import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { basic, openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { ALERT_TYPES, type AlertType } from '../../model/alert.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { AlertDocument } from './alert.schema.js';
import { AlertsModule } from './alerts.module.js';
import { ACTION_PATHS } from './siem-alerts.controller.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
const SUCCESS = 'Successfully created an alert Id.';
/** The sample of the product page, unchanged. */
const SAMPLE = { application: 'Active Directory', native_id: 'Jane.Doe', action: 'disable', level: 'low', date: '149514462222' };
const FULL = { ...SAMPLE, group_name: 'group1', group_type: 'memberOf' };

let application: TestApplication;
let authorization: string;
let time = Date.parse('2026-11-02T10:00:00Z');
beforeAll(async () => {
  application = await openTestApplication({ imports: [AlertsModule], clock: { now: () => time } });
  authorization = await application.user('siem', ['siemadministrator']);
});
afterAll(() => application.close());
beforeEach(async () => {
  time += 3_600_000;
  await application.documents.connection.collection('alerts').deleteMany({});
});

const post = (path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const call = request(application.url).post(`${BASE}/${path}`).set('Authorization', authorization).set('Content-Type', 'application/json').set(headers);
  return body === undefined ? call : call.send(typeof body === 'string' ? body : JSON.stringify(body));
};
const stored = () => application.documents.connection.collection<AlertDocument>('alerts').find().sort({ type: 1 }).toArray();
const auditOf = async (id: string): Promise<AuditRecord[]> => {
  const alert = await application.documents.connection.collection<AlertDocument>('alerts').findOne({ _id: id });
  const moved = await application.documents.connection.collection('audit_records').find({ correlationId: id }).sort({ _id: 1 }).toArray();
  const records = new Map<string, AuditRecord>(moved.map(({ _id, ...record }) => [String(_id), { ...(record as unknown as AuditRecord), id: String(_id) }]));
  for (const record of alert?.auditOutbox ?? []) records.set(record.id, record);
  return [...records.values()];
};

describe('the action endpoints of the SIEM', () => {
  it.each(ACTION_PATHS)('take an alert at %s, store it under its canonical type, and answer its id', async (path) => {
    const { body } = await post(path, FULL).expect(200).expect('Content-Type', /application\/json/);
    expect(body).toEqual({ status: 'success', message: SUCCESS, details: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const type = ({ 'identity/passwords-all': 'identity/passwords', 'application/groups': 'application/group' }[path] ?? path) as AlertType;
    const needs = ALERT_TYPES[type].needs as readonly string[];
    const [alert, ...others] = await stored();
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      _id: (body as { details: string }).details, type, application: 'Active Directory', state: 'new', level: 'low', levelRank: 2, action: 'disable', useWorkflow: null, alertDate: new Date(149514462222), receivedAt: new Date(time), postedBy: 'siem', posts: 1, attempts: 0,
      nativeId: needs.includes('native_id') ? 'Jane.Doe' : null, groupName: needs.includes('group_name') ? 'group1' : null, groupType: needs.includes('group_type') ? 'memberOf' : null, loopDepth: 0,
    });
  });

  it('serve the same paths without the context, and with one trailing slash, but not in another case', async () => {
    const ask = (path: string) => request(application.url).post(path).set('Authorization', authorization).send(FULL);
    await ask('/plugin/rest/SIEMPlugin/identity/account').expect(200);
    await ask(`${BASE}/identity/account/`).expect(200);
    await ask(`${BASE}/identity/account//`).expect(404);
    expect((await ask(`${BASE}/Identity/Account`).expect(404)).body).toEqual({ status: 'error', message: expect.stringContaining('Identity/Account'), details: '' });
    await ask('/identityiq/plugin/rest/siemplugin/identity/account').expect(404);
    await ask(`${BASE}/identity/unknown`).expect(404);
  });

  it('take every sample body of the product page as it stands there', async () => {
    for (const { path, body } of samplesOfThePage()) await post(path, body).expect(200);
    expect(samplesOfThePage().length).toBeGreaterThanOrEqual(13);
  });

  it('record that the alert was received in the same write, under its id', async () => {
    const { details } = (await post('identity/account', FULL).expect(200)).body as { details: string };
    expect(await auditOf(details)).toEqual([
      expect.objectContaining({
        type: 'mitigation.alert.received', outcome: 'success', correlationId: details, actor: expect.objectContaining({ kind: 'user', name: 'siem' }), subject: { kind: 'alert', id: details, name: 'SIEM Identity Account disable' },
        objects: [{ kind: 'application', id: 'Active Directory', name: 'Active Directory' }, { kind: 'account', id: 'Jane.Doe', name: 'Jane.Doe', application: 'Active Directory' }],
      }),
    ]);
  });

  it('name what is missing in the order of the contract, and store nothing', async () => {
    const missing = (names: string) => ({ status: 'error', message: `Missing necessary parameters or value for REST service : ${names}`, details: '' });
    expect((await post('identity/entitlement', {}).expect(400)).body).toEqual(missing("'application', 'date', 'group_name', 'group_type', 'native_id'"));
    expect((await post('identity/account', { native_id: '', date: null }).expect(400)).body).toEqual(missing("'application', 'date', 'native_id'"));
    expect((await post('application/group', { group_type: 'memberOf', application: 'x' }).expect(400)).body).toEqual(missing("'date', 'group_name'"));
    expect((await post('application/certify-all', { Application: 'x' }).expect(400)).body).toEqual(missing("'application', 'date'"));
    expect((await post('application/accounts', 'null').expect(400)).body).toEqual(missing("'application', 'date'"));
    expect((await post('application/accounts').expect(400)).body).toEqual(missing("'application', 'date'"));
    expect(await stored()).toEqual([]);
  });

  it.each([
    ['an action that nobody knows', { action: 'destroy' }, /'action' must be one of disable, delete/],
    ['a level that nobody knows', { level: 'urgent' }, /'level' must be one of high, medium, low/],
    ['a date in words', { date: 'yesterday' }, /'date'/],
    ['a date beyond time', { date: '9223372036854775807' }, /'date'/],
    ['a fraction as date', { date: 1.5 }, /'date'/],
    ['a list as application', { application: ['a'] }, /'application' must be a text/],
    ['an object as native_id', { native_id: { a: 1 } }, /'native_id' must be a text/],
    ['a number as native_id', { native_id: 5 }, /'native_id' must be a text/],
    ['a name that is too long', { application: 'x'.repeat(256) }, /'application' must not have more than 255 characters/],
    ['an action that is too long', { action: 'x'.repeat(33) }, /'action' must not have more than 32 characters/],
    ['half a character', { native_id: 'a\ud800' }, /'native_id'/],
    ['a list as use_workflow', { use_workflow: [] }, /'use_workflow'/],
  ])('refuse %s with 400 and store nothing', async (_what, change, message) => {
    const { body } = await post('identity/account', { ...FULL, ...change }).expect(400);
    expect(body).toEqual({ status: 'error', message: expect.stringMatching(message), details: '' });
    expect(await stored()).toEqual([]);
  });

  it.each(['{"application":', '[]', '"text"', '7', 'true', '{"application":"a"}}'])('refuse the body %s with 400', async (body) => {
    expect((await post('identity/account', body).expect(400)).body).toMatchObject({ status: 'error', message: expect.any(String), details: '' });
  });

  it('take strings, numbers and booleans for date and use_workflow, defaults for what is left out, and any case', async () => {
    const one = async (change: Record<string, unknown>) => {
      const { details } = (await post('identity/account', { application: 'A', native_id: `n-${JSON.stringify(change).slice(0, 100)}`, date: '1', ...change }).expect(200)).body as { details: string };
      return application.documents.connection.collection<AlertDocument>('alerts').findOne({ _id: details });
    };
    expect(await one({})).toMatchObject({ action: 'disable', level: 'medium', levelRank: 1, useWorkflow: null });
    expect(await one({ action: '', level: '', use_workflow: '' })).toMatchObject({ action: 'disable', level: 'medium', useWorkflow: null });
    expect(await one({ action: 'DeLeTe', level: 'HIGH', date: 1667556000000 })).toMatchObject({ action: 'delete', level: 'high', levelRank: 0, alertDate: new Date(1667556000000) });
    for (const [sent, kept] of [['true', true], ['TRUE', true], ['false', false], ['yes', false], [true, true], [false, false], [1, true], [0, false], [null, null]] as const) expect(await one({ use_workflow: sent })).toMatchObject({ useWorkflow: kept });
    expect(await one({ surprise: { deep: [1] }, application: 'x'.repeat(255) })).toMatchObject({ state: 'new' });
  });

  it('ignore use_workflow on certifications, and an action where none is needed', async () => {
    await post('identity/certify', { ...FULL, use_workflow: 'true' }).expect(200);
    await post('identity/password', { ...FULL, action: 'whatever', use_workflow: 'true' }).expect(200);
    expect(await stored()).toEqual([expect.objectContaining({ type: 'identity/certify', useWorkflow: null }), expect.objectContaining({ type: 'identity/password', action: 'disable', useWorkflow: true })]);
  });

  it('ask for no content type', async () => {
    for (const type of ['text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded']) await post('identity/account', FULL, { 'Content-Type': type }).expect(200);
  });

  it('need the right, tell what a wrong verb is, and answer every refusal in the same shape', async () => {
    const other = await application.user('reader', ['siemextadministrator']);
    const bare = request(application.url);
    expect((await bare.post(`${BASE}/identity/account`).send(FULL).expect(401).expect('WWW-Authenticate', /Basic/)).body).toMatchObject({ status: 'error', details: 'authentication-required' });
    expect((await bare.post(`${BASE}/identity/account`).set('Authorization', basic('siem', 'wrong-password')).send(FULL).expect(401)).body).toMatchObject({ status: 'error' });
    expect((await bare.post(`${BASE}/identity/account`).set('Authorization', other).send(FULL).expect(403)).body).toMatchObject({ status: 'error', message: expect.stringContaining('siemadministrator'), details: 'right-missing' });
    expect((await bare.get(`${BASE}/identity/account`).set('Authorization', authorization).expect(405).expect('Allow', 'POST')).body).toMatchObject({ status: 'error' });
    expect(await stored()).toEqual([]);
  });
});

describe('a post that comes again', () => {
  it('under one Idempotency-Key is one alert, also when it is closed by then; another body is refused', async () => {
    const key = { 'Idempotency-Key': 'case-4711' };
    const first = (await post('identity/account', FULL, key).expect(200)).body as { details: string };
    await application.documents.connection.collection<AlertDocument>('alerts').updateOne({ _id: first.details }, { $set: { state: 'succeeded' } });
    expect((await post('identity/account', FULL, key).expect(200)).body).toEqual(first);
    expect((await post('identity/account', { ...FULL, native_id: 'Other' }, key).expect(409)).body).toMatchObject({ status: 'error' });
    expect((await post('identity/account', { ...FULL, level: 'high' }, key).expect(409)).body).toMatchObject({ status: 'error' });
    expect(await stored()).toHaveLength(1);
    const other = await application.user('siem-2', ['siemadministrator']);
    expect(((await post('identity/account', FULL, { ...key, Authorization: other }).expect(200)).body as { details: string }).details).not.toBe(first.details);
  });

  it('under one key many times at once is one alert', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('identity/account', FULL, { 'Idempotency-Key': 'at-once' })));
    expect(new Set(answers.map(({ body }) => (body as { details: string }).details)).size).toBe(1);
    expect(await stored()).toEqual([expect.objectContaining({ posts: 1 })]);
  });

  it('is merged into the equal alert that is open, counted, and keeps its keys', async () => {
    const first = (await post('identity/account', FULL).expect(200)).body as { details: string };
    const again = (await post('identity/account', { ...FULL, date: '999' }, { 'Idempotency-Key': 'k-2' }).expect(200)).body as { details: string };
    expect(again.details).toBe(first.details);
    expect(await stored()).toEqual([expect.objectContaining({ posts: 2, level: 'low' })]);
    expect((await auditOf(first.details)).map(({ attributes }) => attributes?.['merged'] ?? false)).toEqual([false, true]);
    await application.documents.connection.collection<AlertDocument>('alerts').updateOne({ _id: first.details }, { $set: { state: 'succeeded' } });
    expect(((await post('identity/account', { ...FULL, date: '999' }, { 'Idempotency-Key': 'k-2' }).expect(200)).body as { details: string }).details).toBe(first.details);
    expect(((await post('identity/account', FULL).expect(200)).body as { details: string }).details).not.toBe(first.details);
  });

  it('is never merged into the alert of another client, whose budget it would spend', async () => {
    const other = await application.user('siem-3', ['siemadministrator']);
    const idOf = async (headers: Record<string, string> = {}) => ((await post('identity/account', FULL, headers).expect(200)).body as { details: string }).details;
    const [first, others] = await Promise.all([idOf(), idOf({ Authorization: other })]);
    expect(others).not.toBe(first);
    expect([await idOf(), await idOf({ Authorization: other })]).toEqual([first, others]);
    expect((await stored()).map(({ postedBy, posts }) => `${postedBy} ${posts}`).sort()).toEqual(['siem 2', 'siem-3 2']);
    // The one of this client waits for its own release; the other's is not held by it.
    await application.documents.connection.collection<AlertDocument>('alerts').updateOne({ _id: first }, { $set: { state: 'waiting', reasonCode: 'budget' } });
    expect(await idOf({ Authorization: other })).toBe(others);
  });

  it('raises the level of the open alert, and never lowers it', async () => {
    const { details } = (await post('identity/account', FULL).expect(200)).body as { details: string };
    await post('identity/account', { ...FULL, level: 'high' }).expect(200);
    await post('identity/account', { ...FULL, level: 'medium' }).expect(200);
    expect(await stored()).toEqual([expect.objectContaining({ _id: details, posts: 3, level: 'high', levelRank: 0 })]);
  });

  it('is an alert of its own when anything but level and date differs, or the window is over', async () => {
    await post('identity/account', FULL).expect(200);
    await post('identity/account', { ...FULL, action: 'delete' }).expect(200);
    await post('identity/account', { ...FULL, native_id: 'jane.doe' }).expect(200);
    await post('identity/account', { ...FULL, use_workflow: 'true' }).expect(200);
    await post('identity/accounts', FULL).expect(200);
    expect(await stored()).toHaveLength(5);
    time += 301_000;
    await post('identity/account', FULL).expect(200);
    expect(await stored()).toHaveLength(6);
  });

  it('with the id of a mitigation is counted, and held at the limit', async () => {
    let cause = ((await post('identity/account', FULL).expect(200)).body as { details: string }).details;
    for (const [round, state] of [['1', 'new'], ['2', 'new'], ['3', 'waiting']] as const) {
      const { details } = (await post('identity/account', { ...FULL, native_id: `user-${round}`, correlation_id: cause }).expect(200)).body as { details: string };
      expect(await application.documents.connection.collection<AlertDocument>('alerts').findOne({ _id: details })).toMatchObject({ loopDepth: Number(round), correlationId: cause, state });
      cause = details;
    }
    expect((await auditOf(cause)).map(({ type }) => type)).toEqual(['mitigation.alert.received', 'mitigation.alert.waiting']);
    await post('identity/account', { ...FULL, native_id: 'stranger', correlation_id: 'of-somebody-else' }).expect(200);
    expect(await application.documents.connection.collection<AlertDocument>('alerts').findOne({ nativeId: 'stranger' })).toMatchObject({ loopDepth: 0, correlationId: null });
  });
});

/** Sample bodies of the product page with the endpoint each stands under. */
function samplesOfThePage(): Array<{ path: string; body: string }> {
  const page = readFileSync(new URL('../../../test/support/siem-plugin-samples.txt', import.meta.url), 'utf8');
  return [...page.matchAll(/^POST \/(\S+)\n([^]*?)(?=^POST |$(?![^]))/gm)].map(([, path = '', body = '']) => ({ path, body: body.trim() }));
}
