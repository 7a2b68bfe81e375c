import { isIP } from 'node:net';
import type { AuditEvent, EventObject } from '../../../src/model/audit-event.js';
import { eventTypeOf } from '../../../src/model/event-types.js';

/** What an event means to every format, by docs/reference/formats.md and apart from the renderers. */
export interface Meaning {
  epochMs: number;
  timestamp: string;
  severity: number;
  group: string;
  cefId: number;
  name: string;
  target: EventObject | undefined;
  domain: string | undefined;
  request: string | undefined;
  action: string | undefined;
  items: { names: string[]; total: number } | undefined;
  /** The values of the one change that the type is about, or all changes with their fields. */
  old: { value: string | undefined } | { list: string[] } | undefined;
  new: { value: string | undefined } | { list: string[] } | undefined;
  days: number | undefined;
  count: number | undefined;
  dueMs: number | undefined;
  reason: string | undefined;
  /** The replay that sends it again, where it is named as ours are. */
  replay: string | undefined;
  ip: string | undefined;
  ipVersion: 0 | 4 | 6;
}

export function asText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((item) => asText(item) ?? 'null').join(', ');
  return JSON.stringify(value);
}

export function asTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

export function asWhole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** Every format asks it of the same event. */
const known = new WeakMap<AuditEvent, Meaning>();

export function meaningOf(event: AuditEvent): Meaning {
  const before = known.get(event);
  if (before !== undefined) return before;
  const meaning = newMeaningOf(event);
  known.set(event, meaning);
  return meaning;
}

function newMeaningOf(event: AuditEvent): Meaning {
  const { subject, objects, attributes, actor, changes } = event;
  const type = eventTypeOf(event.type);
  const epochMs = Date.parse(event.occurredAt);
  const audit = type?.group === 'audit';
  const people = objects.filter(({ kind }) => kind === 'account');
  const users = objects.filter(({ kind }) => kind === 'user');
  const target = ['account', 'user'].includes(subject.kind) ? subject : people.length === 1 ? people[0] : audit && users.length === 1 ? users[0] : undefined;
  const single = changes.length === 1 && type?.changeField !== undefined && changes[0]?.field === type.changeField ? changes[0] : undefined;
  const side = (which: 'old' | 'new') => {
    if (single !== undefined) return { value: asText(single[which]) };
    return changes.length === 0 ? undefined : { list: changes.filter((change) => change[which] !== undefined).map((change) => `${change.field}: ${asText(change[which]) ?? 'null'}`) };
  };
  const bare = actor.ip === undefined ? undefined : addressOf(actor.ip);
  return {
    epochMs, timestamp: new Date(epochMs).toISOString(), severity: Math.max(0, Math.min(10, Math.round(event.severity))) || 0,
    group: type?.group ?? 'audit', cefId: type?.cefId ?? 1000, name: type?.name ?? 'Event',
    target,
    domain: asText(attributes.domain) ?? asText(subject.domain) ?? (subject.kind === 'domain' ? (subject.name ?? subject.id) : undefined),
    request: asText(attributes.request) ?? [subject, ...objects].find(({ kind }) => kind === 'request')?.id,
    action: audit ? event.type.split('.').pop() : asText(attributes.action),
    items: itemsOf(event, target),
    old: side('old'), new: side('new'),
    days: asWhole(attributes.days), count: asWhole(attributes.count ?? (Array.isArray(attributes.items) ? attributes.items.length : undefined)), dueMs: asTime(attributes.dueDate),
    reason: event.reason ?? asText(attributes.errorCode),
    replay: [attributes.replay].find((id): id is string => typeof id === 'string' && /^[\w.-]{1,40}$/.test(id)),
    ip: bare, ipVersion: bare === undefined ? 0 : (isIP(bare) as 0 | 4 | 6),
  };
}

/** An address without zone, IPv4 where IPv6 only wraps it, and else in groups alone; a text that is no address as it is. */
function addressOf(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const bare = ip.replace(/%.*$/s, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  const group = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
  return isIP(bare) === 4 ? bare : bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a: string, b: string, c: string, d: string) => `${group(a, b)}:${group(c, d)}`);
}

/** @param target left out of the names of the objects */
export function itemsOf({ attributes: { items, added, removed, approvers, count }, objects }: AuditEvent, target: EventObject | undefined): Meaning['items'] {
  const texts = (list: unknown[]) => list.map((item) => asText(item) ?? 'null');
  if (Array.isArray(items) && items.length > 0) return { names: texts(items), total: typeof count === 'number' ? Math.max(count, items.length) : items.length };
  const marked = (word: string, list: unknown) => (Array.isArray(list) ? texts(list).map((name) => `${word} ${name}`) : []);
  const names = Array.isArray(added) || Array.isArray(removed) ? [...marked('added', added), ...marked('removed', removed)]
    : Array.isArray(approvers) ? texts(approvers)
    : objects.filter((object) => object !== target).map(({ name, id }) => name || id);
  return names.length === 0 ? undefined : { names, total: names.length };
}
