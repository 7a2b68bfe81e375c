import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { fetchedRecords } from '../../../../test/support/fetched-records.js';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';
import { FetchedBatch, type BatchContext } from './fetch-decoder.js';
import { sealedGzip } from './gzip-codec.js';
import { bearsMemberSeal, sealedMember } from './member-seal.js';
import { messagesOf } from './record-seal.js';

const require = createRequire(import.meta.url);
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => { buffer: Buffer };

const KEY = randomBytes(32);
const RECORDS: NewRecord[] = [
  { key: 'acc-1', value: Buffer.from('{"specversion":"1.0"}'), headers: { a: 'é' } },
  { key: 'acc-2', value: Buffer.from('{}') },
  { key: '', value: Buffer.alloc(0) },
];

const encoded = (records: readonly NewRecord[]): Buffer => Buffer.concat(messagesOf(records).map((message, offsetDelta) => encodeRecord({ offsetDelta, timestampDelta: 0, ...message }).buffer));
const packed = (records: readonly NewRecord[], key = KEY): Buffer => sealedMember(gzipSync(encoded(records)), key);
const read = (body: Uint8Array, count: number, keys: readonly Buffer[] = [KEY], inGzip = true): LogRecord[] => fetchedRecords(3, new FetchedBatch({ body, inGzip, count, firstTime: 1_700_000_000_000, brokerTime: undefined }, 7, { lastOffsetDelta: count - 1 } as BatchContext), keys);
const external = (body: Uint8Array, count = RECORDS.length, keys?: readonly Buffer[]): boolean[] => read(body, count, keys).map((record) => record.external === true);

describe('the seal of a batch as it is packed', () => {
  it('is found under any of the keys, and any reader of gzip reads what it is on', () => {
    const body = packed(RECORDS);
    expect(gunzipSync(body).equals(encoded(RECORDS))).toBe(true);
    expect(read(body, 3, [randomBytes(32), KEY]).map(({ offset, key, value, headers, external: others }) => ({ offset, key, value, headers, others }))).toEqual([
      { offset: 7, key: 'acc-1', value: Buffer.from('{"specversion":"1.0"}'), headers: { a: 'é' }, others: undefined },
      { offset: 8, key: 'acc-2', value: Buffer.from('{}'), headers: undefined, others: undefined },
      { offset: 9, key: '', value: Buffer.alloc(0), headers: undefined, others: undefined },
    ]);
  });

  it('is what a send with this compression makes, for each key its own; the batch names gzip', async () => {
    const [type, other] = [sealedGzip(KEY), sealedGzip(randomBytes(32))];
    expect([sealedGzip(KEY) === type, other === type, type & 7, other & 7]).toEqual([true, false, 1, 1]);
    const codec = (kafkajs.CompressionCodecs as unknown as Record<number, () => { compress(encoder: { buffer: Buffer }): Promise<Buffer> }>)[type]?.();
    const body = await codec?.compress({ buffer: encoded(RECORDS) });
    expect(body && external(body)).toEqual([false, false, false]);
  });

  it('is found on any batch', () => {
    const record = fc.record({ key: fc.string({ maxLength: 20 }), value: fc.uint8Array({ maxLength: 3000 }) });
    fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), (records) => expect(external(packed(records), records.length)).toEqual(records.map(() => false))), { numRuns: 100 });
  });

  const changed = (change: (body: Buffer) => void): Buffer => {
    const body = packed(RECORDS);
    change(body);
    return body;
  };
  it.each<[string, Buffer, number]>([
    ['another key', packed(RECORDS, randomBytes(32)), 3],
    ['another seal', changed((body) => void (body[20] = (body[20] ?? 0) ^ 1)), 3],
    ['other content', Buffer.concat([packed(RECORDS).subarray(0, 48), gzipSync(encoded([...RECORDS].reverse())).subarray(10)]), 3],
    ['fewer records than were sealed', packed(RECORDS), 2],
    ['a second member behind it', Buffer.concat([packed(RECORDS), gzipSync(encodeRecord({ offsetDelta: 3, timestampDelta: 0, key: 'k', value: 'v' }).buffer)]), 4],
    ['no seal', gzipSync(encoded(RECORDS)), 3],
  ])('with %s: all records of such a batch are external', (_what, body, count) => {
    expect(external(body, count)).toEqual(Array.from({ length: count }, () => true));
  });

  it('is no seal of what is not packed, and of nothing that is too short', () => {
    expect(read(encoded(RECORDS), 3, [KEY], false).map((record) => record.external)).toEqual([true, true, true]);
    for (let octets = 0; octets < 56; octets++) expect(bearsMemberSeal(packed(RECORDS).subarray(0, octets), [KEY])).toBeUndefined();
  });

  it('counts also where the header of a former seal is in the first record, and that does not show', () => {
    const records = [{ key: 'k', value: Buffer.from('v'), headers: { 'tidegate-seal': 'x', b: '1' } }];
    expect(read(packed(records), 1)).toMatchObject([{ headers: { b: '1' } }]);
    expect(external(packed(records), 1)).toEqual([false]);
  });
});
