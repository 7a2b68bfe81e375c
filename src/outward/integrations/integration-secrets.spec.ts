import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { pemMaterial, type PemMaterial } from '../../../test/support/pem-material.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { IntegrationRepository } from './integration-repository.js';
import { integrationView, type IntegrationView } from './integration-view.js';
import { SEALED } from './sealed-fields.js';

let ground: IntegrationsApp;
let authority: PemMaterial;
let client: PemMaterial;
let other: PemMaterial;
beforeAll(async () => {
  [ground, authority, client, other] = await Promise.all([openIntegrationsApp(), pemMaterial('Test Authority'), pemMaterial('gate-client'), pemMaterial('other-client')]);
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
let count = 0;
const tls = () => ({ ca: authority.certificate, certificate: client.certificate, key: client.key });
async function created(tlsSettings: object = tls(), body: object = {}): Promise<IntegrationView> {
  const answer = await api().post(BASE).send({ name: `tls ${(count += 1)}`, serverUrl: 'tls://siem.example.org', connection: { tls: tlsSettings }, ...body });
  expect(answer.body).toMatchObject({ protocol: 'tls' });
  return answer.body as IntegrationView;
}
const opened = async (id: string) => (await ground.app.get(IntegrationRepository).get(id))?.connection.tls;
const pointers = (body: { errors?: Array<{ pointer: string }> }) => (body.errors ?? []).map((item) => item.pointer);
/** Lines of a PEM text that are specific to it. */
const lines = (pem: string) => pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));

describe('keys and certificates of an integration', () => {
  it('are every field that the model calls secret, and the certificates', () => {
    expect(SEALED.map(({ path, kind }) => `${path} ${kind}`)).toEqual(expect.arrayContaining(['connection.tls.ca certificates', 'connection.tls.certificate certificates', 'connection.tls.key secret']));
  });

  it('have a shown form in the description of every answer', async () => {
    const view = await created();
    expect(integrationView.strict().safeParse(view).error?.issues).toBeUndefined();
    for (const { pointer } of SEALED) expect(pointer.split('/').slice(1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], view)).toMatchObject({ set: expect.any(Boolean) });
  });

  it('lie in clear nowhere: not in a document, not in an answer, not in the audit, not in the log', async () => {
    const texts: string[] = [];
    const keep = (body: unknown) => texts.push(JSON.stringify(body));
    const { body, id } = await created().then((view) => ({ body: view, id: view.id }));
    keep(body);
    keep((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { certificate: other.certificate, key: other.key } } }).expect(200)).body);
    keep((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { certificate: client.certificate, key: other.key } } }).expect(400)).body);
    keep((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { key: 7, ca: client.key } } }).expect(400)).body);
    keep((await api().get(`${BASE}/${id}`).expect(200)).body);
    keep((await api().get(BASE).expect(200)).body);
    keep((await api().get(`${BASE}/${id}/status`).expect(200)).body);
    keep(await ground.audit(id));
    keep(ground.errors);
    keep((await api().delete(`${BASE}/${id}`).expect(200)).body);
    const { db } = ground.store.connection;
    const stored: Buffer[] = [];
    for (const { name } of (await db?.listCollections().toArray()) ?? []) {
      for await (const raw of db?.collection(name).find({}, { raw: true }) ?? []) stored.push(raw as unknown as Buffer);
    }
    expect(stored.every((raw) => Buffer.isBuffer(raw))).toBe(true);
    const everything = [...texts, ...stored.map((raw) => raw.toString('latin1'))].join('\n');
    expect(everything).toContain('audit.integration.create');
    expect(everything).toContain('syslog');
    for (const pem of [authority.certificate, client.certificate, client.key, other.certificate, other.key]) {
      expect(lines(pem).length).toBeGreaterThan(1);
      for (const line of lines(pem)) expect(everything.includes(line)).toBe(false);
    }
    expect(everything).not.toContain('BEGIN');
  });

  it('are bound to their place: copied to another integration they do not open', async () => {
    const [first, second] = [await created(), await created({ ca: authority.certificate })];
    const integrations = ground.store.connection.collection('integrations');
    const stored = await integrations.findOne({ _id: first.id as never });
    const sealed = (stored?.['connection'] as { tls: { key: string } }).tls.key;
    await integrations.updateOne({ _id: second.id as never }, { $set: { 'connection.tls.key': sealed } });
    const answer = await api().get(`${BASE}/${second.id}`).expect(200);
    expect(answer.body).toMatchObject({ connection: { tls: { key: { set: true, readable: false } } }, warnings: [{ pointer: '/connection/tls/key' }] });
  });

  it('come to the engine as they were given', async () => {
    const { id } = await created();
    expect(await opened(id)).toEqual({ verify: true, ...tls() });
  });

  it('show what a certificate is, and that a key is set', async () => {
    const view = await created();
    expect(view.connection.tls.key).toEqual({ set: true });
    expect(view.connection.tls.ca).toMatchObject({ set: true, certificates: [{ subject: 'CN=Test Authority', issuer: 'CN=Test Authority', validFrom: '2020-01-01T00:00:00.000Z', validTo: '2120-01-01T00:00:00.000Z' }] });
    expect(view.connection.tls.certificate.certificates[0]?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('stay as they are when they are not sent, or sent back as they were shown', async () => {
    const view = await created();
    const before = await ground.store.connection.collection('integrations').findOne({ _id: view.id as never });
    const answer = await api().patch(`${BASE}/${view.id}`).send({ connection: { ...view.connection, settleMs: 7 } }).expect(200);
    expect(answer.body).toMatchObject({ version: 2, connection: { settleMs: 7, tls: { key: { set: true } } } });
    await api().patch(`${BASE}/${view.id}`).send({ port: 7000 }).expect(200);
    const after = await ground.store.connection.collection('integrations').findOne({ _id: view.id as never });
    expect((after?.['connection'] as { tls: object }).tls).toEqual((before?.['connection'] as { tls: object }).tls);
    expect(await opened(view.id)).toEqual({ verify: true, ...tls() });
  });

  it('go with null', async () => {
    const { id } = await created();
    expect(pointers((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { key: null } } }).expect(400)).body)).toEqual(['/connection/tls/key']);
    const answer = await api().patch(`${BASE}/${id}`).send({ connection: { tls: { key: null, certificate: null } } }).expect(200);
    expect(answer.body).toMatchObject({ connection: { tls: { ca: { set: true }, certificate: { set: false }, key: { set: false } } } });
    expect(await opened(id)).toEqual({ verify: true, ca: authority.certificate });
  });

  it('that cannot be read any more say so, harm nothing else and can be set again or removed', async () => {
    const { id } = await created();
    const foreign = new SecretBox([randomBytes(32)]);
    const seal = (text: string) => ground.store.connection.collection('integrations').updateOne({ _id: id as never }, { $set: { 'connection.tls.key': foreign.seal(text, `integration:${id}:connection.tls.key`) } });
    await seal(client.key);
    const shown = await api().get(`${BASE}/${id}`).expect(200);
    expect((shown.body as IntegrationView).warnings[0]?.message).toContain('set the secret again');
    await api().get(BASE).expect(200);
    expect((await ground.app.get(IntegrationRepository).get(id)) ?? {}).toMatchObject({ secretsUnreadable: expect.stringContaining('connection.tls.key') });
    expect((await api().patch(`${BASE}/${id}`).send({ port: 7001 }).expect(200)).body).toMatchObject({ connection: { tls: { key: { set: true, readable: false } } } });
    expect((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { key: client.key } } }).expect(200)).body).toMatchObject({ connection: { tls: { key: { set: true } } }, warnings: [] });
    expect(await opened(id)).toMatchObject({ key: client.key });
    await seal(client.key);
    expect((await api().patch(`${BASE}/${id}`).send({ connection: { tls: { key: null, certificate: null } } }).expect(200)).body).toMatchObject({ connection: { tls: { key: { set: false } } } });
    expect((await ground.audit(id)).at(-1)?.changes).toEqual(expect.arrayContaining([{ field: 'connection.tls.key', old: 'unreadable' }]));
  });

  it.each([
    ['a CA that is no PEM', () => ({ ca: 'hello' }), '/connection/tls/ca'],
    ['a CA with a broken certificate in it', () => ({ ca: `${authority.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----` }), '/connection/tls/ca'],
    ['a key where the CA belongs', () => ({ ca: client.key }), '/connection/tls/ca'],
    ['a certificate without its key', () => ({ certificate: client.certificate }), '/connection/tls/key'],
    ['a key without its certificate', () => ({ key: client.key }), '/connection/tls/certificate'],
    ['a key of another certificate', () => ({ certificate: client.certificate, key: other.key }), '/connection/tls/key'],
    ['a key that cannot be parsed', () => ({ certificate: client.certificate, key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }), '/connection/tls/key'],
    ['an encrypted key', () => ({ certificate: client.certificate, key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----' }), '/connection/tls/key'],
    ['a certificate where the key belongs', () => ({ certificate: client.certificate, key: client.certificate }), '/connection/tls/key'],
    ['a server name that is none', () => ({ serverName: 'a b' }), '/connection/tls/serverName'],
    ['a number as a key', () => ({ key: 5 }), '/connection/tls/key'],
  ])('are refused when they are %s', async (_what, tlsSettings, pointer) => {
    const answer = await api().post(BASE).send({ name: `bad ${(count += 1)}`, serverUrl: 'tls://siem', connection: { tls: tlsSettings() } }).expect(400);
    expect(pointers(answer.body)).toEqual([pointer]);
  });

  it('take a chain and a bundle of several certificates with text around them', async () => {
    const view = await created({ ca: `# ours\n${authority.certificate}\nsubject=old\n${other.certificate}`, certificate: client.certificate + authority.certificate, key: client.key });
    expect(view.connection.tls.ca.certificates.map(({ subject }) => subject)).toEqual(['CN=Test Authority', 'CN=other-client']);
    expect(view.connection.tls.certificate.certificates).toHaveLength(2);
  });

  it('warn before and after they expire', async () => {
    const day = 86_400_000;
    const [soon, past, early] = await Promise.all([
      pemMaterial('soon', { to: new Date(Date.now() + 5 * day) }),
      pemMaterial('past', { to: new Date(Date.now() - day) }),
      pemMaterial('early', { from: new Date(Date.now() + day) }),
    ]);
    const view = await created({ ca: soon.certificate + past.certificate + early.certificate });
    expect(view.warnings.map(({ pointer, message }) => `${pointer} ${message.replace(/\d{4}-\S+/, 'T')}`)).toEqual([
      '/connection/tls/ca The certificate of CN=soon expires at T',
      '/connection/tls/ca The certificate of CN=past expired at T',
      '/connection/tls/ca The certificate of CN=early is not valid before T',
    ]);
  });

  it('stay, with a warning, when the protocol is no longer tls', async () => {
    const { id } = await created();
    const answer = await api().patch(`${BASE}/${id}`).send({ protocol: 'tcp' }).expect(200);
    expect(answer.body).toMatchObject({ connection: { tls: { key: { set: true } } }, warnings: [{ pointer: '/connection/tls' }] });
    expect((await api().patch(`${BASE}/${id}`).send({ protocol: 'tls' }).expect(200)).body).toMatchObject({ warnings: [] });
    expect(await opened(id)).toMatchObject({ key: client.key });
  });

  it('are refused when a certificate of several is cut off', async () => {
    const cut = `${authority.certificate}\n${client.certificate.slice(0, 200)}`;
    const { body } = await api().post(BASE).send({ name: 'cut', serverUrl: 'tls://siem.example.org', connection: { tls: { ca: cut } } }).expect(400);
    expect(body).toMatchObject({ errors: [{ pointer: '/connection/tls/ca', message: expect.stringContaining('cut off') }] });
  });

  it('do not come along when an integration is made from what is shown of another, and that is said', async () => {
    const { connection } = await created();
    const { body } = await api().post(BASE).send({ name: 'copy', serverUrl: 'tls://siem.example.org', connection }).expect(400);
    expect(pointers(body as object).sort()).toEqual(['/connection/tls/ca', '/connection/tls/certificate', '/connection/tls/key']);
  });
});

describe('the audit of integrations', () => {
  it('tells who changed what, old and new, with secrets masked', async () => {
    const { id, name } = await created(tls(), { output: { facility: 10 } });
    await api().patch(`${BASE}/${id}`).send({ name: `${name} b`, port: 7514, enabled: true, output: { facility: 16 }, filter: { types: ['audit.*'] }, connection: { tls: { certificate: other.certificate, key: other.key } } }).expect(200);
    await api().post(`${BASE}/${id}/disable`).expect(200);
    await api().delete(`${BASE}/${id}`).expect(200);
    const records = await ground.audit(id);
    expect(records.map(({ type }) => type)).toEqual(['create', 'update', 'enable', 'disable', 'delete'].map((verb) => `audit.integration.${verb}`));
    for (const record of records) expect(record).toMatchObject({ actor: { kind: 'user', id: 'u-ann', name: 'ann', ip: '192.0.2.7' }, subject: { kind: 'integration', id }, outcome: 'success' });
    const [creation, update, enabling, disabling, deletion] = records;
    expect(creation?.changes).toEqual(expect.arrayContaining([{ field: 'name', new: name }, { field: 'output.facility', new: 10 }, { field: 'connection.tls.key', new: '********' }]));
    expect(update?.changes).toHaveLength(6);
    expect(update?.changes).toEqual(expect.arrayContaining([
      { field: 'name', old: name, new: `${name} b` }, { field: 'port', old: 6514, new: 7514 }, { field: 'output.facility', old: 10, new: 16 }, { field: 'filter.types', old: [], new: ['audit.*'] },
      { field: 'connection.tls.key', old: '********', new: '********' },
      { field: 'connection.tls.certificate', old: [expect.stringMatching(/^sha256 [0-9A-F:]{95}, valid to 2120/)], new: [expect.stringMatching(/^sha256 /)] },
    ]));
    expect(enabling?.changes).toEqual([{ field: 'enabled', old: false, new: true }]);
    expect(disabling?.changes).toEqual([{ field: 'enabled', old: true, new: false }]);
    expect(deletion?.changes).toEqual(expect.arrayContaining([{ field: 'port', old: 7514 }]));
  });

  it('names it when the receiver is not verified', async () => {
    const { id } = await created();
    const answer = await api().patch(`${BASE}/${id}`).send({ connection: { tls: { verify: false } } }).expect(200);
    expect((answer.body as IntegrationView).warnings).toMatchObject([{ pointer: '/connection/tls/verify' }]);
    expect((await ground.audit(id)).at(-1)).toMatchObject({ type: 'audit.integration.update', changes: [{ field: 'connection.tls.verify', old: true, new: false }], attributes: { tlsVerify: false }, reason: expect.stringContaining('without verification') });
  });

  it('is stored in one write with the act: what is refused leaves none', async () => {
    const { id } = await created();
    await api().patch(`${BASE}/${id}`).set('If-Match', '"9"').send({ port: 1 }).expect(412);
    await api().patch(`${BASE}/${id}`).send({ port: 0 }).expect(400);
    expect(await ground.audit(id)).toHaveLength(1);
  });
});
