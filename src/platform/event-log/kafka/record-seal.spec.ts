import { createHmac, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Message } from 'kafkajs';
import { fetchedRecords } from '../../../../test/support/fetched-records.js';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';
import { FetchedBatch, type BatchContext } from './fetch-decoder.js';
import { packed } from './gzip-codec.js';
import { HmacSha256, SignedOctets } from './hmac-sha256.js';
import { sealedBatch } from './record-seal.js';

const require = createRequire(import.meta.url);
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => { buffer: Buffer };

const KEY = randomBytes(32);
const HEADER = 'tidegate-seal';

/** As the client writes the messages of one send, and as they are read. */
function asRead(messages: readonly Message[], inGzip = true): FetchedBatch {
  const body = Buffer.concat(messages.map(({ key, value, headers }, offsetDelta) => encodeRecord({ offsetDelta, timestampDelta: 0, key, value, headers }).buffer));
  return new FetchedBatch({ body: inGzip ? packed(body) : body, inGzip, count: messages.length, firstTime: 1_700_000_000_000, brokerTime: undefined }, 7, { lastOffsetDelta: messages.length - 1 } as BatchContext);
}
/** Getters as values. */
const plain = (records: readonly LogRecord[]): LogRecord[] => records.map(({ partition, offset, key, value, timestamp, headers, external: others }) => ({ partition, offset, key, value, timestamp, ...(headers ? { headers } : {}), ...(others === undefined ? {} : { external: others }) }));
const read = (messages: readonly Message[], keys: readonly Buffer[] = [KEY], inGzip = true): LogRecord[] => plain(fetchedRecords(3, asRead(messages, inGzip), keys));
const external = (messages: readonly Message[], keys?: readonly Buffer[]): boolean[] => read(messages, keys).map((record) => record.external === true);

describe('HMAC-SHA-256', () => {
  it.each([0, 1, 32, 63, 64, 65, 200])('equals that of the platform for a key of %i octets, whatever the message', (octets) => {
    const key = randomBytes(octets);
    const hmac = new HmacSha256(key);
    const signed = new SignedOctets();
    for (const [text, value] of [['', Buffer.alloc(0)], ['["a"]', randomBytes(700)], ['é€😀'.repeat(20_000), randomBytes(100_000)], ['["b"]', randomBytes(10)]] as const) {
      const wanted = createHmac('sha256', key).update(text).update(value).digest();
      signed.clear();
      signed.addText(text);
      signed.add(value);
      expect(hmac.of(signed).equals(wanted)).toBe(true);
      expect(hmac.matches(wanted, signed)).toBe(true);
      expect(hmac.matches(wanted.subarray(1), signed)).toBe(false);
      expect(hmac.matches(Buffer.from(wanted.map((octet) => octet ^ 1)), signed)).toBe(false);
    }
  });
});

describe('the seal of a batch', () => {
  const records: NewRecord[] = [
    { key: 'acc-"1', value: Buffer.from('{"specversion":"1.0"}'), headers: { b: '2', a: 'é' } },
    { key: 'acc-2', value: Buffer.from('{}') },
    { key: '', value: Buffer.alloc(0), headers: { toString: 'x' } },
  ];

  it('is found on what was written, under any of the keys, and everything comes back as it was', () => {
    const expected = records.map((record, index) => ({ partition: 3, offset: 7 + index, timestamp: 1_700_000_000_000, ...record }));
    expect(read(sealedBatch(records, [KEY, randomBytes(32)]), [randomBytes(32), KEY])).toEqual(expected);
    expect(read(sealedBatch(records, [KEY]), [KEY], false)).toEqual(expected);
    expect(sealedBatch([], [KEY])).toEqual([]);
  });

  it('is found on any batch', () => {
    const headers = fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((name) => name !== HEADER && name !== '__proto__'), fc.string({ unit: 'grapheme', maxLength: 20 }), { maxKeys: 3 });
    const record = fc.record({ key: fc.string({ unit: 'binary', maxLength: 20 }), value: fc.uint8Array({ maxLength: 300 }), headers: fc.option(headers, { nil: undefined }) }).map(({ headers: some, ...rest }) => (some && Object.keys(some).length > 0 ? { ...rest, headers: some } : rest));
    fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), (some) => expect(external(sealedBatch(some, [KEY]))).toEqual(some.map(() => false))), { numRuns: 200 });
  });

  const changed = (change: (messages: Message[]) => Message[]): Message[] => change(sealedBatch(records, [KEY]));
  it.each<[string, Message[]]>([
    ['key', changed(([first, second, third]) => [first as Message, { ...second, key: 'other' } as Message, third as Message])],
    ['value', changed(([first, second, third]) => [first as Message, { ...second, value: Buffer.from('[]') }, third as Message])],
    ['header', changed(([first, ...rest]) => [{ ...first, headers: { ...first?.headers, a: 'e' } } as Message, ...rest])],
    ['number of headers', changed(([first, ...rest]) => [{ ...first, headers: { ...first?.headers, c: '3' } } as Message, ...rest])],
    ['header on another record', changed(([first, second, third]) => [first as Message, { ...second, headers: { c: '3' } } as Message, third as Message])],
    ['order', changed(([first, second, third]) => [first as Message, third as Message, second as Message])],
    ['number of records: one is missing', changed((messages) => messages.slice(0, 2))],
    ['number of records: one was added', changed((messages) => [...messages, { key: 'k', value: 'v' }])],
    ['border between key and value', changed(([first, , third]) => [first as Message, { key: 'acc-2{', value: '}' }, third as Message])],
    ['seal', changed(([first, ...rest]) => [{ ...first, headers: { ...first?.headers, [HEADER]: randomBytes(32) } } as Message, ...rest])],
    ['seal, cut', changed(([first, ...rest]) => [{ ...first, headers: { ...first?.headers, [HEADER]: Buffer.alloc(3) } } as Message, ...rest])],
    ['place of the seal', changed(([first, second, third]) => [{ key: first?.key, value: first?.value, headers: { a: 'é', b: '2' } } as Message, { ...second, headers: { [HEADER]: first?.headers?.[HEADER] } } as Message, third as Message])],
  ])('does not fit another %s: all records of such a batch are external', (_what, messages) => {
    expect(external(messages)).toEqual(messages.map(() => true));
  });

  it('is missing on what others wrote, and never hides as a header', () => {
    expect(external([{ key: 'k', value: 'v' }, { key: 'k', value: 'w' }])).toEqual([true, true]);
    expect(external(sealedBatch(records, []))).toEqual([true, true, true]);
    expect(external(sealedBatch(records, [KEY]), [])).toEqual([true, true, true]);
    const [forged] = read([{ key: 'k', value: 'v', headers: { source: 'hr', [HEADER]: 'x' } }]);
    expect(forged).toMatchObject({ external: true, headers: { source: 'hr' } });
  });

  it('of a single record, as earlier versions wrote them, is found in a batch without one', () => {
    const former = ({ key, value, headers }: NewRecord): Message => {
      const text = JSON.stringify([key, ...Object.keys(headers ?? {}).sort().map((name) => [name, headers?.[name]])]);
      return { key, value: Buffer.from(value), headers: { ...headers, 'tidegate-hmac': createHmac('sha256', KEY).update(text).update(value).digest() } };
    };
    const messages = records.map(former);
    expect(external(messages, [randomBytes(32), KEY])).toEqual([false, false, false]);
    expect(read(messages).map(({ headers }) => headers)).toEqual(records.map(({ headers }) => headers));
    expect(external([messages[0] as Message, { ...messages[1], value: Buffer.from('[]') }, { key: 'k', value: 'v' }])).toEqual([false, true, true]);
    // One of the whole batch that does not fit is not made good by those of its records.
    expect(external([{ ...messages[0], headers: { ...messages[0]?.headers, [HEADER]: randomBytes(32) } } as Message, ...messages.slice(1)])).toEqual([true, true, true]);
  });

  it('does not mind a header whose value is null, of any name', () => {
    for (const name of ['source', HEADER, 'tidegate-hmac']) {
      const { buffer } = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers: { [name]: '' } });
      // The length of the value is the last octet; -1 in zigzag is 1.
      buffer[buffer.length - 1] = 1;
      const [record] = fetchedRecords(3, new FetchedBatch({ body: buffer, inGzip: false, count: 1, firstTime: 1, brokerTime: undefined }, 7, { lastOffsetDelta: 0 } as BatchContext), [KEY]);
      expect(record && plain([record])).toEqual([{ partition: 3, offset: 7, key: 'k', value: Buffer.from('v'), timestamp: 1, external: true }]);
    }
  });

  it('does not count on what comes without its batch', () => {
    const [first] = asRead(sealedBatch(records.slice(0, 1), [KEY])).records();
    if (!first) throw new Error('no record');
    expect(fetchedRecords(3, first, [KEY])).toMatchObject([{ offset: 7, key: 'acc-"1', external: true }]);
    expect(fetchedRecords(3, { key: null, value: null, offset: '9', timestamp: '5', attributes: 0, headers: {} }, [KEY])).toEqual([{ partition: 3, offset: 9, key: '', value: Buffer.alloc(0), timestamp: 5, external: true }]);
  });
});
