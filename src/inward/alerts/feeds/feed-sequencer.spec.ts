import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { mongo } from 'mongoose';
import { openTestDocuments } from '../../../../test/support/documents.js';
import type { DocumentStore } from '../../../platform/documents/document-store.js';
import { FeedSequencer } from './feed-sequencer.js';
import { feedStateSchema, type FeedStateDocument } from './feed-state.schema.js';

let store: DocumentStore;
beforeAll(async () => { store = await openTestDocuments(); });
afterAll(() => store.close());

const NOW = 1_700_000_000_000;
const collectionOf = (name: string) => store.connection.collection(name) as unknown as mongo.Collection;
const insert = (name: string, times: readonly number[], first = 0) => collectionOf(name).insertMany(times.map((at, index) => ({ _id: `r-${String(first + index).padStart(5, '0')}` as never, at, feedCreated: null, feedNumber: null })));

/** A sequencer whose steps can be held up at any moment. */
function sequencerOver(name: string, hold: { write?: () => Promise<void> | void; read?: () => Promise<void> | void } = {}): FeedSequencer {
  const collection = collectionOf(name);
  const held = Object.create(collection) as mongo.Collection;
  held.bulkWrite = (async (...args: Parameters<mongo.Collection['bulkWrite']>) => {
    await hold.write?.();
    return collection.bulkWrite(...args);
  });
  const source = {
    name,
    collection: held,
    unplaced: async (limit: number) => {
      const found = await collection.find({ feedCreated: null }).sort({ at: 1, _id: 1 }).limit(limit).toArray();
      await hold.read?.();
      return found.map((document) => ({ id: String(document._id), happenedAtMs: document['at'] as number }));
    },
  };
  return new FeedSequencer(store.model<FeedStateDocument>('feed-state', feedStateSchema), source, { now: () => NOW });
}

const placed = (name: string) => collectionOf(name).find({ feedCreated: { $ne: null } }).sort({ feedNumber: 1 }).toArray();
function expectStrictlyIncreasing(documents: mongo.WithId<mongo.Document>[]): void {
  documents.forEach((document, index) => {
    expect(document['feedNumber']).toBe(index + 1);
    if (index > 0) expect(document['feedCreated']).toBeGreaterThan(documents[index - 1]?.['feedCreated'] as number);
  });
}

describe('the places of a feed', () => {
  it('are the times when things happened, bumped where they tie, come late or lie ahead of the clock', async () => {
    await insert('plain', [NOW - 100, NOW - 100, NOW - 100, NOW - 50, NOW + 9_000_000]);
    expect(await sequencerOver('plain').advance(1000)).toEqual({ shownCreated: NOW, placed: 5 });
    expect((await placed('plain')).map((document) => (document['feedCreated'] as number) - NOW)).toEqual([-100, -99, -98, -50, 0]);
    await insert('plain', [NOW - 5000], 5);
    await sequencerOver('plain').advance(1000);
    expect((await placed('plain')).at(-1)).toMatchObject({ feedCreated: NOW + 1, feedNumber: 6 });
  });

  it('are never given twice while several processes do it at once, and each gap in time is closed', async () => {
    await insert('many', Array.from({ length: 2500 }, (_, index) => NOW - 2500 + Math.floor(index / 7)));
    const nap = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 5));
    await Promise.all(Array.from({ length: 4 }, () => sequencerOver('many', { read: nap, write: nap }).advance(100_000)));
    const documents = await placed('many');
    expect(documents).toHaveLength(2500);
    expectStrictlyIncreasing(documents);
  });

  it('stay as they are when a process that was held up in the middle goes on much later', async () => {
    await insert('held', [NOW - 10, NOW - 9, NOW - 8]);
    let release = () => {};
    const waiting = new Promise<void>((resolve) => (release = resolve));
    let arrived = () => {};
    const atTheWrite = new Promise<void>((resolve) => (arrived = resolve));
    let first = true;
    const heldUp = sequencerOver('held', { write: async () => { if (!first) return; first = false; arrived(); await waiting; } }).advance(1000);
    await atTheWrite;
    await insert('held', [NOW - 20, NOW - 7], 10);
    const { shownCreated } = await sequencerOver('held').advance(1000);
    const before = await placed('held');
    expect(before).toHaveLength(5);
    release();
    await heldUp;
    expect(await placed('held')).toEqual(before);
    expect(before.at(-1)?.['feedCreated']).toBe(shownCreated);
    expectStrictlyIncreasing(before);
  });

  it('are finished by the next process when one died after giving them', async () => {
    await insert('died', [NOW - 10, NOW - 9]);
    await expect(sequencerOver('died', { write: () => Promise.reject(new Error('killed')) }).advance(1000)).rejects.toThrow('killed');
    const state = await collectionOf('feed_states').findOne({ _id: 'died' as never });
    expect(state).toMatchObject({ shownCreated: 0 });
    await insert('died', [NOW - 30], 7);
    await sequencerOver('died').advance(1000);
    const documents = await placed('died');
    expect(documents.map(({ _id }) => String(_id))).toEqual(['r-00000', 'r-00001', 'r-00007']);
    expectStrictlyIncreasing(documents);
  });
});
