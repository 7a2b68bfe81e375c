import { describe, expect, it } from '@jest/globals';
import { type Target, bench, ids, isAsked, refusal } from './target.js';

export function indexingContract(target: Target): void {
  describe('indexes', () => {
    const on = bench(target);

    it('refuses a second document with a unique value, and names index, key and value', async () => {
      const M = await on.filled([{ _id: 1, name: 'x', other: 1 }], (schema) => schema.index({ name: 1 }, { unique: true }));
      const refused = await refusal(M.collection.insertOne({ _id: 2 as never, name: 'x' }));
      expect(refused).toMatchObject({ code: 11000, keyPattern: { name: 1 }, keyValue: { name: 'x' } });
      expect(refused.message).toContain('name_1');
      await M.collection.insertOne({ _id: 3 as never, name: 'y' });
      expect(await refusal(M.collection.updateOne({ _id: 3 as never }, { $set: { name: 'x' } }))).toMatchObject({ code: 11000, keyPattern: { name: 1 }, keyValue: { name: 'x' } });
      expect(await refusal(M.findOneAndUpdate({ _id: 3 }, { $set: { name: 'x' } }))).toMatchObject({ code: 11000, keyPattern: { name: 1 } });
      await M.collection.deleteOne({ _id: 1 as never });
      await M.collection.updateOne({ _id: 3 as never }, { $set: { name: 'x' } });
      expect(await M.countDocuments({ name: 'x' })).toBe(1);
    });

    it('counts a missing value as null in a unique index, and leaves it out of a sparse one', async () => {
      const unique = await on.filled([{ _id: 1 }], (schema) => schema.index({ name: 1 }, { unique: true }));
      expect((await refusal(unique.collection.insertOne({ _id: 2 as never, name: null }))).code).toBe(11000);
      const sparse = await on.filled([{ _id: 1 }, { _id: 2 }, { _id: 3, name: 'a' }], (schema) => schema.index({ name: 1 }, { unique: true, sparse: true }));
      expect((await refusal(sparse.collection.insertOne({ _id: 4 as never, name: 'a' }))).code).toBe(11000);
      // A sparse index does not answer what it has no entries for.
      expect(ids(await sparse.find().sort({ name: 1, _id: 1 }).lean())).toEqual([1, 2, 3]);
      expect(ids(await sparse.find({ name: null }).sort({ _id: 1 }).lean())).toEqual([1, 2]);
    });

    it('holds a partial unique index to its documents, whichever way they come in', async () => {
      const M = await on.filled([{ _id: 1, key: 'k', open: true }, { _id: 2, key: 'k', open: false }], (schema) => schema.index({ key: 1 }, { unique: true, partialFilterExpression: { open: true } }));
      expect((await refusal(M.collection.insertOne({ _id: 3 as never, key: 'k', open: true }))).code).toBe(11000);
      expect((await refusal(M.collection.updateOne({ _id: 2 as never }, { $set: { open: true } }))).code).toBe(11000);
      await M.collection.updateOne({ _id: 1 as never }, { $set: { open: false } });
      await M.collection.updateOne({ _id: 2 as never }, { $set: { open: true } });
      expect(ids(await M.find({ key: 'k', open: true }).lean())).toEqual([2]);
      expect(ids(await M.find({ key: 'k' }).sort({ _id: 1 }).lean())).toEqual([1, 2]);
    });

    it('holds a partial index of existing fields', async () => {
      const M = await on.filled([{ _id: 1 }, { _id: 2 }, { _id: 3, ref: 'r' }], (schema) => schema.index({ ref: 1 }, { unique: true, partialFilterExpression: { ref: { $exists: true } } }));
      expect((await refusal(M.collection.insertOne({ _id: 4 as never, ref: 'r' }))).code).toBe(11000);
      expect(ids(await M.find({ ref: 'r' }).lean())).toEqual([3]);
    });

    it('holds each element of an array, unique over documents but not within one', async () => {
      const M = await on.filled([{ _id: 1, tags: ['a', 'a', 'b'] }, { _id: 2, tags: ['c'] }], (schema) => schema.index({ tags: 1 }, { unique: true }));
      expect((await refusal(M.collection.insertOne({ _id: 3 as never, tags: ['x', 'b'] }))).code).toBe(11000);
      await M.collection.updateOne({ _id: 1 as never }, { $pull: { tags: 'b' } } as never);
      await M.collection.insertOne({ _id: 3 as never, tags: ['x', 'b'] });
      expect(ids(await M.find({ tags: 'b' }).lean())).toEqual([3]);
    });

    it('holds fields of documents in an array', async () => {
      const M = await on.filled([{ _id: 1, t: [{ k: 1, v: 'a' }, { k: 2, v: 'b' }], n: 5 }, { _id: 2, t: [{ k: 1, v: 'b' }], n: 3 }], (schema) => {
        schema.index({ 't.k': 1, 't.v': 1 });
        schema.index({ n: 1, 't.v': -1 });
      });
      expect(ids(await M.find({ 't.k': 1, 't.v': 'b' }).sort({ _id: 1 }).lean())).toEqual([1, 2]);
      expect(ids(await M.find({ t: { $elemMatch: { k: 1, v: 'b' } } }).lean())).toEqual([2]);
      expect(ids(await M.find({ n: { $gt: 2 }, 't.v': 'b' }).sort({ n: 1 }).lean())).toEqual([2, 1]);
    });

    if (isAsked(target, 'arrays side by side')) {
      it('refuses arrays side by side in one index', async () => {
        const M = await on.model((schema) => schema.index({ a: 1, b: 1 }));
        expect((await refusal(M.collection.insertOne({ _id: 1 as never, a: [1], b: [2] }))).code).toBe(171);
        expect(await M.countDocuments({})).toBe(0);
      });
    }

    it('tells long values apart', async () => {
      const long = 'x'.repeat(900);
      const M = await on.filled([{ _id: 1, v: `${long}a` }, { _id: 2, v: `${long}b` }, { _id: `${long}a` }, { _id: `${long}b` }], (schema) => schema.index({ v: 1 }, { unique: true, partialFilterExpression: { v: { $exists: true } } }));
      expect(ids(await M.find({ v: `${long}b` }).lean())).toEqual([2]);
      expect(ids(await M.find({ v: { $gt: `${long}a` } }).lean())).toEqual([2]);
      expect(ids(await M.find({ v: { $gte: `${long}a` } }).sort({ _id: 1 }).lean())).toEqual([1, 2]);
      expect(await M.findOne({ _id: `${long}b` }).lean()).toEqual({ _id: `${long}b` });
      expect((await refusal(M.collection.insertOne({ _id: 5 as never, v: `${long}a` }))).code).toBe(11000);
    });

    it('makes an index over what is there, refuses one that duplicates forbid, lists and drops', async () => {
      const M = await on.filled([{ _id: 1, a: 1, b: 1 }, { _id: 2, a: 1, b: 2 }]);
      expect((await refusal(M.collection.createIndex({ a: 1 }, { unique: true }))).code).toBe(11000);
      await M.collection.createIndex({ b: -1 }, { unique: true, name: 'by-b' });
      await M.collection.createIndex({ b: -1 }, { unique: true, name: 'by-b' });
      expect(ids(await M.find({ b: { $gte: 1 } }).sort({ b: -1 }).lean())).toEqual([2, 1]);
      expect(await M.collection.indexes()).toEqual([expect.objectContaining({ name: '_id_', key: { _id: 1 } }), expect.objectContaining({ name: 'by-b', key: { b: -1 }, unique: true })]);
      expect([85, 86]).toContain((await refusal(M.collection.createIndex({ b: -1 }, { name: 'by-b' }))).code);
      await M.collection.dropIndex('by-b');
      expect((await M.collection.indexes()).map(({ name }) => name)).toEqual(['_id_']);
      expect((await refusal(M.collection.dropIndex('by-b'))).code).toBe(27);
      await M.collection.insertOne({ _id: 3 as never, b: 2 });
    });

    it('takes a TTL index', async () => {
      const M = await on.filled([{ _id: 1, at: new Date(Date.now() + 3_600_000) }], (schema) => schema.index({ at: 1 }, { expireAfterSeconds: 60 }));
      expect((await M.collection.indexes())[1]).toMatchObject({ key: { at: 1 }, expireAfterSeconds: 60 });
      expect(ids(await M.find({ at: { $gt: new Date() } }).lean())).toEqual([1]);
    });

    it('lists, drops and makes collections', async () => {
      const M = await on.filled([{ _id: 1 }]);
      const database = on.store().connection.db;
      expect((await database?.listCollections({ name: M.collection.name }).toArray())?.map(({ name }) => name)).toEqual([M.collection.name]);
      await M.collection.drop();
      expect(await M.countDocuments({})).toBe(0);
      await database?.createCollection(M.collection.name);
      await M.collection.insertOne({ _id: 2 as never });
      await database?.createCollection(M.collection.name);
      expect(ids(await M.find().lean())).toEqual([2]);
    });
  });
}
