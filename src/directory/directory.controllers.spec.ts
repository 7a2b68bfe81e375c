import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openDirectoryApp, type DirectoryApp } from '../../test/support/directory-app.js';
import { SAMPLE_DIRECTORY } from './sample-directory.js';

let ground: DirectoryApp;
beforeAll(async () => {
  ground = await openDirectoryApp();
  await api().post('/api/v1/directory/import').send(SAMPLE_DIRECTORY).expect(200);
});
afterAll(async () => {
  await ground.close();
});

const V1 = '/api/v1';
const api = () => request(ground.app.getHttpServer());
interface Shown {
  id: string;
  version: number;
  [field: string]: unknown;
}
interface Page {
  items: Shown[];
  total: number;
  pages: number;
}
async function created(plural: string, body: object): Promise<Shown> {
  const answer = await api().post(`${V1}/${plural}`).send(body);
  expect({ status: answer.status, detail: (answer.body as { detail?: string }).detail }).toEqual({ status: 201, detail: undefined });
  return answer.body as Shown;
}
async function list(path: string): Promise<Page> {
  return (await api().get(`${V1}/${path}`).expect(200)).body as Page;
}
const pointers = (body: unknown) => ((body as { errors?: Array<{ pointer: string }> }).errors ?? []).map(({ pointer }) => pointer);
const auditOf = async (id: string) => (await ground.audit()).filter(({ subject }) => subject.id === id);

describe('applications, identities, accounts and entitlements', () => {
  it('are created with defaults and shown with the names of what they refer to', async () => {
    const application = await created('applications', { name: 'Payroll', owner: 'mary.johnson', entitlementAttributes: ['role'] });
    expect(application).toMatchObject({ name: 'Payroll', type: 'Built-in', connector: 'builtin', owner: { name: 'Mary.Johnson' }, authoritative: false, passwordChange: false, version: 1 });
    const account = await created('accounts', { application: 'payroll', nativeId: 'p1', identity: 'Jane.Doe', owners: ['John.Smith'], entitlements: [{ attribute: 'ROLE', value: 'Clerk' }], secretId: 'vault/7' });
    expect(account).toMatchObject({ application: { id: application.id, name: 'Payroll' }, identity: { name: 'Jane.Doe' }, owners: [{ name: 'John.Smith' }], entitlements: [{ attribute: 'role', value: 'Clerk' }], disabled: false, removedAt: null, version: 1 });
    const learned = await list(`entitlements?application=Payroll`);
    expect(learned.items).toMatchObject([{ attribute: 'role', value: 'Clerk', requestable: true, state: 'enabled' }]);
    const again = await api().get(`${V1}/accounts/${account.id}`).expect(200);
    expect(again.body).toEqual(account);
    expect(again.headers['etag']).toBe('"1"');
    expect(await auditOf(account.id)).toMatchObject([{ type: 'audit.account.create', actor: { name: 'ann' }, objects: [{ kind: 'application', name: 'Payroll' }, { kind: 'identity', name: 'Jane.Doe' }], attributes: { domain: 'Payroll' } }]);
  });

  it.each([
    ['applications', { name: 'ACTIVE directory' }],
    ['identities', { name: 'jane.DOE' }],
    ['accounts', { application: 'Active Directory', nativeId: 'JANE.doe' }],
    ['entitlements', { application: 'Active Directory', attribute: 'MemberOf', value: 'GROUP1' }],
  ])('%s: a taken name is a conflict, whatever its case', async (plural, body) => {
    const answer = await api().post(`${V1}/${plural}`).send(body).expect(409);
    expect((answer.body as { code: string }).code).toBe('name-taken');
  });

  it.each([
    ['applications', { name: ' ', colour: 'red', connector: 'telepathy', entitlementAttributes: ['$bad', 'a.b'] }, ['/colour', '/connector', '/entitlementAttributes/0', '/entitlementAttributes/1', '/name']],
    ['applications', { name: 'x', owner: 'Nobody' }, ['/owner']],
    ['identities', { name: 'a\nb', email: 'no mail', requestsSubmitted: -1, roles: [''] }, ['/email', '/name', '/requestsSubmitted', '/roles/0']],
    ['accounts', { application: 'Nowhere', nativeId: 'x' }, ['/application']],
    ['accounts', { application: 'Active Directory', nativeId: 'x', owners: ['Jane.Doe', 'Nobody'], entitlements: [{ attribute: 'role', value: 'r' }] }, ['/entitlements/0/attribute', '/owners/1']],
    ['accounts', { application: 'Active Directory', nativeId: 'x', attributes: { '$where': 'x' }, endOfLife: { at: 'soon', action: 'disable' } }, ['/attributes/$where', '/endOfLife/at']],
    ['entitlements', { application: 'Active Directory', attribute: 'memberOf', value: 'v', state: 'sleeping' }, ['/state']],
  ])('%s: refuses each fault with its place (%#)', async (plural, body, expected) => {
    const answer = await api().post(`${V1}/${plural}`).send(body).expect(400);
    expect(pointers(answer.body).sort()).toEqual(expected);
  });

  it('are changed by a merge patch, only onto the version that was read', async () => {
    const identity = await created('identities', { name: 'pat', email: 'pat@example.com', roles: ['b', 'a'] });
    const path = `${V1}/identities/${identity.id}`;
    const changed = await api().patch(path).set('if-match', '"1"').send({ displayName: 'Pat', email: null }).expect(200);
    expect(changed.body).toMatchObject({ displayName: 'Pat', email: null, roles: ['a', 'b'], version: 2 });
    await api().patch(path).set('if-match', '"1"').send({ displayName: 'Late' }).expect(412);
    await api().patch(path).send({ displayName: 'Late', version: 1 }).expect(409);
    await api().patch(path).send({ name: 'Jane.Doe' }).expect(409);
    expect((await api().patch(path).send({ displayName: 'Pat' }).expect(200)).body).toMatchObject({ version: 2 });
    expect((await auditOf(identity.id)).map(({ type, changes }) => ({ type, fields: changes?.map(({ field }) => field).sort() }))).toEqual([
      { type: 'audit.identity.create', fields: ['displayName', 'email', 'name', 'protected', 'requestsSubmitted', 'requestsTargeting', 'roles'] },
      { type: 'audit.identity.update', fields: ['displayName', 'email', 'modifiedAt'] },
    ]);
  });

  it.each([
    ['applications', { name: 'Kept' }, { type: 'Directory' }, ['/nativeId']],
    ['identities', { name: 'kept' }, { displayName: 'Kept' }, ['/nativeId']],
    ['accounts', { application: 'Active Directory', nativeId: 'kept' }, { displayName: 'Kept' }, ['/application']],
    ['entitlements', { application: 'Active Directory', attribute: 'memberOf', value: 'kept' }, { displayName: 'Kept' }, ['/application', '/attribute', '/value']],
  ])('%s: are read where they were made, keep their natural key over a patch, and refuse what a patch does not take', async (plural, body, patch, refused) => {
    const made = await api().post(`${V1}/${plural}`).send(body).expect(201);
    const path = made.headers['location'] ?? '';
    expect(path).toBe(`${V1}/${plural}/${(made.body as Shown).id}`);
    expect((await api().get(path).expect(200)).body).toEqual(made.body);
    const changed = await api().patch(path).send(patch).expect(200);
    expect(changed.body).toEqual({ ...(made.body as Shown), ...patch, version: 2, updatedAt: expect.any(String), ...('modifiedAt' in made.body ? { modifiedAt: expect.any(String) } : {}) });
    expect(changed.headers['etag']).toBe('"2"');
    expect(pointers((await api().patch(path).send(Object.fromEntries(refused.map((pointer) => [pointer.slice(1), 'other']))).expect(400)).body).sort()).toEqual(refused);
    await api().delete(path).set('if-match', '"2"').expect(204);
    await api().get(path).expect(404);
  });

  it('tell by its own type when an account is disabled, and when its owners or its secret change', async () => {
    const account = await created('accounts', { application: 'Finance', nativeId: 'svc', owners: ['Jane.Doe'], secretId: 'vault/1' });
    await api().patch(`${V1}/accounts/${account.id}`).send({ disabled: true, owners: ['John.Smith'], secretId: 'vault/2', displayName: 'Service' }).expect(200);
    expect((await auditOf(account.id)).slice(1).map(({ type, changes, attributes }) => ({ type, changes, attributes }))).toMatchObject([
      { type: 'account.owner.changed', attributes: { added: ['John.Smith'], removed: ['Jane.Doe'], domain: 'Finance' }, changes: [{ old: ['Jane.Doe'], new: ['John.Smith'] }] },
      { type: 'audit.account.disable', changes: [{ field: 'disabled', old: false, new: true }] },
      { type: 'account.secret.changed', changes: [{ field: 'secretId', old: 'vault/1', new: 'vault/2' }] },
      { type: 'audit.account.update', changes: [{ field: 'displayName', new: 'Service' }] },
    ]);
  });

  it('let many writers at once change different fields without losing one', async () => {
    const { id } = await created('accounts', { application: 'Finance', nativeId: 'busy' });
    await Promise.all(Array.from({ length: 8 }, (_, index) => api().patch(`${V1}/accounts/${id}`).send({ attributes: { [`field${index}`]: String(index) } }).expect(200)));
    const after = (await api().get(`${V1}/accounts/${id}`).expect(200)).body as { attributes: object; version: number };
    expect(Object.keys(after.attributes).sort()).toEqual(Array.from({ length: 8 }, (_, index) => `field${index}`));
    expect(after.version).toBe(9);
  });

  it('are listed by search, filter, sort and page with totals', async () => {
    expect((await list('accounts?search=JANE&application=active directory')).items).toMatchObject([{ nativeId: 'Jane.Doe' }]);
    expect((await list('accounts?identity=jane.doe&sort=-name')).items.map(({ nativeId }) => nativeId)).toContain('jdoe');
    expect((await list('accounts?entitlement=memberof%3DVPN users')).total).toBe(3);
    expect((await list('identities?manager=john.smith')).items.map(({ name }) => name)).toEqual(['Aaron.Nichols', 'Adam.Kennedy']);
    expect((await list('identities?protected=true')).items.map(({ name }) => name)).toEqual(['siemservice']);
    expect((await list('applications?authoritative=true')).items.map(({ name }) => name)).toEqual(['HR Employees']);
    expect((await list('entitlements?attribute=memberOf&requestable=false')).items.map(({ value }) => value)).toEqual(['Domain Admins']);
    const page = await list('entitlements?application=Active Directory&pageSize=2&page=2');
    expect({ total: page.total, pages: page.pages, count: page.items.length }).toEqual({ total: 3, pages: 2, count: 1 });
    expect((await list('accounts?search=.*')).total).toBe(0);
    expect((await list('accounts?application=Nowhere')).total).toBe(0);
    await api().get(`${V1}/accounts?colour=red`).expect(400);
    await api().get(`${V1}/accounts?page=0`).expect(400);
    await api().get(`${V1}/accounts?entitlement=group1`).expect(400);
  });

  it('are not deleted while something needs them', async () => {
    const { id } = await created('applications', { name: 'Short lived', entitlementAttributes: ['role'] });
    const account = await created('accounts', { application: id, nativeId: 's1', identity: 'Aaron.Nichols', entitlements: [{ attribute: 'role', value: 'r' }] });
    const [entitlement] = (await list(`entitlements?application=${id}`)).items;
    expect((await api().delete(`${V1}/applications/${id}`).expect(409)).body).toMatchObject({ code: 'application-in-use', inUseBy: { accounts: 1 } });
    expect((await api().delete(`${V1}/entitlements/${entitlement?.id ?? ''}`).expect(409)).body).toMatchObject({ code: 'entitlement-in-use' });
    const [mary] = (await list('identities?search=mary.johnson')).items;
    expect((await api().delete(`${V1}/identities/${mary?.id ?? ''}`).expect(409)).body).toMatchObject({ inUseBy: { managedIdentities: 2, ownedEntitlements: 1 } });
    await api().delete(`${V1}/accounts/${account.id}`).set('if-match', '"7"').expect(412);
    await api().delete(`${V1}/accounts/${account.id}`).set('if-match', '"1"').expect(204);
    await api().get(`${V1}/accounts/${account.id}`).expect(404);
    expect((await list(`accounts?application=${id}&status=removed`)).items).toMatchObject([{ id: account.id, removedAt: expect.any(String) }]);
    await api().delete(`${V1}/applications/${id}`).expect(204);
    expect((await list(`entitlements?search=r&application=${id}`)).total).toBe(0);
    expect((await auditOf(account.id)).map(({ type }) => type)).toEqual(['audit.account.create', 'audit.account.delete']);
    expect((await auditOf(id)).map(({ type }) => type)).toEqual(['audit.application.create', 'audit.application.delete']);
    await created('applications', { name: 'short LIVED' });
  });

  it('tests the connector of an application, audited', async () => {
    const { id } = await created('applications', { name: 'Tested' });
    const answer = await api().post(`${V1}/applications/${id}/test`).expect(200);
    expect(answer.body).toMatchObject({ ok: true, connector: 'builtin', code: null, capabilities: expect.arrayContaining(['disable']) });
    expect((await auditOf(id)).map(({ type, outcome }) => `${type} ${outcome}`)).toContain('audit.application.test success');
  });

  it('ask for their rights', async () => {
    for (const plural of ['applications', 'identities', 'accounts', 'entitlements']) {
      await api().get(`${V1}/${plural}`).set('x-rights', 'directory:write').expect(403);
      await api().post(`${V1}/${plural}`).set('x-rights', 'directory:read').send({}).expect(403);
      await api().patch(`${V1}/${plural}/x`).set('x-rights', 'directory:read').send({}).expect(403);
      await api().delete(`${V1}/${plural}/x`).set('x-rights', 'directory:read').expect(403);
      await api().get(`${V1}/${plural}/x`).expect(404);
    }
  });

  it('are taken away when they were removed long ago', async () => {
    const { id } = await created('accounts', { application: 'Finance', nativeId: 'old' });
    await api().delete(`${V1}/accounts/${id}`).expect(204);
    const job = ground.jobs.get('directory-leftovers');
    expect(await job?.run(AbortSignal.timeout(5000))).toMatchObject({ accountsRemoved: 0 });
    ground.clock.set(Date.now() + 401 * 86_400_000);
    expect(await job?.run(AbortSignal.timeout(5000))).toMatchObject({ accountsRemoved: expect.any(Number) });
    expect((await list('accounts?status=removed')).items.map((item) => item.id)).not.toContain(id);
  });
});
