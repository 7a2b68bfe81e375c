import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { IntegrationRepository } from './integration-repository.js';
import type { IntegrationView } from './integration-view.js';
import { SEALED } from './sealed-fields.js';

let ground: IntegrationsApp;
beforeAll(async () => {
  ground = await openIntegrationsApp();
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
let count = 0;
const post = (body: object) => api().post(BASE).send({ name: `http ${(count += 1)}`, ...body });
const created = async (body: object): Promise<IntegrationView> => (await post(body).expect(201)).body as IntegrationView;
const pointers = (body: { errors?: Array<{ pointer: string }> }) => (body.errors ?? []).map((item) => item.pointer);
const hec = { serverUrl: 'https://splunk.example.org', protocol: 'splunk-hec', connection: { http: { token: 'token-in-clear' } } };

describe('an integration over HTTP', () => {
  it.each([
    ['https://siem.example.org/in', {}, { protocol: 'http', port: 443, outputType: 'json', header: 'none' }],
    ['http://siem.example.org', {}, { protocol: 'http', port: 80 }],
    ['https://siem.example.org:8443/in?v=2', {}, { protocol: 'http', port: 8443 }],
    ['https://splunk', { protocol: 'splunk-hec', connection: { http: { token: 't' } } }, { protocol: 'splunk-hec', port: 8088, outputType: 'json', header: 'none' }],
    ['https://splunk', { protocol: 'splunk-hec', outputType: 'cef', connection: { http: { token: 't' } } }, { protocol: 'splunk-hec', outputType: 'cef', header: 'rfc5424' }],
    ['https://elastic/prefix', { protocol: 'elastic-bulk' }, { protocol: 'elastic-bulk', port: 9200, connection: { elastic: { index: 'logs-tidegate-default' } } }],
  ])('%s with %j fills in what is not said', async (serverUrl, body, expected) => {
    expect(await created({ serverUrl, ...body })).toMatchObject({ serverUrl, ...expected, output: { maxBytes: 262_144 } });
  });

  it.each([
    ['text in a JSON body', { serverUrl: 'https://siem', outputType: 'cef' }, ['/outputType']],
    ['a header before JSON', { serverUrl: 'https://siem', header: 'rfc5424' }, ['/header']],
    ['no scheme', { serverUrl: 'siem', protocol: 'http' }, ['/serverUrl']],
    ['a scheme of another protocol', { serverUrl: 'tcp://siem', protocol: 'elastic-bulk' }, ['/protocol']],
    ['a path where there is none', { serverUrl: 'tcp://siem/path' }, ['/serverUrl']],
    ['a password in the URL', { serverUrl: 'https://user:pass@siem/' }, ['/serverUrl']],
    ['no token', { serverUrl: 'https://splunk', protocol: 'splunk-hec' }, ['/connection/http/token']],
    ['basic without user and password', { serverUrl: 'https://siem', connection: { http: { auth: 'basic' } } }, ['/connection/http/user', '/connection/http/password']],
    ['an own header without its name', { serverUrl: 'https://siem', connection: { http: { auth: 'header', token: 't' } } }, ['/connection/http/headerName']],
    ['a header of HTTP itself', { serverUrl: 'https://siem', connection: { http: { auth: 'header', token: 't', headerName: 'Content-Length' } } }, ['/connection/http/headerName']],
    ['a token with a line break', { serverUrl: 'https://siem', connection: { http: { auth: 'bearer', token: 'a\r\nx: y' } } }, ['/connection/http/token']],
    ['an API key over http', { serverUrl: 'https://siem', connection: { http: { auth: 'api-key', token: 't' } } }, ['/connection/http/auth']],
    ['an array for _bulk', { serverUrl: 'https://siem', protocol: 'elastic-bulk', connection: { http: { body: 'json-array' } } }, ['/connection/http/body']],
    ['an index name that is none', { serverUrl: 'https://siem', protocol: 'elastic-bulk', connection: { elastic: { index: '../_all' } } }, ['/connection/elastic/index']],
    ['certificates over http://', { serverUrl: 'http://siem', connection: { tls: { verify: false } } }, ['/connection/tls/verify']],
    ['a token over tcp', { serverUrl: 'tcp://siem', connection: { http: { token: 't' } } }, ['/connection/http/token']],
  ])('is refused with %s', async (_what, body, expected) => {
    expect(pointers((await post(body).expect(400)).body as object)).toEqual(expected);
  });

  it('is warned about when it is not encrypted, or not verified', async () => {
    expect((await created({ serverUrl: 'http://siem', connection: { http: { auth: 'bearer', token: 't' } } })).warnings).toMatchObject([{ pointer: '/serverUrl', message: expect.stringContaining('credentials') }]);
    expect((await created({ serverUrl: 'https://siem', connection: { tls: { verify: false } } })).warnings).toMatchObject([{ pointer: '/connection/tls/verify' }]);
  });

  it('changes to another protocol and back, its URL following', async () => {
    const { id } = await created({ serverUrl: 'tcp://siem:5514' });
    const changed = (await api().patch(`${BASE}/${id}`).send({ protocol: 'elastic-bulk', outputType: 'json' }).expect(200)).body as IntegrationView;
    expect(changed).toMatchObject({ protocol: 'elastic-bulk', serverUrl: 'https://siem:5514', header: 'none', output: { maxBytes: 262_144 } });
    expect((await api().patch(`${BASE}/${id}`).send({ protocol: 'tcp', outputType: 'syslog' }).expect(200)).body).toMatchObject({ protocol: 'tcp', serverUrl: 'tcp://siem:5514', header: 'rfc5424', output: { maxBytes: 8096 } });
  });

  it('is previewed in its envelope', async () => {
    const { id } = await created(hec);
    const { body } = await api().post(`${BASE}/${id}/preview`).send({ type: 'account.provisioned', sequence: '0.42' }).expect(200);
    const wire = Buffer.from((body as { base64: string }).base64, 'base64').toString();
    expect(JSON.parse(wire)).toMatchObject({ sourcetype: '_json', fields: { tidegate_sequence: '0.42' }, event: { type: 'account.provisioned' } });
  });

  it('has its combinations, ways to log in and bodies in the options', async () => {
    const { body } = await api().get('/api/v1/integration-options').expect(200);
    const options = body as { protocols: Array<{ protocol: string; auths: string[]; bodies: string[]; schemes: string[] }>; combinations: Array<{ protocol: string; outputType: string; header: string }> };
    expect(options.protocols.find(({ protocol }) => protocol === 'http')).toMatchObject({ auths: ['none', 'basic', 'bearer', 'header'], bodies: ['ndjson', 'json-array', 'cloudevents-batch'], schemes: ['http', 'https'] });
    expect(options.protocols.find(({ protocol }) => protocol === 'tcp')).toMatchObject({ auths: [], bodies: [] });
    const over = (wanted: string) => options.combinations.filter(({ protocol }) => protocol === wanted).map(({ outputType, header }) => `${outputType} ${header}`);
    expect(over('elastic-bulk')).toEqual(expect.arrayContaining(['json none']));
    expect(over('elastic-bulk').some((one) => one.startsWith('syslog') || one.startsWith('cef'))).toBe(false);
    expect(over('splunk-hec')).toEqual(expect.arrayContaining(['json none', 'cef none', 'cef rfc5424', 'syslog rfc5424']));
  });
});

describe('passwords and tokens of an integration', () => {
  it('are sealed fields', () => {
    expect(SEALED.map(({ path, kind }) => `${path} ${kind}`)).toEqual(expect.arrayContaining(['connection.http.password secret', 'connection.http.token secret', 'connection.http.signatureSecret secret']));
  });

  it('lie in clear nowhere, and come to the engine as they were given', async () => {
    const secrets = { password: 'password-in-clear', token: 'token-in-clear', signatureSecret: 'signature-in-clear' };
    const view = await created({ serverUrl: 'https://siem', connection: { http: { auth: 'basic', user: 'u', ...secrets } } });
    const { id } = view;
    expect(view.connection.http).toMatchObject({ password: { set: true }, token: { set: true }, signatureSecret: { set: true } });
    const texts = [JSON.stringify(view), JSON.stringify((await api().get(BASE)).body), JSON.stringify((await api().patch(`${BASE}/${id}`).send({ connection: { http: { token: 'another-in-clear' } } }).expect(200)).body), JSON.stringify(await ground.audit(id))];
    const stored = JSON.stringify(await ground.store.connection.collection('integrations').findOne({ _id: id as never }));
    for (const secret of [...Object.values(secrets), 'another-in-clear']) expect([...texts, stored].some((text) => text.includes(secret))).toBe(false);
    expect((await ground.app.get(IntegrationRepository).get(id))?.connection.http).toMatchObject({ ...secrets, token: 'another-in-clear' });
    expect((await ground.audit(id)).at(-1)?.changes).toEqual([{ field: 'connection.http.token', old: '********', new: '********' }]);
    await api().delete(`${BASE}/${id}`).expect(200);
    expect(JSON.stringify(await ground.store.connection.collection('integrations').findOne({ _id: id as never }))).not.toContain('v1.');
  });

  it('stay when they are sent back as they were shown, and go with null', async () => {
    const view = await created(hec);
    const same = (await api().patch(`${BASE}/${view.id}`).send({ connection: view.connection }).expect(200)).body as IntegrationView;
    expect(same.version).toBe(1);
    expect((await ground.app.get(IntegrationRepository).get(view.id))?.connection.http.token).toBe('token-in-clear');
    expect(pointers((await api().patch(`${BASE}/${view.id}`).send({ connection: { http: { token: null } } }).expect(400)).body as object)).toEqual(['/connection/http/token']);
    const answer = await api().patch(`${BASE}/${view.id}`).send({ protocol: 'http', connection: { http: { token: null } } }).expect(200);
    expect(answer.body).toMatchObject({ connection: { http: { token: { set: false } } } });
    expect(pointers((await post({ serverUrl: 'https://siem', connection: view.connection }).expect(400)).body as object)).toEqual(['/connection/http/token']);
  });

  it('that cannot be read any more say so, keep delivery from going on without them, and can be set again', async () => {
    const { id } = await created(hec);
    const foreign = new SecretBox([randomBytes(32)]).seal('x', `integration:${id}:connection.http.token`);
    await ground.store.connection.collection('integrations').updateOne({ _id: id as never }, { $set: { 'connection.http.token': foreign } });
    expect((await api().get(`${BASE}/${id}`).expect(200)).body).toMatchObject({ connection: { http: { token: { set: true, readable: false } } }, warnings: [{ pointer: '/connection/http/token' }] });
    expect(await ground.app.get(IntegrationRepository).get(id)).toMatchObject({ secretsUnreadable: expect.stringContaining('connection.http.token') });
    await api().patch(`${BASE}/${id}`).send({ port: 8089 }).expect(200);
    expect((await api().patch(`${BASE}/${id}`).send({ connection: { http: { token: 'new' } } }).expect(200)).body).toMatchObject({ connection: { http: { token: { set: true } } }, warnings: [] });
  });
});
