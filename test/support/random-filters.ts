import fc from 'fast-check';
import type { AuditEvent } from '../../src/model/audit-event.js';
import { filterSection, type FilterCondition, type FilterRule, type FilterSettings } from '../../src/model/event-filter.js';
import type { JsonObject, JsonValue } from '../../src/model/json.js';
import { sampleEvent } from '../../src/model/sample-events.js';

/** Random filters over random events with few words, so that they meet often; and an evaluator written from the documentation, slow and plain, to compare with. */

const WORDS = ['acme', 'Acme', 'beta', 'svc-backup', 'svc', '5', '', 'straße', 'STRASSE', 'a*b'];
const word = fc.constantFrom(...WORDS);
const time = fc.constantFrom('2025-03-04T05:06:07.089Z', '2025-03-04T06:06:07.089+01:00', '2025-03-04T05:06:08Z');
const leaf: fc.Arbitrary<JsonValue> = fc.oneof(word, word, fc.integer({ min: -2, max: 6 }), fc.boolean(), fc.constant(null), time);
const value: fc.Arbitrary<JsonValue> = fc.oneof({ weight: 6, arbitrary: leaf }, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', 'c.d'), leaf, { maxKeys: 2 }), fc.array(fc.dictionary(fc.constantFrom('a', 'name'), leaf, { maxKeys: 2 }), { maxLength: 2 }));

export const TYPES = ['account.owner.changed', 'account.provisioned', 'audit.user.logon', 'user.synced.created'];

export const randomEvent: fc.Arbitrary<AuditEvent> = fc
  .record({
    type: fc.constantFrom(...TYPES), severity: fc.integer({ min: 0, max: 10 }), outcome: fc.constantFrom('success', 'failure', 'unknown'), tenantId: fc.option(word, { nil: undefined }), correlationId: fc.option(word, { nil: undefined }),
    actor: fc.record({ kind: fc.constantFrom('user', 'system'), name: word, ip: fc.constantFrom('192.0.2.1', '::1') }, { requiredKeys: ['kind'] }),
    subject: fc.record({ kind: fc.constantFrom('account', 'user'), id: word, name: word, domain: value }, { requiredKeys: ['kind', 'id'] }),
    objects: fc.array(fc.record({ kind: fc.constantFrom('group', 'user'), id: word, name: word }, { requiredKeys: ['kind', 'id'] }), { maxLength: 3 }),
    attributes: fc.dictionary(fc.constantFrom('domain', 'count', 'dueDate', 'deep', 'a.b', 'constructor'), value, { maxKeys: 4 }),
    changes: fc.array(fc.record({ field: fc.constantFrom('state', 'owner', 'a.b'), old: value, new: value }, { requiredKeys: ['field'] }), { maxLength: 3 }),
    occurredAt: time,
  })
  .map((parts) => ({ ...sampleEvent('account.owner.changed'), ...parts }));

export const FIELDS = [
  'type', 'severity', 'outcome', 'tenantId', 'correlationId', 'occurredAt', 'actor.kind', 'actor.name', 'actor.*', 'subject.id', 'subject.name', 'subject.domain', 'subject.domain.a', 'objects.name', 'objects.kind', 'attributes.domain', 'attributes.count',
  'attributes.dueDate', 'attributes.deep.a', 'attributes.deep.*', 'attributes.deep[c.d]', 'attributes[a.b]', 'attributes.constructor', 'attributes.*', 'changes.field', 'changes[state].new', 'changes[a.b].old', 'changes[*].new', 'changes.old', 'attributes', 'objects',
];
const condition: fc.Arbitrary<FilterCondition> = fc
  .record({
    field: fc.constantFrom(...FIELDS),
    operator: fc.constantFrom('equals', 'equals', 'not-equals', 'in', 'not-in', 'contains', 'starts-with', 'matches', 'exists', 'missing', 'greater-than', 'less-than'),
    ignoreCase: fc.boolean(), text: fc.oneof(word.filter((text) => text !== ''), fc.constantFrom('a*', '*c*', 's*-*p', '*', 'a*a*e')), list: fc.array(fc.oneof(word.filter((text) => text !== ''), fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 1, maxLength: 4 }), limit: fc.oneof(fc.integer({ min: -1, max: 6 }), time),
  })
  .map(({ field, operator, ignoreCase, text, list, limit }) => {
    const given = operator === 'in' || operator === 'not-in' ? { values: list } : operator === 'exists' || operator === 'missing' ? {} : { value: operator.endsWith('than') ? limit : text };
    return { field, operator, ignoreCase, ...given };
  });
const rules = (prefix: string): fc.Arbitrary<FilterRule[]> =>
  fc.array(fc.record({ match: fc.constantFrom('all', 'any'), conditions: fc.array(condition, { minLength: 1, maxLength: 3 }) }), { maxLength: 3 }).map((list) => list.map((rule, index) => ({ ...rule, name: `${prefix} ${index}` })));

export const randomFilter: fc.Arbitrary<FilterSettings> = fc
  .record(
    { types: fc.subarray(['account.*', 'account.provisioned', 'audit.*', 'user.synced.created'], { minLength: 1 }), severityMin: fc.integer({ min: 0, max: 5 }), severityMax: fc.integer({ min: 5, max: 10 }), outcomes: fc.subarray(['success', 'failure', 'unknown']), exclude: rules('exclude'), include: rules('include') },
    { requiredKeys: [] },
  )
  .map((parts) => filterSection.parse(parts));

/** The documentation as code: which values a path means. */
export function valuesAt(event: AuditEvent, path: string): JsonValue[] {
  const steps = [...path.matchAll(/\.?([^.[\]]+)|\[([^\]]+)\]/g)].map((match) => ({ name: match[1] ?? match[2] ?? '', bracket: match[2] !== undefined }));
  let values: JsonValue[] = [event as unknown as JsonObject];
  const flat = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value.flatMap(flat) : value === undefined || value === null ? [] : [value]);
  steps.forEach(({ name, bracket }, at) => {
    if (bracket && at === 1 && path.startsWith('changes[')) {
      values = values.filter((value) => name === '*' || (value as JsonObject)['field'] === name);
      return;
    }
    values = values.flatMap((value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
      return Object.entries(value).filter(([key]) => name === '*' || key === name).flatMap(([, member]) => flat(member));
    });
  });
  return values;
}

function conditionHolds(event: AuditEvent, { field, operator, value: single, values: many, ignoreCase }: FilterCondition): boolean {
  const found = valuesAt(event, field);
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const texts = found.filter((item) => typeof item !== 'object').map((item) => fold(String(item)));
  const wanted = fold(String(single));
  const isTime = (item: unknown): item is string => typeof item === 'string' && item.includes('T') && !Number.isNaN(Date.parse(item)) && /^\d{4}-/.test(item);
  const compared = (test: (a: number, b: number) => boolean) =>
    found.some((item) => (isTime(single) ? isTime(item) && test(Date.parse(item), Date.parse(single)) : !isTime(item) && (typeof item === 'number' || (typeof item === 'string' && /^-?\d+$/.test(item))) && test(Number(item), Number(single))));
  switch (operator) {
    case 'equals': return texts.includes(wanted);
    case 'not-equals': return !texts.includes(wanted);
    case 'in': return texts.some((text) => many?.some((item) => fold(String(item)) === text));
    case 'not-in': return !texts.some((text) => many?.some((item) => fold(String(item)) === text));
    case 'contains': return texts.some((text) => text.includes(wanted));
    case 'starts-with': return texts.some((text) => text.startsWith(wanted));
    case 'matches': return texts.some((text) => new RegExp(`^${wanted.split('*').map((piece) => piece.replace(/[^a-z0-9]/giu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)).join('[^]*')}$`, 'u').test(text));
    case 'exists': return found.length > 0;
    case 'missing': return found.length === 0;
    case 'greater-than': return compared((a, b) => a > b);
    case 'less-than': return compared((a, b) => a < b);
  }
}

function ruleHolds(event: AuditEvent, { match, conditions }: FilterRule): boolean {
  return match === 'all' ? conditions.every((item) => conditionHolds(event, item)) : conditions.some((item) => conditionHolds(event, item));
}

/** The rule that filters an event, or null when it is wanted. */
export function naiveRule(filter: FilterSettings, event: AuditEvent): string | null {
  const typeWanted = filter.types.length === 0 || filter.types.some((type) => (type.endsWith('.*') ? event.type.startsWith(type.slice(0, -1)) : type === event.type));
  if (!typeWanted) return 'filter.types';
  if (filter.severityMin !== undefined && event.severity < filter.severityMin) return 'filter.severityMin';
  if (filter.severityMax !== undefined && event.severity > filter.severityMax) return 'filter.severityMax';
  if (filter.outcomes.length > 0 && !filter.outcomes.includes(event.outcome)) return 'filter.outcomes';
  const excluded = filter.exclude.find((rule) => ruleHolds(event, rule));
  if (excluded) return excluded.name;
  return filter.include.length > 0 && !filter.include.some((rule) => ruleHolds(event, rule)) ? 'filter.include' : null;
}
