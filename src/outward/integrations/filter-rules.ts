import { OPERATOR_NEEDS, type FilterCondition, type FilterSettings } from '../../model/event-filter.js';
import { AUDIT_TYPE_PATTERN, EVENT_TYPES, eventTypeOf } from '../../model/event-types.js';
import type { ProblemItem } from '../../platform/http/problem.js';
import { conditionFault } from '../delivery/filter-condition.js';

/** Each fault of a filter with its pointer: what its schema cannot say. */
export function filterFaults(filter: FilterSettings): ProblemItem[] {
  const faults: ProblemItem[] = [];
  filter.types.forEach((type, index) => {
    if (!isKnownTypeOrPrefix(type)) faults.push({ pointer: `/filter/types/${index}`, message: `"${type}" is no event type and no prefix of one; GET /api/v1/event-types lists them` });
  });
  const { severityMin, severityMax } = filter;
  if (severityMin !== undefined && severityMax !== undefined && severityMin > severityMax) faults.push({ pointer: '/filter/severityMax', message: `at least filter.severityMin (${severityMin})` });
  const names = new Set<string>();
  for (const list of ['exclude', 'include'] as const) {
    filter[list].forEach(({ name, conditions }, index) => {
      const pointer = `/filter/${list}/${index}`;
      if (names.has(name.toLowerCase())) faults.push({ pointer: `${pointer}/name`, message: `"${name}" is the name of another rule of this filter` });
      names.add(name.toLowerCase());
      conditions.forEach((condition, at) => faults.push(...conditionFaults(condition, `${pointer}/conditions/${at}`)));
    });
  }
  return faults;
}

function conditionFaults(condition: FilterCondition, pointer: string): ProblemItem[] {
  const { operator, value, values } = condition;
  const needs = OPERATOR_NEEDS[operator];
  const faults: ProblemItem[] = [];
  if (needs === 'value' && value === undefined) faults.push({ pointer: `${pointer}/value`, message: `${operator} needs a value` });
  if (needs === 'values' && values === undefined) faults.push({ pointer: `${pointer}/values`, message: `${operator} needs a list of values` });
  if (needs !== 'value' && value !== undefined) faults.push({ pointer: `${pointer}/value`, message: needs === 'values' ? `${operator} takes "values", a list` : `${operator} takes no value` });
  if (needs !== 'values' && values !== undefined) faults.push({ pointer: `${pointer}/values`, message: needs === 'value' ? `${operator} takes one "value"; in and not-in take a list` : `${operator} takes no values` });
  const fault = faults.length === 0 ? conditionFault(condition) : undefined;
  if (fault) faults.push({ pointer: `${pointer}/${fault.member}`, message: fault.message });
  return faults;
}

function isKnownTypeOrPrefix(type: string): boolean {
  if (type === '*' || type === 'audit.*') return true;
  if (!type.includes('*')) return eventTypeOf(type) !== undefined;
  if (!type.endsWith('.*') || type.indexOf('*') !== type.length - 1) return false;
  const prefix = type.slice(0, -1);
  return EVENT_TYPES.some((known) => known.id.startsWith(prefix)) || AUDIT_TYPE_PATTERN.test(`${prefix}x`);
}
