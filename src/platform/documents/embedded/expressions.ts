import { EXPRESSIONS } from './allowed.js';
import { dateToString, dateTrunc } from './date-expressions.js';
import { CommandError, badValue, notSupported } from './errors.js';
import { segmentsOf } from './paths.js';
import { type Doc, MISSING, Rank, compare, isDoc, numeric, own, rankOf, setOwn } from './values.js';

/** Computes a value from a document; `MISSING` where the document has none. */
export type Expression = (document: Doc) => unknown;

/** @throws CommandError for what lies outside the supported subset. */
export function compileExpression(source: unknown): Expression {
  if (typeof source === 'string' && source.startsWith('$')) return fieldPath(source);
  if (Array.isArray(source)) {
    const items = source.map(compileExpression);
    return (document) => items.map((item) => orNull(item(document)));
  }
  if (!isDoc(source)) return () => source;
  const names = Object.keys(source);
  const operator = names.find((name) => name.startsWith('$'));
  if (operator !== undefined) {
    if (names.length !== 1) throw badValue(`an expression has exactly one operator, found ${names.join(', ')}`);
    if (!EXPRESSIONS.has(operator)) throw notSupported(`the expression ${operator}`);
    return operatorExpression(operator, source[operator]);
  }
  const fields = names.map((name): [string, Expression] => [name, compileExpression(source[name])]);
  return (document) => {
    const result: Doc = {};
    for (const [name, field] of fields) {
      const value = field(document);
      if (value !== MISSING) setOwn(result, name, value);
    }
    return result;
  };
}

export const orNull = (value: unknown) => (value === MISSING || value === undefined ? null : value);

function fieldPath(source: string): Expression {
  if (source === '$$ROOT' || source === '$$CURRENT') return (document) => document;
  if (source.startsWith('$$') && !source.startsWith('$$ROOT.')) throw notSupported(`the variable ${source}`);
  const segments = segmentsOf(source.startsWith('$$ROOT.') ? source.slice(7) : source.slice(1));
  if (segments.includes('')) throw badValue(`'${source}' is not a field path`);
  return (document) => along(document, segments, 0);
}

/** Arrays on the way give the list of what their documents hold; positions are not numbers here (MongoDB manual, "Field Path"). */
function along(value: unknown, segments: readonly string[], from: number): unknown {
  if (from === segments.length) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => along(item, segments, from)).filter((item) => item !== MISSING);
  return isDoc(value) ? along(own(value, segments[from] as string), segments, from + 1) : MISSING;
}

function operatorExpression(operator: string, operand: unknown): Expression {
  switch (operator) {
    case '$literal':
      return () => operand;
    case '$cond': {
      const parts: unknown[] = isDoc(operand) ? [operand['if'], operand['then'], operand['else']] : Array.isArray(operand) ? operand : [];
      if (parts.length !== 3 || parts.includes(undefined) || (isDoc(operand) && Object.keys(operand).length !== 3)) throw badValue('$cond needs if, then and else');
      const [condition, yes, no] = parts.map(compileExpression) as [Expression, Expression, Expression];
      return (document) => (truth(condition(document)) ? yes(document) : no(document));
    }
    case '$ifNull': {
      const items = list(operator, operand, 2);
      return (document) => {
        let value: unknown = MISSING;
        for (const item of items) {
          value = item(document);
          if (rankOf(value) !== Rank.null) return value;
        }
        return value;
      };
    }
    case '$concat': {
      const items = list(operator, operand, 0);
      return (document) => {
        let result = '';
        for (const item of items) {
          const value = item(document);
          if (rankOf(value) === Rank.null) return null;
          if (typeof value !== 'string') throw new CommandError(16702, 'Location16702', `$concat only supports strings, not ${typeof value}`);
          result += value;
        }
        return result;
      };
    }
    case '$eq':
    case '$ne':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte': {
      const items = list(operator, operand, 2, 2) as [Expression, Expression];
      return (document) => {
        const [left, right] = [items[0](document), items[1](document)];
        // A missing field is below null here, unlike in a filter.
        const order = compare(left, right) || Number(right === MISSING) - Number(left === MISSING);
        return { $eq: order === 0, $ne: order !== 0, $gt: order > 0, $gte: order >= 0, $lt: order < 0, $lte: order <= 0 }[operator];
      };
    }
    case '$and': {
      const items = list(operator, operand, 0);
      return (document) => items.every((item) => truth(item(document)));
    }
    case '$or': {
      const items = list(operator, operand, 0);
      return (document) => items.some((item) => truth(item(document)));
    }
    case '$not': {
      const [item] = list(operator, operand, 1, 1) as [Expression];
      return (document) => !truth(item(document));
    }
    case '$dateTrunc':
      return dated(operator, operand, ['date', 'unit', 'binSize', 'timezone', 'startOfWeek'], dateTrunc);
    case '$dateToString':
      return dated(operator, operand, ['date', 'format', 'timezone', 'onNull'], dateToString);
    default:
      throw notSupported(`the expression ${operator}`);
  }
}

function list(operator: string, operand: unknown, least: number, most = Infinity): Expression[] {
  const items: unknown[] = Array.isArray(operand) ? operand : [operand];
  if (items.length < least || items.length > most) throw new CommandError(16020, 'Location16020', `Expression ${operator} takes ${least === most ? 'exactly' : 'at least'} ${least} arguments. ${items.length} were passed in.`);
  return items.map(compileExpression);
}

function dated(operator: string, operand: unknown, names: readonly string[], compute: (values: Doc) => unknown): Expression {
  if (!isDoc(operand)) throw badValue(`${operator} needs a document`);
  for (const name of Object.keys(operand)) if (!names.includes(name)) throw badValue(`Unrecognized argument to ${operator}: ${name}`);
  if (!Object.hasOwn(operand, 'date')) throw badValue(`Missing 'date' parameter to ${operator}`);
  const parts = Object.entries(operand).map(([name, value]): [string, Expression] => [name, compileExpression(value)]);
  return (document) => compute(Object.fromEntries(parts.map(([name, part]) => [name, orNull(part(document))])));
}

/** Truth as expressions see it: all but false, null, missing and zero. */
function truth(value: unknown): boolean {
  if (value === false || rankOf(value) === Rank.null) return false;
  return rankOf(value) !== Rank.number || Number(numeric(value)) !== 0;
}
