import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOSTILE_TEXTS } from '../../../test/support/hostile-events.js';
import { openTestIntake, type TestIntake } from '../../../test/support/intake.js';

let intake: TestIntake;
beforeAll(async () => {
  intake = await openTestIntake({ intake: { eventBytes: 65_536, batchItems: 200 } });
});
afterAll(() => intake.close());

interface Answer {
  status: number;
  body: { accepted?: number; items?: { status: string; id: string; duplicate?: boolean }[]; code?: string; errors?: { pointer: string }[] };
}
const send = async (body: string | Uint8Array, type = 'application/json', headers: Record<string, string> = {}): Promise<Answer> => {
  const response = await fetch(`${intake.url}/api/v1/events`, { method: 'POST', headers: { 'content-type': type, ...headers }, body: typeof body === 'string' ? body : new Blob([new Uint8Array(body)]), signal: AbortSignal.timeout(10_000) });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
};
const withAttributes = (json: string) => `{"type":"account.provisioned","subject":{"id":"a"},"attributes":{"domain":"d",${json}}}`;
const storedWith = async (id: string | undefined) => (await intake.stored()).find(({ event }) => event.id === id)?.event;

describe('hostile JSON', () => {
  it.each<[string, string | Uint8Array, number, string]>([
    ['nothing', '', 400, 'malformed-json'],
    ['blanks', ' \n ', 400, 'malformed-json'],
    ['half an object', '{"type":', 400, 'malformed-json'],
    ['two values', '{} {}', 400, 'malformed-json'],
    ['JSON lines', '{}\n{}', 400, 'malformed-json'],
    ['NaN', withAttributes('"x":NaN'), 400, 'malformed-json'],
    ['single quotes', "{'type':'x'}", 400, 'malformed-json'],
    ['a trailing comma', '[{},]', 400, 'malformed-json'],
    ['a raw control character', withAttributes('"x":"\u0001"'), 400, 'malformed-json'],
    ['a number', '7', 400, 'invalid-event'],
    ['null', 'null', 400, 'invalid-event'],
    ['a string', '"x"', 400, 'invalid-event'],
    ['lists in a list', '[[[]]]', 400, 'invalid-event'],
    ['1e999', withAttributes('"x":1e999'), 400, 'invalid-event'],
    ['-1e999 deep down', withAttributes('"x":[{"y":-1e999}]'), 400, 'invalid-event'],
    ['an integer that cannot be kept', withAttributes('"x":123456789012345678901234567890'), 400, 'invalid-event'],
    ['a number of 10,000 digits', withAttributes(`"x":${'9'.repeat(10_000)}`), 400, 'invalid-event'],
    ['a broken byte', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'invalid-utf-8'],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 400, 'invalid-utf-8'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'invalid-utf-8'],
    ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), 400, 'invalid-utf-8'],
    ['a cut character', Buffer.from('{"a":"ü"}').subarray(0, 7), 400, 'invalid-utf-8'],
    ['a million open brackets', '['.repeat(1_000_000), 413, 'event-too-large'],
    ['open brackets below the size limit', '{"a":'.repeat(10_000), 413, 'event-too-deep'],
    ['very many elements', `[${'1,'.repeat(500_000)}1]`, 413, 'too-many-events'],
    ['__proto__ at the top', '{"__proto__":{"type":"account.provisioned"},"subject":{"id":"a"}}', 400, 'invalid-event'],
    ['constructor at the top', '{"type":"account.provisioned","subject":{"id":"a"},"attributes":{"domain":"d"},"constructor":{"prototype":{"x":1}}}', 400, 'invalid-event'],
    ['an inherited name as type', '{"type":"__proto__","subject":{"id":"a"}}', 400, 'invalid-event'],
  ])('%s is refused', async (_what, body, status, code) => {
    const answer = await send(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('does not quote the body in its refusal', async () => {
    expect(JSON.stringify(await send('{"password": "hunter2'))).not.toContain('hunter2');
    expect(JSON.stringify(await send('{"password": hunter2}'))).not.toContain('hunter2');
  });

  it('a byte order mark in front is taken off', async () => {
    expect((await send(`\ufeff${withAttributes('"x":1')}`)).status).toBe(202);
  });

  it('of doubled names the last one counts, and no secret slips through', async () => {
    const { body } = await send(withAttributes('"x":1,"x":2,"password":"hunter2","\\u0070assword":"hunter3"'));
    const stored = await storedWith(body.items?.[0]?.id);
    expect(stored?.attributes).toEqual({ domain: 'd', x: 2, password: '***' });
  });

  it('__proto__ in free places changes nothing of ours', async () => {
    const { status, body } = await send(withAttributes('"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"\\u005f_proto__":{"polluted":1}'));
    expect(status).toBe(202);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const stored = await storedWith(body.items?.[0]?.id);
    expect(JSON.stringify(stored?.attributes)).toBe('{"domain":"d","constructor":{"prototype":{"polluted":true}},"_proto_":{"polluted":1}}');
    expect(stored?.attributes.polluted).toBeUndefined();
  });

  it.each(Object.entries(HOSTILE_TEXTS))('%s is kept in every place, well-formed', async (_name, text) => {
    const event = {
      type: 'audit.user.update', actor: { kind: 'user', id: `i${text}`.slice(0, 1024), name: text }, subject: { kind: 'user', id: `s${text}`.slice(0, 1000), name: text }, objects: [{ kind: 'group', id: `g${text}`.slice(0, 1000), detail: text }], reason: text, message: text,
      attributes: { [`n${text}`]: text }, changes: [{ field: `f${text}`, old: text, new: [text] }],
    };
    const { status, body } = await send(JSON.stringify(event));
    expect(status).toBe(202);
    const stored = await storedWith(body.items?.[0]?.id);
    expect(JSON.stringify(stored).isWellFormed()).toBe(true);
    const formed = text.toWellFormed();
    expect(stored).toMatchObject({ reason: formed, message: formed, actor: { name: formed }, attributes: { [`n${formed}`]: formed }, changes: [{ old: formed, new: [formed] }] });
  });
});

describe('random requests', () => {
  const sometimes = <T>(likely: fc.Arbitrary<T>, odd: fc.Arbitrary<unknown> = fc.jsonValue()) => fc.oneof({ weight: 30, arbitrary: likely }, { weight: 1, arbitrary: odd });
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const anId = fc.oneof(fc.integer({ min: 1, max: 300 }).map((number) => `r${number}`), fc.integer({ min: 1, max: 100 }).map((number) => `odd\n${number}`), fc.string({ minLength: 1 }));
  const object = fc.record({ kind: sometimes(fc.constantFrom('account', 'user', 'request')), id: sometimes(fc.string({ minLength: 1, maxLength: 20 })), name: sometimes(text) }, { requiredKeys: ['kind', 'id'] });
  const plainValue = fc.oneof(text, fc.boolean(), fc.integer(), fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 }), fc.jsonValue());
  const event = fc.record({
    id: sometimes(anId), type: sometimes(fc.constantFrom('audit.user.create', 'audit.user.delete', 'audit.x.y', 'account.owner.changed')), occurredAt: sometimes(fc.date({ min: new Date(0), max: new Date(), noInvalidDate: true }).map((date) => date.toISOString())),
    subject: sometimes(object), objects: sometimes(fc.array(object, { maxLength: 3 })), attributes: sometimes(fc.dictionary(text, plainValue, { maxKeys: 4 })), severity: sometimes(fc.integer({ min: 0, max: 10 })), message: sometimes(text),
  }, { requiredKeys: ['type', 'subject'] });
  const wrapped = fc.tuple(event, anId).map(([{ id: _id, type: _type, ...data }, id]) => ({ specversion: '1.0', source: '/random', id, type: 'audit.user.create', data }));
  const requests = fc.oneof(
    fc.tuple(fc.oneof(event, fc.array(event, { maxLength: 8 }), fc.jsonValue()).map((value) => JSON.stringify(value)), fc.constant('application/json')),
    fc.tuple(fc.oneof(wrapped, fc.jsonValue()).map((value) => JSON.stringify(value)), fc.constant('application/cloudevents+json')),
    fc.tuple(fc.array(fc.oneof(wrapped, fc.jsonValue()), { maxLength: 5 }).map((value) => JSON.stringify(value)), fc.constant('application/cloudevents-batch+json')),
    fc.tuple(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' })), fc.constantFrom('application/json', 'application/cloudevents+json', 'text/plain')),
  );

  it('never fail inside, and the log holds exactly what the answers say', async () => {
    const before = (await intake.stored()).length;
    let accepted = 0;
    let fresh = 0;
    await fc.assert(fc.asyncProperty(requests, async ([body, type]) => {
      const answer = await send(body, type);
      expect(answer.status).toBeLessThan(500);
      const items = answer.body.items ?? [];
      const good = items.filter(({ status }) => status === 'accepted');
      expect(good.length).toBe(answer.body.accepted ?? 0);
      expect(answer.status < 300).toBe(good.length > 0);
      if (answer.status === 202) expect(good.length).toBe(items.length);
      accepted += good.length;
      fresh += good.filter(({ duplicate }) => duplicate === false).length;
    }), { numRuns: 200 });
    expect(accepted).toBeGreaterThan(50);
    expect((await intake.stored()).length - before).toBe(fresh);
  }, 120_000);
});
