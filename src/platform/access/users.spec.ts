import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { basic, openTestApplication, TEST_PASSWORD, type TestApplication } from '../../../test/support/application.js';
import type { AuditRecord } from '../audit/audit-record.js';
import { UsersService } from './users.service.js';

describe('/api/v1/users', () => {
  let application: TestApplication;
  beforeEach(async () => { application = await openTestApplication(); });
  afterEach(() => application.close());

  const call = (method: 'get' | 'post' | 'patch' | 'delete', path: string, authorization = basic('admin')) => request(application.url)[method](`/api/v1/users${path}`).set('Authorization', authorization);
  const create = async (body: Record<string, unknown>) => (await call('post', '').send({ password: 'long enough', ...body }).expect(201)).body as { id: string; version: number } & Record<string, unknown>;
  const adminId = async () => ((await call('get', '?search=admin').expect(200)).body as { items: Array<{ id: string }> }).items[0]?.id ?? '';

  /** The audit records about a user, wherever they are by now, oldest first. */
  async function recordsOf(id: string): Promise<AuditRecord[]> {
    const { connection } = application.documents;
    const found = new Map<string, AuditRecord>();
    // The outbox first: a record moves from there to the other place, never back.
    const waiting = ((await connection.collection('users').findOne({ _id: id as never }))?.['auditOutbox'] ?? []) as AuditRecord[];
    for (const record of waiting) found.set(record.id, record);
    for (const { _id, ...record } of await connection.collection('audit_records').find({ 'subject.id': id }).toArray()) found.set(String(_id), { ...(record as unknown as AuditRecord), id: String(_id) });
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  it('creates a user who can log in with the rights of its roles and its own', async () => {
    const created = await call('post', '').send({ name: ' Ada Lovelace ', password: 'long enough', roles: ['viewer', 'viewer'], rights: ['users:write'] }).expect(201);
    const { id } = created.body as { id: string };
    expect(created.headers['location']).toBe(`/api/v1/users/${id}`);
    expect(created.body).toMatchObject({ name: 'Ada Lovelace', roles: ['viewer'], rights: ['users:write'], disabled: false, version: 1 });
    expect((created.body as { effectiveRights: string[] }).effectiveRights).toEqual(expect.arrayContaining(['users:write', 'audit:read']));
    expect((await call('get', `/${id}`, basic('ada lovelace', 'long enough')).expect(200)).body).toEqual(created.body);
  });

  it('never shows a password or its hash, in answers or in audit records', async () => {
    const { id } = await create({ name: 'ada', password: 'hunter2hunter2' });
    await call('patch', `/${id}`).send({ password: 'hunter3hunter3' }).expect(200);
    const texts = [JSON.stringify((await call('get', `/${id}`)).body), JSON.stringify((await call('get', '')).body), JSON.stringify(await recordsOf(id))];
    for (const text of texts) expect(text).not.toMatch(/hunter|argon2|passwordHash/);
  });

  it('records each act with who did it and what changed', async () => {
    const { id } = await create({ name: 'ada', roles: ['producer'] });
    await call('patch', `/${id}`).send({ roles: ['viewer'], disabled: true, password: 'another long one' }).expect(200);
    await call('delete', `/${id}`).expect(200).expect({ deleted: { id, name: 'ada' } });
    const admin = { kind: 'user', id: await adminId(), name: 'admin', ip: '127.0.0.1' };
    const subject = { kind: 'tidegate-user', id, name: 'ada' };
    expect(await recordsOf(id)).toMatchObject([
      { type: 'audit.tidegate-user.create', actor: admin, subject, outcome: 'success', changes: expect.arrayContaining([{ field: 'roles', new: ['producer'] }]) },
      { type: 'audit.tidegate-user.update', actor: admin, subject, changes: [{ field: 'roles', old: ['producer'], new: ['viewer'] }, { field: 'disabled', old: false, new: true }] },
      { type: 'audit.tidegate-user.password', actor: admin, subject },
      { type: 'audit.tidegate-user.delete', actor: admin, subject, changes: expect.arrayContaining([{ field: 'roles', old: ['viewer'] }]) },
    ]);
  });

  it('writes nothing and records nothing when nothing changes', async () => {
    const { id } = await create({ name: 'ada', roles: ['producer'] });
    expect((await call('patch', `/${id}`).send({ roles: ['producer'], disabled: false }).expect(200)).body).toMatchObject({ version: 1 });
    expect(await recordsOf(id)).toHaveLength(1);
  });

  it('keeps names unique whatever their case or composition, and frees a name with its user', async () => {
    const { id } = await create({ name: 'Zo\u00eb' });
    expect((await call('post', '').send({ name: 'ZOE\u0308', password: 'long enough' }).expect(409)).body).toMatchObject({ code: 'name-taken', errors: [{ pointer: '/name' }] });
    await call('delete', `/${id}`).expect(200);
    await call('get', `/${id}`).expect(404);
    expect((await create({ name: 'zo\u00eb' })).id).not.toBe(id);
  });

  it('leaves no hash behind of who was deleted', async () => {
    const { id } = await create({ name: 'ada' });
    await call('delete', `/${id}`).expect(200);
    const left = await application.documents.connection.collection('users').findOne({ _id: id as never });
    expect(left?.['passwordHash']).toBe('');
    expect(left?.['deletedAt']).toBeInstanceOf(Object);
  });

  it.each([
    [{ name: 'a:b', password: 'long enough' }, '/name'],
    [{ name: 'a\u200bb', password: 'long enough' }, '/name'],
    [{ name: 'a'.repeat(101), password: 'long enough' }, '/name'],
    [{ name: 'ada', password: 'short' }, '/password'],
    [{ name: 'ada' }, '/password'],
    [{ name: 'ada', password: 'long enough', roles: ['king'] }, '/roles/0'],
    [{ name: 'ada', password: 'long enough', rights: ['users:read'] }, '/rights/0'],
    [{ name: 'ada', password: 'long enough', admin: true }, '/admin'],
    [[], ''],
  ])('refuses %j with a pointer', async (body, pointer) => {
    expect((await call('post', '').send(body).expect(400)).body).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] });
  });

  it('refuses a change that names nothing, and unknown ids', async () => {
    const { id } = await create({ name: 'ada' });
    await call('patch', `/${id}`).send({}).expect(400);
    await call('patch', `/${id}`).send({ name: 'other' }).expect(400);
    for (const unknown of ['/nobody', '/%7B%24ne%3A1%7D']) {
      await call('get', unknown).expect(404);
      await call('patch', unknown).send({ disabled: true }).expect(404);
      await call('delete', unknown).expect(404);
    }
  });

  it('tells two writers apart by the version', async () => {
    const { id } = await create({ name: 'ada' });
    await call('patch', `/${id}`).send({ disabled: true, version: 1 }).expect(200);
    expect((await call('patch', `/${id}`).send({ disabled: false, version: 1 }).expect(409)).body).toMatchObject({ code: 'version-conflict', currentVersion: 2 });
    await call('delete', `/${id}?version=1`).expect(409);
    await call('delete', `/${id}?version=2`).expect(200);
  });

  it('loses no change of two that come at once', async () => {
    const { id } = await create({ name: 'ada' });
    await Promise.all([call('patch', `/${id}`).send({ roles: ['producer'] }).expect(200), call('patch', `/${id}`).send({ disabled: true }).expect(200), call('patch', `/${id}`).send({ rights: ['audit:read'] }).expect(200)]);
    expect((await call('get', `/${id}`)).body).toMatchObject({ roles: ['producer'], disabled: true, rights: ['audit:read'], version: 4 });
    expect(await recordsOf(id)).toHaveLength(4);
  });

  it('lists by name with search, pages and total', async () => {
    for (const name of ['Carol', 'alice', 'Bob', 'a.b']) await create({ name });
    const names = async (query: string) => {
      const { items, total } = (await call('get', query).expect(200)).body as { items: Array<{ name: string }>; total: number };
      return [total, ...items.map(({ name }) => name)];
    };
    expect(await names('')).toEqual([5, 'a.b', 'admin', 'alice', 'Bob', 'Carol']);
    expect(await names('?page=2&pageSize=2')).toEqual([5, 'alice', 'Bob']);
    expect(await names('?search=BO')).toEqual([1, 'Bob']);
    expect(await names('?search=a.b')).toEqual([1, 'a.b']);
    await call('get', '?pageSize=0').expect(400);
    await call('get', '?sort=up').expect(400);
  });

  it('needs the right users:write for everything', async () => {
    const producer = await application.user('producer', ['events:write']);
    const id = await adminId();
    await call('get', '', producer).expect(403);
    await call('post', '', producer).send({ name: 'x', password: 'long enough' }).expect(403);
    await call('patch', `/${id}`, producer).send({ disabled: true }).expect(403);
    await call('delete', `/${id}`, producer).expect(403);
  });

  describe('the last administrator', () => {
    it('cannot be deleted, disabled or lose the right; who only had it before does not count', async () => {
      const id = await adminId();
      const other = await create({ name: 'other', roles: ['administrator'], disabled: true });
      for (const change of [{ disabled: true }, { roles: [] }, { roles: ['viewer'], rights: ['audit:read'] }]) expect((await call('patch', `/${id}`).send(change).expect(409)).body).toMatchObject({ code: 'last-administrator' });
      await call('delete', `/${id}`).expect(409);
      await call('patch', `/${id}`).send({ roles: [], rights: ['users:write'] }).expect(200);
      await call('patch', `/${other.id}`).send({ disabled: false }).expect(200);
      await call('delete', `/${id}`).expect(200);
      await call('get', '', basic('other', 'long enough')).expect(200);
    });

    it('is left when administrators remove each other at the same moment', async () => {
      const service = application.http.app.get(UsersService, { strict: false });
      const ids = [await adminId()];
      for (let index = 0; index < 4; index++) ids.push((await create({ name: `administrator-${index}`, roles: ['administrator'] })).id);
      const outcomes = await Promise.all(ids.map((id, index) => (index % 2 === 0 ? service.remove(id, undefined, { kind: 'system' }) : service.change(id, { disabled: true }, { kind: 'system' }))));
      expect(outcomes.filter(({ type }) => type === 'last-administrator')).toHaveLength(1);
      expect(await application.documents.connection.collection('users').countDocuments({ disabled: false, deletedAt: null })).toBe(1);
    });
  });

  it('keeps the password of the tests out of the store', async () => {
    const users = await application.documents.connection.collection('users').find().toArray();
    expect(JSON.stringify(users)).not.toContain(TEST_PASSWORD);
    expect(users[0]?.['passwordHash']).toMatch(/^\$argon2id\$/);
  });
});
