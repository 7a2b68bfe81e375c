import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openDirectoryApp, type DirectoryApp } from '../../test/support/directory-app.js';
import { DirectoryService } from './directory.service.js';
import type { ImportReport } from './import/import-report.js';
import { SAMPLE_DIRECTORY } from './sample-directory.js';

let ground: DirectoryApp;
beforeAll(async () => {
  ground = await openDirectoryApp({ directory: { importRows: 3000, importRefusals: 5 } });
});
afterAll(async () => {
  await ground.close();
});

const PATH = '/api/v1/directory/import';
const api = () => request(ground.app.getHttpServer());
async function importJson(body: object): Promise<ImportReport> {
  const answer = await api().post(PATH).send(body);
  expect({ status: answer.status, body: answer.status === 200 ? undefined : (answer.body as object) }).toEqual({ status: 200, body: undefined });
  return answer.body as ImportReport;
}
async function importCsv(kind: string, lines: string[]): Promise<ImportReport> {
  const answer = await api().post(`${PATH}?kind=${kind}`).set('content-type', 'text/csv').send(lines.join('\n')).expect(200);
  return answer.body as ImportReport;
}
const none = { created: 0, changed: 0, unchanged: 0, refused: 0 };
const directory = () => ground.app.get(DirectoryService);

describe('importing the sample directory', () => {
  it('creates everything once, and changes nothing when it comes again', async () => {
    const first = await importJson(SAMPLE_DIRECTORY);
    expect(first).toMatchObject({ identities: { ...none, created: 6 }, applications: { ...none, created: 3 }, entitlements: { ...none, created: 4 }, accounts: { ...none, created: 9 }, entitlementsLearned: 0, accountsUncorrelated: 0, refused: [] });
    const second = await importJson(SAMPLE_DIRECTORY);
    expect(second).toMatchObject({ identities: { ...none, unchanged: 6 }, applications: { ...none, unchanged: 3 }, entitlements: { ...none, unchanged: 4 }, accounts: { ...none, unchanged: 9 }, refused: [] });
  });

  it('holds what the samples of the SIEM name', async () => {
    const application = await directory().applicationByName('active directory');
    expect(application).toMatchObject({ name: 'Active Directory', authoritative: false, passwordChange: true, entitlementAttributes: ['memberOf'] });
    const [account] = await directory().accountsByNativeId(application?._id ?? '', 'JANE.DOE');
    const identity = await directory().identity(account?.identityId ?? '');
    expect(identity).toMatchObject({ name: 'Jane.Doe', managerId: (await directory().identityByName('mary.johnson'))?._id });
    expect(await directory().entitlement(application?._id ?? '', 'MEMBEROF', 'Group1')).toMatchObject({ value: 'group1', requestable: true });
    const holders: string[] = [];
    for await (const holder of directory().accountsHolding(application?._id ?? '', 'memberof', 'GROUP1')) holders.push(holder.nativeId.slice(0, 15));
    expect(holders.sort()).toEqual(['CN=Adam Kennedy', 'Jane.Doe']);
    expect((await directory().accountsOfIdentity(identity?._id ?? '')).map(({ nativeId }) => nativeId).sort()).toEqual(['1003', 'Jane.Doe', 'jdoe']);
    expect(await directory().applicationNames()).toEqual(['Active Directory', 'Finance', 'HR Employees']);
  });

  it('is audited as begun and as done, under one correlation id', async () => {
    const records = (await ground.audit()).filter(({ type }) => type.startsWith('audit.directory.'));
    const last = records.slice(-2);
    expect(last.map(({ type, outcome }) => ({ type, outcome }))).toEqual([{ type: 'audit.directory.start', outcome: 'unknown' }, { type: 'audit.directory.import', outcome: 'success' }]);
    expect(new Set(last.map(({ correlationId }) => correlationId)).size).toBe(1);
    expect(last[1]).toMatchObject({ actor: { name: 'ann', ip: '192.0.2.7' }, attributes: { 'accounts.unchanged': 9, 'identities.unchanged': 6 } });
    expect(last[1]?.attributes).not.toHaveProperty('accounts.created');
  });
});

describe('an import of JSON', () => {
  it('changes only the fields that it names', async () => {
    const report = await importJson({ accounts: [{ application: 'Active Directory', nativeId: 'john.smith', disabled: true, attributes: { department: 'IT' } }] });
    expect(report.accounts).toEqual({ ...none, changed: 1 });
    const [account] = await directory().accountsByNativeIdAnywhere('John.Smith');
    expect(account).toMatchObject({ disabled: true, displayName: 'John Smith', attributes: { mail: 'john.smith@example.com', department: 'IT' }, version: 2 });
    expect(account?.entitlements).toHaveLength(2);
  });

  it('refuses single records with place and reason and stores the others', async () => {
    const report = await importJson({
      accounts: [
        { application: 'Active Directory', nativeId: 'good.one' },
        { application: 'Nowhere', nativeId: 'x' },
        { application: 'Active Directory', nativeId: 'y', identity: 'Nobody' },
        { application: 'Active Directory', nativeId: 'z', entitlements: [{ attribute: 'role', value: 'r' }] },
        { application: 'Active Directory', nativeId: 'Good.One' },
        { application: 'Active Directory', nativeId: '', colour: 'red' },
      ],
    });
    expect(report.accounts).toEqual({ ...none, created: 1, refused: 5 });
    expect(report.refused.map(({ pointer, errors }) => ({ pointer, at: errors.map((error) => error.pointer) }))).toEqual([
      { pointer: '/accounts/1', at: ['/application'] },
      { pointer: '/accounts/2', at: ['/identity'] },
      { pointer: '/accounts/3', at: ['/entitlements/0/attribute'] },
      { pointer: '/accounts/4', at: [''] },
      { pointer: '/accounts/5', at: ['/nativeId', '/colour'] },
    ]);
    expect(report.refused[3]?.errors[0]?.message).toContain('/accounts/0');
    expect(report.accountsUncorrelated).toBe(1);
    for (const nativeId of ['x', 'y', 'z']) expect(await directory().accountsByNativeIdAnywhere(nativeId)).toEqual([]);
  });

  it('counts more refusals than it lists', async () => {
    const report = await importJson({ identities: Array.from({ length: 8 }, () => ({ name: '' })) });
    expect(report.identities.refused).toBe(8);
    expect(report.refused).toHaveLength(5);
  });

  it('finds managers wherever they stand in the list, and refuses circles', async () => {
    const report = await importJson({
      identities: [
        { name: 'm.clerk', manager: 'm.lead' }, { name: 'm.lead', manager: 'm.head' }, { name: 'm.head', manager: 'm.head' },
        { name: 'm.a', manager: 'm.b' }, { name: 'm.b', manager: 'm.a' }, { name: 'm.lost', manager: 'm.nobody' },
      ],
    });
    expect(report.identities).toEqual({ ...none, created: 3, refused: 3 });
    const [clerk, lead, head] = await Promise.all(['m.clerk', 'm.lead', 'm.head'].map((name) => directory().identityByName(name)));
    expect(clerk?.managerId).toBe(lead?._id);
    expect(lead?.managerId).toBe(head?._id);
    expect(head?.managerId).toBeNull();
    expect(report.refused.map(({ name }) => name)).toEqual(['m.a', 'm.b', 'm.lost']);
  });

  it('correlates by the mail address, then by the name, and keeps what was correlated before', async () => {
    await importJson({ identities: [{ name: 'c.one', email: 'one@example.com' }, { name: 'c.two' }, { name: 'c.twin1', email: 'twin@example.com' }, { name: 'c.twin2', email: 'twin@example.com' }], applications: [{ name: 'Mailbox' }] });
    const accounts = [{ nativeId: 'a1', attributes: { Mail: 'ONE@example.com' } }, { nativeId: 'C.TWO' }, { nativeId: 'a3', attributes: { email: 'twin@example.com' } }].map((account) => ({ application: 'Mailbox', ...account }));
    expect((await importJson({ accounts })).accountsUncorrelated).toBe(1);
    const behind = async (nativeId: string) => {
      const [account] = await directory().accountsByNativeIdAnywhere(nativeId);
      return account?.identityId ? (await directory().identity(account.identityId))?.name : null;
    };
    expect(await Promise.all(['a1', 'c.two', 'a3'].map(behind))).toEqual(['c.one', 'c.two', null]);
    await importJson({ accounts: [{ application: 'Mailbox', nativeId: 'a1', identity: 'c.two' }] });
    await importJson({ accounts });
    expect(await behind('a1')).toBe('c.two');
  });

  it('adds what accounts hold to the catalogue', async () => {
    const report = await importJson({ applications: [{ name: 'Wiki', entitlementAttributes: ['groups'] }], accounts: ['w1', 'w2'].map((nativeId) => ({ application: 'Wiki', nativeId, entitlements: [{ attribute: 'Groups', value: 'editors' }] })) });
    expect(report.entitlementsLearned).toBe(1);
    const wiki = await directory().applicationByName('wiki');
    expect(await directory().entitlement(wiki?._id ?? '', 'groups', 'EDITORS')).toMatchObject({ attribute: 'groups', value: 'editors', requestable: true, state: 'enabled' });
  });

  it('brings a removed account back as the same one', async () => {
    await importJson({ applications: [{ name: 'Phoenix' }], accounts: [{ application: 'Phoenix', nativeId: 'bird', disabled: true }] });
    const [before] = await directory().accountsByNativeIdAnywhere('bird');
    await api().delete(`/api/v1/accounts/${before?._id ?? ''}`).expect(204);
    expect(await directory().accountsByNativeIdAnywhere('bird')).toEqual([]);
    expect((await importJson({ accounts: [{ application: 'Phoenix', nativeId: 'Bird' }] })).accounts).toEqual({ ...none, created: 1 });
    const [after] = await directory().accountsByNativeIdAnywhere('bird');
    expect(after).toMatchObject({ _id: before?._id, nativeId: 'Bird', disabled: false, removedAt: null });
  });

  it('takes more records than fit one batch, under two writers at once', async () => {
    await importJson({ applications: [{ name: 'Large' }] });
    const accounts = Array.from({ length: 1200 }, (_, index) => ({ application: 'Large', nativeId: `user${index}` }));
    const [one, two] = await Promise.all([importJson({ accounts }), importJson({ accounts: [...accounts].reverse() })]);
    expect((one?.accounts.created ?? 0) + (two?.accounts.created ?? 0)).toBe(1200);
    expect([one?.accounts.refused, two?.accounts.refused]).toEqual([0, 0]);
    const application = await directory().applicationByName('Large');
    let count = 0;
    for await (const account of directory().accountsOfApplication(application?._id ?? '')) count += account.nativeId.startsWith('user') ? 1 : 0;
    expect(count).toBe(1200);
  });

  it.each([
    ['text that is no JSON', '{"accounts": [', 400],
    ['a list', '[]', 400],
    ['an unknown list', '{"people": []}', 400],
    ['a list that is none', '{"accounts": {}}', 400],
    ['too many records', JSON.stringify({ accounts: Array.from({ length: 3001 }, () => ({})) }), 413],
  ])('refuses %s as a whole', async (_what, body, status) => {
    const answer = await api().post(PATH).set('content-type', 'application/json').send(body);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('asks for the right to write', async () => {
    await api().post(PATH).set('x-rights', 'directory:read').send({}).expect(403);
  });
});

describe('an import of CSV', () => {
  it('reads quoted cells, lists, flags and the columns of attributes and entitlements', async () => {
    const report = await importCsv('accounts', [
      '\uFEFFapplication;nativeId;displayName;disabled;attribute:mail;entitlement:memberOf;endOfLifeAt;endOfLifeAction;owners',
      'Active Directory;"CN=Eve ""E"" Stone;OU=London";Eve Stone;yes;jane.doe@example.com;group1|VPN Users;2027-01-01T00:00:00Z;disable;Mary.Johnson|John.Smith',
    ]);
    expect(report).toMatchObject({ accounts: { ...none, created: 1 }, refused: [] });
    const [account] = await directory().accountsByNativeIdAnywhere('cn=eve "e" stone;ou=london');
    expect(account).toMatchObject({
      displayName: 'Eve Stone', disabled: true, attributes: { mail: 'jane.doe@example.com' }, entitlements: [{ attribute: 'memberOf', value: 'group1' }, { attribute: 'memberOf', value: 'VPN Users' }],
      endOfLife: { action: 'disable' }, identityId: (await directory().identityByName('Jane.Doe'))?._id,
    });
    expect(account?.owners).toHaveLength(2);
  });

  it('names the line of what it refuses, also below cells with line breaks', async () => {
    const report = await importCsv('identities', ['name,displayName,requestsSubmitted', 'csv.one,"two', 'lines",1', 'csv.two,Two,many', '', 'csv.three,Three', 'csv.four,Four,4']);
    expect(report.identities).toEqual({ ...none, created: 1, refused: 3 });
    expect(report.refused.map(({ line, errors }) => ({ line, at: errors.map(({ pointer }) => pointer) }))).toEqual([
      { line: 2, at: ['/displayName'] },
      { line: 4, at: ['/requestsSubmitted'] },
      { line: 6, at: [''] },
    ]);
    expect(await directory().identityByName('csv.four')).toMatchObject({ requestsSubmitted: 4 });
  });

  it.each([
    ['an unknown column', 'accounts', 'application,nativeId,colour\nA,b,red'],
    ['a column twice', 'accounts', 'application,nativeId,nativeId\nA,b,c'],
    ['an open quote', 'accounts', 'application,nativeId\nA,"b'],
    ['nothing', 'accounts', ''],
  ])('refuses %s as a whole', async (_what, kind, text) => {
    const answer = await api().post(`${PATH}?kind=${kind}`).set('content-type', 'text/csv').send(text);
    expect({ status: answer.status, code: (answer.body as { code: string }).code }).toEqual({ status: 400, code: 'invalid-csv' });
  });

  it('asks what its records are, and for a type that it knows', async () => {
    await api().post(PATH).set('content-type', 'text/csv').send('a,b').expect(400);
    await api().post(PATH).set('content-type', 'application/xml').send('<a/>').expect(415);
    await api().post(`${PATH}?kind=accounts`).set('content-type', 'text/csv').send(Buffer.from([0x61, 0xff, 0xfe])).expect(400);
  });
});
