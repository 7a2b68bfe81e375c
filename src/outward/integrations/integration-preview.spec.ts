import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { SAMPLE_TYPES } from '../../model/sample-events.js';
import type { PreviewView } from './integration-preview.service.js';
import type { IntegrationView } from './integration-view.js';

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
const create = async (body: object = {}) => ((await api().post(BASE).send({ name: `preview ${(count += 1)}`, serverUrl: 'siem', output: { hostname: 'gate-1' }, ...body }).expect(201)).body as IntegrationView).id;
const preview = async (id: string, body?: object) => (await api().post(`${BASE}/${id}/preview`).send(body).expect(200)).body as PreviewView;
const wire = (view: PreviewView) => Buffer.from(view.base64 ?? '', 'base64').toString('utf8');

describe('the preview of an integration', () => {
  it.each([
    ['newline', { framing: 'newline' }, (text: string) => `${text}\n`],
    ['octet counting', { framing: 'octet-counting' }, (text: string) => `${Buffer.byteLength(text)} ${text}`],
    ['a datagram', { protocol: 'udp' }, (text: string) => text],
  ])('shows the exact octets with %s', async (_what, settings, framed) => {
    const view = await preview(await create(settings), { type: 'user.external.detected' });
    expect(view.text).toMatch(/^<\d+>1 2025-03-04T05:06:\S+Z gate-1 tidegate - user\.external\.detected \[/);
    expect(view).toMatchObject({ eventType: 'user.external.detected', wanted: true, rendered: true, shortened: false, reject: null });
    expect(wire(view)).toBe(framed(view.text ?? ''));
    expect(view.bytes).toBe(Buffer.byteLength(wire(view)));
    expect(view.messageBytes).toBe(Buffer.byteLength(view.text ?? ''));
  });

  it('shows the frames of RELP, and the request of each kind of HTTP intake with its envelope', async () => {
    const relp = await preview(await create({ serverUrl: 'relp://siem' }), { type: 'user.external.detected' });
    expect(wire(relp)).toBe(`2 syslog ${Buffer.byteLength(relp.text ?? '')} ${relp.text ?? ''}\n`);
    expect(relp).toMatchObject({ request: null, bytes: Buffer.byteLength(wire(relp)) });

    const hec = await preview(await create({ serverUrl: 'https://splunk', protocol: 'splunk-hec', connection: { http: { token: 'secret-token' }, splunk: { index: 'audit' } } }), { sequence: '0.42' });
    expect(hec.request).toEqual({ method: 'POST', path: '/services/collector/event', contentType: 'application/json' });
    expect(JSON.parse(wire(hec))).toMatchObject({ host: 'gate-1', index: 'audit', fields: { tidegate_id: hec.eventId, tidegate_sequence: '0.42' }, event: JSON.parse(hec.text ?? '') });
    expect(JSON.stringify(hec)).not.toContain('secret-token');

    const bulk = await preview(await create({ serverUrl: 'https://elastic/prefix', protocol: 'elastic-bulk' }));
    expect(bulk.request).toMatchObject({ path: expect.stringMatching(/^\/prefix\/logs-tidegate-default\/_bulk\?/), contentType: 'application/x-ndjson' });
    const [action = '', document = '', end] = wire(bulk).split('\n');
    expect([JSON.parse(action), end]).toEqual([{ create: { _id: bulk.eventId } }, '']);
    expect(JSON.parse(document)).toMatchObject({ '@timestamp': expect.any(String), id: bulk.eventId });

    const batch = await preview(await create({ serverUrl: 'https://siem/in', connection: { http: { body: 'cloudevents-batch' } } }));
    expect(batch.request).toEqual({ method: 'POST', path: '/in', contentType: 'application/cloudevents-batch+json' });
    expect(JSON.parse(wire(batch))).toMatchObject([{ specversion: '1.0', id: batch.eventId, data: JSON.parse(batch.text ?? '') }]);
    const array = await preview(await create({ serverUrl: 'https://siem/in', connection: { http: { body: 'json-array', gzip: true } } }));
    expect(wire(array)).toBe(`[${array.text ?? ''}]`);
    for (const view of [hec, bulk, batch, array]) expect(view.bytes).toBe(Buffer.byteLength(wire(view)));
  });

  it('shows a sequence when it is told one, and none else', async () => {
    const id = await create();
    expect((await preview(id)).text).not.toContain(' seq=');
    expect((await preview(id, { sequence: '2.41' })).text).toContain(' seq="2.41"');
    await api().post(`${BASE}/${id}/preview`).send({ sequence: '2' }).expect(400);
  });

  it('follows output type and header', async () => {
    expect((await preview(await create({ outputType: 'cef', header: 'none' }))).text).toMatch(/^CEF:0\|Tidegate\|Tidegate\|1\|1002\|Account Provisioned\|3\|/);
    const json = await preview(await create({ outputType: 'json', header: 'none' }));
    expect(JSON.parse(json.text ?? '')).toMatchObject({ type: 'account.provisioned' });
  });

  it('has a sample of every type', async () => {
    const id = await create();
    for (const type of SAMPLE_TYPES) expect(await preview(id, { type })).toMatchObject({ eventType: type, rendered: true });
  });

  it('completes and masks an event as the intake does', async () => {
    const id = await create({ outputType: 'json', header: 'none' });
    const view = await preview(id, { event: { id: 'my-1', type: 'account.provisioned', subject: { id: 'acc-1', name: 'svc' }, attributes: { domain: 'corp', password: 'hunter22' } } });
    expect(JSON.parse(view.text ?? '')).toMatchObject({ id: 'my-1', message: expect.stringContaining('Account svc was provisioned in corp') });
    expect(view.text).not.toContain('hunter22');
  });

  it('points at what is wrong with an event', async () => {
    const id = await create();
    const answer = await api().post(`${BASE}/${id}/preview`).send({ event: { type: 'account.provisioned', subject: { id: 'a' }, severity: 11 } }).expect(400);
    expect((answer.body as { errors: Array<{ pointer: string }> }).errors.map(({ pointer }) => pointer).sort()).toEqual(['/event/attributes', '/event/severity']);
    for (const body of [{ type: 'no.such.type' }, { type: 'account.provisioned', event: {} }, { colour: 'red' }, { event: [] }, 'text']) await api().post(`${BASE}/${id}/preview`).type('json').send(JSON.stringify(body)).expect(400);
    const deep = (levels: number) => `{"event":{"type":"account.provisioned","subject":{"id":"a"},"attributes":{"domain":"c","deep":${'['.repeat(levels)}${']'.repeat(levels)}}}}`;
    await api().post(`${BASE}/${id}/preview`).type('json').send(deep(10)).expect(200);
    await api().post(`${BASE}/${id}/preview`).type('json').send(deep(20)).expect(413);
    await api().post(`${BASE}/${id}/preview`).type('json').send(deep(500_000)).expect(413);
  });

  it('says whether the filter lets the type pass', async () => {
    const id = await create({ filter: { types: ['user.*'] } });
    expect(await preview(id, { type: 'user.synced.created' })).toMatchObject({ wanted: true });
    expect(await preview(id, { type: 'account.provisioned' })).toMatchObject({ wanted: false, rendered: true });
  });

  it('shows what is shortened and what is refused', async () => {
    const event = { type: 'account.provisioned', subject: { id: 'a' }, message: 'x'.repeat(5000), attributes: { domain: 'corp' } };
    const shortened = await preview(await create({ output: { maxBytes: 600 } }), { event });
    expect(shortened).toMatchObject({ shortened: true, maxBytes: 600 });
    expect(shortened.messageBytes).toBeLessThanOrEqual(600);
    expect(await preview(await create({ output: { maxBytes: 600, oversize: 'reject' } }), { event })).toMatchObject({ rendered: false, text: null, base64: null, bytes: 0, reject: { code: 'message-too-long' } });
  });

  it('takes the host name of a live engine of the pool where none is set', async () => {
    await ground.store.connection.collection('engines').insertOne({ _id: 'e-1' as never, pool: 'hosted', host: 'engine-host-7', heartbeatAt: new Date() });
    expect((await preview(await create({ enginePool: 'hosted', output: {} }))).text).toContain(' engine-host-7 tidegate ');
  });

  it('sends nothing and changes nothing', async () => {
    const id = await create();
    await preview(id);
    expect(await ground.audit(id)).toHaveLength(1);
    expect(await ground.store.connection.collection('engine_commands').countDocuments({})).toBe(0);
  });
});
