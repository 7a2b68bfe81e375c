import type { AuditEvent } from '../../model/audit-event.js';
import { wantsType, type FilterRule, type FilterSettings } from '../../model/event-filter.js';
import type { IntegrationSettings } from '../../model/integration.js';
import { compileRule, neededValues, type EventTest, type NeededValues } from './filter-condition.js';
import type { EventBatch } from './event-batch.js';

/**
 * The one decision whether an integration gets an event: a pure function of its stored settings and the event. The engine (shared reader and catch-up), the
 * counters, the preview and the look-up all ask here. It sees the event as it was accepted: masks change only what leaves.
 */

/** Tells an integration's own receiver how its stream goes. */
export const HEARTBEAT_TYPE = 'siem.heartbeat';

/** `rule` is the name of the administrator's rule, or the setting that decided, as `filter.severityMin`; `filter.include` when no include rule fits. */
export type FilterVerdict = { wanted: true } | { wanted: false; rule: string; reason: string };

/** A filter made ready once. An event is wanted when its type is and `test` says so. */
export interface CompiledFilter {
  wantsType(type: string): boolean;
  /** All that is decided beyond the type; null when the type decides alone. */
  readonly test: EventTest | null;
  /** The integration whose heartbeats pass, whatever the rest says; those of others never do. None pass where it is not given. */
  readonly heartbeatsOf?: string;
  /** Values without one of which no event is wanted: routing looks lanes up by them instead of asking each one. */
  readonly needs: NeededValues | null;
  /** An event that holds one of them is wanted, if its type is: nothing else decides. */
  readonly needsDecide: boolean;
}

/** @throws TypeError for rules with a fault (REST refuses such settings) */
export function compileFilter(filter: FilterSettings, heartbeatsOf?: string): CompiledFilter {
  const tests = stepsOf(filter).map(({ passes }) => passes);
  const needs = neededBy(filter.include);
  return {
    wantsType: (type) => wantsType(filter.types, type),
    test: tests.length === 0 ? null : (event) => {
      for (const passes of tests) if (!passes(event)) return false;
      return true;
    },
    needs,
    needsDecide: needs !== null && tests.length === 1 && filter.include.every(({ conditions }) => conditions.length === 1 && (conditions[0]?.operator === 'in' || conditions[0]?.values === undefined)),
    ...(heartbeatsOf === undefined ? {} : { heartbeatsOf }),
  };
}

/** Whether one event is wanted. */
export function wants(filter: CompiledFilter, event: AuditEvent): boolean {
  if (event.type === HEARTBEAT_TYPE) return event.subject.id === filter.heartbeatsOf;
  return filter.wantsType(event.type) && (filter.test === null || filter.test(event));
}

/** Which events of a batch are wanted, by index. */
export function wantedOf(filter: CompiledFilter, batch: EventBatch): number[] {
  const { types } = batch;
  const { test } = filter;
  const byType = new Map<string, boolean>();
  const wanted: number[] = [];
  for (let index = 0; index < types.length; index++) {
    const type = types[index] ?? '';
    if (type === HEARTBEAT_TYPE) {
      if (wants(filter, batch.event(index))) wanted.push(index);
      continue;
    }
    let typeWanted = byType.get(type);
    if (typeWanted === undefined) byType.set(type, (typeWanted = filter.wantsType(type)));
    if (typeWanted && (test === null || test(batch.event(index)))) wanted.push(index);
  }
  return wanted;
}

/** The answer to "filtered by which rule"; the same decision as that of the compiled filter. */
export function filterVerdict(settings: Pick<IntegrationSettings, 'filter'> & { id?: string }, event: AuditEvent): FilterVerdict {
  const { filter } = settings;
  if (event.type === HEARTBEAT_TYPE) return event.subject.id === settings.id ? { wanted: true } : { wanted: false, rule: 'heartbeat', reason: 'a heartbeat goes to its own integration only' };
  if (!wantsType(filter.types, event.type)) return { wanted: false, rule: 'filter.types', reason: `the type ${event.type} is not among ${filter.types.join(', ')}` };
  for (const { rule, reason, passes } of stepsOf(filter)) if (!passes(event)) return { wanted: false, rule, reason: reason(event) };
  return { wanted: true };
}

/** One thing that must hold; the first that does not is the rule that filtered. */
interface Step {
  rule: string;
  reason: (event: AuditEvent) => string;
  passes: EventTest;
}

function stepsOf({ severityMin, severityMax, outcomes, exclude, include }: FilterSettings): Step[] {
  const steps: Step[] = [];
  if (severityMin !== undefined) steps.push({ rule: 'filter.severityMin', reason: (event) => `severity ${event.severity} is below ${severityMin}`, passes: (event) => !(event.severity < severityMin) });
  if (severityMax !== undefined) steps.push({ rule: 'filter.severityMax', reason: (event) => `severity ${event.severity} is above ${severityMax}`, passes: (event) => !(event.severity > severityMax) });
  if (outcomes.length > 0) steps.push({ rule: 'filter.outcomes', reason: (event) => `the outcome ${event.outcome} is not among ${outcomes.join(', ')}`, passes: (event) => outcomes.includes(event.outcome) });
  for (const rule of exclude) {
    const fits = compileRule(rule);
    steps.push({ rule: rule.name, reason: () => `it fits the exclude rule "${rule.name}"`, passes: (event) => !fits(event) });
  }
  if (include.length > 0) {
    const rules = include.map(compileRule);
    steps.push({ rule: 'filter.include', reason: () => `it fits none of the include rules ${include.map(({ name }) => `"${name}"`).join(', ')}`, passes: (event) => rules.some((fits) => fits(event)) });
  }
  return steps;
}

/** What every include rule needs of one and the same field, the fewest values first. */
function neededBy(include: readonly FilterRule[]): NeededValues | null {
  const [first, ...others] = include.map(neededByRule);
  let best: NeededValues | null = null;
  for (const candidate of first ?? []) {
    const same = others.map((needs) => needs.find((other) => fieldKey(other) === fieldKey(candidate)));
    if (same.includes(undefined)) continue;
    const values = [...new Set([candidate, ...same].flatMap((needs) => needs?.values ?? []))];
    if (best === null || values.length < best.values.length) best = { ...candidate, values };
  }
  return best;
}

function neededByRule({ match, conditions }: FilterRule): NeededValues[] {
  const needs = conditions.map(neededValues);
  if (match === 'all' || conditions.length === 1) return needs.filter((need) => need !== undefined);
  const known = needs.filter((need) => need !== undefined);
  const [first] = known;
  if (!first || known.length < conditions.length || known.some((need) => fieldKey(need) !== fieldKey(first))) return [];
  return [{ ...first, values: known.flatMap(({ values }) => values) }];
}

/** Equal where the same texts are found. */
export function fieldKey({ path, ignoreCase }: NeededValues): string {
  return `${ignoreCase ? 'i' : 'c'}:${path.text}`;
}
