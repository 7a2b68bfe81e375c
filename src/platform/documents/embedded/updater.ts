import { UPDATE_OPERATORS } from './allowed.js';
import { arrayChange } from './array-updates.js';
import { CommandError, badValue, conflictingPaths, failedToParse, immutableField, notSupported, pathNotViable, show, typeMismatch } from './errors.js';
import { type Filter, type FilterTest, elementPredicate } from './matcher.js';
import { isArrayIndex, segmentsOf } from './paths.js';
import { positionOf } from './positional.js';
import { type Doc, MISSING, Rank, bsonType, compare, equals, isDoc, numeric, own, rankOf, setOwn } from './values.js';

/** An update made ready. Works on the document it is given, which the caller decoded for this. */
export interface Update {
  /** A whole new document instead of operators. */
  readonly replacement: boolean;
  /** @throws CommandError when the document does not allow it; it is then to be thrown away. */
  apply(document: Doc, context: { filter?: Filter; inserting: boolean; nowMs: number }): Doc;
}

/** @throws CommandError for what is wrong in it and for what lies outside the supported subset. */
export function compileUpdate(source: unknown, arrayFilters: readonly Doc[]): Update {
  if (Array.isArray(source)) throw notSupported('an update by aggregation pipeline');
  if (!isDoc(source)) throw failedToParse('the update has to be a document');
  const names = Object.keys(source);
  if (!names.some((name) => name.startsWith('$'))) {
    if (arrayFilters.length > 0) throw failedToParse('Cannot use arrayFilters with a replacement');
    return { replacement: true, apply: (document) => replace(document, source) };
  }
  const changes: Change[] = [];
  for (const name of names) {
    if (!name.startsWith('$')) throw failedToParse(`Unknown modifier: ${name}. Expected a valid update modifier`);
    if (!UPDATE_OPERATORS.has(name)) throw notSupported(`the update operator ${name}`);
    const operand = source[name];
    if (!isDoc(operand)) throw failedToParse(`Modifiers operate on fields but we found type ${typeof operand} instead. For example: {$mod: {<field>: ...}}`);
    for (const [path, value] of Object.entries(operand)) changes.push(...changeOf(name, path, value));
  }
  refuseConflicts(changes.map((change) => change.path));
  changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const identified = identify(arrayFilters);
  for (const id of identified.keys()) {
    if (!changes.some((change) => change.segments.includes(`$[${id}]`))) throw failedToParse(`The array filter for identifier '${id}' was not used in the update`);
  }
  for (const change of changes) {
    for (const segment of change.segments) {
      const id = /^\$\[(.+)\]$/.exec(segment)?.[1];
      if (id !== undefined && !identified.has(id)) throw badValue(`No array filter found for identifier '${id}' in path '${change.path}'`);
    }
  }
  return {
    replacement: false,
    apply: (document, { filter, inserting, nowMs }) => {
      const id = own(document, '_id');
      // All paths are found before the first change, which may alter what made the document match.
      const steps = changes.filter((change) => !change.onInsertOnly || inserting).map((change) => ({ change, places: concrete(document, change, filter, identified) }));
      if (changes.some((change) => change.positional)) refuseConflicts(steps.flatMap(({ places }) => places.map((segments) => segments.join('.'))));
      for (const { change, places } of steps) for (const segments of places) change.apply(document, segments, nowMs);
      if (id !== MISSING && !equals(own(document, '_id'), id)) throw immutableField("Performing an update on the path '_id' would modify the immutable field '_id'");
      return document;
    },
  };
}

interface Change {
  path: string;
  segments: string[];
  positional: boolean;
  onInsertOnly: boolean;
  apply: (document: Doc, segments: readonly string[], nowMs: number) => void;
}

function replace(document: Doc, source: Doc): Doc {
  const id = own(document, '_id');
  const given = own(source, '_id');
  if (id !== MISSING && given !== MISSING && !equals(id, given)) throw immutableField("After applying the update, the (immutable) field '_id' was found to have been altered");
  const result: Doc = {};
  const kept = id !== MISSING ? id : given;
  if (kept !== MISSING) result['_id'] = kept;
  for (const [name, value] of Object.entries(source)) if (name !== '_id') setOwn(result, name, value);
  return result;
}

function refuseConflicts(paths: readonly string[]): void {
  const sorted = [...paths].sort();
  const seen = new Set<string>();
  for (const path of sorted) {
    const segments = path.split('.');
    for (let length = 1; length <= segments.length; length++) {
      const prefix = segments.slice(0, length).join('.');
      if (seen.has(prefix)) throw conflictingPaths(`Updating the path '${path}' would create a conflict at '${prefix}'`);
    }
    seen.add(path);
  }
}

function identify(arrayFilters: readonly Doc[]): Map<string, (item: unknown) => boolean> {
  const identified = new Map<string, (item: unknown) => boolean>();
  for (const filter of arrayFilters) {
    if (!isDoc(filter)) throw typeMismatch('arrayFilters has to be an array of documents');
    const ids = new Set(topNames(filter).map((name) => segmentsOf(name)[0] as string));
    if (ids.size === 0) throw failedToParse('Cannot use an expression without a top-level field name in arrayFilters');
    if (ids.size > 1) throw failedToParse(`Error parsing array filter :: caused by :: Expected a single top-level field name, found '${[...ids].join("' and '")}'`);
    const id = [...ids][0] as string;
    if (!/^[a-z][A-Za-z0-9]*$/.test(id)) throw badValue(`The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${id}'`);
    if (identified.has(id)) throw failedToParse(`Found multiple array filters with the same top-level field name ${id}`);
    const fits = elementPredicate(filter);
    identified.set(id, (item) => fits({ [id]: item }));
  }
  return identified;
}
function topNames(filter: Doc): string[] {
  return Object.entries(filter).flatMap(([name, value]) => (name.startsWith('$') ? (Array.isArray(value) ? value.filter(isDoc).flatMap(topNames) : []) : [name]));
}

/** The path with `$`, `$[]` and `$[id]` made numbers, once for each element they stand for. */
function concrete(document: Doc, change: Change, filter: Filter | undefined, identified: Map<string, (item: unknown) => boolean>): string[][] {
  if (!change.positional) return [change.segments];
  let found: string[][] = [[]];
  for (const segment of change.segments) {
    if (!segment.startsWith('$')) {
      found = found.map((path) => [...path, segment]);
      continue;
    }
    found = found.flatMap((path) => {
      if (segment === '$') {
        const index = filter && positionOf(filter.test, document, path.join('.'));
        if (index === undefined) throw badValue('The positional operator did not find the match needed from the query.');
        return [[...path, String(index)]];
      }
      const value = reach(document, path);
      if (value === MISSING) throw badValue(`The path '${path.join('.')}' must exist in the document in order to apply array updates.`);
      if (!Array.isArray(value)) throw badValue(`Cannot apply array updates to non-array element ${path.join('.')}: ${show(value)}`);
      const fits = segment === '$[]' ? () => true : (identified.get(segment.slice(2, -1)) as (item: unknown) => boolean);
      return value.flatMap((item: unknown, index) => (fits(item) ? [[...path, String(index)]] : []));
    });
  }
  return found;
}

function reach(value: unknown, segments: readonly string[]): unknown {
  let current = value;
  for (const segment of segments) {
    if (Array.isArray(current)) current = isArrayIndex(segment) && Number(segment) < current.length ? (current[Number(segment)] as unknown) : MISSING;
    else current = isDoc(current) ? own(current, segment) : MISSING;
    if (current === MISSING) return MISSING;
  }
  return current;
}

function changeOf(operator: string, path: string, operand: unknown): Change[] {
  const segments = segmentsOf(path);
  if (path === '') throw new CommandError(56, 'EmptyFieldName', 'An empty update path is not valid.');
  if (segments.includes('')) throw new CommandError(56, 'EmptyFieldName', `The update path '${path}' contains an empty field name, which is not allowed.`);
  for (const segment of segments) {
    if (segment.startsWith('$') && !/^\$(\[.*\])?$/.test(segment)) throw new CommandError(52, 'DollarPrefixedFieldName', `The dollar ($) prefixed field '${segment}' in '${path}' is not allowed in the context of an update's replacement document.`);
  }
  if (segments[0]?.startsWith('$')) throw badValue(`Cannot have array filter identifier or positional operator in the first position of path '${path}'`);
  const change = (apply: Change['apply']): Change => ({ path, segments, positional: segments.some((segment) => segment.startsWith('$')), onInsertOnly: operator === '$setOnInsert', apply });
  switch (operator) {
    case '$set':
    case '$setOnInsert':
      return [change((document, at) => write(document, at, operand))];
    case '$unset':
      return [change((document, at) => remove(document, at))];
    case '$inc':
    case '$mul':
      if (rankOf(operand) !== Rank.number) throw typeMismatch(`Cannot ${operator === '$inc' ? 'increment' : 'multiply'} with non-numeric argument: {${path}: ${show(operand)}}`);
      return [change((document, at) => arithmetic(document, at, operator, operand))];
    case '$min':
    case '$max':
      return [
        change((document, at) => {
          const current = reach(document, at);
          const order = current === MISSING ? 0 : compare(operand, current);
          if (current === MISSING || (operator === '$min' ? order < 0 : order > 0)) write(document, at, operand);
        }),
      ];
    case '$currentDate':
      if (operand !== true && !(isDoc(operand) && operand['$type'] === 'date' && Object.keys(operand).length === 1)) throw notSupported(`$currentDate with ${show(operand)}`);
      return [change((document, at, nowMs) => write(document, at, new Date(nowMs)))];
    case '$rename': {
      if (typeof operand !== 'string') throw badValue(`The 'to' field for $rename must be a string: ${path}: ${show(operand)}`);
      const to = segmentsOf(operand);
      if ([...segments, ...to].some((segment) => segment.startsWith('$') || segment === '')) throw badValue(`The source and target field for $rename may not be dynamic: ${path}`);
      if (operand === path) throw badValue(`The source and target field for $rename must differ: ${path}: ${operand}`);
      return [change((document) => rename(document, segments, to)), { path: operand, segments: to, positional: false, onInsertOnly: false, apply: () => {} }];
    }
    default: {
      const next = arrayChange(operator, path, operand);
      return [
        change((document, at) => {
          const current = reach(document, at);
          const result = next(current);
          if (result !== current) write(document, at, result);
        }),
      ];
    }
  }
}

/** Longest gap of nulls that a position beyond an array's end may make (as MongoDB's). */
const MAX_PADDING = 1_500_000;

/** Sets a value, making documents on the way. @throws 28 when something that is no document is in the way. */
function write(document: Doc, segments: readonly string[], value: unknown): void {
  let container: unknown = document;
  for (const [depth, segment] of segments.entries()) {
    const last = depth === segments.length - 1;
    if (Array.isArray(container)) {
      if (!isArrayIndex(segment)) throw pathNotViable(`Cannot create field '${segment}' in element {${segments[depth - 1]}: ${show(container)}}`);
      const index = Number(segment);
      if (index > container.length + MAX_PADDING) throw badValue(`can't backfill more than ${MAX_PADDING} elements`);
      while (container.length < index) container.push(null);
      if (last) container[index] = value;
      else {
        if (index === container.length) container.push({});
        container = container[index];
      }
    } else if (isDoc(container)) {
      if (last) setOwn(container, segment, value);
      else {
        if (own(container, segment) === MISSING) setOwn(container, segment, {});
        container = own(container, segment);
      }
    } else {
      throw pathNotViable(`Cannot create field '${segment}' in element {${segments[depth - 1]}: ${show(container)}}`);
    }
  }
}

function remove(document: Doc, segments: readonly string[]): void {
  const container = reach(document, segments.slice(0, -1));
  const segment = segments[segments.length - 1] as string;
  if (isDoc(container)) delete container[segment];
  else if (Array.isArray(container) && isArrayIndex(segment) && Number(segment) < container.length) container[Number(segment)] = null;
}

function arithmetic(document: Doc, segments: readonly string[], operator: '$inc' | '$mul', operand: unknown): void {
  const current = reach(document, segments);
  if (current === MISSING) return write(document, segments, operator === '$inc' ? operand : typeof operand === 'bigint' ? 0n : 0);
  const field = segments[segments.length - 1] as string;
  if (rankOf(current) !== Rank.number) throw typeMismatch(`Cannot apply ${operator} to a value of non-numeric type. {_id: ${show(own(document, '_id'))}} has the field '${field}' of non-numeric type ${bsonType(current) ?? (current === null ? 'null' : Array.isArray(current) ? 'array' : typeof current)}`);
  if (bsonType(current) === 'Decimal128' || bsonType(operand) === 'Decimal128') throw notSupported(`${operator} with a Decimal128`);
  const [left, right] = [numeric(current), numeric(operand)];
  let result: number | bigint;
  if (typeof left === 'bigint' || typeof right === 'bigint') {
    if (wholeNumber(left) && wholeNumber(right)) {
      result = operator === '$inc' ? BigInt(left) + BigInt(right) : BigInt(left) * BigInt(right);
      if (BigInt.asIntN(64, result) !== result) throw badValue(`Failed to apply ${operator} operations to current value (${left}) for document {_id: ${show(own(document, '_id'))}}`);
    } else result = operator === '$inc' ? Number(left) + Number(right) : Number(left) * Number(right);
  } else result = operator === '$inc' ? left + right : left * right;
  write(document, segments, result);
}
const wholeNumber = (value: number | bigint) => typeof value === 'bigint' || Number.isInteger(value);

function rename(document: Doc, from: readonly string[], to: readonly string[]): void {
  for (const path of [from, to]) {
    for (let length = 1; length < path.length; length++) {
      const value = reach(document, path.slice(0, length));
      if (path === from && value !== MISSING && !isDoc(value) && !Array.isArray(value)) throw pathNotViable(`Cannot use the part (${path[length]}) of (${path.join('.')}) to traverse the element ({${path[length - 1]}: ${show(value)}})`);
      if (Array.isArray(value)) throw badValue(`The source and target field for $rename cannot be an array element: ${path.join('.')}`);
    }
  }
  const value = reach(document, from);
  if (value === MISSING) return;
  remove(document, from);
  write(document, to, value);
}

/** The document that an upsert starts from: the filter's equalities. */
export function seedOf(filter: Filter): Doc {
  const document: Doc = {};
  const visit = (test: FilterTest): void => {
    if (test.kind === '$and') return test.tests.forEach(visit);
    if (test.kind === '$or' && test.tests.length === 1) return test.tests.forEach(visit);
    if (test.kind !== 'field') return;
    const only = test.operator === '$eq' ? [test.operand] : (test.operator === '$in' || test.operator === '$all') && Array.isArray(test.operand) && test.operand.length === 1 ? (test.operand as unknown[]) : [];
    if (only.length === 0 || (test.operator === '$all' && isDoc(only[0]) && Object.keys(only[0])[0]?.startsWith('$'))) return;
    if (reach(document, test.segments) !== MISSING) throw new CommandError(54, 'NotSingleValueField', `cannot infer query fields to set, path '${test.path}' is matched twice`);
    write(document, test.segments, only[0]);
  };
  visit(filter.test);
  return document;
}
