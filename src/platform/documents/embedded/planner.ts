import type { Collection } from './catalogue.js';
import { badValue } from './errors.js';
import type { Index } from './indexes.js';
import { type Interval, boundsOf } from './index-bounds.js';
import { ID_LIMIT, inverted, successor, tableKey } from './keys.js';
import { type FieldTest, type Filter, type FilterTest, truthy } from './matcher.js';
import { Rank, equals, isDoc, numeric, rankOf } from './values.js';

export type Sort = ReadonlyArray<readonly [path: string, direction: 1 | -1]>;

/** One pass over a table. Without an index it is the table of documents, sorted by `_id`. */
export interface Pass {
  index?: Index;
  intervals: Interval[];
  reverse: boolean;
  /** A document may come more than once. */
  repeats: boolean;
  /** Every document in the intervals fits the filter, and each that fits is there: nothing else needs to be asked. */
  exact: boolean;
}
/** How a query is answered: the passes one after the other; every document found is still asked the whole filter. */
export interface Plan {
  passes: Pass[];
  /** The passes already give the wanted order. */
  sorted: boolean;
}

/** More runs than this and the next field of an index is left to the filter. */
const MOST_INTERVALS = 1000;

/** @throws 2 when the hint names no index, or one that does not hold every document wanted. */
export function planFor(collection: Collection, filter: Filter, sort: Sort, hint: unknown): Plan {
  const tests = filter.test.tests.flatMap(conjuncts);
  const fields = tests.filter((test): test is FieldTest => test.kind === 'field');
  const hinted = hint === undefined ? undefined : hintedIndex(collection, hint);
  const candidates: Candidate[] = [];
  const onlyFields = fields.length === tests.length;
  if (hinted === undefined || hinted === 'natural' || hinted === '_id_') candidates.push(candidateFor(collection, undefined, fields, onlyFields, sort));
  for (const index of collection.indexes) {
    if (hinted !== undefined && hinted !== index) continue;
    if (!holdsAll(index, fields)) {
      if (hinted) throw badValue(`the hinted index ${index.entry.name} leaves out documents that the query may want`);
      continue;
    }
    candidates.push(candidateFor(collection, index, fields, onlyFields, sort));
  }
  const best = candidates.reduce((left, right) => (right.score > left.score ? right : left));
  if (best.bounded === 0 && hint === undefined) {
    const union = unionFor(collection, tests, sort);
    if (union && !(best.plan.sorted && sort.length > 0)) return union;
  }
  return best.plan;
}

/** The tests that all must pass. */
function conjuncts(test: FilterTest): FilterTest[] {
  return test.kind === '$and' ? test.tests.flatMap(conjuncts) : [test];
}

/** A filter that is an `$or` of branches which each have an index: the branches one after the other. */
function unionFor(collection: Collection, tests: FilterTest[], sort: Sort): Plan | undefined {
  const or = tests.find((test) => test.kind === '$or');
  if (or?.kind !== '$or') return undefined;
  const others = tests.filter((test) => test !== or);
  const passes: Pass[] = [];
  for (const branch of or.tests) {
    const fields = [...others, ...conjuncts(branch)].filter((test): test is FieldTest => test.kind === 'field');
    const candidates = [undefined, ...collection.indexes.filter((index) => holdsAll(index, fields))].map((index) => candidateFor(collection, index, fields, false, []));
    const best = candidates.reduce((left, right) => (right.score > left.score ? right : left));
    if (best.bounded === 0) return undefined;
    passes.push(...best.plan.passes.map((pass) => ({ ...pass, repeats: true })));
  }
  return { passes, sorted: sort.length === 0 };
}

function hintedIndex(collection: Collection, hint: unknown): Index | 'natural' | '_id_' {
  if (hint === '_id_') return '_id_';
  if (isDoc(hint)) {
    const names = Object.keys(hint);
    if (names.length === 1 && names[0] === '$natural') return 'natural';
    if (names.length === 1 && names[0] === '_id') return '_id_';
  }
  const index = collection.indexes.find(({ entry }) =>
    typeof hint === 'string' ? entry.name === hint : isDoc(hint) && Object.keys(hint).join() === Object.keys(entry.key).join() && Object.entries(hint).every(([path, direction]) => Number(direction) === entry.key[path]),
  );
  if (!index) throw badValue('error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index');
  return index;
}

/** Whether every document that passes the tests stands in the index. */
function holdsAll(index: Index, fields: readonly FieldTest[]): boolean {
  if (index.entry.sparse) return index.fields.some((field) => fields.some((test) => test.path === field.path && impliesExistence(test)));
  if (!index.partial) return true;
  return index.partial.test.tests.every((wanted) => {
    if (wanted.kind !== 'field') return false;
    return fields.some((test) => test.path === wanted.path && (wanted.operator === '$exists' ? impliesExistence(test) : test.operator === '$eq' && equals(test.operand, wanted.operand)));
  });
}

function impliesExistence(test: FieldTest): boolean {
  switch (test.operator) {
    case '$eq':
    case '$gt':
    case '$lt':
    case '$gte':
    case '$lte':
      return rankOf(test.operand) !== Rank.null && rankOf(test.operand) !== Rank.minKey && rankOf(test.operand) !== Rank.maxKey;
    case '$in':
      return (test.operand as unknown[]).every((item) => rankOf(item) !== Rank.null);
    case '$exists':
      return truthy(test.operand);
    case '$regex':
    case '$size':
    case '$elemMatch':
    case '$mod':
      return true;
    default:
      return false;
  }
}

interface Candidate {
  plan: Plan;
  score: number;
  /** Fields of the index that the filter narrows. */
  bounded: number;
}

function candidateFor(collection: Collection, index: Index | undefined, fields: readonly FieldTest[], onlyFields: boolean, sort: Sort): Candidate {
  const keyFields = index?.fields ?? [{ path: '_id', segments: ['_id'], descending: false }];
  const limit = index?.limit ?? ID_LIMIT;
  const table = index?.entry.id ?? collection.table;
  let prefixes: Buffer[] = [tableKey(table)];
  let points = 0;
  let fixed = 0;
  let ranges: Interval[] | undefined;
  let exact = onlyFields;
  const used = new Set<FieldTest>();
  let score = 0;
  for (const [position, field] of keyFields.entries()) {
    const multikey = index?.entry.multikey[position] === true;
    // Two fields of one array's elements are together in a key, but a filter may be passed by two different elements.
    if (multikey && index?.entry.multikey.slice(0, position).includes(true)) break;
    const bounds = boundsOf(fields.filter((test) => test.path === field.path), multikey, limit);
    if (!bounds) break;
    const intervals = bounds.intervals;
    if (intervals.length * prefixes.length > MOST_INTERVALS) break;
    bounds.used.forEach((test) => used.add(test));
    if (!bounds.exact || multikey) exact = false;
    const oriented = field.descending ? intervals.map(descendingInterval) : intervals;
    if (bounds.points) {
      points++;
      if (intervals.length === 1) fixed = fixed === position ? position + 1 : fixed;
      score += intervals.length === 1 ? 10 : 6;
      prefixes = prefixes.flatMap((prefix) => oriented.map(([from]) => Buffer.concat([prefix, from])));
      continue;
    }
    score += 5;
    ranges = prefixes.flatMap((prefix) => oriented.map(([from, to]): Interval => [Buffer.concat([prefix, from]), Buffer.concat([prefix, to])]));
    break;
  }
  const bounded = points + (ranges ? 1 : 0);
  const intervals = ranges ?? prefixes.map((prefix): Interval => [prefix, successor(prefix)]);
  intervals.sort((left, right) => Buffer.compare(left[0], right[0]));
  const direction = sortDirection(keyFields, index, fixed, prefixes.length, sort);
  if (direction !== undefined && sort.length > 0) score += 7;
  if (index?.entry.unique && fixed === keyFields.length) score += 50;
  if (!index && fixed === 1) score += 60;
  if (index && bounded === 0 && direction === undefined) score -= 5;
  const repeats = index !== undefined && index.entry.multikey.some(Boolean);
  const reverse = direction === -1;
  if (reverse) intervals.reverse();
  return {
    plan: { passes: [{ index, intervals, reverse, repeats, exact: exact && !repeats && fields.every((test) => used.has(test)) }], sorted: sort.length === 0 || direction !== undefined },
    score,
    bounded,
  };
}

/** 1 or -1 when reading the index forwards or backwards gives the wanted order; a field held to one value does not count. */
function sortDirection(keyFields: Index['fields'], index: Index | undefined, fixed: number, prefixes: number, sort: Sort): 1 | -1 | undefined {
  if (sort.length === 0) return 1;
  if (prefixes > 1) return undefined;
  const fixedPaths = new Set(keyFields.slice(0, fixed).filter((_field, position) => !index?.entry.multikey[position]).map((field) => field.path));
  let position = fixed;
  let direction: 1 | -1 | undefined;
  for (const [path, wanted] of sort) {
    if (fixedPaths.has(path)) continue;
    const field = keyFields[position];
    if (!field || field.path !== path || index?.entry.multikey[position]) return undefined;
    const here = field.descending === (wanted === -1) ? 1 : -1;
    if (direction !== undefined && direction !== here) return undefined;
    direction = here;
    position++;
    // Beyond an `_id` nothing differs.
    if (!index) break;
  }
  return direction ?? 1;
}

/** An interval of ascending components turned for a descending field: every byte inverted, the ends exchanged. */
function descendingInterval([from, to]: Interval): Interval {
  return [successor(inverted(to)), successor(inverted(from))];
}

/** The sort document of a command. @throws 2 for directions other than 1 and -1. */
export function sortOf(source: unknown): Sort {
  if (source === undefined || source === null) return [];
  if (!isDoc(source)) throw badValue('sort has to be a document');
  return Object.entries(source).map(([path, direction]) => {
    const number = rankOf(direction) === Rank.number ? Number(numeric(direction)) : 0;
    if (number !== 1 && number !== -1) throw badValue(`$sort key ordering must be 1 (for ascending) or -1 (for descending), not for ${path}`);
    if (path === '' || path.startsWith('$')) throw badValue(`the sort field ${path} is not valid`);
    return [path, number] as const;
  });
}
