import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDirectoryApp, type DirectoryApp } from '../../test/support/directory-app.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import type { DirectoryAct } from './account-changes.js';
import type { AccountDocument } from './account.schema.js';
import { ConnectorRegistry, UnknownConnector } from './connector-registry.js';
import { DirectoryService } from './directory.service.js';
import { DirectoryImportService } from './import/directory-import.service.js';
import { checkedRow, noRows } from './import/import-rows.js';
import { accountBody } from './account.kind.js';
import { applicationBody } from './application.kind.js';

let ground: DirectoryApp;
let directory: DirectoryService;
let applicationId: string;
beforeAll(async () => {
  ground = await openDirectoryApp();
  directory = ground.app.get(DirectoryService);
  await imported({ application: [checkedRow(applicationBody, { name: 'AD', entitlementAttributes: ['memberOf'] }, {})] });
  applicationId = (await directory.applicationByName('ad'))?._id ?? '';
});
afterAll(async () => {
  await ground.close();
});

const imported = (rows: object) => ground.app.get(DirectoryImportService).import({ ...noRows(), ...rows }, { kind: 'system', id: 'test' });
let accounts = 0;
async function anAccount(fields: object = {}): Promise<AccountDocument> {
  accounts += 1;
  await imported({ account: [checkedRow(accountBody, { application: 'AD', nativeId: `user${accounts}`, ...fields }, {})] });
  const [account] = await directory.accountsByNativeId(applicationId, `user${accounts}`);
  if (!account) throw new Error('the account was not stored');
  return account;
}
const auditOf = async (id: string) => (await ground.audit()).filter(({ subject }) => subject.id === id);
const act = (operationId: string): DirectoryAct => ({ actor: { kind: 'system', id: 'tidegate:mitigation', name: 'mitigation' }, correlationId: 'alert-1', operationId });

describe('a change that was made in a connected system', () => {
  it('is applied and audited once, under the id of the alert', async () => {
    const { _id } = await anAccount();
    expect(await directory.applyChange(_id, 'disable', act('o1'))).toMatchObject({ type: 'changed', account: { disabled: true, version: 2 } });
    expect(await directory.applyChange(_id, 'disable', act('o1'))).toMatchObject({ type: 'already-so', repeated: true });
    expect(await auditOf(_id)).toMatchObject([{ type: 'audit.account.disable', correlationId: 'alert-1', subject: { kind: 'account' }, attributes: { domain: 'AD' }, changes: [{ field: 'disabled', old: false, new: true }] }]);
  });

  it('is audited although a sync brought it first, and not when the system had nothing to change either', async () => {
    const { _id } = await anAccount({ disabled: true });
    expect(await directory.applyChange(_id, 'disable', act('o2'), { systemAlreadySo: true })).toMatchObject({ type: 'already-so', repeated: false });
    expect(await auditOf(_id)).toEqual([]);
    expect(await directory.applyChange(_id, 'disable', act('o3'))).toMatchObject({ type: 'already-so', repeated: false });
    expect((await auditOf(_id)).map(({ type }) => type)).toEqual(['audit.account.disable']);
  });

  it('by the built-in connector leaves one record, whoever reports it afterwards', async () => {
    const { _id, nativeId } = await anAccount({ entitlements: [{ attribute: 'memberOf', value: 'g' }] });
    const application = await directory.applicationById(applicationId);
    if (!application) throw new Error('no application');
    const connector = ground.app.get(ConnectorRegistry).for(application);
    const { correlationId, actor } = act('');
    expect(await connector.removeEntitlement(nativeId, { attribute: 'MEMBEROF', value: 'G' }, { operationId: 'o4', correlationId, actor })).toEqual({ type: 'done', alreadySo: false });
    await directory.applyChange(_id, 'remove-entitlement', act('o4'), { entitlement: { attribute: 'memberOf', value: 'g' } });
    expect(await auditOf(_id)).toMatchObject([{ type: 'audit.account.revoke', correlationId: 'alert-1', actor: { name: 'mitigation' }, changes: [{ field: 'memberOf', old: 'g' }] }]);
    for await (const holder of directory.accountsHolding(applicationId, 'memberOf', 'g')) throw new Error(`${holder.nativeId} still holds it`);
  });

  it('that deletes leaves the account out of every answer, and a late repeat does not delete it again once it is back', async () => {
    const { _id, nativeId } = await anAccount();
    expect(await directory.applyChange(_id, 'delete', act('o5'))).toMatchObject({ type: 'changed' });
    expect(await directory.account(_id)).toBeNull();
    expect(await directory.accountsByNativeId(applicationId, nativeId)).toEqual([]);
    expect(await directory.applyChange(_id, 'disable', act('o6'))).toEqual({ type: 'absent' });
    await imported({ account: [checkedRow(accountBody, { application: 'AD', nativeId }, {})] });
    expect(await directory.applyChange(_id, 'delete', act('o5'))).toMatchObject({ type: 'already-so', repeated: true });
    expect(await directory.account(_id)).toMatchObject({ _id, removedAt: null });
    expect((await auditOf(_id)).filter(({ type }) => type === 'audit.account.delete')).toHaveLength(1);
  });

  it('remembers a bounded number of operations', async () => {
    const { _id } = await anAccount();
    for (let index = 0; index < 60; index += 1) await directory.applyChange(_id, index % 2 === 0 ? 'disable' : 'enable', act(`many-${index}`));
    const account = await directory.account(_id);
    expect(account?.operations).toHaveLength(50);
    expect(account?.operations.at(-1)).toBe('many-59');
  });

  it('is applied once by many processes that repeat it at once', async () => {
    const { _id } = await anAccount();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => directory.applyChange(_id, 'force-password-change', act('o7'))));
    expect(outcomes.filter(({ type }) => type === 'changed')).toHaveLength(1);
    expect((await auditOf(_id)).map(({ type }) => type)).toEqual(['audit.account.password']);
  });
});

describe('an entitlement', () => {
  it('is made not requestable once, with the record in the same write', async () => {
    await anAccount({ entitlements: [{ attribute: 'memberOf', value: 'secret group' }] });
    const entitlement = await directory.entitlement(applicationId, 'memberof', 'SECRET group');
    const id = entitlement?._id ?? '';
    const record = () => newAuditRecord({ type: 'audit.entitlement.update', actor: { kind: 'system', id: 'test' }, subject: { kind: 'entitlement', id, name: 'secret group' }, correlationId: 'alert-2' }, ground.clock);
    expect(await directory.setRequestable(id, false, record())).toBe('changed');
    expect(await directory.setRequestable(id, false, record())).toBe('already-so');
    expect(await directory.setRequestable('nothing', false, record())).toBe('absent');
    expect((await auditOf(id)).filter(({ type }) => type === 'audit.entitlement.update')).toHaveLength(1);
    expect(await directory.entitlement(applicationId, 'memberOf', 'secret group')).toMatchObject({ requestable: false, version: 2 });
  });
});

describe('the connector registry', () => {
  it('says which connectors there are when an application names another', () => {
    const registry = ground.app.get(ConnectorRegistry);
    expect(() => registry.for({ _id: 'a', name: 'Old', connector: 'telepathy' })).toThrow(UnknownConnector);
    expect(() => registry.for({ _id: 'a', name: 'Old', connector: 'telepathy' })).toThrow('the application "Old" names the connector "telepathy"; this version has builtin');
  });
});
