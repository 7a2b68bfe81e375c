import { describe, expect, it } from '@jest/globals';
import mongoose, { Schema, Types } from 'mongoose';
import { type Target, bench, ids, refusal } from './target.js';

export function writingContract(target: Target): void {
  describe('writing', () => {
    const on = bench(target);

    it('keeps every type that Tidegate stores, and the order of fields', async () => {
      const M = await on.model();
      const document = {
        _id: 'types', text: 'grüße 日本 😀 \u0000 end', whole: 7, big: 4_294_967_296 * 1024, fraction: 1.5, negative: -1, yes: true, no: false, nothing: null, at: new Date(1_700_000_000_123),
        id: new Types.ObjectId(), bytes: Buffer.from([0, 1, 254, 255]), list: [1, 'a', [true], { b: null }], inner: { z: 1, a: { deep: ['x'] } }, long: 9_007_199_254_740_993n, empty: {}, none: [],
      };
      await M.collection.insertOne(document as never);
      const found = await M.collection.findOne({ _id: 'types' as never }, { useBigInt64: true, promoteBuffers: true });
      expect(found).toEqual({ ...document, big: 4_294_967_296 * 1024 });
      expect(Object.keys(found as object)).toEqual(Object.keys(document));
    });

    it('gives a document without an _id one, first of its fields', async () => {
      const M = await on.model();
      const { upsertedId } = await M.collection.updateOne({ name: 'new' }, { $set: { x: 1 } }, { upsert: true });
      expect(upsertedId).toBeInstanceOf(Types.ObjectId);
      const [found] = await M.find().lean();
      expect(Object.keys(found as object)[0]).toBe('_id');
    });

    it('inserts in order up to the first refusal, or all that it can', async () => {
      const M = await on.filled([{ _id: 2 }]);
      const ordered = await refusal(M.collection.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }] as never));
      expect(ordered.code).toBe(11000);
      expect(ids(await M.find().sort({ _id: 1 }).lean())).toEqual([1, 2]);
      const unordered = await refusal(M.collection.insertMany([{ _id: 2 }, { _id: 4 }, { _id: 1 }, { _id: 5 }] as never, { ordered: false }));
      expect(unordered.code).toBe(11000);
      expect((unordered as unknown as { writeErrors: Array<{ index: number }> }).writeErrors.map((error) => error.index)).toEqual([0, 2]);
      expect(ids(await M.find().sort({ _id: 1 }).lean())).toEqual([1, 2, 4, 5]);
    });

    it('runs a bulk in order up to the first refusal, or all that it can', async () => {
      const operations = [
        { insertOne: { document: { _id: 10 } } }, { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } }, { insertOne: { document: { _id: 1 } } },
        { deleteOne: { filter: { _id: 2 } } }, { replaceOne: { filter: { _id: 3 }, replacement: { r: 1 }, upsert: true } }, { updateMany: { filter: { _id: { $gte: 1 } }, update: { $set: { all: true } } } }, { deleteMany: { filter: { r: 1 } } },
      ];
      const ordered = await on.filled([{ _id: 1, n: 0 }, { _id: 2 }]);
      expect((await refusal(ordered.collection.bulkWrite(operations as never))).code).toBe(11000);
      expect(await ordered.find().sort({ _id: 1 }).lean()).toEqual([{ _id: 1, n: 1 }, { _id: 2 }, { _id: 10 }]);
      const unordered = await on.filled([{ _id: 1, n: 0 }, { _id: 2 }]);
      expect((await refusal(unordered.collection.bulkWrite(operations as never, { ordered: false }))).code).toBe(11000);
      expect(await unordered.countDocuments({ all: true })).toBeGreaterThan(0);
      expect(await unordered.countDocuments({ _id: 2 })).toBe(0);
      const clean = await on.filled([{ _id: 1, n: 0 }, { _id: 2 }]);
      const result = await clean.collection.bulkWrite(operations.filter((_operation, index) => index !== 2) as never);
      expect({ inserted: result.insertedCount, matched: result.matchedCount, modified: result.modifiedCount, deleted: result.deletedCount, upserted: result.upsertedCount, upsertedIds: result.upsertedIds }).toEqual({ inserted: 1, matched: 4, modified: 4, deleted: 2, upserted: 1, upsertedIds: { 3: 3 } });
    });

    it('says what it matched, what it changed and what it made', async () => {
      const M = await on.filled([{ _id: 1, a: 1 }, { _id: 2, a: 1 }]);
      expect(await M.updateMany({ a: 1 }, { $set: { a: 1 } })).toMatchObject({ matchedCount: 2, modifiedCount: 0, upsertedCount: 0 });
      expect(await M.updateMany({ a: 1 }, { $set: { a: 2 } })).toMatchObject({ matchedCount: 2, modifiedCount: 2 });
      expect(await M.updateOne({ a: 3 }, { $set: { b: 1 } }, { upsert: true })).toMatchObject({ matchedCount: 0, modifiedCount: 0, upsertedCount: 1 });
      expect(await M.deleteOne({ a: 2 })).toMatchObject({ deletedCount: 1 });
      expect(await M.deleteMany({})).toMatchObject({ deletedCount: 2 });
      expect(await M.deleteMany({})).toMatchObject({ deletedCount: 0 });
    });

    it('replaces a document and keeps its _id', async () => {
      const M = await on.filled([{ _id: 1, a: 1, b: 2 }]);
      await M.collection.replaceOne({ _id: 1 as never }, { c: 3 });
      expect(await M.find().lean()).toEqual([{ _id: 1, c: 3 }]);
      await M.collection.replaceOne({ _id: 9 as never }, { d: 4 }, { upsert: true });
      expect(await M.findOne({ _id: 9 }).lean()).toEqual({ _id: 9, d: 4 });
      expect((await refusal(M.collection.replaceOne({ _id: 1 as never }, { _id: 2, c: 1 }))).code).toBe(66);
    });

    it('finds and changes in one step, and shows the document before or after', async () => {
      const M = await on.filled([{ _id: 1, n: 5, rank: 2 }, { _id: 2, n: 5, rank: 1 }]);
      expect(await M.findOneAndUpdate({ n: 5 }, { $inc: { n: 1 } }, { sort: { rank: 1 } }).lean()).toEqual({ _id: 2, n: 5, rank: 1 });
      expect(await M.collection.findOneAndUpdate({ n: 6 }, { $inc: { n: 1 } }, { returnDocument: 'after', projection: { n: 1, _id: 0 } })).toEqual({ n: 7 });
      expect(await M.findOneAndUpdate({ n: 100 }, { $inc: { n: 1 } }).lean()).toBeNull();
      expect(await M.findOneAndUpdate({ _id: 3 }, { $set: { made: true } }, { upsert: true, returnDocument: 'after' }).lean()).toEqual({ _id: 3, made: true });
      expect(await M.findOneAndReplace({ _id: 3 }, { other: 1 }, { returnDocument: 'after' }).lean()).toEqual({ _id: 3, other: 1 });
      expect(await M.findOneAndDelete({}, { sort: { _id: -1 } }).lean()).toEqual({ _id: 3, other: 1 });
      expect(await M.findOneAndDelete({ _id: 3 }).lean()).toBeNull();
    });

    it('starts an upsert from the equalities of its filter', async () => {
      const M = await on.model();
      await M.collection.updateOne({ _id: 'u' as never, a: 1, 'b.c': { $eq: 2 }, d: { $gt: 5 }, $and: [{ e: 'e' }], f: { $in: [1, 2] } }, { $setOnInsert: { g: 1 }, $inc: { n: 2 }, $push: { list: 'x' } as never }, { upsert: true });
      expect(await M.find().lean()).toEqual([{ _id: 'u', a: 1, b: { c: 2 }, e: 'e', g: 1, n: 2, list: ['x'] }]);
      await M.collection.updateOne({ _id: 'u' as never }, { $setOnInsert: { g: 2 }, $inc: { n: 1 } }, { upsert: true });
      expect(await M.findOne().lean()).toMatchObject({ g: 1, n: 3 });
    });

    it('takes documents up to 16 MB and refuses larger ones', async () => {
      const M = await on.model();
      const text = 'x'.repeat(15_900_000);
      await M.collection.insertOne({ _id: 'big' as never, text });
      expect((await M.collection.findOne({ _id: 'big' as never }))?.['text']).toBe(text);
      expect(await refusal(M.collection.updateOne({ _id: 'big' as never }, { $set: { more: 'y'.repeat(1_000_000) } }))).toMatchObject({ message: expect.stringMatching(/size|large|16777216|16793600/i) as unknown as string });
      expect(Object.keys((await M.collection.findOne({ _id: 'big' as never })) as object)).toEqual(['_id', 'text']);
    });

    it('keeps fields with awkward names', async () => {
      const M = await on.model();
      const inner = JSON.parse('{"a.b":1,"":2,"__proto__":{"x":1},"constructor":3,"10":4}') as object;
      await M.collection.insertOne({ _id: 'names' as never, inner });
      expect(JSON.stringify((await M.collection.findOne({ _id: 'names' as never }))?.['inner'])).toBe(JSON.stringify(inner));
      await M.collection.updateOne({ _id: 'names' as never }, { $set: { other: inner } });
      expect(JSON.stringify((await M.collection.findOne({ _id: 'names' as never }))?.['other'])).toBe(JSON.stringify(inner));
    });

    it('refuses a second writer of the same version', async () => {
      const schema = new Schema<{ name: string; tags: string[] }>({ name: String, tags: [String] }, { optimisticConcurrency: true });
      const M = on.store().model(`Versioned${new Types.ObjectId().toHexString()}`, schema);
      const first = await M.create({ name: 'a', tags: [] });
      const second = await M.findById(first._id).orFail();
      first.name = 'b';
      await first.save();
      second.name = 'c';
      await expect(second.save()).rejects.toBeInstanceOf(mongoose.Error.VersionError);
      expect((await M.findById(first._id).orFail()).name).toBe('b');
    });
  });
}
