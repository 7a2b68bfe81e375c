import { PUSH_MODIFIERS } from './allowed.js';
import { badValue, notSupported, show, typeMismatch } from './errors.js';
import { elementPredicate } from './matcher.js';
import { segmentsOf, valuesAt } from './paths.js';
import { isRegex, toRegExp } from './regular-expressions.js';
import { type Doc, MISSING, Rank, compare, equals, isDoc, numeric, rankOf } from './values.js';

/**
 * What $push, $addToSet, $pull, $pullAll and $pop make of an array. The function gives back what it was given when nothing changes.
 * @throws CommandError when the operand is wrong (at once) or the field is no array (when applied).
 */
export function arrayChange(operator: string, path: string, operand: unknown): (current: unknown) => unknown {
  switch (operator) {
    case '$push':
      return push(path, operand);
    case '$addToSet': {
      const items = eachOf(operand, new Set(['$each'])) ?? [operand];
      return (current) => {
        const array = arrayOrNew(current, path, '$addToSet');
        const added: unknown[] = [];
        for (const item of items) if (![...array, ...added].some((present) => equals(present, item))) added.push(item);
        return added.length > 0 || current === MISSING ? [...array, ...added] : current;
      };
    }
    case '$pull': {
      const goes = pullPredicate(operand);
      return (current) => without(current, goes, path, '$pull');
    }
    case '$pullAll': {
      if (!Array.isArray(operand)) throw badValue('$pullAll requires an array argument');
      const items: unknown[] = operand;
      return (current) => without(current, (value) => items.some((item) => equals(item, value)), path, '$pullAll');
    }
    case '$pop': {
      const end = rankOf(operand) === Rank.number ? Number(numeric(operand)) : 0;
      if (end !== 1 && end !== -1) throw badValue(`$pop expects 1 or -1, found: ${show(operand)}`);
      return (current) => {
        if (current === MISSING) return current;
        if (!isList(current)) throw typeMismatch(`Path '${path}' contains an element of non-array type '${typeName(current)}'`);
        return current.length === 0 ? current : end === 1 ? current.slice(0, -1) : current.slice(1);
      };
    }
    default:
      throw notSupported(`the update operator ${operator}`);
  }
}

const typeName = (value: unknown) => (value === null ? 'null' : value instanceof Date ? 'date' : typeof value);

const isList = (value: unknown): value is unknown[] => Array.isArray(value);

function arrayOrNew(current: unknown, path: string, operator: string): unknown[] {
  if (current === MISSING) return [];
  if (!isList(current)) throw badValue(operator === '$push' ? `The field '${path}' must be an array but is of type ${typeName(current)}` : `Cannot apply ${operator} to non-array field. Field named '${path}' has non-array type ${typeName(current)}`);
  return current;
}

function without(current: unknown, goes: (value: unknown) => boolean, path: string, operator: string): unknown {
  if (current === MISSING) return current;
  if (!Array.isArray(current)) throw badValue(`Cannot apply ${operator} to a non-array value at '${path}'`);
  const left = (current as unknown[]).filter((value) => !goes(value));
  return left.length === current.length ? current : left;
}

/** The items of `$each`; `undefined` when the operand is a plain value. */
function eachOf(operand: unknown, modifiers: Set<string>): unknown[] | undefined {
  if (!isDoc(operand) || !Object.hasOwn(operand, '$each')) {
    if (isDoc(operand) && Object.keys(operand)[0]?.startsWith('$')) throw badValue(`${Object.keys(operand)[0]} needs $each beside it`);
    return undefined;
  }
  for (const name of Object.keys(operand)) if (!modifiers.has(name)) throw badValue(`Unrecognized clause: ${name}`);
  const items = operand['$each'];
  if (!isList(items)) throw badValue(`The argument to $each must be an array but it was of type ${typeName(items)}`);
  return items;
}

function push(path: string, operand: unknown): (current: unknown) => unknown {
  const items = eachOf(operand, PUSH_MODIFIERS);
  const modifiers: Doc = items && isDoc(operand) ? operand : {};
  const added = items ?? [operand];
  const slice = wholeModifier(modifiers, '$slice');
  const at = wholeModifier(modifiers, '$position');
  const order = Object.hasOwn(modifiers, '$sort') ? itemOrder(modifiers['$sort']) : undefined;
  return (current) => {
    const array = arrayOrNew(current, path, '$push');
    const from = at === undefined ? array.length : at < 0 ? Math.max(0, array.length + at) : Math.min(at, array.length);
    let result = [...array.slice(0, from), ...added, ...array.slice(from)];
    if (order) result.sort(order);
    if (slice !== undefined) result = slice >= 0 ? result.slice(0, slice) : result.slice(slice);
    return result;
  };
}

function wholeModifier(modifiers: Doc, name: string): number | undefined {
  if (!Object.hasOwn(modifiers, name)) return undefined;
  const value = modifiers[name];
  const number = rankOf(value) === Rank.number ? Number(numeric(value)) : NaN;
  if (!Number.isInteger(number)) throw badValue(`The value for ${name} must be an integer value but was given: ${show(value)}`);
  return number;
}

function itemOrder(sort: unknown): (a: unknown, b: unknown) => number {
  const direction = (value: unknown): 1 | -1 => {
    const number = rankOf(value) === Rank.number ? Number(numeric(value)) : 0;
    if (number !== 1 && number !== -1) throw badValue('The $sort element value must be either 1 or -1');
    return number;
  };
  if (!isDoc(sort)) {
    const sign = direction(sort);
    return (a, b) => sign * compare(a, b);
  }
  const fields = Object.entries(sort).map(([name, value]) => ({ segments: segmentsOf(name), sign: direction(value) }));
  if (fields.length === 0) throw badValue('The $sort pattern is empty when it should be a set of fields.');
  const at = (item: unknown, segments: readonly string[]) => {
    const value = valuesAt(isDoc(item) ? item : {}, segments)[0];
    return value === MISSING ? null : value;
  };
  return (a, b) => {
    for (const { segments, sign } of fields) {
      const result = sign * compare(at(a, segments), at(b, segments));
      if (result !== 0) return result;
    }
    return 0;
  };
}

/** A plain value is compared, operators test the element, a document is a filter for elements that are documents. */
function pullPredicate(operand: unknown): (value: unknown) => boolean {
  if (isDoc(operand)) return Object.keys(operand).length === 0 ? isDoc : elementPredicate(operand);
  if (isRegex(operand)) {
    const regex = toRegExp(operand, undefined);
    return (value) => (typeof value === 'string' ? regex.test(value) : equals(value, operand));
  }
  return (value) => equals(value, operand);
}
