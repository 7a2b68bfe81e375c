import { parse, type Compare, type Filter } from 'scim2-parse-filter';
import type { QueryFilter } from 'mongoose';
import type { JobOutcome, JobRunDocument } from '../../../platform/jobs/job-state.schema.js';

export const TASK_RESULT_SCHEMA = 'urn:ietf:params:scim:schemas:sailpoint:1.0:TaskResult';

/** How the original says how a task ended. */
export const COMPLETION_STATUS: Record<JobOutcome, string> = { success: 'Success', failure: 'Error', stopped: 'Terminated', abandoned: 'Error' };

/** Whether a run was ended before it was done. */
export function isTerminated(outcome: JobOutcome): boolean {
  return outcome === 'stopped';
}

type Field = { kind: 'text' | 'time'; path: '_id' | 'job' | 'host' | 'startedAt' | 'endedAt'; caseExact?: boolean } | { kind: 'outcome'; of: (outcome: JobOutcome) => string | boolean } | { kind: 'constant'; value: string | boolean | number };

/** Attributes by their names in lower case (RFC 7643, 2.1: names are compared ignoring case). */
const FIELDS: Record<string, Field> = {
  id: { kind: 'text', path: '_id', caseExact: true }, name: { kind: 'text', path: 'job' }, taskdefinition: { kind: 'text', path: 'job' }, host: { kind: 'text', path: 'host' },
  launched: { kind: 'time', path: 'startedAt' }, completed: { kind: 'time', path: 'endedAt' }, 'meta.created': { kind: 'time', path: 'startedAt' }, 'meta.lastmodified': { kind: 'time', path: 'endedAt' },
  completionstatus: { kind: 'outcome', of: (outcome) => COMPLETION_STATUS[outcome] }, terminated: { kind: 'outcome', of: isTerminated }, type: { kind: 'constant', value: 'System' }, launcher: { kind: 'constant', value: 'tidegate' }, partitioned: { kind: 'constant', value: false },
};
export const SORT_FIELDS: Record<string, string> = { id: '_id', name: 'job', taskdefinition: 'job', host: 'host', launched: 'startedAt', completed: 'endedAt', 'meta.created': 'startedAt', 'meta.lastmodified': 'endedAt', completionstatus: 'outcome' };

/** A filter that cannot be used, in a sentence: 400 `invalidFilter` (RFC 7644, 3.12). */
export class FilterRefused extends Error {}

/** The query for a SCIM filter (RFC 7644, 3.4.2.2): all operators, `and`, `or`, `not`, groups, over the attributes of a TaskResult. @throws FilterRefused */
export function taskResultQuery(filter: string): QueryFilter<JobRunDocument> {
  let parsed: Filter;
  try {
    parsed = parse(filter);
  } catch {
    throw new FilterRefused('The filter cannot be read; see RFC 7644, section 3.4.2.2.');
  }
  return queryOf(parsed);
}

/** The attribute without the URN of the schema, in lower case. */
export function attributeName(path: string): string {
  const name = path.toLowerCase();
  return name.startsWith(`${TASK_RESULT_SCHEMA.toLowerCase()}:`) ? name.slice(TASK_RESULT_SCHEMA.length + 1) : name;
}

const EVERY: QueryFilter<JobRunDocument> = {};
const NONE: QueryFilter<JobRunDocument> = { _id: { $in: [] } };

function queryOf(filter: Filter): QueryFilter<JobRunDocument> {
  switch (filter.op) {
    case 'and':
      return { $and: filter.filters.map(queryOf) };
    case 'or':
      return { $or: filter.filters.map(queryOf) };
    case 'not':
      return { $nor: [queryOf(filter.filter)] };
    case '[]':
      throw new FilterRefused(`A TaskResult has no attribute ${filter.attrPath} whose values could be filtered.`);
    case 'pr':
      fieldOf(filter.attrPath);
      return EVERY;
    default:
      return comparison(filter);
  }
}

function fieldOf(path: string): Field {
  const field = Object.hasOwn(FIELDS, attributeName(path)) ? FIELDS[attributeName(path)] : undefined;
  if (!field) throw new FilterRefused(`A TaskResult cannot be filtered by ${path.slice(0, 100)}; by ${Object.keys(FIELDS).join(', ')}.`);
  return field;
}

function comparison({ op, attrPath, compValue }: Compare): QueryFilter<JobRunDocument> {
  const field = fieldOf(attrPath);
  if (op === 'ne') return { $nor: [comparison({ op: 'eq', attrPath, compValue })] };
  switch (field.kind) {
    case 'constant':
      return holds(op, field.value, compValue) ? EVERY : NONE;
    case 'outcome': {
      const outcomes = (Object.keys(COMPLETION_STATUS) as JobOutcome[]).filter((outcome) => holds(op, field.of(outcome), compValue));
      return { outcome: { $in: outcomes } };
    }
    case 'time': {
      const time = timeOf(compValue);
      if (time === undefined) throw new FilterRefused(`${attrPath} is compared with a time, for example "2026-11-02T10:00:00Z".`);
      const operator = ({ eq: '$eq', gt: '$gt', ge: '$gte', lt: '$lt', le: '$lte' } as Record<string, string>)[op];
      if (operator === undefined) throw new FilterRefused(`${attrPath} is a time and cannot be compared with ${op}.`);
      return { [field.path]: { [operator]: time } };
    }
    case 'text': {
      if (typeof compValue !== 'string') return NONE;
      const escaped = compValue.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const pattern = ({ eq: `^(?:${escaped})$`, co: escaped, sw: `^(?:${escaped})`, ew: `(?:${escaped})$` } as Record<string, string>)[op];
      if (pattern !== undefined) return { [field.path]: field.caseExact && op === 'eq' ? compValue : { $regex: pattern, $options: 'i' } };
      return { [field.path]: { [`$${op === 'ge' ? 'gte' : op === 'le' ? 'lte' : op}`]: compValue } };
    }
  }
}

/** For values that are the same for many rows. */
function holds(op: Compare['op'], value: string | boolean | number, compared: Compare['compValue']): boolean {
  if (typeof value !== 'string' || typeof compared !== 'string') return op === 'eq' && value === compared;
  const [left, right] = [value.toLowerCase(), compared.toLowerCase()];
  switch (op) {
    case 'eq': return left === right;
    case 'ne': return left !== right;
    case 'co': return left.includes(right);
    case 'sw': return left.startsWith(right);
    case 'ew': return left.endsWith(right);
    case 'gt': return left > right;
    case 'ge': return left >= right;
    case 'lt': return left < right;
    case 'le': return left <= right;
  }
}

/** RFC 3339; without an offset it counts as UTC, as clients send it. */
function timeOf(value: Compare['compValue']): Date | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) return undefined;
  const text = value.length === 10 || /(Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value}Z`;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
