import { describe, expect, it } from '@jest/globals';
import type { PipelineStage } from 'mongoose';
import { type Free, type Target, askedOf, bench } from './target.js';

const AT = (text: string) => new Date(text);
const SALES: Free[] = [
  { _id: 1, who: 'a', n: 5, at: AT('2024-03-30T22:30:00Z'), tags: ['x', 'y'], in: { city: 'P' } },
  { _id: 2, who: 'b', n: 7, at: AT('2024-03-31T00:30:00Z'), tags: [], in: { city: 'Q' } },
  { _id: 3, who: 'a', n: 2.5, at: AT('2024-03-31T22:30:00Z'), tags: ['x'] },
  { _id: 4, who: 'c', n: null, at: AT('2024-10-27T00:30:00Z') },
  { _id: 5, who: 'a', at: AT('2025-01-01T12:34:56.789Z'), tags: 'z', in: { city: 'P' } },
];

const CASES: Array<[what: string, pipeline: Free[], result: Free[]]> = [
  ['$match, $sort, $skip, $limit', [{ $match: { who: 'a' } }, { $sort: { _id: -1 } }, { $skip: 1 }, { $limit: 1 }, { $project: { _id: 1 } }], [{ _id: 3 }]],
  ['$limit before $sort', [{ $sort: { _id: 1 } }, { $limit: 3 }, { $sort: { n: -1 } }, { $project: { _id: 1 } }], [{ _id: 2 }, { _id: 1 }, { _id: 3 }]],
  ['$group with $sum, $avg, $min, $max', [{ $group: { _id: '$who', sum: { $sum: '$n' }, avg: { $avg: '$n' }, min: { $min: '$n' }, max: { $max: '$n' }, count: { $sum: 1 } } }, { $sort: { _id: 1 } }],
    [{ _id: 'a', sum: 7.5, avg: 3.75, min: 2.5, max: 5, count: 3 }, { _id: 'b', sum: 7, avg: 7, min: 7, max: 7, count: 1 }, { _id: 'c', sum: 0, avg: null, min: null, max: null, count: 1 }]],
  ['$group with $first, $last, $push', [{ $sort: { _id: 1 } }, { $group: { _id: null, first: { $first: '$who' }, last: { $last: '$who' }, all: { $push: '$n' }, some: { $push: { id: '$_id', city: '$in.city' } } } }],
    [{ _id: null, first: 'a', last: 'a', all: [5, 7, 2.5, null], some: [{ id: 1, city: 'P' }, { id: 2, city: 'Q' }, { id: 3 }, { id: 4 }, { id: 5, city: 'P' }] }]],
  ['$group by a document', [{ $group: { _id: { who: '$who', city: '$in.city' }, n: { $sum: 1 } } }, { $sort: { n: -1, '_id.who': 1 } }, { $limit: 1 }], [{ _id: { who: 'a', city: 'P' }, n: 2 }]],
  ['$count', [{ $match: { n: { $gt: 3 } } }, { $count: 'many' }], [{ many: 2 }]],
  ['$count of nothing', [{ $match: { n: 1000 } }, { $count: 'many' }], []],
  ['$unwind', [{ $unwind: '$tags' }, { $sort: { _id: 1, tags: 1 } }, { $project: { tags: 1 } }], [{ _id: 1, tags: 'x' }, { _id: 1, tags: 'y' }, { _id: 3, tags: 'x' }, { _id: 5, tags: 'z' }]],
  ['$unwind that keeps the empty ones', [{ $match: { _id: { $lte: 2 } } }, { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true, includeArrayIndex: 'at' } }, { $sort: { _id: 1, at: 1 } }, { $project: { tags: 1, at: 1 } }],
    [{ _id: 1, tags: 'x', at: 0 }, { _id: 1, tags: 'y', at: 1 }, { _id: 2, at: null }]],
  ['$sortByCount', [{ $sortByCount: '$who' }, { $limit: 1 }], [{ _id: 'a', count: 3 }]],
  ['$project of fields and values', [{ $match: { _id: 1 } }, { $project: { n: 1, city: '$in.city', both: { $concat: ['$who', '-', '$in.city'] }, list: ['$n', '$nothing'], _id: 0 } }], [{ n: 5, city: 'P', both: 'a-P', list: [5, null] }]],
  ['$project that excludes', [{ $match: { _id: 1 } }, { $project: { at: 0, 'in.city': 0, tags: 0 } }], [{ _id: 1, who: 'a', n: 5, in: {} }]],
  ['$addFields and $set', [{ $match: { _id: 1 } }, { $addFields: { 'in.zip': 7, x: '$n' } }, { $set: { n: { $literal: '$n' } } }, { $project: { at: 0, tags: 0 } }], [{ _id: 1, who: 'a', n: '$n', in: { city: 'P', zip: 7 }, x: 5 }]],
  ['$unset', [{ $match: { _id: 1 } }, { $unset: ['at', 'in.city', 'tags'] }], [{ _id: 1, who: 'a', n: 5, in: {} }]],
  ['$cond, $ifNull and comparisons', [{ $sort: { _id: 1 } }, { $project: { size: { $cond: [{ $gte: ['$n', 5] }, 'big', { $cond: { if: { $and: [{ $ne: ['$who', 'c'] }, { $not: ['$n'] }] }, then: 'none', else: 'small' } }] }, n: { $ifNull: ['$n', 0] } } }],
    [{ _id: 1, size: 'big', n: 5 }, { _id: 2, size: 'big', n: 7 }, { _id: 3, size: 'small', n: 2.5 }, { _id: 4, size: 'small', n: 0 }, { _id: 5, size: 'none', n: 0 }]],
  ['$facet', [{ $facet: { high: [{ $match: { n: { $gt: 4 } } }, { $sort: { _id: 1 } }, { $project: { _id: 1 } }], who: [{ $sortByCount: '$who' }, { $limit: 1 }], none: [{ $match: { n: -1 } }] } }], [{ high: [{ _id: 1 }, { _id: 2 }], who: [{ _id: 'a', count: 3 }], none: [] }]],
  ['$dateTrunc by day', [{ $group: { _id: { $dateTrunc: { date: '$at', unit: 'day' } }, n: { $sum: 1 } } }, { $sort: { _id: 1 } }, { $limit: 2 }], [{ _id: AT('2024-03-30T00:00:00Z'), n: 1 }, { _id: AT('2024-03-31T00:00:00Z'), n: 2 }]],
  ['$dateTrunc by day where clocks change', [{ $group: { _id: { $dateTrunc: { date: '$at', unit: 'day', timezone: 'Europe/Berlin' } }, n: { $sum: 1 } } }, { $sort: { _id: 1 } }],
    [{ _id: AT('2024-03-29T23:00:00Z'), n: 1 }, { _id: AT('2024-03-30T23:00:00Z'), n: 1 }, { _id: AT('2024-03-31T22:00:00Z'), n: 1 }, { _id: AT('2024-10-26T22:00:00Z'), n: 1 }, { _id: AT('2024-12-31T23:00:00Z'), n: 1 }]],
  ['$dateTrunc by bins of minutes, week, month, quarter, year', [{ $match: { _id: 5 } }, { $project: { m: { $dateTrunc: { date: '$at', unit: 'minute', binSize: 15 } }, w: { $dateTrunc: { date: '$at', unit: 'week', startOfWeek: 'monday' } }, s: { $dateTrunc: { date: '$at', unit: 'week' } }, mo: { $dateTrunc: { date: '$at', unit: 'month' } }, q: { $dateTrunc: { date: '$at', unit: 'quarter' } }, y: { $dateTrunc: { date: '$at', unit: 'year' } }, no: { $dateTrunc: { date: '$nothing', unit: 'day' } } } }],
    [{ _id: 5, m: AT('2025-01-01T12:30:00Z'), w: AT('2024-12-30T00:00:00Z'), s: AT('2024-12-29T00:00:00Z'), mo: AT('2025-01-01T00:00:00Z'), q: AT('2025-01-01T00:00:00Z'), y: AT('2025-01-01T00:00:00Z'), no: null }]],
  ['$dateToString', [{ $match: { _id: 5 } }, { $project: { plain: { $dateToString: { date: '$at' } }, day: { $dateToString: { date: '$at', format: '%Y-%m-%d %H:%M:%S.%L %j', timezone: '+05:30' } }, iso: { $dateToString: { date: '$at', format: '%G-W%V-%u%%' } }, none: { $dateToString: { date: '$nothing' } } } }],
    [{ _id: 5, plain: '2025-01-01T12:34:56.789Z', day: '2025-01-01 18:04:56.789 001', iso: '2025-W01-3%', none: null }]],
  ['$dateToString of nothing', [{ $match: { _id: 5 } }, { $project: { none: { $dateToString: { date: '$nothing', onNull: '-' } } } }], [{ _id: 5, none: '-' }]],
];

export function aggregatingContract(target: Target): void {
  describe('aggregation', () => {
    const on = bench(target);

    it.each(askedOf(target, CASES, ([what]) => what))('%s', async (_what, pipeline, result) => {
      const M = await on.filled(SALES);
      expect(await M.aggregate(pipeline as unknown as PipelineStage[])).toEqual(result);
    });

    it('$lookup joins by equality, arrays and nothing included', async () => {
      const other = await on.filled([{ _id: 'x', label: 'X' }, { _id: 'y', label: 'Y' }, { _id: 'none', tag: null }], (schema) => schema.index({ label: 1 }));
      const M = await on.filled(SALES);
      const joined = await M.aggregate<{ _id: number; found: Free[] }>([{ $lookup: { from: other.collection.name, localField: 'tags', foreignField: '_id', as: 'found' } }, { $sort: { _id: 1 } }, { $project: { found: 1 } }]);
      expect(joined.map(({ found }) => found.map(({ _id }) => _id).sort())).toEqual([['x', 'y'], [], ['x'], [], []]);
    });

    it('uses an index for the match and the sort at its front', async () => {
      const M = await on.filled(Array.from({ length: 300 }, (_, _id) => ({ _id, a: _id % 3, b: 300 - _id })), (schema) => schema.index({ a: 1, b: 1 }));
      expect(await M.aggregate([{ $match: { a: 1 } }, { $sort: { b: 1 } }, { $limit: 2 }, { $project: { _id: 1 } }])).toEqual([{ _id: 298 }, { _id: 295 }]);
      expect(await M.aggregate([{ $match: { a: 1, b: { $lt: 100 } } }, { $group: { _id: null, n: { $sum: 1 } } }])).toEqual([{ _id: null, n: 33 }]);
    });

    it('reads a long result in batches', async () => {
      const M = await on.filled(Array.from({ length: 450 }, (_, _id) => ({ _id })));
      const seen: number[] = [];
      for await (const { _id } of M.aggregate<{ _id: number }>([{ $sort: { _id: 1 } }]).cursor({ batchSize: 100 })) seen.push(_id);
      expect(seen).toEqual(Array.from({ length: 450 }, (_, _id) => _id));
    });
  });
}
