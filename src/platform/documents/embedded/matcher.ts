import { FIELD_OPERATORS, LOGICAL_OPERATORS } from './allowed.js';
import { badValue, failedToParse, notSupported } from './errors.js';
import { segmentsOf, valuesAt } from './paths.js';
import { isRegex, toRegExp } from './regular-expressions.js';
import { typeTests } from './type-names.js';
import { type Doc, MISSING, Rank, compare, equals, isDoc, numeric, rankOf } from './values.js';

/** One test of a field, as the planner sees it. */
export interface FieldTest {
  kind: 'field';
  path: string;
  segments: readonly string[];
  operator: string;
  operand: unknown;
  /** Whether a single value passes, arrays not opened. */
  one: (value: unknown) => boolean;
  /** Whether what the path reached passes. */
  any: (values: readonly unknown[]) => boolean;
}
export interface LogicalTest {
  kind: '$and' | '$or' | '$nor';
  tests: FilterTest[];
}
export type FilterTest = FieldTest | LogicalTest;

/** A filter made ready to be asked often. */
export interface Filter {
  readonly source: Doc;
  readonly test: LogicalTest;
  matches(document: Doc): boolean;
}

/** @throws CommandError for what is wrong in it and for what lies outside the supported subset. */
export function compileFilter(source: Doc): Filter {
  const test = logical('$and', source);
  return {
    source,
    test,
    matches: (document) => passes(test, document),
  };
}

/** Whether a document passes a part of a filter. */
export function passes(test: FilterTest, document: Doc): boolean {
  switch (test.kind) {
    case 'field':
      return test.any(valuesAt(document, test.segments));
    case '$and':
      return test.tests.every((inner) => passes(inner, document));
    case '$or':
      return test.tests.some((inner) => passes(inner, document));
    case '$nor':
      return !test.tests.some((inner) => passes(inner, document));
  }
}

function logical(kind: LogicalTest['kind'], source: Doc): LogicalTest {
  const tests: FilterTest[] = [];
  for (const [name, operand] of Object.entries(source)) {
    if (LOGICAL_OPERATORS.has(name)) {
      if (!Array.isArray(operand) || operand.length === 0) throw badValue(`${name} must be a nonempty array`);
      const branches = operand.map((branch: unknown) => {
        if (!isDoc(branch)) throw badValue(`${name} argument's entries must be objects`);
        return logical('$and', branch);
      });
      if (name === '$and') tests.push(...branches);
      else tests.push({ kind: name as '$or' | '$nor', tests: branches });
    } else if (name.startsWith('$')) {
      throw notSupported(`the query operator ${name}`);
    } else {
      tests.push(...fieldTests(name, operand));
    }
  }
  return { kind, tests };
}

function isOperators(value: unknown): value is Doc {
  return isDoc(value) && Object.keys(value)[0]?.startsWith('$') === true;
}

function fieldTests(path: string, operand: unknown): FieldTest[] {
  const segments = segmentsOf(path);
  if (!isOperators(operand)) return [isRegex(operand) ? make(path, segments, '$regex', operand, regexTest(operand, undefined)) : make(path, segments, '$eq', operand, equalTest(operand))];
  return operatorTests(operand).map(({ operator, operand: value, test }) => make(path, segments, operator, value, test));
}

/** How an operator judges one value; `whole` judges all that the path reached, where "any of them" is not the meaning. */
interface Test {
  one: (value: unknown) => boolean;
  whole?: (values: readonly unknown[]) => boolean;
}

function make(path: string, segments: readonly string[], operator: string, operand: unknown, test: Test): FieldTest {
  return { kind: 'field', path, segments, operator, operand, one: test.one, any: test.whole ?? ((values) => values.some((value) => test.one(value) || (Array.isArray(value) && value.some(test.one)))) };
}

function operatorTests(operators: Doc): Array<{ operator: string; operand: unknown; test: Test }> {
  const tests: Array<{ operator: string; operand: unknown; test: Test }> = [];
  for (const [operator, operand] of Object.entries(operators)) {
    if (!operator.startsWith('$')) throw badValue(`unknown operator: ${operator}`);
    if (!FIELD_OPERATORS.has(operator)) throw notSupported(`the query operator ${operator}`);
    if (operator === '$options') {
      if (!Object.hasOwn(operators, '$regex')) throw badValue('$options needs a $regex');
      continue;
    }
    tests.push({ operator, operand, test: operatorTest(operator, operand, operators) });
  }
  return tests;
}

function operatorTest(operator: string, operand: unknown, siblings: Doc): Test {
  switch (operator) {
    case '$eq':
      return equalTest(operand);
    case '$ne':
      if (isRegex(operand)) throw badValue("Can't have regex as arg to $ne.");
      return negated(equalTest(operand));
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return orderTest(operator, operand);
    case '$in':
      return inTest(operator, operand);
    case '$nin':
      return negated(inTest(operator, operand));
    case '$exists': {
      const wanted = truthy(operand);
      const exists = (value: unknown) => value !== MISSING;
      return { one: (value) => exists(value) === wanted, whole: (values) => values.some(exists) === wanted };
    }
    case '$type': {
      const tests = typeTests(operand);
      return { one: (value) => value !== MISSING && tests.some((test) => test(value)) };
    }
    case '$regex':
      return regexTest(operand, siblings['$options']);
    case '$mod':
      return modTest(operand);
    case '$size': {
      const size = Number(numericOperand('$size', operand));
      if (!Number.isInteger(size) || size < 0) throw badValue('$size must be a whole number that is not negative');
      const one = (value: unknown) => Array.isArray(value) && value.length === size;
      return { one, whole: (values) => values.some(one) };
    }
    case '$all':
      return allTest(operand);
    case '$elemMatch':
      return elementTest(operand);
    case '$not':
      return notTest(operand);
    default:
      throw notSupported(`the query operator ${operator}`);
  }
}

function equalTest(operand: unknown): Test {
  if (rankOf(operand) === Rank.null) return { one: (value) => value === MISSING || value === null || value === undefined };
  return { one: (value) => value !== MISSING && equals(value, operand) };
}

function negated(test: Test): Test {
  const { any, one } = make('', [], '', undefined, test);
  return { one: (value) => !one(value), whole: (values) => !any(values) };
}

function orderTest(operator: '$gt' | '$gte' | '$lt' | '$lte', operand: unknown): Test {
  if (isRegex(operand)) throw badValue(`Can't have RegEx as arg to predicate over field`);
  const rank = rankOf(operand);
  if (rank === Rank.null) return operator === '$gte' || operator === '$lte' ? equalTest(null) : { one: () => false };
  const open = rank === Rank.minKey || rank === Rank.maxKey;
  const isNaNOperand = Number.isNaN(rank === Rank.number ? numeric(operand) : 0);
  return {
    one: (value) => {
      if (value === MISSING && !open) return false;
      const plain = value === MISSING ? null : value;
      if (!open && rankOf(plain) !== rank) return false;
      const order = compare(plain, operand);
      // NaN is neither above nor below a number, only equal to itself.
      if (rank === Rank.number && order !== 0 && (isNaNOperand || Number.isNaN(numeric(plain)))) return false;
      return operator === '$gt' ? order > 0 : operator === '$gte' ? order >= 0 : operator === '$lt' ? order < 0 : order <= 0;
    },
  };
}

function inTest(operator: string, operand: unknown): Test {
  if (!Array.isArray(operand)) throw badValue(`${operator} needs an array`);
  const tests = operand.map((item: unknown) => {
    if (isOperators(item)) throw badValue(`cannot nest $ under ${operator}`);
    return isRegex(item) ? regexTest(item, undefined) : equalTest(item);
  });
  return { one: (value) => tests.some((test) => test.one(value)) };
}

function regexTest(operand: unknown, options: unknown): Test {
  const regex = toRegExp(operand, options);
  return { one: (value) => (typeof value === 'string' ? regex.test(value) : isRegex(value) && isRegex(operand) && equals(value, operand)) };
}

function modTest(operand: unknown): Test {
  if (!Array.isArray(operand) || operand.length !== 2) throw badValue('malformed mod, needs two numbers');
  const [divisor, remainder] = operand.map((item: unknown) => Math.trunc(Number(numericOperand('$mod', item)))) as [number, number];
  if (divisor === 0) throw badValue('divisor cannot be 0');
  // `+ 0` makes -0 plain, as integers have none.
  return { one: (value) => rankOf(value) === Rank.number && Number.isFinite(Number(numeric(value))) && (Math.trunc(Number(numeric(value))) % divisor) + 0 === remainder + 0 };
}

function allTest(operand: unknown): Test {
  if (!Array.isArray(operand)) throw badValue('$all needs an array');
  const tests = operand.map((item: unknown) => {
    if (isOperators(item)) {
      const names = Object.keys(item);
      if (names.length !== 1 || names[0] !== '$elemMatch') throw badValue('no $ expressions in $all');
      return make('', [], '$elemMatch', item['$elemMatch'], elementTest(item['$elemMatch']));
    }
    return make('', [], '$eq', item, isRegex(item) ? regexTest(item, undefined) : equalTest(item));
  });
  return { one: (value) => tests.length > 0 && tests.every((test) => test.one(value)), whole: (values) => tests.length > 0 && tests.every((test) => test.any(values)) };
}

/** Whether one element of an array fits, as a document or, with operators, as a value. */
export function elementPredicate(operand: Doc): (item: unknown) => boolean {
  const first = Object.keys(operand)[0];
  if (first !== undefined && first.startsWith('$') && !LOGICAL_OPERATORS.has(first)) {
    const tests = operatorTests(operand);
    return (item) => tests.every(({ test }) => test.one(item));
  }
  const filter = logical('$and', operand);
  return (item) => isDoc(item) && passes(filter, item);
}

function elementTest(operand: unknown): Test {
  if (!isDoc(operand)) throw badValue('$elemMatch needs an Object');
  const fits = elementPredicate(operand);
  const one = (value: unknown) => Array.isArray(value) && value.some(fits);
  return { one, whole: (values) => values.some(one) };
}

function notTest(operand: unknown): Test {
  if (isRegex(operand)) return negated(regexTest(operand, undefined));
  if (!isDoc(operand)) throw badValue('$not needs a regex or a document');
  if (Object.keys(operand).length === 0) throw badValue('$not cannot be empty');
  const tests = operatorTests(operand).map(({ operator, operand: value, test }) => make('', [], operator, value, test));
  return { one: (value) => !tests.every((test) => test.one(value)), whole: (values) => !tests.every((test) => test.any(values)) };
}

function numericOperand(operator: string, operand: unknown): number | bigint {
  if (rankOf(operand) !== Rank.number) throw failedToParse(`${operator} needs a number`);
  return numeric(operand);
}

/** Truth as MongoDB's flags see it. */
export function truthy(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return false;
  return rankOf(value) !== Rank.number || Number(numeric(value)) !== 0;
}
