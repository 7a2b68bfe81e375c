import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloudEvent, HTTP } from 'cloudevents';
import request from 'supertest';
import { openTestIntake, type TestIntake } from '../../../test/support/intake.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';

let intake: TestIntake;
let serial = 0;
beforeAll(async () => {
  intake = await openTestIntake({}, { now: () => Date.parse('2025-03-04T05:06:07.890Z') });
});
afterAll(() => intake.close());

const post = (headers: Record<string, unknown>, body: unknown) => {
  const sent = request(intake.server).post('/api/v1/events');
  for (const [name, value] of Object.entries(headers)) void sent.set(name, String(value));
  return sent.send(typeof body === 'string' ? body : JSON.stringify(body));
};
const structured = (envelope: unknown) => post({ 'content-type': 'application/cloudevents+json' }, envelope);
const batched = (envelopes: unknown) => post({ 'content-type': 'application/cloudevents-batch+json; charset=utf-8' }, envelopes);
const envelope = (changes: Record<string, unknown> = {}) => ({
  specversion: '1.0', id: `ce-${(serial += 1)}`, source: '/idm/production', type: 'account.provisioned', time: '2025-03-04T04:00:00+01:00', subject: 'acc-1', data: { attributes: { domain: 'corp' } }, ...changes,
});
const storedWith = async (id: string) => (await intake.stored()).filter(({ event }) => event.id === id);

describe('CloudEvents in structured mode', () => {
  it('gives id, type, source, time and subject to the event', async () => {
    const sent = envelope();
    const { status, body } = await structured(sent);
    expect([status, body.items[0].id]).toEqual([202, sent.id]);
    expect(await storedWith(sent.id)).toMatchObject([{ source: '/idm/production', producer: 'producer-one', event: { id: sent.id, type: 'account.provisioned', occurredAt: '2025-03-04T03:00:00.000Z', subject: { kind: 'account', id: 'acc-1' } } }]);
  });

  it('lets the data say more than the envelope: its own time and its own subject', async () => {
    const sent = envelope({ data: { occurredAt: '2025-03-04T01:00:00Z', subject: { kind: 'account', id: 'acc-2', name: 'svc' }, attributes: { domain: 'corp' } } });
    await structured(sent);
    expect(await storedWith(sent.id)).toMatchObject([{ event: { occurredAt: '2025-03-04T01:00:00.000Z', subject: { id: 'acc-2', name: 'svc' } } }]);
  });

  it('keeps extension attributes, masked like anything else', async () => {
    const sent = envelope({ correlationid: 'case-7', tenantid: 't-1', traceparent: '00-abc', apitoken: 'hunter2', dataschema: 'urn:x' });
    await structured(sent);
    expect(await storedWith(sent.id)).toMatchObject([{ event: { correlationId: 'case-7', tenantId: 't-1', attributes: { domain: 'corp', traceparent: '00-abc', apitoken: '***', dataschema: 'urn:x' } } }]);
  });

  it('knows a resend by source and id: the same id from another source is another event', async () => {
    const sent = envelope();
    await structured(sent);
    expect((await structured(sent)).body.items[0].duplicate).toBe(true);
    expect((await structured({ ...sent, source: '/idm/test' })).body.items[0].duplicate).toBe(false);
    expect((await structured({ ...sent, data: { attributes: { domain: 'other' } } })).status).toBe(409);
  });

  it('takes data in base64 when it holds a JSON object', async () => {
    const { data, ...rest } = envelope();
    const sent = { ...rest, datacontenttype: 'application/json', data_base64: Buffer.from(JSON.stringify(data)).toString('base64') };
    expect((await structured(sent)).status).toBe(202);
    expect(await storedWith(sent.id)).toMatchObject([{ event: { attributes: { domain: 'corp' } } }]);
  });

  it('takes what another Tidegate wrote into its log, but for what only Tidegate may say', async () => {
    const { receivedAt: _set, ...event } = sampleEvent('account.owner.changed');
    const written = JSON.parse(encodeEnvelope({ event: { ...event, receivedAt: '' }, producer: 'idm', source: '/other/gate' }).toString()) as { data: Record<string, unknown> };
    delete written.data.receivedAt;
    expect((await structured(written)).status).toBe(202);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['without id', { id: undefined }, '/id'],
    ['with an empty id', { id: '' }, '/id'],
    ['with an id that is no text', { id: 7 }, '/id'],
    ['without source', { source: undefined }, '/source'],
    ['with a source that is no URI reference', { source: 'not a uri' }, ''],
    ['with a source of 10,000 characters', { source: `/${'a'.repeat(10_000)}` }, '/source'],
    ['without type', { type: undefined }, '/type'],
    ['of an unknown type', { type: 'com.example.unknown' }, '/type'],
    ['without specversion', { specversion: undefined }, '/specversion'],
    ['of version 0.3', { specversion: '0.3' }, '/specversion'],
    ['with a time that is none', { time: 'soon' }, ''],
    ['with a time in the far future', { time: '2031-01-01T00:00:00Z' }, '/time'],
    ['with an attribute name in capitals', { CamelCase: 'x' }, ''],
    ['with data that is a list', { data: [1] }, '/data'],
    ['with data that is text', { data: 'text' }, '/data'],
    ['with data that is not JSON', { datacontenttype: 'text/xml', data: '<a/>' }, '/datacontenttype'],
    ['with data twice', { data_base64: 'e30=' }, '/data_base64'],
    ['with base64 that is none', { data: undefined, data_base64: '%%%' }, '/data_base64'],
    ['with base64 of no JSON', { data: undefined, data_base64: 'AAAA' }, '/data_base64'],
    ['with base64 nested too deep', { data: undefined, data_base64: Buffer.from(`{"a":${'['.repeat(50)}${']'.repeat(50)}}`).toString('base64') }, '/data_base64'],
    ['with data that contradicts its id', { data: { id: 'other', attributes: { domain: 'd' } } }, '/data/id'],
    ['with data that contradicts its type', { data: { type: 'user.synced.created', attributes: { domain: 'd' } } }, '/data/type'],
    ['with an extension that contradicts the data', { data: { attributes: { domain: 'd', region: 'a' } }, region: 'b' }, '/region'],
    ['with an unknown member in its data', { data: { nope: 1, attributes: { domain: 'd' } } }, '/data/nope'],
    ['with a fault deep in its data', { data: { attributes: { domain: 7 } } }, '/data/attributes/domain'],
    ['without a subject', { subject: undefined }, '/data/subject'],
  ])('is refused with the place when it comes %s', async (_what, changes, pointer) => {
    const before = (await intake.stored()).length;
    const { status, body } = await structured(envelope(changes));
    expect([status, body.errors[0].pointer]).toEqual([400, pointer]);
    expect((await intake.stored()).length).toBe(before);
  });

  it('refuses reserved types with 403 and a list with 400', async () => {
    expect((await structured(envelope({ type: 'siem.test' }))).status).toBe(403);
    expect((await structured([envelope()])).status).toBe(400);
  });

  it('counts depth in the data as in a plain event', async () => {
    const nested = (levels: number) => ({ attributes: { domain: 'd', x: JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown } });
    expect((await structured(envelope({ data: nested(14) }))).status).toBe(202);
    expect((await structured(envelope({ data: nested(15) }))).status).toBe(413);
  });
});

describe('CloudEvents in batched mode', () => {
  it('is answered item by item with pointers into the batch', async () => {
    const [first, last] = [envelope(), envelope()];
    const { status, body } = await batched([first, envelope({ id: undefined }), envelope({ data: { attributes: {} } }), 5, last]);
    expect(status).toBe(207);
    expect(body.items).toMatchObject([{ status: 'accepted', id: first.id }, { status: 'rejected', pointer: '/1/id' }, { status: 'rejected', pointer: '/2/data/attributes/domain' }, { status: 'rejected', pointer: '/3' }, { status: 'accepted', id: last.id }]);
  });

  it('wants an array', async () => {
    expect((await batched(envelope())).status).toBe(400);
    expect((await batched([])).status).toBe(400);
  });
});

describe('CloudEvents in binary mode', () => {
  const headers = (changes: Record<string, string | undefined> = {}) =>
    Object.fromEntries(Object.entries({ 'content-type': 'application/json', 'ce-specversion': '1.0', 'ce-id': `ce-${(serial += 1)}`, 'ce-source': '/idm', 'ce-type': 'account.provisioned', 'ce-subject': 'acc-1', ...changes }).filter(([, value]) => value !== undefined));
  const data = { attributes: { domain: 'corp' } };

  it('gives headers and body to the event', async () => {
    const sent = headers({ 'ce-time': '2025-03-04T04:00:00Z', 'ce-correlationid': 'case-7', 'ce-zone': 'a' });
    const { status, body } = await post(sent, data);
    expect([status, body.items[0].id]).toEqual([202, sent['ce-id']]);
    expect(await storedWith(sent['ce-id'] ?? '')).toMatchObject([{ source: '/idm', event: { occurredAt: '2025-03-04T04:00:00.000Z', correlationId: 'case-7', attributes: { domain: 'corp', zone: 'a' } } }]);
  });

  it('takes what the library itself sends', async () => {
    const event = new CloudEvent({ id: `ce-${(serial += 1)}`, source: '/lib', type: 'account.provisioned', subject: 'acc-1', time: '2025-03-04T05:06:07Z', data });
    for (const message of [HTTP.binary(event), HTTP.structured(event)]) expect((await post(message.headers, message.body as string)).status).toBe(202);
    expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('decodes percent-encoded headers', async () => {
    const sent = headers({ 'ce-subject': 'Z%C3%BCrich%20%E2%82%AC' });
    await post(sent, data);
    expect(await storedWith(sent['ce-id'] ?? '')).toMatchObject([{ event: { subject: { id: 'Zürich €' } } }]);
  });

  it.each<[string, Record<string, string | undefined>, unknown, number, string]>([
    ['without ce-id', { 'ce-id': undefined }, data, 400, ''],
    ['without ce-source', { 'ce-source': undefined }, data, 400, ''],
    ['of version 0.3', { 'ce-specversion': '0.3' }, data, 400, ''],
    ['with broken percent-encoding', { 'ce-subject': '%C3' }, data, 400, ''],
    ['with a time that is none', { 'ce-time': 'soon' }, data, 400, ''],
    ['with a fault in the body', {}, { attributes: {} }, 400, '/attributes/domain'],
    ['with a list as body', {}, [data], 400, ''],
    ['with a body that is not JSON', { 'content-type': 'text/plain' }, data, 415, ''],
    ['of a reserved type', { 'ce-type': 'siem.test' }, {}, 403, ''],
  ])('is refused when it comes %s', async (_what, changes, body, status, pointer) => {
    const answer = await post(headers(changes), body);
    expect(answer.status).toBe(status);
    if (status !== 415) expect(answer.body.errors[0].pointer).toBe(pointer);
  });
});
