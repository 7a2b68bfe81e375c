import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestIntake, type TestIntake } from '../../../test/support/intake.js';
import type { AuditEvent } from '../../model/audit-event.js';
import type { JsonObject } from '../../model/json.js';
import { SAMPLE_TYPES, sampleEvent } from '../../model/sample-events.js';
import { eventTypeOf } from '../../model/event-types.js';

const NOW = Date.parse('2025-03-04T05:06:07.890Z');
let passedMs = 0;
const EVENTS = '/api/v1/events';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let intake: TestIntake;
let serial = 0;
beforeAll(async () => {
  intake = await openTestIntake({ intake: { batchItems: 50, eventBytes: 4096, depth: 8 }, http: { requestBytes: 65_536 } }, { now: () => NOW + passedMs });
});
afterAll(() => intake.close());
afterEach(() => intake.faults.clear());

const newId = () => `e-${(serial += 1)}`;
const anEvent = (changes: JsonObject = {}): JsonObject => ({ id: newId(), type: 'account.provisioned', occurredAt: '2025-03-04T06:06:07.890+01:00', subject: { kind: 'account', id: 'acc-1', name: 'svc-backup' }, attributes: { domain: 'corp' }, ...changes });
const send = (body: unknown, headers: Record<string, string> = {}) => request(intake.server).post(EVENTS).set({ 'content-type': 'application/json', ...headers }).send(typeof body === 'string' ? body : JSON.stringify(body));
interface Item {
  id: string;
  status: string;
  code?: string;
  duplicate?: boolean;
}
const itemsOf = (body: unknown) => (body as { items: Item[] }).items;
const errorsOf = (body: unknown) => (body as { errors: { pointer: string }[] }).errors;
const storedWith = async (id: unknown): Promise<AuditEvent[]> => (await intake.stored()).filter(({ event }) => event.id === id).map(({ event }) => event);
const without = ({ id: _id, ...event }: JsonObject): JsonObject => event;

describe('one event', () => {
  it('is answered 202 with its id and position, and lies in the log under the key of its subject', async () => {
    const event = anEvent();
    const { status, body } = await send(event);
    expect(status).toBe(202);
    const [item] = body.items;
    expect(body).toEqual({ accepted: 1, items: [{ index: 0, status: 'accepted', id: event.id, duplicate: false, partition: item.partition, offset: item.offset, position: `${item.partition}.${item.offset}` }] });
    const [found] = (await intake.stored()).filter(({ partition, offset }) => partition === item.partition && offset === item.offset);
    expect(found).toMatchObject({ key: 'acc-1', producer: 'producer-one', source: 'tidegate:producer/producer-one', event: { id: event.id } });
  });

  it('carries every member: what was left out is filled in by its type', async () => {
    const { body } = await send({ type: 'account.provisioned', subject: { id: 'acc-9', name: 'svc-nine' }, attributes: { domain: 'corp' } });
    const [event] = await storedWith(body.items[0].id);
    expect(event).toEqual({
      id: expect.stringMatching(UUID_V7), type: 'account.provisioned', occurredAt: '2025-03-04T05:06:07.890Z', receivedAt: '2025-03-04T05:06:07.890Z', actor: { kind: 'system' }, subject: { kind: 'account', id: 'acc-9', name: 'svc-nine' },
      objects: [], outcome: 'success', severity: 3, message: 'Account svc-nine was provisioned in corp', attributes: { domain: 'corp' }, changes: [],
    });
  });

  it('keeps every member that was sent, with its time in UTC', async () => {
    const event = anEvent({
      tenantId: 't-1', actor: { kind: 'user', id: 'u', name: 'ann', ip: '2001:db8::1' }, objects: [{ kind: 'request', id: 'R', extra: [1, null, { a: 'b' }] }], outcome: 'unknown', reason: 'r', correlationId: 'c', severity: 10, message: 'm',
      attributes: { domain: 'corp', own: { deep: ['x'] } }, changes: [{ field: 'f', old: null, new: [1, 2] }],
    });
    await send(event);
    expect(await storedWith(event.id)).toEqual([{ ...event, occurredAt: '2025-03-04T05:06:07.890Z', receivedAt: '2025-03-04T05:06:07.890Z' }]);
  });

  it.each([
    [{ type: 'remoteworker.access.error', subject: { id: 'w' }, attributes: { domain: 'd' } }, 'failure', 8],
    [{ type: 'provision.state.changed', subject: { id: 'r' }, changes: [{ field: 'state', old: 'running', new: 'Failed' }] }, 'failure', 7],
    [{ type: 'request.state.changed', subject: { id: 'r' }, changes: [{ field: 'state', old: 'running', new: 'done' }] }, 'success', 3],
    [{ type: 'request.state.changed', subject: { id: 'r' }, outcome: 'failure' }, 'failure', 7],
    [{ type: 'remoteworker.access.error', subject: { id: 'w' }, attributes: { domain: 'd' }, outcome: 'unknown', severity: 0 }, 'unknown', 0],
  ])('gets outcome and severity that its type implies: %j', async (event, outcome, severity) => {
    const { body } = await send(event);
    expect(await storedWith(body.items[0].id)).toMatchObject([{ outcome, severity }]);
  });

  it.each(SAMPLE_TYPES.filter((id) => eventTypeOf(id)?.reserved === false))('of type %s is taken', async (id) => {
    const { receivedAt: _set, ...sample } = sampleEvent(id);
    const { status } = await send({ ...sample, id: newId() });
    expect(status).toBe(202);
  });

  it('of an audit type that the producer made up is taken', async () => {
    const { body } = await send({ type: 'audit.printer.jam', subject: { kind: 'printer', id: 'p-1' } });
    expect(await storedWith(body.items[0].id)).toMatchObject([{ type: 'audit.printer.jam', severity: 2 }]);
  });

  it('gets an id of ours when its own cannot be kept, and keeps its own in attributes.producerId', async () => {
    for (const id of ['with space', 'x'.repeat(41), 'ünï', 'a\nb', 'urn:uuid:1']) {
      const { status, body } = await send(anEvent({ id }));
      expect(status).toBe(202);
      expect(body.items[0].id).toMatch(UUID_V7);
      expect(await storedWith(body.items[0].id)).toMatchObject([{ attributes: { domain: 'corp', producerId: id } }]);
    }
    for (const id of ['x'.repeat(40), 'A.b_c-9']) expect((await send(anEvent({ id }))).body.items[0].id).toBe(id);
  });

  it('is refused with a pointer when attributes.producerId is taken by something else', async () => {
    const { status, body } = await send(anEvent({ id: 'a b', attributes: { domain: 'd', producerId: 'mine' } }));
    expect([status, body.errors[0].pointer]).toEqual([400, '/attributes/producerId']);
  });

  it('is masked on the way in: the values of secrets are neither in the event nor in its message', async () => {
    const event = anEvent({
      subject: { kind: 'account', id: 'a', apiToken: 'hunter2' }, objects: [{ kind: 'key', id: 'k', nested: [{ Password: 'hunter2' }] }], attributes: { domain: 'd', client_secret: { a: ['hunter2'] }, list: [{ name: 'password', value: 'hunter2' }] },
      changes: [{ field: 'userPassword', old: 'hunter2', new: 'hunter2' }],
    });
    await send(event);
    const [stored] = await storedWith(event.id);
    expect(JSON.stringify(stored)).not.toContain('hunter2');
    expect(stored).toMatchObject({ subject: { apiToken: '***' }, objects: [{ nested: [{ Password: '***' }] }], attributes: { client_secret: '***', list: [{ name: 'password', value: '***' }] }, changes: [{ field: 'userPassword', old: '***', new: '***' }] });
  });

  it('of account.secret.changed keeps the old and the new secret id', async () => {
    const { body } = await send({ type: 'account.secret.changed', subject: { id: 'a', name: 'svc' }, changes: [{ field: 'secretId', old: '4211', new: '4377' }] });
    expect(await storedWith(body.items[0].id)).toMatchObject([{ changes: [{ field: 'secretId', old: '4211', new: '4377' }], message: 'The secret ID of account svc changed from 4211 to 4377' }]);
  });

  it('is refused with every fault and its pointer, and leaves nothing behind', async () => {
    const before = (await intake.stored()).length;
    const { status, body, type } = await send({ type: 'account.provisioned', nope: 1, severity: 'high', occurredAt: '2031-01-01T00:00:00Z' });
    expect([status, type, body.code, body.accepted]).toEqual([400, 'application/problem+json', 'invalid-event', 0]);
    expect(errorsOf(body).map(({ pointer }) => pointer).sort()).toEqual(['/attributes', '/nope', '/severity', '/subject']);
    expect(body.items).toMatchObject([{ index: 0, status: 'rejected', code: 'invalid-event', pointer: expect.any(String), reason: expect.any(String) }]);
    expect((await intake.stored()).length).toBe(before);
  });

  it.each([['far in the future', { occurredAt: '2026-01-01T00:00:00Z' }, '/occurredAt'], ['of no known type', { type: 'account.exploded' }, '/type'], ['of a type that is no text', { type: 7 }, '/type'], ['of an audit verb too long', { type: 'audit.user.abcdefghijk' }, '/type'],
    ['with a number that JSON readers cannot hold', { attributes: { domain: 'd', n: 12345678901234567890 } }, '/attributes/n'], ['with a subject of another kind', { subject: { kind: 'user', id: 'u' } }, '/subject/kind']])('is refused when it is %s', async (_what, changes, pointer) => {
    const { status, body } = await send(anEvent(changes));
    expect([status, body.errors[0].pointer]).toEqual([400, pointer]);
  });

  it.each(['siem.test', 'siem.anything', 'mitigation.alert.processed', 'mitigation.x', 'audit.integration.create', 'audit.session.logon', 'audit.setting.update'])('of the reserved type %s is answered 403', async (type) => {
    const { status, body } = await send({ type, subject: { kind: 'x', id: 'x' } });
    expect([status, body.code, body.items[0].code]).toEqual([403, 'reserved-type', 'reserved-type']);
  });

  it('needs the right events:write', async () => {
    expect((await send(anEvent(), { 'x-rights': 'events:read' })).status).toBe(403);
  });
});

describe('a batch', () => {
  it('is answered 202 when all are durable, in order, with one append', async () => {
    const events = Array.from({ length: 20 }, (_, index) => anEvent({ subject: { id: `acc-${index % 3}` } }));
    const { status, body } = await send(events);
    expect([status, body.accepted]).toEqual([202, 20]);
    expect(itemsOf(body).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    expect(intake.faults.appends).toBe(1);
    for (const subject of ['acc-0', 'acc-1', 'acc-2']) {
      const mine = events.filter((event) => (event.subject as JsonObject).id === subject).map(({ id }) => id);
      const stored = (await intake.stored()).filter(({ event }) => mine.includes(event.id)).map(({ event }) => event.id);
      expect(stored).toEqual(mine);
    }
  });

  it('that is mixed is answered 207: each item says what became of it, and that is what lies in the log', async () => {
    const good = anEvent();
    const late = anEvent();
    const { status, body } = await send([good, anEvent({ severity: 99 }), { type: 'siem.test', subject: { id: 'x' } }, 'text', null, late, anEvent({ 'a~/b': 1 })]);
    expect([status, body.accepted]).toEqual([207, 2]);
    expect(body.items).toMatchObject([
      { index: 0, status: 'accepted', id: good.id },
      { index: 1, status: 'rejected', code: 'invalid-event', pointer: '/1/severity', reason: expect.stringContaining('10') },
      { index: 2, status: 'rejected', code: 'reserved-type', pointer: '/2/type' },
      { index: 3, status: 'rejected', code: 'invalid-event', pointer: '/3' },
      { index: 4, status: 'rejected', pointer: '/4' },
      { index: 5, status: 'accepted', id: late.id },
      { index: 6, status: 'rejected', pointer: '/6/a~0~1b' },
    ]);
    expect(await storedWith(good.id)).toHaveLength(1);
    expect(await storedWith(late.id)).toHaveLength(1);
  });

  it('without a valid event is answered 400, of nothing but reserved types 403, empty 400', async () => {
    const bad = await send([anEvent({ severity: 99 }), anEvent({ type: 'siem.test' })]);
    expect([bad.status, bad.body.accepted, bad.body.items.length]).toEqual([400, 0, 2]);
    expect((await send([anEvent({ type: 'siem.test' }), anEvent({ type: 'mitigation.alert.failed' })])).status).toBe(403);
    expect((await send([])).body).toMatchObject({ status: 400, code: 'no-events' });
  });
});

describe('a resend', () => {
  it('is harmless: answered as the first with its position and duplicate true, and stored once', async () => {
    const event = anEvent();
    const first = await send(event);
    const again = await send({ ...event, attributes: { ...(event.attributes as JsonObject) }, subject: { name: 'svc-backup', id: 'acc-1', kind: 'account' } });
    expect(again.status).toBe(202);
    expect(again.body.items).toEqual([{ ...first.body.items[0], duplicate: true }]);
    expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('is recognised by its instant, not by how the time was written', async () => {
    const event = anEvent();
    await send(event);
    expect((await send({ ...event, occurredAt: '2025-03-04T05:06:07.890Z' })).body.items[0].duplicate).toBe(true);
  });

  it('without a time is recognised too, and keeps the first time', async () => {
    const { occurredAt: _omitted, ...event } = anEvent();
    await send(event);
    expect((await send(event)).body.items[0].duplicate).toBe(true);
  });

  it('of an event whose id could not be kept gives the first id again', async () => {
    const event = anEvent({ id: `odd id ${newId()}` });
    const first = await send(event);
    expect((await send(event)).body.items[0]).toEqual({ ...first.body.items[0], duplicate: true });
  });

  it('is recognised after a restart', async () => {
    const event = anEvent();
    const first = await send(event);
    await intake.restart();
    expect((await send(event)).body.items[0]).toEqual({ ...first.body.items[0], duplicate: true });
  });

  it('with other content under the same id is a conflict: 409 alone, rejected in a batch, never swallowed and never stored', async () => {
    const event = anEvent();
    await send(event);
    const alone = await send({ ...event, severity: 9 });
    expect([alone.status, alone.body.code, alone.body.items[0].pointer]).toEqual([409, 'conflict', '/id']);
    const other = anEvent();
    const batch = await send([{ ...event, severity: 9 }, other]);
    expect(batch.status).toBe(207);
    expect(batch.body.items).toMatchObject([{ status: 'rejected', code: 'conflict', pointer: '/0/id' }, { status: 'accepted', id: other.id }]);
    expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('is no duplicate when another producer sends it, or when it has no id', async () => {
    const event = anEvent();
    await send(event);
    expect((await send(event, { 'x-producer': 'producer-two' })).body.items[0].duplicate).toBe(false);
    expect(await storedWith(event.id)).toHaveLength(2);
    const nameless = without(anEvent());
    const ids = [...itemsOf((await send(nameless)).body), ...itemsOf((await send(nameless)).body)];
    expect(ids.map(({ duplicate }) => duplicate)).toEqual([false, false]);
    expect(ids[0]?.id).not.toBe(ids[1]?.id);
  });

  it('within one batch is one event; other content there is a conflict', async () => {
    const event = anEvent();
    const { status, body } = await send([event, event, { ...event, severity: 1 }]);
    expect(status).toBe(207);
    expect(body.items).toMatchObject([{ status: 'accepted', duplicate: false }, { status: 'accepted', duplicate: true, offset: body.items[0].offset }, { status: 'rejected', code: 'conflict' }]);
    expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('at the same moment waits for the first: one is stored, both are told so', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    intake.faults.beforeAppend = () => gate;
    const event = anEvent();
    const other = anEvent();
    const sends = [send([event, other]), send([other, event]), send(event), send({ ...event, severity: 8 })].map((each) => each.then((response) => response));
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    const answers = await Promise.all(sends);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, 409].sort());
    expect(await storedWith(event.id)).toHaveLength(1);
    expect(await storedWith(other.id)).toHaveLength(1);
  });

  it('is a new event once the window has passed', async () => {
    const event = anEvent();
    await send(event);
    try {
      passedMs = 24 * 3_600_000 - 1;
      expect((await send(event)).body.items[0].duplicate).toBe(true);
      passedMs += 2;
      expect((await send(event)).body.items[0].duplicate).toBe(false);
      expect(await storedWith(event.id)).toHaveLength(2);
    } finally {
      passedMs = 0;
    }
  });

  it('cannot be confused by line breaks in ids and sources', async () => {
    const envelope = { specversion: '1.0', type: 'audit.user.create', data: { subject: { kind: 'user', id: 'u' } } };
    const type = { 'content-type': 'application/cloudevents-batch+json' };
    const { body } = await send([{ ...envelope, source: '/a', id: 'b\nc' }, { ...envelope, source: '/a', id: 'b\\nc' }], type);
    expect(body.items).toMatchObject([{ duplicate: false }, { duplicate: false }]);
  });
});

describe('a log that takes no more', () => {
  const full = { type: 'unavailable', code: 'log-full', reason: 'the disk is full', retryAfterMs: 7100 } as const;

  it('is answered 503 with Retry-After; a later resend is taken', async () => {
    intake.faults.unavailable = () => full;
    const event = anEvent();
    const refused = await send(event);
    expect([refused.status, refused.headers['retry-after'], refused.body.accepted]).toEqual([503, '8', 0]);
    expect(refused.body.items).toEqual([{ index: 0, status: 'retry', code: 'log-full', pointer: '', reason: 'the disk is full', retryAfterMs: 7100 }]);
    expect(await storedWith(event.id)).toHaveLength(0);
    intake.faults.unavailable = undefined;
    const again = await send(event);
    expect([again.status, again.body.items[0].duplicate]).toEqual([202, false]);
  });

  it('in part is answered 207 with retry for the rest; only those need to be sent again', async () => {
    const events = [anEvent(), anEvent(), anEvent({ severity: 99 })];
    intake.faults.unavailable = (_record, index) => (index === 1 ? full : undefined);
    const { status, body, headers } = await send(events);
    expect([status, headers['retry-after'], body.accepted]).toEqual([207, '8', 1]);
    expect(itemsOf(body).map((item) => item.status)).toEqual(['accepted', 'retry', 'rejected']);
    intake.faults.unavailable = undefined;
    const again = await send(events.slice(0, 2));
    expect(itemsOf(again.body).map((item) => item.duplicate)).toEqual([true, false]);
    for (const event of events.slice(0, 2)) expect(await storedWith(event.id)).toHaveLength(1);
  });

  it('makes who waits for the same event wait no longer: both may send again', async () => {
    intake.faults.unavailable = () => full;
    const event = anEvent();
    const { status, body } = await send([event, event, event]);
    expect([status, itemsOf(body).map((item) => item.status), intake.faults.appends]).toEqual([503, ['retry', 'retry', 'retry'], 1]);
  });

  it('with nothing but faults beside what could not be stored is 503: a resend can still help', async () => {
    intake.faults.unavailable = () => full;
    expect((await send([anEvent(), anEvent({ severity: 99 })])).status).toBe(503);
  });

  it('that breaks its contract costs nothing: 503, and the resend is taken', async () => {
    intake.faults.appendThrows = new Error('broken');
    const event = anEvent();
    expect((await send(event)).status).toBe(503);
    intake.faults.appendThrows = undefined;
    expect((await send(event)).status).toBe(202);
  });

  it('is not asked while producer keys cannot be read: events with an id wait, those without are taken', async () => {
    intake.faults.findThrows = new Error('down');
    const event = anEvent();
    const { status, body } = await send([event, without(anEvent())]);
    expect([status, itemsOf(body).map((item) => item.code ?? item.status)]).toEqual([207, ['duplicates-unknown', 'accepted']]);
    expect(await storedWith(event.id)).toHaveLength(0);
  });
});

describe('a crash between append and remembering', () => {
  it('can repeat an event under its id, and never lose it', async () => {
    intake.faults.rememberThrows = new Error('crash');
    const kept = anEvent();
    const odd = anEvent({ id: `odd id ${newId()}` });
    const first = await send([kept, odd]);
    expect(first.status).toBe(202);
    await intake.restart();
    intake.faults.rememberThrows = undefined;
    const again = await send([kept, odd]);
    expect(again.status).toBe(202);
    expect(itemsOf(again.body).map((item) => item.duplicate)).toEqual([false, false]);
    expect(itemsOf(again.body).map((item) => item.id)).toEqual(itemsOf(first.body).map((item) => item.id));
    for (const { id } of first.body.items) expect(await storedWith(id)).toHaveLength(2);
    expect(itemsOf((await send([kept, odd])).body).map((item) => item.duplicate)).toEqual([true, true]);
  });
});

describe('the guide', () => {
  const guide = readFileSync(new URL('../../../docs/guides/send-events.md', import.meta.url), 'utf8');
  const examples = [...guide.matchAll(/^curl [^']*((?:-H '[^']*'\s*\\?\s*)+)-d '([^']*)'/gm)].map(([, headers = '', body = '']) => ({
    headers: Object.fromEntries([...headers.matchAll(/-H '([^:']+): ([^']*)'/g)].map(([, name = '', value = '']) => [name, value])), body,
  }));

  it('has examples that work as they stand', async () => {
    expect(examples.length).toBe(5);
    const statuses: number[] = [];
    for (const { headers, body } of examples) statuses.push((await send(body, headers)).status);
    expect(statuses).toEqual([202, 207, 202, 202, 202]);
  });
});

describe('limits', () => {
  it('answers 413 over the bytes of a request, the events of a batch, the bytes and the depth of an event, and stores nothing', async () => {
    const before = (await intake.stored()).length;
    const deep = (levels: number) => anEvent({ attributes: JSON.parse(`{"domain":"d","x":${'['.repeat(levels)}${']'.repeat(levels)}}`) as JsonObject });
    const answers = [await send('x'.repeat(70_000)), await send(Array.from({ length: 51 }, () => anEvent())), await send([anEvent(), anEvent({ reason: 'r'.repeat(4096) })]), await send([anEvent(), deep(7)])];
    expect(answers.map(({ status }) => status)).toEqual([413, 413, 413, 413]);
    expect(answers.slice(1).map(({ body }) => (body as { code: string }).code)).toEqual(['too-many-events', 'event-too-large', 'event-too-deep']);
    expect(answers[3]?.body.errors[0].pointer).toBe('/1');
    expect((await intake.stored()).length).toBe(before);
    expect((await send(deep(6))).status).toBe(202);
    expect((await send(Array.from({ length: 50 }, () => anEvent()))).status).toBe(202);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'application/json; charset=utf-16', 'application/x-ndjson', 'application/cloudevents+xml'])('answers 415 to %s and names what is taken', async (type) => {
    const { status, body, headers } = await send(anEvent(), { 'content-type': type });
    expect([status, body.code]).toEqual([415, 'unsupported-content-type']);
    expect(headers.accept).toContain('application/cloudevents-batch+json');
  });

  it.each(['application/json', 'APPLICATION/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])('takes %s', async (type) => {
    expect((await send(anEvent(), { 'content-type': type })).status).toBe(202);
  });
});

describe('the catalogue over HTTP', () => {
  const get = (path: string, rights = 'events:read') => request(intake.server).get(path).set('x-rights', rights);

  it('serves every type with its schema, and the family of audit records', async () => {
    const { status, body } = await get('/api/v1/event-types');
    expect([status, body.total, body.items.length]).toEqual([200, body.items.length, body.total]);
    expect(itemsOf(body).find(({ id }) => id === 'account.owner.changed')).toMatchObject({ cefId: 1001, severity: 3, schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', additionalProperties: false } });
    expect(itemsOf(body).find(({ id }) => id === 'audit.{object}.{verb}')).toMatchObject({ schema: { properties: { type: { pattern: expect.stringContaining('audit') } } } });
  });

  it('serves one type; any audit type by example; 404 for none', async () => {
    expect((await get('/api/v1/event-types/siem.test')).body).toMatchObject({ id: 'siem.test', reserved: true });
    expect((await get('/api/v1/event-types/audit.user.create')).body).toMatchObject({ id: 'audit.user.create', subjectKind: 'user', schema: { $id: 'urn:tidegate:event-type:audit' } });
    expect((await get(`/api/v1/event-types/${encodeURIComponent('audit.{object}.{verb}')}`)).status).toBe(200);
    expect((await get('/api/v1/event-types/nope')).status).toBe(404);
    expect((await get('/api/v1/event-types', 'events:write')).status).toBe(403);
  });
});
