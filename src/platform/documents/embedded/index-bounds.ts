import { type Component, componentOf, stringPrefix, successor } from './keys.js';
import type { FieldTest } from './matcher.js';
import { isRegex } from './regular-expressions.js';
import { Rank, numeric, rankOf, regexParts } from './values.js';

/** A run of keys: from inclusive, to exclusive. */
export type Interval = readonly [from: Buffer, to: Buffer];

/** What a filter leaves of one field of an index. */
export interface Bounds {
  intervals: Interval[];
  /** Each interval holds one value, given by its `from`. */
  points: boolean;
  exact: boolean;
  used: FieldTest[];
}

/** The keys that documents passing the tests may stand under, for one ascending field; undefined when the tests narrow nothing. Never too few. */
export function boundsOf(tests: readonly FieldTest[], multikey: boolean, limit: number): Bounds | undefined {
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
  // NaN sorts below the numbers but no range has it: without a lower bound it lies within the interval.
  if (rank === Rank.number && !narrowing.some(({ operator }) => operator === '$gt' || operator === '$gte')) exact = false;
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
