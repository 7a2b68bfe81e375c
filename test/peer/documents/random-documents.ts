/** Documents, filters and updates made from a seed: the same seed gives the same ones. */
export type Free = Record<string, unknown>;

export class Chance {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 <= x < 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  below(count: number): number {
    return Math.floor(this.next() * count);
  }
  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  is(probability: number): boolean {
    return this.next() < probability;
  }
  list<T>(most: number, make: () => T, least = 0): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

const TEXTS = ['', 'a', 'ab', 'abc', 'b', 'B', 'z', 'é', '😀'];
const NUMBERS = [-2, -1, 0, 1, 2, 2.5, 3, 4, 100, 3_000_000_000];

function scalar(chance: Chance): unknown {
  switch (chance.below(8)) {
    case 0:
      return null;
    case 1:
      return chance.is(0.5);
    case 2:
      return new Date(chance.below(4) * 1000);
    case 3:
    case 4:
      return chance.one(TEXTS);
    default:
      return chance.one(NUMBERS);
  }
}
const part = (chance: Chance): Free => ({ ...(chance.is(0.8) ? { k: chance.below(3) } : {}), ...(chance.is(0.8) ? { v: scalar(chance) } : {}) });
const value = (chance: Chance): unknown => (chance.is(0.75) ? scalar(chance) : chance.is(0.5) ? part(chance) : chance.list(3, () => scalar(chance)));

/** a and b: anything; n: mostly numbers; s: texts; t: list of texts; d: document; l: list of documents. */
export function randomDocument(chance: Chance, _id: number): Free {
  const document: Free = { _id };
  if (chance.is(0.85)) document['a'] = value(chance);
  if (chance.is(0.85)) document['b'] = value(chance);
  if (chance.is(0.9)) document['n'] = chance.is(0.9) ? chance.one(NUMBERS) : null;
  if (chance.is(0.9)) document['s'] = chance.one(TEXTS);
  if (chance.is(0.8)) document['t'] = chance.list(3, () => chance.one(TEXTS));
  if (chance.is(0.8)) document['d'] = chance.is(0.9) ? part(chance) : scalar(chance);
  if (chance.is(0.8)) document['l'] = chance.list(3, () => part(chance));
  return document;
}

const PATHS = ['a', 'b', 'n', 's', 't', 'd', 'l', 'd.k', 'd.v', 'l.k', 'l.v', 'a.v', 't.0', 'l.1.k', 'x', '_id'];

function condition(chance: Chance, path: string): unknown {
  const any = () => (path === 't' || path === 's' ? chance.one(TEXTS) : path === '_id' ? chance.below(40) : chance.is(0.8) ? scalar(chance) : value(chance));
  switch (chance.below(16)) {
    case 0:
    case 1:
    case 2:
      return any();
    case 3:
      return { $ne: any() };
    case 4:
    case 5:
      return { [chance.one(['$gt', '$gte', '$lt', '$lte'])]: any() };
    case 6:
      return { [chance.one(['$gt', '$gte'])]: chance.one(NUMBERS), [chance.one(['$lt', '$lte'])]: chance.one(NUMBERS) };
    case 7:
      return { $in: chance.list(3, any) };
    case 8:
      return { $nin: chance.list(3, any) };
    case 9:
      return { $exists: chance.is(0.5) };
    case 10:
      return { $type: chance.one(['string', 'number', 'array', 'object', 'bool', 'null', 'date']) };
    case 11:
      return { $regex: chance.one(['^a', 'b$', '^ab', '.', '^$', 'a|z']), ...(chance.is(0.3) ? { $options: 'i' } : {}) };
    case 12:
      return { $mod: [chance.one([2, 3]), chance.below(3)] };
    case 13:
      return chance.is(0.5) ? { $size: chance.below(4) } : { $all: chance.list(2, any, 1).map((item) => item ?? 0) };
    case 14:
      return path === 'l' ? { $elemMatch: { k: chance.below(3), ...(chance.is(0.6) ? { v: condition(chance, 'v') } : {}) } } : { $elemMatch: { [chance.one(['$gte', '$lt', '$ne'])]: any() } };
    default:
      return { $not: { [chance.one(['$gt', '$lte', '$eq'])]: any() } };
  }
}

export function randomFilter(chance: Chance, depth = 2): Free {
  const filter: Free = {};
  for (const path of chance.list(2, () => chance.one(PATHS), depth === 2 ? 0 : 1)) filter[path] = condition(chance, path);
  if (depth > 0 && chance.is(0.25)) filter[chance.one(['$and', '$or', '$nor'])] = chance.list(3, () => randomFilter(chance, depth - 1), 1);
  return filter;
}

/** Ends in _id, so that the order is one only. */
export function randomSort(chance: Chance): Array<[string, 1 | -1]> {
  const paths = [...new Set(chance.list(2, () => chance.one(['a', 'b', 'n', 's', 't', 'd.k', 'l.v'])))];
  return [...paths.map((path): [string, 1 | -1] => [path, chance.one([1, -1])]), ['_id', chance.one([1, -1])]];
}

export function randomProjection(chance: Chance): Free {
  const shown = chance.is(0.5) ? 1 : 0;
  const fields = Object.fromEntries([...new Set(chance.list(3, () => chance.one(['a', 'n', 't', 'd.k', 'l.v', 's'])))].map((path) => [path, shown]));
  return { ...fields, ...(chance.is(0.2) ? { _id: 0 } : {}) };
}

/** One or two operators, each on fields of its own most of the time. */
export function randomUpdate(chance: Chance): { update: Free; arrayFilters?: Free[] } {
  if (chance.is(0.1)) {
    return chance.is(0.5)
      ? { update: { $set: { [chance.one(['l.$[e].v', 'l.$[e].w'])]: scalar(chance) } }, arrayFilters: [{ 'e.k': chance.below(3) }] }
      : { update: { $inc: { 'l.$[e].k': 1 } }, arrayFilters: [{ 'e.k': { $gte: chance.below(3) } }] };
  }
  const update: Free = {};
  for (const [operator, operand] of chance.list(2, () => change(chance), 1)) update[operator] = { ...(update[operator] as Free | undefined), ...operand };
  return { update };
}

function change(chance: Chance): [string, Free] {
  const list = () => chance.one(['t', 'l', 'a', 'new', 'd.list']);
  const item = () => (chance.is(0.6) ? chance.one(TEXTS) : part(chance));
  switch (chance.below(14)) {
    case 0:
    case 1:
      return ['$set', { [chance.one(['a', 'd.k', 'd.v', 't.1', 'l.0.v', 'x.y'])]: value(chance), ...(chance.is(0.3) ? { [chance.one(['n', 's'])]: scalar(chance) } : {}) }];
    case 2:
      return ['$unset', { [chance.one(['a', 'd.k', 't.0', 'l.0', 'n'])]: '' }];
    case 3:
      return ['$inc', { [chance.one(['n', 'd.k', 'a', 'new'])]: chance.one([1, -3, 0.5]) }];
    case 4:
      return ['$mul', { [chance.one(['n', 'd.k', 'new'])]: chance.one([2, 0, 0.5]) }];
    case 5:
      return [chance.one(['$min', '$max']), { [chance.one(['a', 'n', 's', 'new'])]: scalar(chance) }];
    case 6:
      return ['$rename', { [chance.one(['a', 's', 'd.k'])]: chance.one(['renamed', 'd.moved']) }];
    case 7:
      return ['$push', { [list()]: item() }];
    case 8:
      return ['$push', { [list()]: { $each: chance.list(3, item), ...(chance.is(0.5) ? { $position: chance.one([0, 1, -1, 9]) } : {}), ...(chance.is(0.4) ? { $sort: chance.one([1, -1]) } : {}), ...(chance.is(0.5) ? { $slice: chance.one([0, 1, 2, -2]) } : {}) } }];
    case 9:
      return ['$addToSet', { [list()]: chance.is(0.5) ? item() : { $each: chance.list(3, item) } }];
    case 10:
      return ['$pull', { [list()]: chance.is(0.4) ? chance.one(TEXTS) : chance.is(0.5) ? { $in: chance.list(2, () => chance.one(TEXTS)) } : { k: chance.below(3) } }];
    case 11:
      return ['$pullAll', { [list()]: chance.list(2, item) }];
    case 12:
      return ['$pop', { [list()]: chance.one([1, -1]) }];
    default:
      return ['$setOnInsert', { made: true }];
  }
}

export function randomPipeline(chance: Chance): Free[] {
  const by = chance.one(['$s', '$n', '$d.k', { k: '$d.k', s: '$s' }, null]);
  const group = { $group: { _id: by, count: { $sum: 1 }, sum: { $sum: '$n' }, avg: { $avg: '$n' }, min: { $min: '$n' }, max: { $max: '$s' }, ids: { $push: '$_id' }, first: { $first: '$_id' } } };
  const front: Free[] = [{ $match: randomFilter(chance, 1) }, { $sort: { _id: 1 } }];
  return [...front, ...chance.one<Free[]>([[group, { $sort: { _id: 1 } }], [{ $unwind: chance.one(['$t', '$l']) }, { $group: { _id: '$t', n: { $sum: 1 } } }, { $sort: { n: -1, _id: 1 } }], [{ $project: { x: '$d.k', y: { $ifNull: ['$n', 'none'] }, big: { $cond: [{ $gt: ['$n', 1] }, 1, 0] } } }], [{ $addFields: { 'extra.of': '$_id' } }, { $unset: ['l', 't'] }]])];
}
