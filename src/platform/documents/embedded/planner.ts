import type { Collection } from './catalogue.js';
import { badValue } from './errors.js';
import type { Index } from './indexes.js';
import { ID_LIMIT, type Component, componentOf, inverted, stringPrefix, successor, tableKey } from './keys.js';
import { type FieldTest, type Filter, type FilterTest, isRegex, truthy } from './matcher.js';
import { Rank, equals, isDoc, numeric, rankOf, regexParts } from './values.js';

export type Sort = ReadonlyArray<readonly [path: string, direction: 1 | -1]>;

/** A run of keys: from inclusive, to exclusive. */
export type Interval = readonly [from: Buffer, to: Buffer];

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

interface Bounds {
  intervals: Interval[];
  /** Each interval holds one value, given by its `from`. */
  points: boolean;
  exact: boolean;
  used: FieldTest[];
}

function boundsOf(tests: readonly FieldTest[], multikey: boolean, limit: number): Bounds | undefined {
  const point = tests.find((test) => test.operator === '$eq' && isPoint(test.operand, multikey));
  if (point) return pointBounds([point.operand], point, limit);
  const list = tests.find((test) => test.operator === '$in' && (test.operand as unknown[]).every((item) => isPoint(item, multikey)));
  if (list) return pointBounds(list.operand as unknown[], list, limit);
  const ordered = tests.filter((test) => isOrdered(test));
  // On an array each test may be passed by another element, so only one of them narrows.
  const narrowing = multikey ? ordered.slice(0, 1) : ordered;
  if (narrowing.length === 0) {
    const regex = tests.find((test) => test.operator === '$regex');
    const prefix = regex && literalPrefix(regex.operand, tests.length);
    if (!regex || prefix === undefined) return undefined;
    const from = stringPrefix(prefix, limit);
    return { intervals: [[from, successor(from)], [Buffer.from([Rank.regex]), Buffer.from([Rank.regex + 1])]], points: false, exact: false, used: [] };
  }
  const rank = rankOf(narrowing[0]?.operand);
  if (narrowing.some((test) => rankOf(test.operand) !== rank)) return { intervals: [], points: false, exact: false, used: [] };
  let from: Buffer = Buffer.from([rank]);
  let to: Buffer = Buffer.from([rank + 1]);
  let exact = true;
  for (const test of narrowing) {
    const component = componentOf(test.operand, limit);
    if (component.beyondLimit) exact = false;
    const [low, high] = ends(component, limit);
    if (test.operator === '$gt' || test.operator === '$gte') from = later(from, test.operator === '$gt' && !component.beyondLimit ? high : low);
    else to = earlier(to, test.operator === '$lt' && !component.beyondLimit ? low : high);
  }
  // NaN sorts below the numbers but no range has it.
  if (rank === Rank.number) exact = false;
  return { intervals: Buffer.compare(from, to) < 0 ? [[from, to]] : [], points: false, exact, used: [...narrowing] };
}

function pointBounds(values: unknown[], test: FieldTest, limit: number): Bounds {
  const components = new Map(values.map((value) => componentOf(value, limit)).map((component) => [component.bytes.toString('latin1'), component]));
  const all = [...components.values()];
  return { intervals: all.map(({ bytes }): Interval => [bytes, successor(bytes)]), points: true, exact: all.every((component) => !component.beyondLimit) && values.every((value) => rankOf(value) !== Rank.null), used: [test] };
}

/** Values that stand in an index as themselves. An array may also be an element; null also stands for what is missing, which elements of arrays are not. */
function isPoint(value: unknown, multikey: boolean): boolean {
  const rank = rankOf(value);
  return rank !== Rank.array && !isRegex(value) && !(rank === Rank.null && multikey);
}

const RANGES = new Set(['$gt', '$gte', '$lt', '$lte']);
function isOrdered(test: FieldTest): boolean {
  if (!RANGES.has(test.operator)) return false;
  const rank = rankOf(test.operand);
  if (rank === Rank.number) return !Number.isNaN(Number(numeric(test.operand)));
  return rank !== Rank.null && rank !== Rank.array && rank !== Rank.minKey && rank !== Rank.maxKey;
}

/** Where a value's key begins and what comes after it; one beyond the limit stands for all values with its beginning. */
function ends(component: Component, limit: number): [Buffer, Buffer] {
  const bytes = component.beyondLimit ? component.bytes.subarray(0, limit) : component.bytes;
  return [bytes, successor(bytes)];
}
const later = (left: Buffer, right: Buffer) => (Buffer.compare(left, right) >= 0 ? left : right);
const earlier = (left: Buffer, right: Buffer) => (Buffer.compare(left, right) <= 0 ? left : right);

/** The literal that every text matched by `^literal...` begins with. */
function literalPrefix(operand: unknown, siblings: number): string | undefined {
  if (siblings > 1 && typeof operand === 'string') return undefined;
  const { pattern, options } = typeof operand === 'string' ? { pattern: operand, options: '' } : regexParts(operand);
  if (options !== '' || !pattern.startsWith('^') || pattern.includes('|')) return undefined;
  const literal = /^\^((?:[^\\^$.*+?()[\]{}|/]|\\[^A-Za-z0-9])+)/.exec(pattern)?.[1];
  if (literal === undefined) return undefined;
  const rest = pattern.slice(1 + literal.length);
  // A quantifier takes the last character back.
  const kept = /^[*?{+]/.test(rest) ? literal.replace(/(\\.|[^\\])$/u, '') : literal;
  const plain = kept.replace(/\\(.)/gu, '$1');
  return plain === '' ? undefined : plain;
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
