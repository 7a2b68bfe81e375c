import { describe, expect, it } from '@jest/globals';
import { BufferedReader, type RecordSource } from './buffered-reader.js';
import { FetchedRecord, type BatchContext } from './fetch-decoder.js';

const source: RecordSource = { seek: () => undefined, pause: () => undefined, resume: () => undefined, closed: () => Promise.resolve() };
/** Key `k`, value `v`, no header. */
const octets = Buffer.from([2, 0x6b, 2, 0x76, 0]);
const records = (...offsets: number[]): FetchedRecord[] => offsets.map((offset) => new FetchedRecord(octets, 0, octets.length, offset, 1, 0, {} as BatchContext));
const reader = (from: number, maxRecords = 100) => new BufferedReader(0, from, { maxRecords, maxWaitMs: 5 }, [], source);
const shown = async (of: BufferedReader) => {
  const { records: given, next, vacant } = await of.next();
  return { offsets: given.map(({ offset }) => offset), next, vacant };
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
