import { describe, expect, it } from '@jest/globals';
import { type Target, bench, refusal } from './target.js';

export function concurrencyContract(target: Target): void {
  describe('many at once', () => {
    const on = bench(target);

    it('40 claims at once take 25 alerts, each one once, the urgent first', async () => {
      const M = await on.filled(Array.from({ length: 25 }, (_, _id) => ({ _id, state: 'new', priority: _id % 5 })), (schema) => schema.index({ state: 1, priority: -1 }));
      const claims = await Promise.all(Array.from({ length: 40 }, (_, by) => M.findOneAndUpdate({ state: 'new' }, { $set: { state: 'claimed', by } }, { sort: { priority: -1 }, returnDocument: 'after' }).lean()));
      const taken = claims.filter((claim) => claim !== null);
      expect(new Set(taken.map(({ _id }) => _id)).size).toBe(25);
      expect(taken).toHaveLength(25);
      expect(await M.countDocuments({ state: 'new' })).toBe(0);
    });

    it('a claim by $or takes what is new or whose lease is over', async () => {
      const now = new Date();
      const M = await on.filled(
        [{ _id: 1, state: 'claimed', until: new Date(now.getTime() + 60_000), at: 1 }, { _id: 2, state: 'claimed', until: new Date(now.getTime() - 1), at: 2 }, { _id: 3, state: 'new', at: 3 }, { _id: 4, state: 'done', at: 0 }],
        (schema) => {
          schema.index({ state: 1, at: 1 });
          schema.index({ state: 1, until: 1 });
        },
      );
      const claim = () => M.findOneAndUpdate({ $or: [{ state: 'new' }, { state: 'claimed', until: { $lt: now } }] }, { $set: { state: 'claimed', until: new Date(now.getTime() + 60_000) } }, { sort: { at: 1 } }).lean();
      expect([(await claim())?._id, (await claim())?._id, await claim()]).toEqual([2, 3, null]);
    });

    it('100 increments at once count 100', async () => {
      const M = await on.filled([{ _id: 'counter', n: 0 }]);
      await Promise.all(Array.from({ length: 100 }, () => M.collection.updateOne({ _id: 'counter' as never }, { $inc: { n: 1 } })));
      expect((await M.findOne().lean())?.['n']).toBe(100);
    });

    it('16 upserts of one key at once leave one document', async () => {
      const M = await on.model((schema) => schema.index({ key: 1 }, { unique: true }));
      const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => M.collection.updateOne({ key: 'k' }, { $inc: { n: 1 } }, { upsert: true })));
      for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 11000 });
      expect(await M.find({}, { _id: 0 }).lean()).toEqual([{ key: 'k', n: outcomes.filter(({ status }) => status === 'fulfilled').length }]);
    });

    it('of 10 writers that change a version only one comes through', async () => {
      const M = await on.filled([{ _id: 1, version: 1 }]);
      const results = await Promise.all(Array.from({ length: 10 }, (_, by) => M.collection.updateOne({ _id: 1 as never, version: 1 }, { $set: { by }, $inc: { version: 1 } })));
      expect(results.filter(({ modifiedCount }) => modifiedCount === 1)).toHaveLength(1);
    });

    it('of 10 inserts with one unique value one comes through', async () => {
      const M = await on.model((schema) => schema.index({ name: 1 }, { unique: true }));
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, _id) => M.collection.insertOne({ _id: _id as never, name: 'one' })));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await refusal(M.collection.insertOne({ _id: 99 as never, name: 'one' }))).code).toBe(11000);
    });
  });
}
