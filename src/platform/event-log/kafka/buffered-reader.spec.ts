import { describe, expect, it } from '@jest/globals';
import { BufferedReader, type RecordSource } from './buffered-reader.js';
import { FetchedBatch, FetchedRecord, type BatchContext } from './fetch-decoder.js';
import { placesOf } from './packed-batch.js';

const source: RecordSource = { seek: () => undefined, pause: () => undefined, resume: () => undefined, closed: () => Promise.resolve() };
/** Key `k`, value `v`, no header. */
const lies = placesOf({ body: Buffer.from([2 * 8, 0, 0, 0, 2, 0x6b, 2, 0x76, 0]), inGzip: false, count: 1, firstTime: 1, brokerTime: undefined });
const records = (...offsets: number[]): FetchedRecord[] => offsets.map((offset) => new FetchedRecord(lies, 0, offset, 1, {} as BatchContext));
const reader = (from: number, maxRecords = 100) => new BufferedReader(0, from, { maxRecords, maxWaitMs: 5 }, [], source);
const shown = async (of: BufferedReader) => {
  const { records: given, next, vacant } = await of.next();
  return { offsets: Array.from(given, ({ offset }) => offset), next, vacant };
};

describe('what a reader of Kafka tells of positions without a record', () => {
  it('names the marks that it passed with the batch that passes them, and goes past those that follow the last record', async () => {
    const one = reader(5);
    one.feed(records(5, 7, 9), 12, [{ from: 6, to: 7 }, { from: 8, to: 9 }, { from: 10, to: 12 }]);
    expect(await shown(one)).toEqual({ offsets: [5, 7, 9], next: 12, vacant: [{ from: 6, to: 7 }, { from: 8, to: 9 }, { from: 10, to: 12 }] });
    expect(one.resumeAt).toBe(12);
  });

  it('keeps those behind a limited batch for the next one', async () => {
    const one = reader(5, 2);
    one.feed(records(5, 6, 9), 12, [{ from: 8, to: 9 }]);
    expect(await shown(one)).toEqual({ offsets: [5, 6], next: 7, vacant: undefined });
    expect(await shown(one)).toEqual({ offsets: [9], next: 10, vacant: [{ from: 8, to: 9 }] });
  });

  it('passes a fetch of marks alone', async () => {
    const one = reader(5);
    one.feed([], 8, [{ from: 5, to: 8 }]);
    expect(await shown(one)).toEqual({ offsets: [], next: 8, vacant: [{ from: 5, to: 8 }] });
  });

  it('does not pass what nothing explains, and says nothing of it', async () => {
    const one = reader(5);
    one.feed([], 9, [{ from: 7, to: 8 }]);
    expect(await shown(one)).toEqual({ offsets: [], next: 5, vacant: undefined });
    one.feed(records(8), 9);
    expect(await shown(one)).toEqual({ offsets: [8], next: 9, vacant: [{ from: 7, to: 8 }] });
  });

  it('tells what a repeated fetch says again once, and only what lies behind where it stands', async () => {
    const one = reader(5);
    one.feed(records(5, 7), 9, [{ from: 6, to: 7 }]);
    one.feed(records(5, 7), 9, [{ from: 6, to: 7 }, { from: 8, to: 9 }]);
    expect(await shown(one)).toEqual({ offsets: [5, 7], next: 9, vacant: [{ from: 6, to: 7 }, { from: 8, to: 9 }] });
    one.seek(8);
    one.feed(records(9), 10, [{ from: 6, to: 9 }]);
    expect(await shown(one)).toEqual({ offsets: [9], next: 10, vacant: [{ from: 8, to: 9 }] });
  });
});

/** A batch of so many records that begins there, each with a value of one octet. */
function batch(first: number, count: number): FetchedBatch {
  const body = Buffer.concat(Array.from({ length: count }, (_, index) => Buffer.from([2 * 8, 0, 0, 2 * index, 2, 0x6b, 2, 0x76, 0])));
  return new FetchedBatch({ body, inGzip: false, count, firstTime: 1, brokerTime: undefined }, first, { lastOffsetDelta: count - 1 } as BatchContext);
}

describe('what a reader of Kafka makes of batches', () => {
  it('hands on as many records as are wanted, over the borders of batches', async () => {
    const one = reader(0, 4);
    one.feed([batch(0, 3), batch(3, 6)], 9);
    expect(await shown(one)).toEqual({ offsets: [0, 1, 2, 3], next: 4, vacant: undefined });
    expect(await shown(one)).toEqual({ offsets: [4, 5, 6, 7], next: 8, vacant: undefined });
    expect(await shown(one)).toEqual({ offsets: [8], next: 9, vacant: undefined });
    expect(await shown(one)).toEqual({ offsets: [], next: 9, vacant: undefined });
  });

  it('begins within a batch where reading begins there, also after it was moved', async () => {
    const one = reader(4);
    one.feed([batch(2, 5)], 7);
    expect(await shown(one)).toMatchObject({ offsets: [4, 5, 6], next: 7 });
    one.feed([batch(7, 2)], 9);
    one.seek(3);
    one.feed([batch(2, 5)], 9);
    expect(await shown(one)).toMatchObject({ offsets: [3, 4, 5, 6], next: 7 });
  });

  it('does not hand on again what a repeated fetch holds', async () => {
    const one = reader(0);
    one.feed([batch(0, 3)], 3);
    one.feed([batch(0, 3), batch(3, 1)], 4);
    expect(await shown(one)).toMatchObject({ offsets: [0, 1, 2, 3], next: 4 });
  });

  it('has the consumer wait while it holds more octets than a batch may have, and go on when it holds half of that', async () => {
    const calls: string[] = [];
    const told: RecordSource = { ...source, pause: () => calls.push('pause'), resume: () => calls.push('resume') };
    const one = new BufferedReader(0, 0, { maxRecords: 10, maxBytes: 1000, maxWaitMs: 5 }, [], told);
    one.feed([batch(0, 10), batch(10, 10), batch(20, 10)], 30);
    expect(calls).toEqual([]);
    one.feed([batch(30, 10)], 40);
    expect(calls).toEqual(['pause']);
    for (let taken = 0; taken < 2; taken++) await one.next();
    expect(calls).toEqual(['pause']);
    expect(await shown(one)).toMatchObject({ offsets: [20, 21, 22, 23, 24, 25, 26, 27, 28, 29], next: 30 });
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('says what is wrong with a batch that cannot be unpacked, each time, and passes nothing of it', async () => {
    const one = reader(0);
    one.feed([batch(0, 2), new FetchedBatch({ body: Buffer.from('no gzip'), inGzip: true, count: 4, firstTime: 1, brokerTime: undefined }, 2, { lastOffsetDelta: 3 } as BatchContext)], 6);
    expect(await shown(one)).toMatchObject({ offsets: [0, 1], next: 2 });
    await expect(one.next()).rejects.toThrow(/header/);
    await expect(one.next()).rejects.toThrow(/header/);
    one.seek(2);
    one.feed([batch(2, 2)], 6);
    expect(await shown(one)).toMatchObject({ offsets: [2, 3], next: 4 });
  });
});
