import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import { LedgerLookup } from './ledger-lookup.js';
import { LedgerRun } from './ledger-run.js';
import { LedgerStore, type LedgerSource } from './ledger-store.js';
import { ledgerPageSchema, type LedgerPageDocument } from './ledger.schema.js';

describe('the stored delivery ledger', () => {
  let documents: DocumentStore;
  let model: Model<LedgerPageDocument>;
  let lookup: LedgerLookup;
  const clock = { now: () => 1_000_000 };
  beforeEach(async () => {
    documents = await openTestDocuments();
    model = documents.model<LedgerPageDocument>('ledger-page', ledgerPageSchema);
    lookup = new LedgerLookup(documents);
  });
  afterEach(() => documents.close());

  const source = (partition = 0, start = 0, integrationId = 'one'): LedgerSource => ({ integrationId, partition, ledger: new LedgerRun(start, 1) });
  const deliver = ({ ledger }: LedgerSource, end: number, at = end) => ledger.safe({ end, at, evidence: 'read', attempts: 1, delivered: 1, rejected: 0, bytes: 10 });
  const all = async (first: number, end: number) => {
    const rows: Array<[number, number]> = [];
    for await (const tile of lookup.tiles('one', 0, first, end)) if (tile.row) rows.push([tile.first, tile.end]);
    return rows;
  };

  it('finds the row of each position over many pages, and all rows of a range', async () => {
    const store = new LedgerStore(model, clock, 'engine-1', 30);
    const one = source();
    for (let end = 10; end <= 1000; end += 10) {
      deliver(one, end);
      await store.write([one]);
    }
    expect(await model.countDocuments()).toBe(4);
    for (const offset of [0, 9, 10, 555, 999]) expect((await lookup.at('one', 0, offset))[0]).toMatchObject({ first: Math.floor(offset / 10) * 10, engineId: 'engine-1' });
    expect(await lookup.at('one', 0, 1000)).toEqual([]);
    expect(await lookup.at('one', 1, 5)).toEqual([]);
    expect(await all(315, 345)).toEqual([[315, 320], [320, 330], [330, 340], [340, 345]]);
    expect((await all(0, 1000)).length).toBe(100);
  });

  it('stores each row once when the answer to a write got lost', async () => {
    let lose = true;
    const flaky = { bulkWrite: async (...args: Parameters<typeof model.bulkWrite>) => {
      const answer = await model.bulkWrite(...args);
      if (!lose) return answer;
      lose = false;
      throw new Error('connection lost');
    } } as unknown as typeof model;
    const store = new LedgerStore(flaky, clock, 'engine-1', 30);
    const one = source();
    deliver(one, 10);
    await expect(store.write([one])).rejects.toThrow('connection lost');
    await store.write([one]);
    lose = true;
    deliver(one, 20);
    await expect(store.write([one])).rejects.toThrow('connection lost');
    deliver(one, 30);
    await store.write([one]);
    deliver(one, 40);
    await store.write([one]);
    expect(await all(0, 100)).toEqual([[0, 10], [10, 20], [20, 30], [30, 40]]);
  });

  it('prefers what was lost, and the first delivery of what was delivered twice', async () => {
    const [first, second] = [new LedgerStore(model, clock, 'engine-1', 30), new LedgerStore(model, clock, 'engine-2', 30)];
    const [before, after] = [source(0, 0), source(0, 5)];
    deliver(before, 10, 100);
    deliver(after, 20, 200);
    after.ledger.lost(12, 14, 150, 'retention');
    await first.write([before]);
    await second.write([after]);
    expect((await lookup.at('one', 0, 7))[0]).toMatchObject({ engineId: 'engine-1', at: 100 });
    expect((await lookup.at('one', 0, 13))[0]).toMatchObject({ outcome: 'lost' });
    expect((await lookup.at('one', 0, 15))[0]).toMatchObject({ engineId: 'engine-2', outcome: 'delivered' });
  });
});
