import type { AuditEvent } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import type { EventFacts } from '../shared/event-facts.js';
import { actionOf, addressOf, countOf, domainOf, epochOf, itemsOf, namedValues, onlyChangeOf, requestOf, targetOf, textOf, wholeOf } from '../shared/event-meaning.js';
import { compileField, type CompiledField, type PairWriter } from '../shared/pair-fields.js';
import { CEF_FIELDS, CEF_STYLE } from './cef-fields.js';

type Fields = Record<keyof typeof CEF_FIELDS, CompiledField>;
const fields: Fields = Object.fromEntries(Object.entries(CEF_FIELDS).map(([name, field]) => [name, compileField(field, CEF_STYLE.separator)])) as Fields;
/** The first pair follows the header's last pipe at once. */
fields.rt = { ...fields.rt, start: fields.rt.start.trimStart() };

/** Writes the pairs of an event, in the order of the wire. `cef-fields.ts` says what each key means. */
export function writePairs(out: PairWriter, event: AuditEvent, facts: EventFacts, type: EventType, deviceHost: string): void {
  const { actor, subject, attributes } = event;
  out.plain(fields.rt, facts.epochMs);
  out.plain(fields.start, facts.epochMs);
  out.plain(fields.externalId, facts.id);
  if (facts.sequence !== null) out.plain(fields.sequence, facts.sequence);
  if (facts.replay !== null) out.plain(fields.replay, facts.replay);
  out.plain(fields.eventType, facts.type);
  out.plain(fields.category, `/Tidegate/${type.group}`);
  out.text(fields.outcome, event.outcome);
  out.text(fields.deviceHost, deviceHost);
  out.text(fields.action, actionOf(event, type, facts.type));
  out.text(fields.sourceUser, actor.name);
  out.text(fields.sourceUserId, actor.id);
  if (actor.ip !== undefined) writeAddress(out, actor.ip);
  const target = targetOf(event, type);
  if (target !== undefined) {
    out.text(fields.targetUser, target.name);
    out.text(fields.targetUserId, target.id);
  }
  out.text(fields.targetDomain, domainOf(event));
  out.text(fields.requestId, requestOf(event));
  out.text(fields.objectName, subject.name || subject.id);
  writeChanges(out, event, type);
  const items = itemsOf(event, target);
  if (items !== null) out.list(fields.items, items.names, items.total);
  writeNumber(out, fields.daysRemaining, wholeOf(attributes.days));
  writeNumber(out, fields.count, countOf(event));
  writeNumber(out, fields.dueDate, epochOf(attributes.dueDate));
  out.text(fields.reason, event.reason ?? textOf(attributes.errorCode));
  out.text(fields.correlationId, event.correlationId);
  if (target !== subject) out.text(fields.objectId, subject.id);
  out.text(fields.tenantId, event.tenantId);
  out.text(fields.message, event.message);
}

/** `src` takes IPv4 alone; IPv6 has a key of its own. Anything else is a name. */
function writeAddress(out: PairWriter, ip: string): void {
  const { kind, text } = addressOf(ip);
  switch (kind) {
    case 'ipv4': return out.plain(fields.sourceAddress, text);
    case 'ipv6': return out.plain(fields.sourceAddressV6, text);
    case 'name': return out.text(fields.sourceHost, text);
  }
}

/** The change that the type is about shows its values alone; any other says the field too. */
function writeChanges(out: PairWriter, event: AuditEvent, type: EventType): void {
  if (event.changes.length === 0) return;
  const only = onlyChangeOf(event, type);
  if (only !== undefined) {
    out.text(fields.oldValue, textOf(only.old));
    out.text(fields.newValue, textOf(only.new));
    return;
  }
  const before = namedValues(event, 'old');
  const after = namedValues(event, 'new');
  out.list(fields.oldValue, before, before.length);
  out.list(fields.newValue, after, after.length);
}

function writeNumber(out: PairWriter, field: CompiledField, value: number | undefined): void {
  if (value !== undefined) out.plain(field, value);
}
