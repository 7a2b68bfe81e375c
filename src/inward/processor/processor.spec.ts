import { afterEach, describe, expect, it } from '@jest/globals';
import type { ChangeOutcome, Connector, ReadOutcome } from '../../contracts/connector.js';
import type { AlertType } from '../../model/alert.js';
import { openTestMitigation, type TestMitigation, type TestMitigationOptions } from '../../../test/support/mitigation.js';

/** A connector whose disable of one account comes to nothing. */
function failingFor(builtin: Connector, nativeId: string, outcome: ChangeOutcome): Connector {
  return Object.assign(Object.create(builtin) as Connector, { disable: (id: string, context: Parameters<Connector['disable']>[1]) => (id === nativeId ? Promise.resolve(outcome) : builtin.disable(id, context)) });
}

describe('the processor', () => {
  let mitigation: TestMitigation;
  afterEach(async () => {
    await mitigation.close();
  });

  const open = async (options: TestMitigationOptions = {}) => {
    mitigation = await openTestMitigation(options);
    return mitigation;
  };
  /** Jane with two accounts on Active Directory and LDAP, and one in HR, a source of identities. */
  const people = async () => {
    const { application, identity, addAccount } = mitigation;
    const [directory, ldap, hr] = [await application('Active Directory'), await application('LDAP', { passwordChange: false }), await application('HR Employees', { authoritative: true })];
    const jane = await identity('Jane.Doe');
    const groups = [{ attribute: 'memberOf', value: 'CN=Admins' }, { attribute: 'memberOf', value: 'CN=Staff' }];
    await addAccount(directory, 'jdoe', { identityId: jane._id, entitlements: groups });
    await addAccount(ldap, 'jane', { identityId: jane._id, entitlements: [{ attribute: 'memberOf', value: 'payroll' }] });
    await addAccount(hr, '1001', { identityId: jane._id, entitlements: [{ attribute: 'memberOf', value: 'employees' }] });
    return { directory, ldap, hr, jane };
  };

  it('disables the account of an alert, and tells it under the id of the alert', async () => {
    const { post, process, alert, account, targetsOf, recordsOf } = await open();
    await people();
    const id = await post({ type: 'identity/account', nativeId: 'JDOE' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'succeeded', reasonCode: null, identityName: 'Jane.Doe', targets: { planned: 1, done: 1, skipped: 0, failed: 0, notConfirmed: 0 }, leaseToken: null, leaseUntil: null });
    expect((await alert(id)).closedAt).toBeInstanceOf(Date);
    expect((await account('Active Directory', 'jdoe'))?.disabled).toBe(true);
    expect((await account('LDAP', 'jane'))?.disabled).toBe(false);
    expect(await targetsOf(id)).toMatchObject([{ _id: `${id}:0`, state: 'done', operation: 'disable', alreadySo: false, attempts: 1 }]);
    expect((await recordsOf(id)).map(({ type, outcome, subject }) => [type, outcome, subject.kind])).toEqual([['audit.account.disable', 'success', 'account'], ['mitigation.alert.processed', 'success', 'alert']]);
  });

  it('deletes an account when the alert says so', async () => {
    const { post, process, alert, account } = await open();
    await people();
    const id = await post({ type: 'identity/account', nativeId: 'jdoe', action: 'delete' });
    await process();
    expect((await alert(id)).state).toBe('succeeded');
    expect((await account('Active Directory', 'jdoe'))?.removedAt).toBeInstanceOf(Date);
  });

  it('disables all accounts of an owner but leaves those of a source of identities alone', async () => {
    const { post, process, alert, account, targetsOf } = await open();
    await people();
    const id = await post({ type: 'identity/accounts', nativeId: 'jdoe' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'succeeded', targets: { done: 2, skipped: 1 } });
    expect([(await account('LDAP', 'jane'))?.disabled, (await account('HR Employees', '1001'))?.disabled]).toEqual([true, false]);
    expect((await targetsOf(id)).filter(({ state }) => state === 'skipped').map(({ application, code }) => [application, code])).toEqual([['HR Employees', 'authoritative-application']]);
  });

  it('takes one entitlement, all of an account, or all of an owner away', async () => {
    const { post, process, alert, account } = await open();
    await people();
    const one = await post({ type: 'identity/entitlement', nativeId: 'jdoe', groupType: 'memberof', groupName: 'cn=admins' });
    await process();
    expect((await account('Active Directory', 'jdoe'))?.entitlements).toEqual([{ attribute: 'memberOf', value: 'CN=Staff' }]);
    const all = await post({ type: 'identity/entitlements', nativeId: 'jdoe' });
    await process();
    expect((await account('Active Directory', 'jdoe'))?.entitlements).toEqual([]);
    const everywhere = await post({ type: 'identity/entitlements-all', nativeId: 'jdoe' });
    await process();
    expect((await account('LDAP', 'jane'))?.entitlements).toEqual([]);
    expect((await account('HR Employees', '1001'))?.entitlements).toHaveLength(1);
    expect([(await alert(one)).state, (await alert(all)).state, (await alert(everywhere)).state]).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const again = await post({ type: 'identity/entitlements', nativeId: 'jdoe' });
    await process();
    expect(await alert(again)).toMatchObject({ state: 'succeeded', reasonCode: 'nothing-to-do' });
  });

  it('forces password changes where that can be done', async () => {
    const { post, process, alert, account } = await open();
    await people();
    const one = await post({ type: 'identity/password', application: 'LDAP', nativeId: 'jane' });
    const all = await post({ type: 'identity/passwords', nativeId: 'jdoe' });
    await process();
    expect(await alert(one)).toMatchObject({ state: 'rejected', reasonCode: 'password-change-not-available' });
    expect(await alert(all)).toMatchObject({ state: 'succeeded', targets: { done: 2, skipped: 1 } });
    expect((await account('Active Directory', 'jdoe'))?.passwordChangeRequired).toBe(true);
  });

  it('makes a group non-requestable and takes it from everybody', async () => {
    const { post, process, alert, account, entitlement, directory, addAccount } = await open();
    const { directory: application } = await people();
    await addAccount(application, 'bob', { entitlements: [{ attribute: 'memberOf', value: 'CN=Admins' }] });
    await entitlement(application, 'memberOf', 'CN=Admins');
    const id = await post({ type: 'application/group', groupType: 'memberOf', groupName: 'CN=Admins' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'succeeded', targets: { done: 3 } });
    expect((await directory.entitlement(application._id, 'memberOf', 'CN=Admins'))?.requestable).toBe(false);
    expect([(await account('Active Directory', 'jdoe'))?.entitlements, (await account('Active Directory', 'bob'))?.entitlements]).toEqual([[{ attribute: 'memberOf', value: 'CN=Staff' }], []]);
  });

  it('warns that an entitlement may come back when its owner has roles, and says of nobody else that it may', async () => {
    const { post, process, alert, entitlement, identity, addAccount, targetsOf } = await open();
    const { directory: application } = await people();
    const roles = ['Finance', 'Payroll', 'Audit', 'Travel', 'Reports', 'Board', 'Works council'];
    const bob = await identity('Bob', { roles });
    await addAccount(application, 'bob', { identityId: bob._id, entitlements: [{ attribute: 'memberOf', value: 'CN=Admins' }] });
    const one = await post({ type: 'identity/entitlement', nativeId: 'bob', groupType: 'memberOf', groupName: 'CN=Admins' });
    await process();
    const caution = 'Bob has the roles Finance, Payroll, Audit, Travel, Reports and 2 more; if a role grants this entitlement, it may come back with the next refresh. Take the role away, too.';
    expect(await alert(one)).toMatchObject({ state: 'succeeded', reasonCode: 'may-come-back-through-role', reason: `1 of the removed entitlements may come back through a role. For example: ${caution}` });
    expect(await targetsOf(one)).toMatchObject([{ state: 'done', caution }]);
    // What was not there cannot come back by this.
    const again = await post({ type: 'identity/entitlement', nativeId: 'bob', groupType: 'memberOf', groupName: 'CN=Admins' });
    await process();
    expect(await alert(again)).toMatchObject({ state: 'succeeded', reasonCode: null, reason: null });

    await addAccount(application, 'bob2', { identityId: bob._id, entitlements: [{ attribute: 'memberOf', value: 'CN=Admins' }] });
    await entitlement(application, 'memberOf', 'CN=Admins');
    const group = await post({ type: 'application/group', groupType: 'memberOf', groupName: 'CN=Admins' });
    await process();
    expect(await alert(group)).toMatchObject({ state: 'succeeded', targets: { done: 3 }, reasonCode: 'may-come-back-through-role', reason: expect.stringMatching(/^1 of the removed entitlements/) as unknown });
    const jane = await post({ type: 'identity/entitlement', nativeId: 'jdoe', groupType: 'memberOf', groupName: 'CN=Staff' });
    await process();
    expect((await alert(jane)).reasonCode).toBeNull();
  });

  it('tells what became of each account of an alert about an application, and of one about somebody only the whole', async () => {
    const { post, process, recordsOf, addAccount, models, entitlement } = await open({
      connector: (application, builtin) => (application.name === 'LDAP' ? failingFor(builtin, 'stuck', { type: 'permanent', code: 'refused', reason: 'LDAP refused it' }) : builtin),
    });
    const { directory: application, ldap, jane } = await people();
    await addAccount(application, 'bob', { entitlements: [{ attribute: 'memberOf', value: 'CN=Admins' }] });
    await entitlement(application, 'memberOf', 'CN=Admins');
    const own = (type: string) => type.startsWith('mitigation.');
    const group = await post({ type: 'application/group', groupType: 'memberOf', groupName: 'CN=Admins' });
    await process();
    const told = (await recordsOf(group)).filter(({ type }) => own(type));
    expect(told.map(({ type, outcome, correlationId }) => [type, outcome, correlationId])).toEqual([['mitigation.account.processed', 'success', group], ['mitigation.account.processed', 'success', group], ['mitigation.alert.processed', 'success', group]]);
    const byName = (name: string) => told.find(({ attributes }) => attributes?.['nativeId'] === name);
    expect(byName('bob')).toMatchObject({
      subject: { kind: 'alert', id: group }, attributes: { alertType: 'application/group', application: 'Active Directory', nativeId: 'bob', action: 'remove' },
      objects: [{ kind: 'application', name: 'Active Directory' }, { kind: 'account', name: 'bob' }, { kind: 'entitlement', attribute: 'memberOf', value: 'CN=Admins' }],
    });
    expect(byName('jdoe')?.objects).toContainEqual({ kind: 'identity', id: jane._id });

    await addAccount(ldap, 'stuck');
    const accounts = await post({ type: 'application/accounts', application: 'LDAP' });
    await process();
    // Accounts are acted upon side by side.
    expect((await recordsOf(accounts)).filter(({ type }) => own(type)).map(({ type, attributes, reason }) => [type, attributes?.['nativeId'], reason]).sort()).toEqual([
      ['mitigation.account.failed', 'stuck', 'LDAP refused it'], ['mitigation.account.processed', 'jane', undefined], ['mitigation.alert.failed', undefined, expect.stringContaining('1 of 2 targets failed') as unknown],
    ]);
    expect(await models.accounts.countDocuments({ applicationId: ldap._id, disabled: true })).toBe(1);

    const one = await post({ type: 'identity/account', nativeId: 'bob' });
    await process();
    expect((await recordsOf(one)).filter(({ type }) => own(type)).map(({ type }) => type)).toEqual(['mitigation.alert.processed']);
  });

  it('tells of each account that it was given up, once', async () => {
    const { post, process, recordsOf, alert, addAccount } = await open({
      settings: { mitigation: { maxAttempts: 2 } },
      connector: (application, builtin) => (application.name === 'LDAP' ? failingFor(builtin, 'away', { type: 'transient', code: 'unreachable', reason: 'LDAP is away' }) : builtin),
    });
    const { ldap } = await people();
    await addAccount(ldap, 'away');
    const id = await post({ type: 'application/accounts', application: 'LDAP' });
    for (let time = 0; time < 10 && (await alert(id)).closedAt === null; time += 1) {
      await process();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(await alert(id)).toMatchObject({ state: 'partially-failed' });
    const told = (await recordsOf(id)).filter(({ type }) => type.startsWith('mitigation.account.'));
    expect(told.map(({ type, attributes, reason }) => [type, attributes?.['nativeId'], reason]).sort()).toEqual([['mitigation.account.failed', 'away', 'LDAP is away'], ['mitigation.account.processed', 'jane', undefined]]);
  });

  it('disables every account of an application, with or without an owner', async () => {
    const { post, process, alert, models, addAccount } = await open();
    const { directory: application } = await people();
    for (let number = 0; number < 30; number += 1) await addAccount(application, `a${number}`);
    const id = await post({ type: 'application/accounts' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'succeeded', targets: { done: 31 } });
    expect(await models.accounts.countDocuments({ applicationId: application._id, disabled: false })).toBe(0);
  });

  it('walks over many targets page by page, each once', async () => {
    const { post, process, alert, models, targetsOf, documents } = await open({ settings: { mitigation: { maxFanOut: 1000, accountsPerHour: 1000 }, processor: { planTargets: 40, targetsAtOnce: 8 } } });
    const { directory: application } = await people();
    const rows = Array.from({ length: 250 }, (_, number) => ({ _id: `a${number}`, applicationId: application._id, nativeId: `a${number}`, nativeIdKey: `a${number}`, searchKey: `a${number}` }));
    await models.accounts.insertMany(rows);
    const id = await post({ type: 'application/accounts', action: 'delete' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'succeeded', targets: { planned: 251, done: 251, failed: 0 } });
    const targets = await targetsOf(id);
    expect(targets.map(({ number }) => number)).toEqual(Array.from({ length: 251 }, (_, number) => number));
    expect(new Set(targets.map(({ attempts, state }) => `${attempts} ${state}`))).toEqual(new Set(['1 done']));
    expect(await documents.connection.collection('accounts').countDocuments({ applicationId: application._id, removedAt: null })).toBe(0);
  });

  it.each<[string, AlertType, Record<string, string>, string]>([
    ['an application that is not there', 'identity/account', { application: 'Nowhere', nativeId: 'jdoe' }, 'unknown-application'],
    ['an account that is not there', 'identity/account', { nativeId: 'nobody' }, 'unknown-account'],
    ['an account of a source of identities', 'identity/account', { application: 'HR Employees', nativeId: '1001' }, 'authoritative-application'],
    ['every account of a source of identities', 'application/accounts', { application: 'HR Employees' }, 'authoritative-application'],
    ['an entitlement that is not there', 'application/group', { groupType: 'memberOf', groupName: 'none' }, 'unknown-entitlement'],
    ['an attribute that holds no entitlements', 'identity/entitlement', { nativeId: 'jdoe', groupType: 'mail', groupName: 'x' }, 'unknown-entitlement-type'],
    ['somebody who is protected', 'identity/account', { nativeId: 'root' }, 'protected-identity'],
    ['a protected service account', 'identity/accounts', { nativeId: 'siemservice' }, 'protected-identity'],
    ['all accounts of an account without an owner', 'identity/accounts', { nativeId: 'orphan' }, 'account-without-owner'],
  ])('rejects %s and tells why', async (_words, type, facts, code) => {
    const { post, process, alert, targetsOf, recordsOf, addAccount, identity, models } = await open();
    const { directory: application } = await people();
    const root = await identity('root', { isProtected: true });
    await addAccount(application, 'root', { identityId: root._id });
    await addAccount(application, 'siemservice');
    await addAccount(application, 'orphan');
    const id = await post({ type, ...facts });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'rejected', reasonCode: code });
    expect((await alert(id)).reason).not.toBe('');
    expect(await targetsOf(id)).toEqual([]);
    expect((await recordsOf(id)).map(({ type: recordType, attributes }) => [recordType, attributes?.['code']])).toEqual([['mitigation.alert.rejected', code]]);
    expect(await models.accounts.countDocuments({ disabled: true })).toBe(0);
  });

  describe('asked for a certification', () => {
    /** Jane and her boss, and who owns what. */
    const reviewed = async (options: TestMitigationOptions = {}) => {
      const { identity, application, entitlement, addAccount, models } = await open(options);
      const [boss, owner, keeper] = [await identity('The.Boss'), await identity('App.Owner'), await identity('Group.Keeper')];
      const jane = await identity('Jane.Doe', { displayName: 'Jane Doe', managerId: boss._id, isProtected: true });
      const directory = await application('Active Directory', { ownerId: owner._id });
      const admins = await entitlement(directory, 'memberOf', 'CN=Admins');
      await models.entitlements.updateOne({ _id: admins._id }, { $set: { ownerId: keeper._id } });
      await entitlement(directory, 'memberOf', 'CN=Staff');
      await addAccount(directory, 'jdoe', { identityId: jane._id });
      await addAccount(directory, 'boss', { identityId: boss._id });
      await addAccount(directory, 'nobody');
      return { directory, jane, boss, owner, keeper };
    };
    const campaigns = () => mitigation.documents.connection.collection('campaigns').find({}).toArray();
    const receivedAt = new Date('2026-03-04T05:06:07Z');

    it.each([
      ['identity/certify', { nativeId: 'jdoe' }, 'SIEM Identity Certification for Jane.Doe - Jane Doe [2026-03-04]', 'identity', 'The.Boss', { identity: 'Jane.Doe', application: 'Active Directory', entitlement: null }],
      ['identity/certify-all', { nativeId: 'jdoe' }, 'SIEM Identity Certification for Jane.Doe - Jane Doe - All Accounts [2026-03-04]', 'identity', 'The.Boss', { identity: 'Jane.Doe', application: undefined, entitlement: null }],
      ['application/certify-group', { groupName: 'cn=admins', groupType: 'memberof' }, 'SIEM Group Certification for : CN=Admins [2026-03-04]', 'entitlement-owner', 'Group.Keeper', { identity: undefined, application: 'Active Directory', entitlement: { attribute: 'memberOf', value: 'CN=Admins' } }],
      ['application/certify-group', { groupName: 'CN=Staff', groupType: 'memberOf' }, 'SIEM Group Certification for : CN=Staff [2026-03-04]', 'entitlement-owner', 'App.Owner', { identity: undefined, application: 'Active Directory', entitlement: { attribute: 'memberOf', value: 'CN=Staff' } }],
      ['application/certify-all', {}, 'SIEM Application Certification for : Active Directory [2026-03-04]', 'application-owner', 'App.Owner', { identity: undefined, application: 'Active Directory', entitlement: null }],
    ] as const)('records the campaign, also about somebody whom no alert acts upon, and does not say that a review has begun (%s %j)', async (type, facts, name, kind, reviewer, scope) => {
      await reviewed();
      const id = await mitigation.post({ type, ...facts, receivedAt });
      await mitigation.process();
      const [campaign, ...others] = await campaigns();
      expect(others).toEqual([]);
      expect(campaign).toMatchObject({ kind, name, state: 'not-started', alertId: id, requestedBy: 'siem', reviewer: { name: reviewer } });
      expect({ identity: campaign?.['scope'].identity?.name, application: campaign?.['scope'].application?.name, entitlement: campaign?.['scope'].entitlement }).toEqual(scope);
      const alert = await mitigation.alert(id);
      expect(alert).toMatchObject({ state: 'failed', reasonCode: 'campaigns-not-available', campaignId: campaign?._id, targets: { planned: 0 } });
      expect(alert.reason).toMatch(/not started/);
      expect((await mitigation.recordsOf(id)).map(({ type: act, outcome, subject }) => [act, outcome, subject.kind])).toEqual([['audit.campaign.create', 'success', 'campaign'], ['mitigation.alert.failed', 'failure', 'alert']]);
    });

    it.each<[AlertType, object, string, string]>([
      ['identity/certify', { nativeId: 'boss' }, 'failed', 'no-reviewer'],
      ['identity/certify-all', { nativeId: 'nobody' }, 'rejected', 'account-without-owner'],
      ['identity/certify', { nativeId: 'ghost' }, 'rejected', 'unknown-account'],
      ['application/certify-group', { groupName: 'CN=None', groupType: 'memberOf' }, 'rejected', 'unknown-entitlement'],
      ['application/certify-all', { application: 'Ownerless' }, 'failed', 'no-reviewer'],
    ])('opens none without a reviewer or something to review (%s %j)', async (type, facts, state, code) => {
      await reviewed();
      await mitigation.application('Ownerless');
      const id = await mitigation.post({ type, ...facts });
      await mitigation.process();
      expect(await mitigation.alert(id)).toMatchObject({ state, reasonCode: code, campaignId: null });
      expect(await campaigns()).toEqual([]);
    });

    it('opens one, however often the alert is begun', async () => {
      await reviewed();
      const id = await mitigation.post({ type: 'application/certify-all' });
      await mitigation.process();
      const before = await campaigns();
      // As if the process had died before it closed the alert.
      await mitigation.alerts.updateOne({ _id: id }, { $set: { state: 'processing', leaseToken: 'lost', leaseUntil: new Date(0), campaignId: null, closedAt: null } });
      await mitigation.process();
      expect(await mitigation.alert(id)).toMatchObject({ state: 'failed', campaignId: before[0]?._id });
      expect((await campaigns()).map(({ _id, createdAt }) => [_id, createdAt])).toEqual(before.map(({ _id, createdAt }) => [_id, createdAt]));
      expect((await mitigation.recordsOf(id)).filter(({ type }) => type === 'audit.campaign.create')).toHaveLength(1);
    });

    it('opens none in a dry run', async () => {
      await reviewed({ settings: { mitigation: { dryRun: true } } });
      const id = await mitigation.post({ type: 'application/certify-all' });
      await mitigation.process();
      expect(await mitigation.alert(id)).toMatchObject({ state: 'rejected', reasonCode: 'dry-run', campaignId: null });
      expect(await campaigns()).toEqual([]);
    });
  });

  it.each([
    ['the setting', { deferProvisioning: true }, null, 'waiting'],
    ['the alert', {}, true, 'waiting'],
    ['the alert, against the setting', { deferProvisioning: true }, false, 'succeeded'],
  ])('follows %s about the workflow, and never falls back to acting directly', async (_words, settings, useWorkflow, state) => {
    const { post, process, alert, account, recordsOf } = await open({ settings: { mitigation: settings } });
    await people();
    const id = await post({ type: 'identity/account', nativeId: 'jdoe', useWorkflow });
    await process();
    await process();
    expect((await alert(id)).state).toBe(state);
    expect((await account('Active Directory', 'jdoe'))?.disabled).toBe(state === 'succeeded');
    if (state === 'waiting') expect((await recordsOf(id)).map(({ type }) => type)).toEqual(['mitigation.alert.waiting']);
  });

  it('holds an alert that would act upon more targets than allowed, and leaves nothing of its plan', async () => {
    const { post, process, alert, targetsOf, models, addAccount, recordsOf } = await open({ settings: { mitigation: { maxFanOut: 5 }, processor: { planTargets: 2 } } });
    const { directory: application } = await people();
    for (let number = 0; number < 10; number += 1) await addAccount(application, `a${number}`);
    const id = await post({ type: 'application/accounts' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'waiting', reasonCode: 'fan-out-above-limit', planned: false });
    expect((await alert(id)).reason).toContain('11 targets');
    expect(await targetsOf(id)).toEqual([]);
    expect(await models.accounts.countDocuments({ disabled: true })).toBe(0);
    // Administrators are told: the notification is stored with the record, in the same write.
    expect((await recordsOf(id))[0]?.notification).toMatchObject({ kind: 'alert.held', facts: { alertId: id, code: 'fan-out-above-limit' }, text: expect.stringContaining(`POST /api/v1/alerts/${id}/release`), subject: { kind: 'alert', id } });
  });

  it('holds alerts of a client that has spent its budget on an application, and no other client', async () => {
    const { post, process, alert, addAccount } = await open({ settings: { mitigation: { accountsPerHour: 2 } } });
    const { directory: application } = await people();
    for (let number = 0; number < 4; number += 1) await addAccount(application, `a${number}`);
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      ids.push(await post({ type: 'identity/account', nativeId: `a${number}` }));
      await process();
    }
    const other = await post({ type: 'identity/account', nativeId: 'a3', postedBy: 'another-siem' });
    await process();
    expect(await Promise.all([...ids, other].map(async (id) => (await alert(id)).state))).toEqual(['succeeded', 'succeeded', 'waiting', 'succeeded']);
    expect((await alert(ids[2] ?? '')).reasonCode).toBe('budget-spent');
  });

  it('lists in a dry run what it would do, and does nothing', async () => {
    const { post, process, alert, account, targetsOf } = await open({ settings: { mitigation: { dryRun: true } } });
    await people();
    const id = await post({ type: 'identity/accounts', nativeId: 'jdoe' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'rejected', reasonCode: 'dry-run', targets: { planned: 3, done: 0, skipped: 3 } });
    expect((await targetsOf(id)).map(({ code }) => code).sort()).toEqual(['authoritative-application', 'dry-run', 'dry-run']);
    expect((await account('Active Directory', 'jdoe'))?.disabled).toBe(false);
  });

  it('acts upon nothing while the kill switch is on', async () => {
    const { post, process, alert, account } = await open({ settings: { mitigation: { killSwitch: true } } });
    await people();
    const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
    await process();
    expect(await alert(id)).toMatchObject({ state: 'waiting', reasonCode: 'kill-switch' });
    expect((await account('Active Directory', 'jdoe'))?.disabled).toBe(false);
  });

  describe('over a system that fails', () => {
    const failing = (disable: (builtin: Connector, nativeId: string, operationId: string) => Promise<ChangeOutcome>, more: Partial<Connector> = {}) => ({
      connector: (_application: unknown, builtin: Connector): Connector =>
        new Proxy(builtin, { get: (of, name) => (name === 'disable' ? (nativeId: string, { operationId }: { operationId: string }) => disable(builtin, nativeId, operationId) : name in more ? more[name as keyof Connector] : bound(of, name as keyof Connector)) }),
    });
    const bound = (of: Connector, name: keyof Connector): unknown => {
      const value: unknown = Reflect.get(of, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(of) : value;
    };
    const until = async (id: string, ...states: string[]) => {
      const deadline = Date.now() + 15_000;
      while (!states.includes((await mitigation.alert(id)).state)) {
        if (Date.now() > deadline) throw new Error(`the alert is still ${(await mitigation.alert(id)).state}`);
        await mitigation.process();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };

    it('tries again after passing faults', async () => {
      let calls = 0;
      const { post, alert, targetsOf } = await open(failing((builtin, nativeId, operationId) => (++calls < 3 ? Promise.resolve({ type: 'transient', code: 'busy', reason: 'busy' }) : builtin.disable(nativeId, { operationId }))));
      await people();
      const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
      await until(id, 'succeeded');
      expect(calls).toBe(3);
      expect((await alert(id)).attempts).toBe(3);
      expect(await targetsOf(id)).toMatchObject([{ attempts: 3, state: 'done' }]);
    });

    it('gives up after the limit, with the reason', async () => {
      const { post, alert, targetsOf, recordsOf } = await open({ ...failing(() => Promise.resolve({ type: 'transient', code: 'unreachable', reason: 'no route to host' })), settings: { mitigation: { maxAttempts: 3 } } });
      await people();
      const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
      await until(id, 'failed');
      expect(await alert(id)).toMatchObject({ attempts: 3, reasonCode: 'unreachable', targets: { done: 0, failed: 1 } });
      expect((await alert(id)).reason).toContain('no route to host');
      expect(await targetsOf(id)).toMatchObject([{ state: 'failed', code: 'unreachable', attempts: 3 }]);
      expect((await recordsOf(id)).map(({ type }) => type)).toEqual(['mitigation.alert.failed']);
    });

    it('ends partially failed when one of several targets fails for good', async () => {
      const { post, process, alert } = await open(failing((builtin, nativeId, operationId) => (nativeId === 'jane' ? Promise.resolve({ type: 'permanent', code: 'not-permitted', reason: 'insufficient rights' }) : builtin.disable(nativeId, { operationId }))));
      await people();
      const id = await post({ type: 'identity/accounts', nativeId: 'jdoe' });
      await process();
      expect(await alert(id)).toMatchObject({ state: 'partially-failed', reasonCode: 'not-permitted', targets: { done: 1, failed: 1, skipped: 1 } });
    });

    it('reads back what was not confirmed, and does not repeat what took place', async () => {
      let calls = 0;
      const { post, process, alert } = await open(
        failing(async (builtin, nativeId, operationId) => {
          calls += 1;
          await builtin.disable(nativeId, { operationId });
          return { type: 'not-confirmed', reason: 'the answer was lost' };
        }),
      );
      await people();
      const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
      await process();
      expect((await alert(id)).state).toBe('succeeded');
      expect(calls).toBe(1);
    });

    it('repeats what was not confirmed only when the system shows that it did not take place', async () => {
      const shown: boolean[] = [];
      let calls = 0;
      const { post, account } = await open(
        failing(async (builtin, nativeId, operationId) => {
          shown.push((await mitigation.account('Active Directory', nativeId))?.disabled ?? true);
          return ++calls === 1 ? { type: 'not-confirmed', reason: 'the answer was lost' } : builtin.disable(nativeId, { operationId });
        }),
      );
      await people();
      const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
      await until(id, 'succeeded');
      expect(shown).toEqual([false, false]);
      expect((await account('Active Directory', 'jdoe'))?.disabled).toBe(true);
    });

    it('says not confirmed when the system can neither confirm nor be read', async () => {
      const { post, process, alert } = await open(failing(() => Promise.resolve({ type: 'not-confirmed', reason: 'lost' }), { readAccount: () => Promise.resolve<ReadOutcome>({ type: 'permanent', code: 'not-permitted', reason: 'no right to read' }) }));
      await people();
      const id = await post({ type: 'identity/account', nativeId: 'jdoe' });
      await process();
      expect(await alert(id)).toMatchObject({ state: 'failed', targets: { done: 0, failed: 0, notConfirmed: 1 } });
    });

    it('lets a call that hangs end in time, and the other alerts go on', async () => {
      const { post, process, alert } = await open({ ...failing((builtin, nativeId, operationId) => (nativeId === 'jane' ? new Promise(() => undefined) : builtin.disable(nativeId, { operationId }))), settings: { processor: { callTimeoutMs: 100, leaseMs: 2000 }, mitigation: { maxAttempts: 2 } } });
      await people();
      const hanging = await post({ type: 'identity/account', application: 'LDAP', nativeId: 'jane', level: 'high' });
      const other = await post({ type: 'identity/account', nativeId: 'jdoe', level: 'low' });
      await process();
      expect((await alert(other)).state).toBe('succeeded');
      await until(hanging, 'failed');
      expect(await alert(hanging)).toMatchObject({ targets: { notConfirmed: 1 } });
    });

    it('keeps a fault of one alert from touching another', async () => {
      const { post, process, alert } = await open({ connector: (application, builtin) => { if (application.name === 'LDAP') throw new Error('a defect'); return builtin; }, settings: { mitigation: { maxAttempts: 1 } } });
      await people();
      const bad = await post({ type: 'identity/account', application: 'LDAP', nativeId: 'jane', level: 'high' });
      const good = await post({ type: 'identity/account', nativeId: 'jdoe', level: 'low' });
      await process();
      expect((await alert(good)).state).toBe('succeeded');
      expect(await alert(bad)).toMatchObject({ state: 'failed', reasonCode: 'unexpected' });
      expect((await alert(bad)).reason).toContain('a defect');
    });

    it('is patient with a slow system as long as it makes progress', async () => {
      let calls = 0;
      const { post, alert, addAccount } = await open({
        ...failing((builtin, nativeId, operationId) => (++calls % 3 === 1 ? builtin.disable(nativeId, { operationId }) : Promise.resolve({ type: 'transient', code: 'busy', reason: 'throttled' }))),
        settings: { mitigation: { maxAttempts: 2 }, processor: { faultsInARow: 2, targetsAtOnce: 1 } },
      });
      const { directory: application } = await people();
      for (let number = 0; number < 8; number += 1) await addAccount(application, `a${number}`);
      const id = await post({ type: 'application/accounts' });
      await until(id, 'succeeded');
      expect((await alert(id)).targets).toMatchObject({ done: 9, failed: 0 });
    });
  });
});
