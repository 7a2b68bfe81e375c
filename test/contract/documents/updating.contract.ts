import { describe, expect, it } from '@jest/globals';
import { type Free, type Target, askedOf, bench, refusal } from './target.js';

interface Case {
  what: string;
  before: Free;
  filter?: Free;
  update: Free;
  arrayFilters?: Free[];
  after: Free;
}
const CASES: Case[] = [
  { what: '$set makes documents on the way', before: { a: { b: 1 } }, update: { $set: { 'a.c.d': 2, e: 3 } }, after: { a: { b: 1, c: { d: 2 } }, e: 3 } },
  { what: '$set reaches into an array and pads it', before: { a: [1] }, update: { $set: { 'a.0': 5, 'a.3': 7 } }, after: { a: [5, null, null, 7] } },
  { what: '$unset removes, and leaves null in an array', before: { a: 1, b: { c: 2, d: 3 }, l: [1, 2] }, update: { $unset: { a: '', 'b.c': '', 'l.0': '', nothing: '' } }, after: { b: { d: 3 }, l: [null, 2] } },
  { what: '$inc and $mul start from nothing', before: { a: 2, f: 1.5 }, update: { $inc: { a: -3, n: 4, f: 0.25 }, $mul: { m: 9 } }, after: { a: -1, f: 1.75, n: 4, m: 0 } },
  { what: '$inc goes beyond 32 bits', before: { a: 2147483647 }, update: { $inc: { a: 1 } }, after: { a: 2147483648 } },
  { what: '$mul multiplies', before: { a: 3, b: 2 }, update: { $mul: { a: 1.5, b: -4 } }, after: { a: 4.5, b: -8 } },
  { what: '$min and $max compare across types', before: { a: 5, b: 5, c: 'x' }, update: { $min: { a: 3, b: 9, c: 4 }, $max: { d: 1 } }, after: { a: 3, b: 5, c: 4, d: 1 } },
  { what: '$max keeps the later date', before: { at: new Date(5) }, update: { $max: { at: new Date(9) } }, after: { at: new Date(9) } },
  { what: '$rename moves a value and overwrites', before: { a: 1, b: 2, c: { d: 3 } }, update: { $rename: { a: 'b', 'c.d': 'e.f', nothing: 'g' } }, after: { b: 1, c: {}, e: { f: 3 } } },
  { what: '$push appends a value, or a list as one value', before: { a: [1] }, update: { $push: { a: [2, 3], b: 1 } }, after: { a: [1, [2, 3]], b: [1] } },
  { what: '$push with $each, $position', before: { a: [1, 2] }, update: { $push: { a: { $each: [8, 9], $position: 1 } } }, after: { a: [1, 8, 9, 2] } },
  { what: '$push with a position from the end', before: { a: [1, 2, 3] }, update: { $push: { a: { $each: [9], $position: -1 } } }, after: { a: [1, 2, 9, 3] } },
  { what: '$push with $slice from the end', before: { a: [1, 2, 3] }, update: { $push: { a: { $each: [4, 5], $slice: -3 } } }, after: { a: [3, 4, 5] } },
  { what: '$push with $slice 0', before: { a: [1] }, update: { $push: { a: { $each: [2], $slice: 0 } } }, after: { a: [] } },
  { what: '$push with $sort of values', before: { a: [3, 1] }, update: { $push: { a: { $each: [2], $sort: -1 } } }, after: { a: [3, 2, 1] } },
  { what: '$push with $sort of documents and $slice', before: { a: [{ n: 2, k: 1 }] }, update: { $push: { a: { $each: [{ n: 1, k: 2 }, { n: 3, k: 3 }], $sort: { n: -1 }, $slice: 2 } } }, after: { a: [{ n: 3, k: 3 }, { n: 2, k: 1 }] } },
  { what: '$addToSet adds what is not there', before: { a: [1, { x: 1 }] }, update: { $addToSet: { a: { $each: [1, 2, 2, { x: 1 }, { x: 2 }] }, b: 5 } }, after: { a: [1, { x: 1 }, 2, { x: 2 }], b: [5] } },
  { what: '$pull by value', before: { a: [1, 2, 1, 3] }, update: { $pull: { a: 1, nothing: 1 } }, after: { a: [2, 3] } },
  { what: '$pull by condition', before: { a: [1, 5, 9] }, update: { $pull: { a: { $gte: 5 } } }, after: { a: [1] } },
  { what: '$pull by fields', before: { a: [{ k: 1, n: 1 }, { k: 2, n: 1 }, { k: 1, n: 2 }] }, update: { $pull: { a: { k: 1, n: { $lt: 2 } } } }, after: { a: [{ k: 2, n: 1 }, { k: 1, n: 2 }] } },
  { what: '$pull by $in', before: { a: ['x', 'y', 'z'] }, update: { $pull: { a: { $in: ['x', 'z'] } } }, after: { a: ['y'] } },
  { what: '$pullAll', before: { a: [1, 2, 3, 2] }, update: { $pullAll: { a: [2, 3] } }, after: { a: [1] } },
  { what: '$pop from both ends', before: { a: [1, 2, 3], b: [1, 2] }, update: { $pop: { a: 1, b: -1, nothing: 1 } }, after: { a: [1, 2], b: [2] } },
  { what: '$ takes the element that matched', before: { a: [{ k: 1, n: 1 }, { k: 2, n: 1 }] }, filter: { 'a.k': 2 }, update: { $set: { 'a.$.n': 9 }, $inc: { 'a.$.m': 1 } }, after: { a: [{ k: 1, n: 1 }, { k: 2, n: 9, m: 1 }] } },
  { what: '$ keeps its element when the change would make it match no more', before: { a: [{ k: 1 }, { k: 2 }] }, filter: { 'a.k': 2 }, update: { $set: { 'a.$.k': 3, 'a.$.z': 1 } }, after: { a: [{ k: 1 }, { k: 3, z: 1 }] } },
  { what: '$ after $elemMatch', before: { a: [{ k: 1, s: 'x' }, { k: 1, s: 'y' }] }, filter: { a: { $elemMatch: { k: 1, s: 'y' } } }, update: { $set: { 'a.$.s': 'z' } }, after: { a: [{ k: 1, s: 'x' }, { k: 1, s: 'z' }] } },
  { what: '$ of plain values', before: { a: [5, 7, 9] }, filter: { a: { $gt: 6 } }, update: { $set: { 'a.$': 0 } }, after: { a: [5, 0, 9] } },
  { what: '$[] takes every element', before: { a: [{ n: 1 }, { n: 2 }] }, update: { $inc: { 'a.$[].n': 10 } }, after: { a: [{ n: 11 }, { n: 12 }] } },
  { what: '$[id] takes those that its filter passes', before: { a: [{ n: 1, s: 'new' }, { n: 5, s: 'new' }, { n: 9, s: 'old' }] }, update: { $set: { 'a.$[big].s': 'big' } }, arrayFilters: [{ 'big.n': { $gte: 5 } }], after: { a: [{ n: 1, s: 'new' }, { n: 5, s: 'big' }, { n: 9, s: 'big' }] } },
  { what: '$[id] on plain values', before: { a: [1, 5, 9] }, update: { $set: { 'a.$[x]': 0 } }, arrayFilters: [{ x: { $gt: 3 } }], after: { a: [1, 0, 0] } },
  { what: '$[id] in two levels', before: { a: [{ k: 1, b: [{ v: 1 }, { v: 2 }] }, { k: 2, b: [{ v: 2 }] }] }, update: { $set: { 'a.$[o].b.$[i].v': 0 } }, arrayFilters: [{ 'o.k': 1 }, { 'i.v': 2 }], after: { a: [{ k: 1, b: [{ v: 1 }, { v: 0 }] }, { k: 2, b: [{ v: 2 }] }] } },
];

const REFUSED: Array<{ what: string; before?: Free; filter?: Free; update: Free; arrayFilters?: Free[]; code: number }> = [
  { what: 'two changes of one field', update: { $set: { a: 1 }, $inc: { a: 1 } }, code: 40 },
  { what: 'a change of a field and of what is in it', update: { $set: { a: 1, 'a.b': 2 } }, code: 40 },
  { what: 'a change of _id', update: { $set: { _id: 'other' } }, code: 66 },
  { what: '$inc of a text', before: { a: 'x' }, update: { $inc: { a: 1 } }, code: 14 },
  { what: '$inc by a text', update: { $inc: { a: 'x' } }, code: 14 },
  { what: '$inc of null', before: { a: null }, update: { $inc: { a: 1 } }, code: 14 },
  { what: 'a field in a value that has none', before: { a: 5 }, update: { $set: { 'a.b': 1 } }, code: 28 },
  { what: 'a named field of an array', before: { a: [1] }, update: { $set: { 'a.b': 1 } }, code: 28 },
  { what: '$push to a value', before: { a: 5 }, update: { $push: { a: 1 } }, code: 2 },
  { what: '$addToSet to a value', before: { a: 5 }, update: { $addToSet: { a: 1 } }, code: 2 },
  { what: '$pull from a value', before: { a: 5 }, update: { $pull: { a: 1 } }, code: 2 },
  { what: '$pop of a value', before: { a: 5 }, update: { $pop: { a: 1 } }, code: 14 },
  { what: '$ without an array in the filter', before: { a: [1] }, update: { $set: { 'a.$': 1 } }, code: 2 },
  { what: '$[id] without its filter', before: { a: [1] }, update: { $set: { 'a.$[x]': 1 } }, code: 2 },
  { what: 'an array filter that nobody uses', before: { a: [1] }, update: { $set: { a: [] } }, arrayFilters: [{ x: 1 }], code: 9 },
  { what: '$[] where there is no array', before: { a: 1 }, update: { $set: { 'a.$[]': 1 } }, code: 2 },
];

export function updatingContract(target: Target): void {
  describe('update operators', () => {
    const on = bench(target);

    it.each(CASES)('$what', async ({ before, filter, update, arrayFilters, after }) => {
      const M = await on.filled([{ _id: 1, ...before }]);
      const result = await M.collection.updateOne({ _id: 1 as never, ...filter }, update, arrayFilters ? { arrayFilters } : {});
      expect(result.matchedCount).toBe(1);
      expect(await M.collection.findOne({ _id: 1 as never })).toEqual({ _id: 1, ...after });
    });

    it.each(askedOf(target, REFUSED, ({ what }) => what))('refuses $what with code $code, and changes nothing', async ({ before, filter, update, arrayFilters, code }) => {
      const document = { _id: 1, ...before };
      const M = await on.filled([document]);
      expect((await refusal(M.collection.updateOne({ _id: 1 as never, ...filter }, update, arrayFilters ? { arrayFilters } : {}))).code).toBe(code);
      expect(await M.collection.findOne({ _id: 1 as never })).toEqual(document);
    });

    it('$currentDate sets the time of the server', async () => {
      const M = await on.filled([{ _id: 1 }]);
      await M.collection.updateOne({ _id: 1 as never }, { $currentDate: { at: true, 'in.it': { $type: 'date' } } } as never);
      const found = await M.collection.findOne({ _id: 1 as never });
      expect(found?.['at']).toBeInstanceOf(Date);
      expect(Math.abs((found?.['at'] as Date).getTime() - Date.now())).toBeLessThan(60_000);
    });

    it('changes many, and those that fail leave the ones before changed', async () => {
      const M = await on.filled([{ _id: 1, n: 1 }, { _id: 2, n: 2 }, { _id: 3, n: 'x' }]);
      expect((await refusal(M.collection.updateMany({}, { $inc: { n: 1 } }))).code).toBe(14);
      expect((await M.collection.findOne({ _id: 3 as never }))?.['n']).toBe('x');
    });
  });
}
