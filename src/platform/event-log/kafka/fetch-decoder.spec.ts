import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clientDecoders, fetchDecoder, FetchedBatch, FetchedRecord, useDirectFetchDecoder } from './fetch-decoder.js';

const require = createRequire(import.meta.url);
const Encoder = require('kafkajs/src/protocol/encoder') as new () => ClientEncoder;
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => ClientEncoder;
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (batch: object) => Promise<ClientEncoder> };
const own = require('kafkajs/src/protocol/requests/fetch/v10/response') as { decode: (octets: Buffer) => Promise<unknown> };

interface ClientEncoder {
  buffer: Buffer;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeInt64(value: unknown): this;
  writeString(value: string): this;
  writeBuffer(value: Buffer): this;
}
interface SomeRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: Array<[string, string]>;
}
interface SomeBatch {
  offset: number;
  time: number;
  gzip: boolean;
  attributes: number;
  records: SomeRecord[];
}

const ATTRIBUTES_AT = 21;

/** As a broker writes it: times of the broker, control and transaction marks are bits that the client's own encoder does not know. */
async function encoded({ offset, time, gzip, attributes, records }: SomeBatch): Promise<Buffer> {
  const rows = records.map(({ key, value, headers }, index) => Record({ offsetDelta: index * 2, timestampDelta: index * 3 - 1, key, value, headers: Object.fromEntries(headers) }));
  const { buffer } = await RecordBatch({ compression: gzip ? 1 : 0, firstOffset: offset, firstTimestamp: time, maxTimestamp: time + 5, lastOffsetDelta: records.length * 2, producerId: 17, producerEpoch: 3, firstSequence: 9, records: rows });
  buffer.writeInt16BE(buffer.readInt16BE(ATTRIBUTES_AT) | attributes, ATTRIBUTES_AT);
  return buffer;
}

function answer(sets: readonly Buffer[], aborted: ReadonlyArray<[number, number]> = [], cut = 0): Buffer {
  const encoder = new Encoder().writeInt32(12).writeInt16(0).writeInt32(77).writeInt32(1).writeString('tidegate.events').writeInt32(sets.length);
  for (const [partition, set] of sets.entries()) {
    encoder.writeInt32(partition).writeInt16(partition === 2 ? 3 : 0).writeInt64(1234567).writeInt64(1234560).writeInt64(5).writeInt32(aborted.length);
    for (const [producer, first] of aborted) encoder.writeInt64(producer).writeInt64(first);
    encoder.writeInt32(-1).writeInt32(set.length).writeBuffer(set);
  }
  return encoder.buffer.subarray(0, encoder.buffer.length - cut);
}

const decoders = clientDecoders();
/** The client's own, before it is replaced in the other test. */
const reference = decoders.response.decode;
const direct = fetchDecoder(decoders);

/** Batches as their records, getters as plain values, so that both can be compared. */
function plain(response: unknown): unknown {
  const { responses, ...rest } = response as { responses: Array<{ topicName: string; partitions: Array<{ messages: Array<FetchedBatch | FetchedRecord> }> }> };
  return {
    ...rest,
    responses: responses.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map((partition) => ({
        ...partition,
        messages: partition.messages.flatMap((fetched) => (fetched instanceof FetchedBatch ? fetched.records() : [fetched])).map(({ magicByte, attributes, timestamp, offset, key, value, headers, isControlRecord, batchContext }) => ({ magicByte, attributes, timestamp, offset, key, value, headers: Object.entries(headers ?? {}), isControlRecord, batchContext: { ...batchContext } })),
      })),
    })),
  };
}

async function agree(octets: Buffer): Promise<void> {
  expect(plain(await direct(octets))).toEqual(plain(await reference(octets)));
}

const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const someRecord: fc.Arbitrary<SomeRecord> = fc.record({
  key: fc.option(octets(300)), value: fc.option(octets(2000)),
  headers: fc.array(fc.tuple(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }).filter((name) => !(name in {})), fc.constantFrom('tidegate-hmac', 'traceparent', 'ä')), fc.string({ unit: 'grapheme', maxLength: 200 })), { maxLength: 4 }),
});
const someBatch: fc.Arbitrary<SomeBatch> = fc.record({
  offset: fc.integer({ min: 0, max: 2 ** 50 }), time: fc.integer({ min: -1, max: 4e12 }), gzip: fc.boolean(), attributes: fc.constantFrom(0, 0x8, 0x10, 0x20, 0x30, 0x38), records: fc.array(someRecord, { maxLength: 20 }),
});

describe('what brokers answer to a fetch, read directly', () => {
  it('is what the client itself makes of it, whatever batches it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(someBatch, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (partitions) => {
        const sets = await Promise.all(partitions.map(async (batches) => Buffer.concat(await Promise.all(batches.map(encoded)))));
        await agree(answer(sets, [[17, 5], [18, 2 ** 40]]));
      }),
      { numRuns: 200, seed: 20261129 },
    );
  });

  it('is the same where the last batch was cut by the limit of the fetch, at any place', async () => {
    const batches = await Promise.all([0, 100].map((offset) => encoded({ offset, time: 1_700_000_000_000, gzip: false, attributes: 8, records: [{ key: Buffer.from('k'), value: Buffer.alloc(200, 'v'), headers: [['h', 'x']] }] })));
    const whole = Buffer.concat(batches);
    for (let length = (batches[0]?.length ?? 0); length < whole.length; length += 7) await agree(answer([whole.subarray(0, length)]));
  });

  it('is the same for batches that are left to the client: another codec, numbers of more than 53 bits, messages of before 0.11', async () => {
    const batch = await encoded({ offset: 5, time: 1, gzip: false, attributes: 0, records: [{ key: null, value: Buffer.from('v'), headers: [] }] });
    batch.writeBigInt64BE(2n ** 60n, 0);
    await agree(answer([batch]));
    const old = new Encoder().writeInt64(7).writeInt32(14 + 8 + 3).writeInt32(0).writeBuffer(Buffer.from([1, 0])).writeInt64(1000).writeInt32(-1).writeInt32(3).writeBuffer(Buffer.from('old')).buffer;
    await agree(answer([old]));
    const snappy = await encoded({ offset: 5, time: 1, gzip: false, attributes: 2, records: [{ key: null, value: Buffer.from('v'), headers: [] }] });
    await expect(direct(answer([snappy]))).rejects.toThrow(/Snappy/);
    await expect(reference(answer([snappy]))).rejects.toThrow(/Snappy/);
  });

  it('leaves such a batch alone to the client, and not its neighbours; a time of any size is none of them', async () => {
    const plainBatch = (offset: number) => encoded({ offset, time: 1_700_000_000_000, gzip: true, attributes: 0, records: [{ key: null, value: Buffer.from('v'), headers: [] }] });
    const nanoseconds = await plainBatch(10);
    nanoseconds.writeBigInt64BE(1_700_000_000_000_000_000n, 27);
    const old = new Encoder().writeInt64(20).writeInt32(14 + 8 + 3).writeInt32(0).writeBuffer(Buffer.from([1, 0])).writeInt64(1000).writeInt32(-1).writeInt32(3).writeBuffer(Buffer.from('old')).buffer;
    const fetched = batches(await direct(answer([Buffer.concat([await plainBatch(0), nanoseconds, old, await plainBatch(30)])])));
    expect(fetched.map((each) => [each instanceof FetchedBatch, each.offset])).toEqual([[true, '2'], [true, '12'], [false, '20'], [true, '32']]);
    expect(fetched[1]?.records()[0]?.value).toEqual(Buffer.from('v'));
  });

  it('takes a header of any name for data', async () => {
    const [inherited] = plainMessages(await direct(answer([await encoded({ offset: 0, time: 1, gzip: false, attributes: 0, records: [{ key: null, value: null, headers: [['toString', 'x']] }] })])));
    expect(Object.entries(inherited?.headers ?? {})).toEqual([['toString', Buffer.from('x')]]);
    const [record] = plainMessages(await direct(answer([await encodedHeader('__proto__')])));
    expect(Object.entries(record?.headers ?? {})).toEqual([['__proto__', Buffer.from('x')]]);
    expect(Object.getPrototypeOf(record?.headers)).toBe(Object.prototype);
  });

  it('fails, and does not read past a record, where the lengths in it are not true', async () => {
    const batch = await encoded({ offset: 0, time: 1, gzip: false, attributes: 0, records: [{ key: Buffer.from('key'), value: Buffer.from('value'), headers: [] }] });
    // The length of the value, ZigZag: behind record length, attributes, time, offset, key length and key.
    const valueAt = 57 + 4 + 1 + 1 + 1 + 1 + 1 + 3;
    expect(batch[valueAt]).toBe(10);
    batch[valueAt] = 100;
    const [broken] = batches(await direct(answer([batch])));
    expect(() => broken?.records()).toThrow(RangeError);
    batch[57 + 4] = 120;
    const [longer] = batches(await direct(answer([batch])));
    expect(() => longer?.records()).toThrow(RangeError);
    const packed = await encoded({ offset: 0, time: 1, gzip: true, attributes: 0, records: [{ key: null, value: Buffer.from('value'), headers: [] }] });
    const set = Buffer.concat([packed.subarray(0, 61), gzipSync('no record')]);
    set.writeInt32BE(set.length - 12, 8);
    const [other] = batches(await direct(answer([set])));
    expect(() => other?.records()).toThrow(RangeError);
    set.fill(0, 61);
    const [noGzip] = batches(await direct(answer([set])));
    expect(() => noGzip?.records()).toThrow(/header/);
  });

  it('hands a batch on as one thing that knows where it ends and how much room it takes, and what a transaction wrote record by record', async () => {
    const records = Array.from({ length: 3 }, () => ({ key: Buffer.from('k'), value: Buffer.alloc(100, 'v'), headers: [] }));
    const sets = await Promise.all([0, 0x10, 0x20].map((attributes) => encoded({ offset: 40, time: 1, gzip: true, attributes, records })));
    const [whole] = batches(await direct(answer(sets.slice(0, 1))));
    expect(whole).toMatchObject({ position: 46, offset: '46', packed: { count: 3 }, isControlRecord: false, key: null });
    expect(whole?.packedOctets).toBeGreaterThan(20);
    expect(whole?.packedOctets).toBeLessThan(100);
    for (const set of sets.slice(1)) expect(batches(await direct(answer([set]))).map((fetched) => fetched.constructor)).toEqual([FetchedRecord, FetchedRecord, FetchedRecord]);
  });

  it('is put in the place of the own decoder of this version of the client, and of no other answer', () => {
    useDirectFetchDecoder();
    expect(decoders.response.decode).not.toBe(reference);
    expect(own.decode).not.toBe(decoders.response.decode);
  });
});

async function encodedHeader(name: string): Promise<Buffer> {
  const batch = await encoded({ offset: 0, time: 1, gzip: false, attributes: 0, records: [{ key: null, value: Buffer.from('v'), headers: [['__prot__x', 'x']] }] });
  const at = batch.indexOf('__prot__x');
  batch.write(name, at, 'utf8');
  return batch;
}

function batches(response: unknown): FetchedBatch[] {
  return (response as { responses: Array<{ partitions: Array<{ messages: FetchedBatch[] }> }> }).responses[0]?.partitions[0]?.messages ?? [];
}

const plainMessages = (response: unknown): FetchedRecord[] => batches(response).flatMap((batch) => batch.records());
