import type { AuditEvent } from '../../model/audit-event.js';
import type { FilterCondition, FilterRule } from '../../model/event-filter.js';
import { compileReader, parseFieldPath, type FieldPath } from '../../model/field-path.js';
import type { JsonValue } from '../../model/json.js';

/** Conditions and rules of a filter, compiled once into tests that are called for each event. They never throw for data. */

export type EventTest = (event: AuditEvent) => boolean;

/** An RFC 3339 time, with or without a fraction. */
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Why a condition means nothing, with the member that is wrong; undefined when it can be compiled. */
export function conditionFault({ field, operator, value }: FilterCondition): { member: 'field' | 'value'; message: string } | undefined {
  const path = parseFieldPath(field);
  if ('fault' in path) return { member: 'field', message: path.fault };
  if ((operator === 'greater-than' || operator === 'less-than') && Number.isNaN(magnitudeOf(value ?? ''))) return { member: 'value', message: `${operator} needs a number or an RFC 3339 time such as 2026-01-31T00:00:00Z` };
  return undefined;
}

/** @throws TypeError for a condition that has a fault */
export function compileCondition(condition: FilterCondition): EventTest {
  const path = parseFieldPath(condition.field);
  if ('fault' in path) throw new TypeError(path.fault);
  const read = compileReader(path);
  const { operator } = condition;
  switch (operator) {
    case 'exists': return (event) => read(event, always);
    case 'missing': return (event) => !read(event, always);
    case 'not-equals':
    case 'not-in': {
      const test = compileTest(condition);
      return (event) => !read(event, test);
    }
    default: {
      const test = compileTest(condition);
      return (event) => read(event, test);
    }
  }
}

/** @throws TypeError for a rule that has a fault */
export function compileRule({ match, conditions }: FilterRule): EventTest {
  const tests = conditions.map(compileCondition);
  const [only] = tests;
  if (only && tests.length === 1) return only;
  if (match === 'all') {
    return (event) => {
      for (const test of tests) if (!test(event)) return false;
      return true;
    };
  }
  return (event) => {
    for (const test of tests) if (test(event)) return true;
    return false;
  };
}

/** What a field must hold, as one of some texts, for a condition to be true. */
export interface NeededValues {
  path: FieldPath;
  ignoreCase: boolean;
  values: readonly string[];
}

/** Of equals and in: the values without which the condition is false. */
export function neededValues(condition: FilterCondition): NeededValues | undefined {
  if (condition.operator !== 'equals' && condition.operator !== 'in') return undefined;
  const path = parseFieldPath(condition.field);
  if ('fault' in path) return undefined;
  return { path, ignoreCase: condition.ignoreCase, values: textsOf(condition) };
}

/** How texts are made equal when case does not count. */
export function foldCase(text: string): string {
  return text.toLowerCase();
}

/** A value as it is compared; an object has no text. */
export function comparedText(value: JsonValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? undefined : String(value);
}

/** The test of one value at the path; that of a negation is the test of what it negates. */
function compileTest(condition: FilterCondition): (value: JsonValue) => boolean {
  const { operator, ignoreCase } = condition;
  const texts = textsOf(condition);
  const wanted = texts[0] ?? '';
  switch (operator) {
    case 'equals':
    case 'not-equals': return onText(ignoreCase, (text) => text === wanted);
    case 'in':
    case 'not-in': {
      const set = new Set(texts);
      return onText(ignoreCase, (text) => set.has(text));
    }
    case 'contains': return onText(ignoreCase, (text) => text.includes(wanted));
    case 'starts-with': return onText(ignoreCase, (text) => text.startsWith(wanted));
    case 'matches': return onText(ignoreCase, compilePattern(wanted));
    case 'greater-than': return onMagnitude(condition, (value, limit) => value > limit);
    case 'less-than': return onMagnitude(condition, (value, limit) => value < limit);
    case 'exists':
    case 'missing': return always;
  }
}

function textsOf({ value, values, ignoreCase }: FilterCondition): string[] {
  const texts = (values ?? (value === undefined ? [] : [value])).map(String);
  return ignoreCase ? texts.map(foldCase) : texts;
}

function onText(ignoreCase: boolean, test: (text: string) => boolean): (value: JsonValue) => boolean {
  return (value) => {
    const text = comparedText(value);
    return text !== undefined && test(ignoreCase ? foldCase(text) : text);
  };
}

function onMagnitude({ value }: FilterCondition, test: (value: number, limit: number) => boolean): (value: JsonValue) => boolean {
  const limit = magnitudeOf(value ?? '');
  const isTime = typeof value === 'string' && TIME.test(value);
  return (found) => {
    // A time is compared with times alone, a number with numbers alone: what cannot be compared is neither greater nor less.
    if (isTime !== (typeof found === 'string' && TIME.test(found))) return false;
    return test(magnitudeOf(found), limit);
  };
}

/** Milliseconds of a time, the number that a text is; NaN for all else. */
function magnitudeOf(value: JsonValue): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return Number.NaN;
  if (TIME.test(value)) return Date.parse(value);
  return /^-?\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
}

/** `*` stands for any text, also none. Found piece by piece and never twice, so no pattern is slow. */
function compilePattern(pattern: string): (text: string) => boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of others) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

const always = () => true;
