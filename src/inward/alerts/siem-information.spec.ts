import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import request from 'supertest';
import { basic, openTestApplication, TEST_PASSWORD, type TestApplication } from '../../../test/support/application.js';
import { UsersService } from '../../platform/access/users.service.js';
import { ACTION_PATHS } from './siem-alerts.controller.js';
import { AlertsModule } from './alerts.module.js';
import { SiemServiceAccount } from './siem-service-account.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
const DAY_MS = 86_400_000;
let application: TestApplication;
let authorization: string;
let reader: string;
let time = Date.parse('2026-11-02T10:00:00Z');
const admin = basic('admin');

beforeAll(async () => {
  application = await openTestApplication({ imports: [AlertsModule], clock: { now: () => time } });
  authorization = await application.user('siem', ['siemadministrator']);
  reader = await application.user('reader', ['siemextadministrator']);
});
afterAll(() => application.close());

const collection = (name: string) => application.documents.connection.collection(name);
const get = (path: string) => request(application.url).get(`${BASE}/${path}`).set('Authorization', authorization);
const post = (path: string, body: unknown) => request(application.url).post(`${BASE}/${path}`).set('Authorization', authorization).set('Content-Type', 'application/json').send(typeof body === 'string' ? body : JSON.stringify(body));

describe('the information endpoints of the SIEM', () => {
  beforeAll(async () => {
    const now = new Date(time);
    const kept = { version: 1, deleted: false, createdAt: now, updatedAt: now };
    await collection('applications').insertMany(['Active Directory', 'HR Employees', 'ERP'].map((name, index) => ({ _id: `app-${index}` as never, name, nameKey: name.toLowerCase(), ...kept })));
    const identity = (id: string, name: string, facts: object) => ({ _id: id as never, name, nameKey: name.toLowerCase(), displayName: name, roles: [], requestsSubmitted: 0, requestsTargeting: 0, lastLoginAt: null, modifiedAt: null, ...facts, ...kept });
    await collection('identities').insertMany([
      identity('i-1', 'Adam Kennedy', { roles: ['a', 'b'], lastLoginAt: new Date(time - DAY_MS / 2), modifiedAt: new Date(time - 20 * DAY_MS) }),
      identity('i-2', 'Aaron Nichols', { modifiedAt: new Date(time - 3 * DAY_MS) }),
    ]);
    const account = (id: string, app: string, native: string, identityId: string | null) => ({ _id: id as never, applicationId: app, nativeId: native, nativeIdKey: native.toLowerCase(), identityId, removedAt: null, ...kept });
    await collection('accounts').insertMany([account('a-1', 'app-0', 'CN=Adam', 'i-1'), account('a-2', 'app-1', 'CN=Adam', 'i-2'), account('a-3', 'app-2', 'CN=Adam', null), account('a-4', 'app-0', 'CN=Alone', 'i-2'), account('a-5', 'app-0', 'CN=Nobodys', null)]);
  });

  it('list all applications with the one that the plugin brings along', async () => {
    expect((await get('applications').expect(200)).body).toEqual(['Active Directory', 'ERP', 'HR Employees', 'SIEM Application']);
  });

  it('tell who may own an account: 100 when sure, scored when several may, each name once', async () => {
    const users = ['CN=Adam', 'CN=Alone', 'CN=Nobodys', 'CN=Nowhere', 'CN=Adam'].map((nativeIdentity) => ({ nativeIdentity, more: 1 }));
    expect((await post('identityinfo', { users }).expect(200)).body).toEqual({
      identities: [
        // 2 roles 60, 1 account 30, login today 100, modified long ago 10 / 2; and 2 accounts 60, modified 3 days ago 70 / 2.
        { nativeIdentity: 'CN=Adam', results: [{ name: 'Adam Kennedy', confidence: 39 }, { name: 'Aaron Nichols', confidence: 19 }] },
        { nativeIdentity: 'CN=Alone', results: [{ name: 'Aaron Nichols', confidence: 100 }] },
        { nativeIdentity: 'CN=Nobodys', results: [] },
        { nativeIdentity: 'CN=Nowhere', results: [] },
      ],
    });
    expect((await post('identityinfo', { users: [] }).expect(200)).body).toEqual({ identities: [] });
  });

  it('say what is wrong with the list of names', async () => {
    expect((await post('identityinfo', {}).expect(400)).body).toEqual({ status: 'error', message: "Missing necessary parameters or value for REST service : 'users'", details: 'Error - check system logs.' });
    for (const body of [{ users: 'x' }, { users: [{}] }, { users: [null] }, { users: [{ nativeIdentity: 7 }] }]) expect((await post('identityinfo', body).expect(400)).body).toMatchObject({ status: 'error' });
  });

  it('tell what a wrong verb is in the words of the door, and what a wrong path is', async () => {
    for (const [verb, path, allow] of [['put', 'applications', 'GET'], ['get', 'identityinfo', 'POST'], ['post', 'auditConfiguration', 'GET'], ['delete', 'plainTextHello', 'GET'], ['get', 'identity', 'POST']] as const) {
      expect((await request(application.url)[verb](`${BASE}/${path}`).set('Authorization', authorization).expect(405).expect('Allow', allow)).body).toEqual({ status: 'error', message: `This is asked for by ${allow}.`, details: '' });
    }
    for (const feed of ['audit-events', 'syslog-events']) await request(application.url).post(`${BASE}/${feed}`).set('Authorization', reader).expect(405).expect('Allow', 'GET');
    await get('Applications').expect(404);
  });

  it('say hello in plain text, and do nothing at identity', async () => {
    const hello = await get('plainTextHello').expect(200).expect('Content-Type', /^text\/plain/);
    expect(hello.text).toBe('Hello World!');
    await post('identity', {}).expect(204);
    for (const path of ['applications', 'plainTextHello', 'auditConfiguration']) await request(application.url).get(`${BASE}/${path}`).set('Authorization', reader).expect(403);
  });
});

describe('the whole way of a client that knows only its base URL', () => {
  it('gets a token beside the door with name and password, and posts and reads with it', async () => {
    const users = application.http.app.get(UsersService, { strict: false });
    const service = (await users.list({ search: 'siemservice', page: 1, pageSize: 10 })).items[0];
    expect(service).toMatchObject({ name: 'siemservice', roles: ['SIEMPluginAdministrator', 'SIEMExtPluginAdministrator'], rights: [] });
    const token = (secret: string) => request(application.url).post('/identityiq/oauth2/token').auth('siemservice', secret).type('form').send('grant_type=client_credentials');
    for (const guess of ['siemservice', 'x']) await token(guess).expect(401);
    await request(application.url).get(`${BASE}/applications`).auth('siemservice', '').expect(401);
    await request(application.url).patch(`/api/v1/users/${service?._id}`).set('Authorization', admin).send({ password: TEST_PASSWORD }).expect(200);
    time += 2000;
    const { access_token: bearer } = (await token(TEST_PASSWORD).expect(200)).body as { access_token: string };
    const call = (method: 'get' | 'post', path: string) => request(application.url)[method](path).set('Authorization', `Bearer ${bearer}`);
    await call('get', `${BASE}/plainTextHello`).expect(200);
    await call('post', `${BASE}/identity/account`).send({ application: 'ERP', native_id: 'x', date: '1' }).expect(200);
    await call('get', `${BASE}/audit-events?startIndex=1&count=1000`).expect(200);
    await call('get', '/identityiq/scim/v2/TaskResults').expect(200);
    await call('get', '/api/v1/alerts').expect(403);
  });

  it('finds the service account gone when an administrator removed it, also after a start', async () => {
    const users = application.http.app.get(UsersService, { strict: false });
    const service = (await users.list({ search: 'siemservice', page: 1, pageSize: 10 })).items[0];
    await request(application.url).delete(`/api/v1/users/${service?._id}`).set('Authorization', admin).expect(200);
    await application.http.app.get(SiemServiceAccount, { strict: false }).onApplicationBootstrap();
    expect((await users.list({ search: 'siemservice', page: 1, pageSize: 10 })).total).toBe(0);
  });
});

describe('task results', () => {
  interface List {
    Resources: Array<Record<string, unknown>>;
    totalResults: number;
  }
  beforeAll(async () => {
    const run = (number: number, job: string, outcome: string, error: string | null = null) => ({ _id: `run-${number}` as never, job, startedAt: new Date(time + number * 1000), endedAt: new Date(time + number * 1000 + 500), outcome, error, counts: { removed: number }, host: `host-${number % 2}:1`, runs: 1, expiresAt: new Date(time + DAY_MS) });
    await collection('job_runs').deleteMany({});
    await collection('job_runs').insertMany([run(1, 'audit-janitor', 'success'), run(2, 'audit-janitor', 'failure', 'it broke'), run(3, 'purge', 'stopped'), run(4, 'purge', 'success'), run(5, 'sync', 'abandoned')]);
  });
  const ask = (query: Record<string, string>) => request(application.url).get('/identityiq/scim/v2/TaskResults').set('Authorization', reader).query(query);
  const ids = async (filter: string) => ((await ask({ filter }).expect(200)).body as List).Resources.map(({ id }) => id);

  it('are a SCIM list, as the Splunk add-on asks for it', async () => {
    const since = new Date(time + 2500).toISOString().replace('Z', '123');
    const answer = await ask({ sortBy: 'completed', startIndex: '1', count: '1000', sortOrder: 'descending', filter: `completed ge "${since}"` }).expect(200).expect('Content-Type', /^application\/scim\+json/);
    expect(answer.body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: 4, startIndex: 1, itemsPerPage: 4 });
    expect((answer.body as List).Resources.map(({ id }) => id)).toEqual(['run-5', 'run-4', 'run-3', 'run-2']);
    expect((answer.body as List).Resources[3]).toMatchObject({
      schemas: ['urn:ietf:params:scim:schemas:sailpoint:1.0:TaskResult'], id: 'run-2', name: 'audit-janitor', completionStatus: 'Error', messages: ['it broke'], attributes: [{ key: 'removed', value: '2' }, { key: 'runs', value: '1' }], launched: new Date(time + 2000).toISOString(),
      meta: { resourceType: 'TaskResult', location: expect.stringMatching(/\/identityiq\/scim\/v2\/TaskResults\/run-2$/) },
    });
  });

  it.each([
    ['name eq "PURGE"', ['run-3', 'run-4']],
    ['name co "jan" and completionStatus eq "success"', ['run-1']],
    ['completionStatus eq "Error" or name sw "sy"', ['run-2', 'run-5']],
    ['not (name eq "purge") and completionStatus ne "Success"', ['run-2', 'run-5']],
    ['urn:ietf:params:scim:schemas:sailpoint:1.0:TaskResult:host ew "1:1"', ['run-1', 'run-3', 'run-5']],
    ['id eq "run-4"', ['run-4']],
    ['terminated eq true', ['run-3']],
    ['name eq "purge" and terminated ne true', ['run-4']],
    ['launcher pr and id gt "run-4"', ['run-5']],
  ])('are filtered by %s', async (filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
  });

  it('are paged by row, and count 0 tells only the total', async () => {
    expect((await ask({ startIndex: '4', count: '3' }).expect(200)).body).toMatchObject({ totalResults: 5, startIndex: 4, itemsPerPage: 2 });
    expect((await ask({ startIndex: '-4', count: '0' }).expect(200)).body).toMatchObject({ totalResults: 5, startIndex: 1, itemsPerPage: 0, Resources: [] });
    expect((await request(application.url).get('/scim/v2/TaskResults/run-3').set('Authorization', reader).expect(200)).body).toMatchObject({ id: 'run-3', terminated: true });
    expect((await request(application.url).get('/scim/v2/TaskResults/nowhere').set('Authorization', reader).expect(404)).body).toMatchObject({ status: '404' });
  });

  it.each(['name', 'shoe eq 1', 'completed gt "soon"', 'completed co "2026-11-02"', '(name eq "a"', 'emails[type eq "x"]'])('say that the filter %s cannot be used', async (filter) => {
    expect((await ask({ filter }).expect(400)).body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '400', scimType: 'invalidFilter' });
  });
});

describe('alerts for administrators', () => {
  it('are listed by what they are, with totals, and read with their targets', async () => {
    await collection('alerts').deleteMany({});
    const id = ((await post('identity/account', { application: 'Active Directory', native_id: 'Jane.Doe', date: '1', level: 'High' }).expect(200)).body as { details: string }).details;
    time += 1000;
    await post('application/accounts', { application: 'ERP', date: '1', action: 'delete' }).expect(200);
    await collection('alerts').updateOne({ _id: id as never }, { $set: { state: 'failed', reason: 'no such account', reasonCode: 'account-unknown', planToken: 'plan-1' } });
    const target = (number: number, state: string, planToken = 'plan-1') => ({ _id: `${id}:${planToken}:${number}` as never, alertId: id, number, planToken, applicationId: 'app-0', application: 'Active Directory', nativeId: 'Jane.Doe', accountId: 'a', identityId: null, operation: 'disable', entitlement: null, state, alreadySo: false, code: null, reason: null, attempts: 1, intentAt: new Date(time), outcomeAt: null });
    await collection('mitigation_targets').insertMany([target(1, 'done'), target(2, 'failed'), target(1, 'planned', 'given-up')]);
    const api = (path: string) => request(application.url).get(`/api/v1/alerts${path}`).set('Authorization', admin);
    const items = async (query: string) => ((await api(`?${query}`).expect(200)).body as { items: Array<{ type: string }> }).items.map(({ type }) => type);
    expect((await api('').expect(200)).body).toMatchObject({ page: 1, pages: 1, total: 2, totals: { new: 1, failed: 1, succeeded: 0 }, items: [{ type: 'application/accounts', displayName: 'SIEM Application Accounts delete' }, { type: 'identity/account', state: 'failed', level: 'high' }] });
    for (const query of ['state=failed', 'state=closed', 'type=identity/account', 'level=high', 'application=Active%20Directory', 'nativeId=Jane.Doe', 'search=JANE', `search=${id.slice(3, 20)}`, `to=${new Date(time).toISOString()}`]) expect([query, await items(query)]).toEqual([query, ['identity/account']]);
    expect(await items('state=open')).toEqual(['application/accounts']);
    expect(await items('sort=oldest&pageSize=1')).toEqual(['identity/account']);
    expect((await api(`/${id}`).expect(200)).body).toMatchObject({ id, state: 'failed', reason: 'no such account', reasonCode: 'account-unknown', postedBy: 'siem', targetList: { total: 2, items: [{ number: 1, state: 'done' }, { number: 2, state: 'failed' }] } });
    expect((await api(`/${id}?targetState=failed`).expect(200)).body).toMatchObject({ targetList: { total: 1, items: [{ number: 2 }] } });
    await api('/nowhere').expect(404);
    await api('?color=red').expect(400);
    await request(application.url).get('/api/v1/alerts').set('Authorization', authorization).expect(403);
  });
});

describe('the settings of the mitigation', () => {
  const settings = (body?: object) => (body ? request(application.url).patch('/api/v1/settings/mitigation').send(body) : request(application.url).get('/api/v1/settings/mitigation')).set('Authorization', admin);

  it('have the defaults of the file, are changed one by one with a record, and given back by null', async () => {
    const before = (await settings().expect(200)).body as { version: number };
    expect(before).toMatchObject({ prioritizeByLevel: true, purgeByDays: 0, deferProvisioning: false, provisioningWorkflow: 'SIEM Provisioning Workflow', syslogLimit: 1000, auditEventLimit: 1000, maxFanOut: 100, accountsPerHour: 200, killSwitch: false });
    expect((await settings({ maxFanOut: 7, killSwitch: true, version: before.version }).expect(200)).body).toMatchObject({ maxFanOut: 7, killSwitch: true, version: before.version + 1, changed: ['maxFanOut', 'killSwitch'] });
    await settings({ maxFanOut: 8, version: before.version }).expect(409);
    expect((await settings({ maxFanOut: null, killSwitch: null }).expect(200)).body).toMatchObject({ maxFanOut: 100, killSwitch: false, changed: [] });
    await settings({ maxFanOut: 0 }).expect(400);
    await settings({ wrong: 1 }).expect(400);
    await request(application.url).get('/api/v1/settings/mitigation').set('Authorization', authorization).expect(403);
    const outbox = ((await collection('settings').findOne({ _id: 'mitigation' as never }))?.['auditOutbox'] ?? []) as unknown[];
    const moved = await collection('audit_records').find({ 'subject.id': 'mitigation' }).toArray();
    expect([...moved, ...outbox]).toEqual(expect.arrayContaining([expect.objectContaining({ type: 'audit.setting.update', changes: expect.arrayContaining([{ field: 'maxFanOut', old: 100, new: 7 }]) })]));
  });
});

describe('a path that the door does not have', () => {
  const PLACES = [BASE, '/plugin/rest/SIEMPlugin'];
  const UNKNOWN = ['/nothing', '/nothing/', '/identity/nothing', '/identity/account/more', '/applications/x?y=1', '/', '', '//', '/a%2Fb', '/widget-service/alerts/count/overview'];

  it.each(PLACES)('is a 404 in the words of the door below %s, for whoever is signed in and by every verb', async (place) => {
    for (const path of UNKNOWN) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        for (const who of [authorization, reader]) {
          const answer = await fetch(`${application.url}${place}${path}`, { method, headers: { authorization: who } });
          expect({ path, method, status: answer.status, type: answer.headers.get('content-type') }).toEqual({ path, method, status: 404, type: expect.stringContaining('application/json') });
          expect(await answer.json()).toEqual({ status: 'error', message: `There is nothing at ${method} ${place}${path.split('?')[0]}.`, details: '' });
        }
      }
    }
  });

  it.each(PLACES)('is a 401 below %s for everybody else, as the paths are that there are', async (place) => {
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${application.url}${place}${path}`, { headers });
      return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.json() };
    };
    const known = await ask('/applications');
    expect(known).toMatchObject({ status: 401, challenge: expect.stringContaining('Basic'), body: { status: 'error', details: 'authentication-required' } });
    for (const path of ['/nothing', '/identity/nothing', '/', '']) expect(await ask(path)).toEqual(known);
    const wrong = await ask('/applications', { authorization: basic('stranger', 'wrong-password') });
    expect(wrong).toMatchObject({ status: 401, body: { status: 'error', details: 'credentials-wrong' } });
    expect(await ask('/nothing', { authorization: basic('stranger-2', 'wrong-password') })).toEqual(wrong);
  });

  it('is a refusal and no failure where it cannot be read', async () => {
    const answer = await fetch(`${application.url}${BASE}/%zz`, { headers: { authorization } });
    expect([400, 404]).toContain(answer.status);
  });

  it('is still a problem outside of the door', async () => {
    for (const path of ['/identityiq/plugin/rest/Other', '/plugin/rest/SIEMPluginX', '/identityiq/nothing']) await request(application.url).get(path).set('Authorization', authorization).expect(404).expect('Content-Type', /problem\+json/);
  });
});

describe('random bodies', () => {
  const RUNS = Number(process.env['TIDEGATE_TEST_RANDOM_BODIES'] ?? 400);

  it('never cause a failure of ours, and never leave half an alert behind', async () => {
    await collection('alerts').deleteMany({});
    await settle({ mergeWindowSeconds: 0 });
    let accepted = 0;
    const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string(), fc.constantFrom('', '1', 'disable', 'High', 'true'), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 2 }));
    const body = fc.oneof(
      { weight: 6, arbitrary: fc.record({ application: value, date: fc.oneof(value, fc.constant('149514462222')), native_id: value, group_name: value, group_type: value, action: value, level: value, use_workflow: value, correlation_id: value }, { requiredKeys: [] }).map((one) => JSON.stringify(one)) },
      { weight: 3, arbitrary: fc.record({ application: fc.string({ minLength: 1 }), date: fc.constant('1'), native_id: fc.string({ minLength: 1 }), group_name: fc.string({ minLength: 1 }), group_type: fc.string({ minLength: 1 }) }).map((one) => JSON.stringify(one)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
      { weight: 1, arbitrary: fc.json() },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ACTION_PATHS), body, async (path, sent) => {
        const answer = await fetch(`${application.url}${BASE}/${path}`, { method: 'POST', headers: { authorization }, body: sent });
        const { status, message, details } = (await answer.json()) as Record<string, unknown>;
        expect({ sent, status: answer.status }).toEqual({ sent, status: answer.status === 200 ? 200 : 400 });
        expect([typeof status, typeof message, typeof details]).toEqual(['string', 'string', 'string']);
        if (answer.status === 200) accepted += 1;
      }),
      { numRuns: RUNS },
    );
    const stored = await collection('alerts').find().toArray();
    expect(stored).toHaveLength(accepted);
    for (const alert of stored) expect(alert).toMatchObject({ state: 'new', receivedAt: expect.any(Date), mergeKey: expect.stringMatching(/^[0-9a-f]{64}$/), application: expect.any(String) });
    expect(accepted).toBeGreaterThan(0);
  }, 600_000);

  it('as bytes are refused in the same shape', async () => {
    for (let round = 0; round < 50; round += 1) {
      const answer = await fetch(`${application.url}${BASE}/identity/account`, { method: 'POST', headers: { authorization }, body: randomBytes(round + 1) });
      expect(answer.status).toBe(400);
    }
  });

  async function settle(change: object): Promise<void> {
    await request(application.url).patch('/api/v1/settings/mitigation').set('Authorization', admin).send(change).expect(200);
    time += 2000;
  }
});
