import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { openTestMitigation, type TestMitigation } from '../../../test/support/mitigation.js';
import { AlertDecisionsModule } from './alert-decisions.module.js';

describe('decisions about held alerts', () => {
  let application: TestApplication;
  let mitigation: TestMitigation;
  let approver: string;
  beforeAll(async () => {
    application = await openTestApplication({ imports: [AlertDecisionsModule] });
    approver = await application.user('ann', ['approve', 'alerts:read']);
    mitigation = await openTestMitigation({ documents: application.documents, settings: { mitigation: { maxFanOut: 2, accountsPerHour: 1 } } });
    const system = await mitigation.application('Active Directory');
    for (let number = 0; number < 5; number += 1) await mitigation.addAccount(system, `a${number}`);
    const hr = await mitigation.application('HR Employees', { authoritative: true });
    await mitigation.addAccount(hr, 'ann');
  });
  afterAll(async () => {
    await mitigation.close();
    await application.close();
  });
  const decide = (id: string, decision: string, body?: object, authorization = approver) => request(application.url).post(`/api/v1/alerts/${id}/${decision}`).set('Authorization', authorization).send(body);
  const disabled = () => mitigation.models.accounts.countDocuments({ disabled: true });
  const held = async (facts: Parameters<TestMitigation['post']>[0]) => {
    const id = await mitigation.post(facts);
    await mitigation.process();
    expect((await mitigation.alert(id)).state).toBe('waiting');
    return id;
  };

  it('reject an alert: it is closed, nothing is done, and it is told who and why', async () => {
    const id = await held({ type: 'application/accounts' });
    const { body } = await decide(id, 'reject', { comment: 'a false alarm' }).expect(200);
    expect(body).toMatchObject({ state: 'rejected', reasonCode: 'rejected-by-approver', reason: 'ann rejected it: a false alarm.' });
    await mitigation.process();
    expect(await disabled()).toBe(0);
    const records = await mitigation.recordsOf(id);
    expect(records.map(({ type, actor }) => [type, actor.name])).toEqual([['mitigation.alert.waiting', 'mitigation'], ['audit.alert.reject', 'ann'], ['mitigation.alert.rejected', 'ann']]);
    expect((await decide(id, 'release').expect(409)).body).toMatchObject({ code: 'alert-not-waiting', state: 'rejected' });
  });

  it('release an alert of a workflow, which is then acted upon', async () => {
    const id = await held({ type: 'identity/account', nativeId: 'a0', useWorkflow: true });
    expect((await decide(id, 'release').expect(200)).body).toMatchObject({ state: 'new', reasonCode: null });
    await mitigation.process();
    expect(await mitigation.alert(id)).toMatchObject({ state: 'succeeded', approval: { by: 'ann', code: 'requests-not-available' } });
    expect(await disabled()).toBe(1);
  });

  it('release an alert above fan-out and budget, once, whoever says so twice', async () => {
    const id = await held({ type: 'application/accounts' });
    const answers = await Promise.all([decide(id, 'release'), decide(id, 'release'), decide(id, 'release')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    await mitigation.process();
    expect(await mitigation.alert(id)).toMatchObject({ state: 'succeeded', targets: { done: 5 } });
    expect(await disabled()).toBe(5);
  });

  it('count for what held the alert, and for nothing that the approver was not told of', async () => {
    const id = await held({ type: 'application/accounts', useWorkflow: true });
    // As the kill switch would have held it, before anything was looked at.
    await mitigation.alerts.updateOne({ _id: id }, { $set: { reasonCode: 'kill-switch' } });
    for (const next of ['requests-not-available', 'fan-out-above-limit']) {
      await decide(id, 'release').expect(200);
      await mitigation.process();
      expect(await mitigation.alert(id)).toMatchObject({ state: 'waiting', reasonCode: next });
    }
    expect(await mitigation.targetsOf(id)).toEqual([]);
    expect((await decide(id, 'release').expect(200)).body).toMatchObject({ approval: { by: 'ann', code: 'fan-out-above-limit' } });
    await mitigation.process();
    expect(await mitigation.alert(id)).toMatchObject({ state: 'succeeded', targets: { planned: 5 }, approval: { codes: ['kill-switch', 'requests-not-available', 'fan-out-above-limit'] } });
  });

  it('do not lift the protection of a source of identities', async () => {
    const id = await held({ type: 'application/accounts', application: 'Active Directory' });
    await mitigation.alerts.updateOne({ _id: id }, { $set: { application: 'HR Employees' } });
    await decide(id, 'release').expect(200);
    await mitigation.process();
    expect(await mitigation.alert(id)).toMatchObject({ state: 'rejected', reasonCode: 'authoritative-application' });
  });

  it('need the right, a known alert and a known body', async () => {
    const reader = await application.user('bob', ['alerts:read', 'siemadministrator']);
    const id = await held({ type: 'application/accounts' });
    await decide(id, 'release', undefined, reader).expect(403);
    await decide('0'.repeat(32), 'release').expect(404);
    await decide(id, 'release', { force: true }).expect(400);
    expect((await mitigation.alert(id)).state).toBe('waiting');
  });
});
