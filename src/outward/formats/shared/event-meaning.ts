import { isIPv4, isIPv6 } from 'node:net';
import type { AuditEvent, EventObject } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import type { JsonValue } from '../../../model/json.js';

/** What the parts of an event mean, whatever the format: read here once, so that every format says the same of an event. */

/** The account or user that the event is about: the subject, else the only account that takes part, else the only user of an audit record (a member that was added). */
export function targetOf(event: AuditEvent, type: EventType): EventObject | undefined {
  const { subject, objects } = event;
  if (subject.kind === 'account' || subject.kind === 'user') return subject;
  if (objects.length === 0) return undefined;
  return onlyOf(objects, 'account') ?? (type.group === 'audit' ? onlyOf(objects, 'user') : undefined);
}

function onlyOf(objects: readonly EventObject[], kind: string): EventObject | undefined {
  let only: EventObject | undefined;
  for (const object of objects) {
    if (object.kind !== kind) continue;
    if (only !== undefined) return undefined;
    only = object;
  }
  return only;
}

/** The id of the request that an event belongs to. */
export function requestOf(event: AuditEvent): string | undefined {
  return textOf(event.attributes.request) ?? objectOfKind(event, 'request')?.id;
}

function objectOfKind(event: AuditEvent, kind: string): EventObject | undefined {
  if (event.subject.kind === kind) return event.subject;
  return event.objects.length > 0 ? event.objects.find((object) => object.kind === kind) : undefined;
}

/** The domain of an event: said by itself, else by its subject. */
export function domainOf({ attributes, subject }: AuditEvent): string | undefined {
  return textOf(attributes.domain) ?? textOf(subject.domain) ?? (subject.kind === 'domain' ? (subject.name ?? subject.id) : undefined);
}

/** What will be done, or the verb of an audit record. `type` is the id of the event's type. */
export function actionOf(event: AuditEvent, type: EventType, id: string): string | undefined {
  return type.group === 'audit' ? id.slice(id.lastIndexOf('.') + 1) : textOf(event.attributes.action);
}

/** A network address in a spelling that every typed field takes, or what stands there where it is none. An IPv6 zone means nothing elsewhere and goes. */
export type Address = { kind: 'ipv4' | 'ipv6' | 'name'; text: string };

export function addressOf(ip: string): Address {
  if (isIPv4(ip)) return { kind: 'ipv4', text: ip };
  if (!isIPv6(ip)) return { kind: 'name', text: ip };
  const address = ip.split('%', 1)[0] ?? ip;
  if (!address.includes('.')) return { kind: 'ipv6', text: address };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped === undefined ? { kind: 'ipv6', text: withoutDots(address) } : { kind: 'ipv4', text: mapped };
}

/** The form that ends in `d.d.d.d` (RFC 4291, 2.2) may have 45 octets; OCSF's `ip_t` takes 40, our keys of CEF and LEEF 39: its last 32 bits as two groups. */
function withoutDots(address: string): string {
  const start = address.lastIndexOf(':') + 1;
  const [first = 0, second = 0, third = 0, fourth = 0] = address.slice(start).split('.').map(Number);
  return `${address.slice(0, start)}${(first * 256 + second).toString(16)}:${(third * 256 + fourth).toString(16)}`;
}

/** Whether the event reports one change, of the field that its type is about: then the values say all. */
export function onlyChangeOf({ changes }: AuditEvent, type: EventType): AuditEvent['changes'][number] | undefined {
  const only = changes.length === 1 ? changes[0] : undefined;
  return only !== undefined && only.field === type.changeField ? only : undefined;
}

/** `field: value` for each change that has a value on that side. */
export function namedValues({ changes }: AuditEvent, side: 'old' | 'new'): string[] {
  return changes.filter((change) => change[side] !== undefined).map((change) => `${change.field}: ${textOf(change[side]) ?? 'null'}`);
}

/** The names that an event lists, and how many there are where it names only some of them. */
export interface NamedItems {
  names: readonly string[];
  total: number;
}

export function itemsOf(event: AuditEvent, target: EventObject | undefined): NamedItems | null {
  const { attributes, objects } = event;
  const { items, added, removed, approvers, count } = attributes;
  if (Array.isArray(items) && items.length > 0) return { names: items.map(itemText), total: typeof count === 'number' ? Math.max(count, items.length) : items.length };
  let names: string[];
  if (Array.isArray(added) || Array.isArray(removed)) names = [...prefixed('added', added), ...prefixed('removed', removed)];
  else if (Array.isArray(approvers)) names = approvers.map(itemText);
  else if (objects.length === 0) return null;
  else names = objects.filter((object) => object !== target).map((object) => object.name || object.id);
  return { names, total: names.length };
}

function prefixed(word: string, names: JsonValue | undefined): string[] {
  return Array.isArray(names) ? names.map((name) => `${word} ${itemText(name)}`) : [];
}

/** How many things the event sums up. */
export function countOf({ attributes }: AuditEvent): number | undefined {
  return wholeOf(attributes.count ?? (Array.isArray(attributes.items) ? attributes.items.length : undefined));
}

export function wholeOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** Milliseconds since 1970 of a text that begins with a date; undefined for any other. */
export function epochOf(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) return undefined;
  const epochMs = Date.parse(value);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

export function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map(itemText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function itemText(value: JsonValue): string {
  return textOf(value) ?? 'null';
}
