import { isIPv4, isIPv6 } from 'node:net';
import type { AuditEvent, EventObject } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import type { JsonValue } from '../../../model/json.js';
import type { EventFacts } from '../shared/event-facts.js';
import { CEF_FIELDS } from './cef-fields.js';
import { compileField, type CompiledField, type PairWriter } from './cef-writer.js';

type Fields = Record<keyof typeof CEF_FIELDS, CompiledField>;
const fields: Fields = Object.fromEntries(Object.entries(CEF_FIELDS).map(([name, field]) => [name, compileField(field)])) as Fields;
/** The first pair follows the header's last pipe at once. */
fields.rt = { ...fields.rt, start: fields.rt.start.trimStart() };

/** Writes the pairs of an event, in the order of the wire. `cef-fields.ts` says what each key means. */
export function writePairs(out: PairWriter, event: AuditEvent, facts: EventFacts, type: EventType, deviceHost: string): void {
  const { actor, subject, attributes } = event;
  out.plain(fields.rt, facts.epochMs);
  out.plain(fields.start, facts.epochMs);
  out.plain(fields.externalId, facts.id);
  if (facts.sequence !== null) out.plain(fields.sequence, facts.sequence);
  out.plain(fields.eventType, facts.type);
  out.plain(fields.category, `/Tidegate/${type.group}`);
  out.text(fields.outcome, event.outcome);
  out.text(fields.deviceHost, deviceHost);
  out.text(fields.action, type.group === 'audit' ? facts.type.slice(facts.type.lastIndexOf('.') + 1) : textOf(attributes.action));
  out.text(fields.sourceUser, actor.name);
  out.text(fields.sourceUserId, actor.id);
  if (actor.ip !== undefined) writeAddress(out, actor.ip);

  const target = targetOf(event, type);
  if (target !== undefined) {
    out.text(fields.targetUser, target.name);
    out.text(fields.targetUserId, target.id);
  }
  out.text(fields.targetDomain, textOf(attributes.domain) ?? textOf(subject.domain) ?? (subject.kind === 'domain' ? (subject.name ?? subject.id) : undefined));
  out.text(fields.requestId, textOf(attributes.request) ?? objectOfKind(event, 'request')?.id);
  out.text(fields.objectName, subject.name || subject.id);
  writeChanges(out, event, type);
  writeItems(out, event, target);
  writeWhole(out, fields.daysRemaining, attributes.days);
  writeWhole(out, fields.count, attributes.count ?? (Array.isArray(attributes.items) ? attributes.items.length : undefined));
  writeTime(out, fields.dueDate, attributes.dueDate);
  out.text(fields.reason, event.reason ?? textOf(attributes.errorCode));
  out.text(fields.correlationId, event.correlationId);
  if (target !== subject) out.text(fields.objectId, subject.id);
  out.text(fields.tenantId, event.tenantId);
  out.text(fields.message, event.message);
}

/** `src` takes IPv4 alone; IPv6 has a key of its own. Anything else is a name. */
function writeAddress(out: PairWriter, ip: string): void {
  if (isIPv4(ip)) out.plain(fields.sourceAddress, ip);
  else if (isIPv6(ip)) {
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
    const bare = ip.split('%', 1)[0] ?? ip;
    if (mapped !== undefined) out.plain(fields.sourceAddress, mapped);
    else out.plain(fields.sourceAddressV6, bare);
  } else out.text(fields.sourceHost, ip);
}

/** The account or user that the event is about: the subject, else the only account that takes part, else the only user of an audit record (a member that was added). */
function targetOf(event: AuditEvent, type: EventType): EventObject | undefined {
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

function objectOfKind(event: AuditEvent, kind: string): EventObject | undefined {
  if (event.subject.kind === kind) return event.subject;
  return event.objects.length > 0 ? event.objects.find((object) => object.kind === kind) : undefined;
}

/** The change that the type is about shows its values alone; any other says the field too. */
function writeChanges(out: PairWriter, event: AuditEvent, type: EventType): void {
  const { changes } = event;
  if (changes.length === 0) return;
  const only = changes.length === 1 ? changes[0] : undefined;
  if (only !== undefined && only.field === type.changeField) {
    out.text(fields.oldValue, textOf(only.old));
    out.text(fields.newValue, textOf(only.new));
    return;
  }
  const named = (side: 'old' | 'new'): string[] => changes.filter((change) => change[side] !== undefined).map((change) => `${change.field}: ${textOf(change[side]) ?? 'null'}`);
  const before = named('old');
  const after = named('new');
  out.list(fields.oldValue, before, before.length);
  out.list(fields.newValue, after, after.length);
}

function writeItems(out: PairWriter, event: AuditEvent, target: EventObject | undefined): void {
  const { attributes, objects } = event;
  const { items, added, removed, approvers, count } = attributes;
  if (Array.isArray(items) && items.length > 0) {
    out.list(fields.items, items.map(itemText), typeof count === 'number' ? Math.max(count, items.length) : items.length);
    return;
  }
  let names: string[];
  if (Array.isArray(added) || Array.isArray(removed)) names = [...prefixed('added', added), ...prefixed('removed', removed)];
  else if (Array.isArray(approvers)) names = approvers.map(itemText);
  else if (objects.length === 0) return;
  else names = objects.filter((object) => object !== target).map((object) => object.name || object.id);
  out.list(fields.items, names, names.length);
}

function prefixed(word: string, names: JsonValue | undefined): string[] {
  return Array.isArray(names) ? names.map((name) => `${word} ${itemText(name)}`) : [];
}

function itemText(value: JsonValue): string {
  return textOf(value) ?? 'null';
}

function writeWhole(out: PairWriter, field: CompiledField, value: JsonValue | undefined): void {
  if (typeof value === 'number' && Number.isSafeInteger(value)) out.plain(field, value);
}

function writeTime(out: PairWriter, field: CompiledField, value: JsonValue | undefined): void {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) return;
  const epochMs = Date.parse(value);
  if (!Number.isNaN(epochMs)) out.plain(field, epochMs);
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map(itemText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
