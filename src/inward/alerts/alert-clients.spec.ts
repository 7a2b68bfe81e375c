import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { AlertsModule } from './alerts.module.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
const ALERT = { application: 'Active Directory', native_id: 'Jane.Doe', date: '149514462222' };

describe('the list of clients', () => {
  let application: TestApplication;
  let administrator: string;
  let soc: string;
  let other: string;
  let time = Date.parse('2026-11-02T10:00:00Z');
  beforeAll(async () => {
    application = await openTestApplication({ imports: [AlertsModule], clock: { now: () => time } });
    administrator = await application.user('ann', ['settings:write']);
    soc = await application.user('soc', ['siemadministrator']);
    other = await application.user('other', ['siemadministrator']);
  });
  afterAll(() => application.close());
  const post = (authorization: string, path: string, body: object) => request(application.url).post(`${BASE}/${path}`).set('Authorization', authorization).send(body);
  const say = async (rules: object[], more: object = {}) => {
    const answer = await request(application.url).put('/api/v1/settings/alert-clients').set('Authorization', administrator).send({ rules, ...more });
    time += 2000;
    return answer;
  };
  const stored = () => application.documents.connection.collection('alerts').countDocuments();

  it('is empty at first: the right alone decides', async () => {
    expect((await request(application.url).get('/api/v1/settings/alert-clients').set('Authorization', administrator).expect(200)).body).toEqual({ rules: [], version: 0, updatedAt: null });
    await post(soc, 'identity/account', { ...ALERT, action: 'delete' }).expect(200);
  });

  it('lets a client post what one of its rules allows, refuses the rest with 403 in the words of the contract, stores nothing of it, and records the refusal', async () => {
    expect((await say([{ client: 'SOC', types: ['identity/account', 'identity/password'], actions: ['disable'], applications: ['active directory'] }, { client: 'soc', types: ['identity/certify'] }])).status).toBe(200);
    await post(soc, 'identity/account', ALERT).expect(200);
    await post(soc, 'identity/password', ALERT).expect(200);
    await post(soc, 'identity/certify', { ...ALERT, application: 'HR Employees' }).expect(200);
    const before = await stored();
    const { body } = await post(soc, 'identity/account', { ...ALERT, action: 'DELETE' }).expect(403);
    expect(body).toEqual({ status: 'error', message: expect.stringMatching(/^The client 'soc' may not post 'identity\/account' with the action 'delete' on the application 'Active Directory';/), details: 'alert-not-allowed' });
    await post(soc, 'identity/account', { ...ALERT, application: 'HR Employees' }).expect(403);
    await post(soc, 'application/accounts', ALERT).expect(403);
    expect(await stored()).toBe(before);
    // Recorded behind the answer.
    const recorded = () => application.documents.connection.collection('audit_records').find({ type: 'audit.session.reject' }).toArray();
    const deadline = Date.now() + 10_000;
    while ((await recorded()).length < 3 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await recorded()).toContainEqual(expect.objectContaining({ actor: expect.objectContaining({ name: 'soc' }), outcome: 'failure', reason: expect.stringContaining("'application/accounts'") }));
  });

  it('tells a bad body before it looks at the list', async () => {
    expect((await post(soc, 'application/accounts', { application: 'Active Directory' }).expect(400)).body).toMatchObject({ message: expect.stringContaining("'date'") });
  });

  it('leaves whom it does not name alone, unless there is a rule for everybody', async () => {
    await post(other, 'application/accounts', ALERT).expect(200);
    await say([{ client: 'soc' }, { client: '*', types: ['identity/account'] }]);
    await post(other, 'application/accounts', ALERT).expect(403);
    await post(other, 'identity/account', ALERT).expect(200);
    await post(soc, 'application/accounts', ALERT).expect(200);
  });

  it('is changed by who may, as a whole, with its version, and each change is audited', async () => {
    await request(application.url).put('/api/v1/settings/alert-clients').set('Authorization', soc).send({ rules: [] }).expect(403);
    expect((await say([], { version: 1 })).status).toBe(409);
    expect((await say([{ client: 'soc', types: ['identity/everything'] }])).status).toBe(400);
    expect((await say([{ client: 'soc', types: [] }])).status).toBe(400);
    expect((await say([], { version: 2 })).body).toMatchObject({ rules: [], version: 3 });
    await post(other, 'application/accounts', ALERT).expect(200);
    const settings = await application.documents.connection.collection('settings').findOne({ _id: 'alert-clients' as never });
    const moved = await application.documents.connection.collection('audit_records').find({ type: 'audit.setting.update', 'subject.id': 'alert-clients' }).toArray();
    // One that is on its way to the audit may be seen in both places.
    expect(new Set([...(settings?.['auditOutbox'] as Array<{ id: string }>).map(({ id }) => id), ...moved.map(({ _id }) => String(_id))]).size).toBe(3);
  });
});
