import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestApplication, type TestApplication } from '../../../../test/support/application.js';
import { openTestMitigation, type TestMitigation } from '../../../../test/support/mitigation.js';
import type { ChangeOutcome } from '../../../contracts/connector.js';
import type { ApplicationDocument } from '../../../directory/application.schema.js';
import { systemActor } from '../../../platform/audit/new-audit-record.js';
import { AlertDecisionsModule } from '../alert-decisions.module.js';

const GROUP = { attribute: 'memberOf', value: 'CN=Admins' };

describe('the undo of an alert', () => {
  let application: TestApplication;
  let mitigation: TestMitigation;
  let approver: string;
  let system: ApplicationDocument;
  /** What the next calls that enable answer instead of doing so. */
  const answers: ChangeOutcome[] = [];
  let calls = 0;
  /** Happens within the next call that enables, before its effect. */
  let during: (() => Promise<void>) | undefined;
  let numbers = 0;
  beforeAll(async () => {
    application = await openTestApplication({ imports: [AlertDecisionsModule] });
    approver = await application.user('ann', ['approve', 'alerts:read']);
    mitigation = await openTestMitigation({
      documents: application.documents,
      settings: { mitigation: { accountsPerHour: 1000, maxAttempts: 2 } },
      connector: (_application, builtin) => {
        const enable = async (...given: Parameters<typeof builtin.enable>): Promise<ChangeOutcome> => {
          calls += 1;
          await during?.();
          return answers.shift() ?? builtin.enable(...given);
        };
        return Object.assign(Object.create(builtin) as typeof builtin, { enable });
      },
    });
    system = await mitigation.application('Active Directory');
  });
  afterAll(async () => {
    await mitigation.close();
    await application.close();
  });
  const order = (id: string, body?: object, authorization = approver) => request(application.url).post(`/api/v1/alerts/${id}/undo`).set('Authorization', authorization).send(body);
  const detail = async (id: string) => (await request(application.url).get(`/api/v1/alerts/${id}?targetsOf=undo`).set('Authorization', approver).expect(200)).body;
  const mitigated = async (facts: Parameters<TestMitigation['post']>[0]) => {
    const id = await mitigation.post(facts);
    await mitigation.process();
    return id;
  };
  const newAccount = async () => mitigation.addAccount(system, `account-${(numbers += 1)}`, { entitlements: [GROUP] });
  const stored = (nativeId: string) => mitigation.account('Active Directory', nativeId);

  it('enables what it disabled, tells it under the alert’s id in the name of the approver, and leaves the alert as it ended', async () => {
    const { nativeId } = await newAccount();
    const id = await mitigated({ type: 'identity/account', nativeId });
    expect((await stored(nativeId))?.disabled).toBe(true);
    expect((await order(id, { comment: 'a false alarm' }).expect(200)).body).toMatchObject({ state: 'succeeded', undo: { state: 'ordered', by: 'ann', comment: 'a false alarm' } });
    await mitigation.undo();
    expect((await stored(nativeId))?.disabled).toBe(false);
    expect(await detail(id)).toMatchObject({
      state: 'succeeded', undo: { state: 'succeeded', reason: '1 of 1 changes were given back.', targets: { planned: 1, done: 1 } }, targetList: { items: [{ undoOf: 0, operation: 'enable', state: 'done', alreadySo: false }] },
    });
    const records = await mitigation.recordsOf(id);
    expect(records.map(({ type, actor, outcome }) => [type, actor.name, outcome])).toEqual([
      ['audit.account.disable', 'mitigation', 'success'], ['mitigation.alert.processed', 'mitigation', 'success'],
      ['audit.alert.undo', 'ann', 'success'], ['audit.account.enable', 'ann', 'success'], ['audit.mitigation.undo', 'ann', 'success'],
    ]);
  });

  it('is carried out once, however often and by however many it is ordered', async () => {
    const { nativeId } = await newAccount();
    const id = await mitigated({ type: 'identity/account', nativeId });
    const before = calls;
    const answered = await Promise.all([order(id), order(id), order(id)]);
    expect(answered.map(({ status }) => status)).toEqual([200, 200, 200]);
    await mitigation.undo();
    await order(id).expect(200);
    await mitigation.undo();
    expect(calls - before).toBe(1);
    expect((await mitigation.recordsOf(id)).filter(({ type }) => type === 'audit.alert.undo')).toHaveLength(1);
    expect((await mitigation.alert(id)).undo).toMatchObject({ round: 1, state: 'succeeded' });
  });

  it('gives memberships back, and makes the group requestable again', async () => {
    const holders = await Promise.all([newAccount(), newAccount()]);
    const group = await mitigation.entitlement(system, 'memberOf', 'CN=Admins');
    const id = await mitigated({ type: 'application/group', groupType: 'memberOf', groupName: 'cn=admins' });
    expect((await mitigation.models.entitlements.findById(group._id).lean())?.requestable).toBe(false);
    expect((await stored(holders[0].nativeId))?.entitlements).toEqual([]);
    await order(id).expect(200);
    await mitigation.undo();
    expect((await mitigation.models.entitlements.findById(group._id).lean())?.requestable).toBe(true);
    for (const { nativeId } of holders) expect((await stored(nativeId))?.entitlements).toEqual([GROUP]);
    expect((await mitigation.alert(id)).undo).toMatchObject({ state: 'succeeded' });
  });

  it('says at once what cannot be given back: a deleted account, a forced password change, an alert that changed nothing', async () => {
    const [gone, forced] = [await newAccount(), await newAccount()];
    const deleted = await mitigated({ type: 'identity/account', nativeId: gone.nativeId, action: 'delete' });
    expect((await order(deleted).expect(409)).body).toMatchObject({ code: 'cannot-be-given-back', detail: expect.stringContaining('deleted') });
    const password = await mitigated({ type: 'identity/password', nativeId: forced.nativeId });
    expect((await order(password).expect(409)).body).toMatchObject({ code: 'cannot-be-given-back', detail: expect.stringContaining('password') });
    const unknown = await mitigated({ type: 'identity/account', nativeId: 'nobody-has-this' });
    expect((await order(unknown).expect(409)).body).toMatchObject({ code: 'nothing-to-undo' });
  });

  it('leaves as it is what somebody else changed since, tells who, and gives it back only when that is said', async () => {
    const { nativeId, _id } = await newAccount();
    const id = await mitigated({ type: 'identity/account', nativeId });
    const hr = { actor: systemActor('hr-sync') };
    await mitigation.directory.applyChange(_id, 'enable', { ...hr, operationId: `hr-1-${_id}` });
    await mitigation.directory.applyChange(_id, 'disable', { ...hr, operationId: `hr-2-${_id}` });
    await order(id).expect(200);
    await mitigation.undo();
    expect((await stored(nativeId))?.disabled).toBe(true);
    expect(await detail(id)).toMatchObject({ undo: { state: 'failed', reasonCode: 'changed-since' }, targetList: { items: [{ state: 'skipped', code: 'changed-since', reason: expect.stringContaining('hr-sync') }] } });
    // The same order again changes nothing; one that takes the change into account does.
    expect((await order(id).expect(200)).body.undo).toMatchObject({ round: 1, state: 'failed' });
    await order(id, { evenIfChanged: true }).expect(200);
    await mitigation.undo();
    expect((await stored(nativeId))?.disabled).toBe(false);
    expect((await mitigation.alert(id)).undo).toMatchObject({ round: 2, state: 'succeeded' });
  });

  it('does not enable an account for which another alert stands, nor one that was disabled before the alert came', async () => {
    const { nativeId } = await newAccount();
    const first = await mitigated({ type: 'identity/account', nativeId });
    const second = await mitigated({ type: 'identity/account', nativeId });
    await order(second).expect(200);
    await mitigation.undo();
    expect((await stored(nativeId))?.disabled).toBe(true);
    // It found the account as asked: nothing of it is to be given back.
    expect((await mitigation.alert(second)).undo).toMatchObject({ state: 'succeeded', targets: { planned: 0 } });
    await order(first).expect(200);
    await mitigation.undo();
    expect((await mitigation.alert(first)).undo).toMatchObject({ state: 'failed', reasonCode: 'asked-by-another-alert', reason: expect.stringContaining(second) });
    expect((await stored(nativeId))?.disabled).toBe(true);
  });

  it('tries again after a passing fault, reads an unconfirmed call back, and goes on with a new order after it gave up', async () => {
    const { nativeId } = await newAccount();
    const id = await mitigated({ type: 'identity/account', nativeId });
    const busy: ChangeOutcome = { type: 'transient', code: 'busy', reason: 'The system is busy.' };
    answers.push(busy, busy);
    await order(id).expect(200);
    while ((await mitigation.alert(id)).undo?.dueAt) await mitigation.undo();
    expect((await mitigation.alert(id)).undo).toMatchObject({ state: 'failed', reasonCode: 'busy', targets: { failed: 1 } });
    answers.push({ type: 'not-confirmed', reason: 'No answer.' });
    await order(id).expect(200);
    while ((await mitigation.alert(id)).undo?.dueAt) await mitigation.undo();
    expect((await mitigation.alert(id)).undo).toMatchObject({ round: 2, state: 'succeeded' });
    expect((await stored(nativeId))?.disabled).toBe(false);
  });

  it('is given back once, and closed once, when another process takes it over in the middle of a call', async () => {
    const { nativeId } = await newAccount();
    const id = await mitigated({ type: 'identity/account', nativeId });
    await order(id).expect(200);
    const other = await openTestMitigation({ documents: application.documents });
    during = async () => {
      during = undefined;
      // Its lease ends while it is held up in the call.
      await mitigation.alerts.updateOne({ _id: id }, { $set: { 'undo.dueAt': new Date() } });
      await other.undo();
      expect((await mitigation.alert(id)).undo).toMatchObject({ state: 'succeeded', attempts: 2 });
    };
    const before = calls;
    await mitigation.undo();
    expect(calls - before).toBe(1);
    expect(during).toBeUndefined();
    expect((await stored(nativeId))?.disabled).toBe(false);
    expect((await mitigation.alert(id)).undo).toMatchObject({ state: 'succeeded', attempts: 2, leaseToken: null });
    const types = (await mitigation.recordsOf(id)).map(({ type }) => type);
    expect(types.filter((type) => type === 'audit.account.enable' || type === 'audit.mitigation.undo')).toEqual(['audit.account.enable', 'audit.mitigation.undo']);
    await other.close();
  });

  it('needs the right, a known and closed alert and a known body', async () => {
    const { nativeId } = await newAccount();
    const reader = await application.user('bob', ['alerts:read', 'siemadministrator']);
    const open = await mitigation.post({ type: 'identity/account', nativeId, dueAt: new Date(Date.now() + 3_600_000) });
    await order(open, undefined, reader).expect(403);
    expect((await order(open).expect(409)).body).toMatchObject({ code: 'alert-not-closed', state: 'new' });
    await order('0'.repeat(32)).expect(404);
    await order(open, { force: true }).expect(400);
  });
});
