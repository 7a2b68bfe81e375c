import type { AuditEvent } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import type { EventFacts } from '../shared/event-facts.js';
import { actionOf, addressOf, countOf, domainOf, epochOf, itemsOf, namedValues, onlyChangeOf, requestOf, targetOf, textOf, wholeOf } from '../shared/event-meaning.js';
import { compileField, type CompiledField, type PairWriter } from '../shared/pair-fields.js';
import { LEEF_FIELDS } from './leef-fields.js';

export type LeefFields = Record<keyof typeof LEEF_FIELDS, CompiledField>;

export function compileLeefFields(delimiter: string): LeefFields {
  const fields = Object.fromEntries(Object.entries(LEEF_FIELDS).map(([name, field]) => [name, compileField(field, delimiter)])) as LeefFields;
  // The first pair follows the header's last pipe at once.
  return { ...fields, time: compileField(LEEF_FIELDS.time, '') };
}

/** Writes the pairs of an event, in the order of the wire. `leef-fields.ts` says what each key means. */
export function writePairs(out: PairWriter, fields: LeefFields, event: AuditEvent, facts: EventFacts, type: EventType, deviceHost: string): void {
  const { actor, subject, attributes } = event;
  out.plain(fields.time, facts.epochMs);
  out.plain(fields.severity, Math.max(facts.severity, 1));
  out.plain(fields.id, facts.id);
  if (facts.sequence !== null) out.plain(fields.sequence, facts.sequence);
  if (facts.replay !== null) out.plain(fields.replay, facts.replay);
  out.plain(fields.category, type.group);
  out.text(fields.outcome, event.outcome);
  out.text(fields.deviceHost, deviceHost);
  out.text(fields.action, actionOf(event, type, facts.type));
  out.text(fields.actor, actor.name || actor.id);
  out.text(fields.actorId, actor.id);
  if (actor.ip !== undefined) {
    const { kind, text } = addressOf(actor.ip);
    if (kind === 'name') out.text(fields.addressName, text);
    else out.plain(fields.address, text);
  }
  const target = targetOf(event, type);
  if (target !== undefined) {
    out.text(fields.target, target.name || target.id);
    out.text(fields.targetId, target.id);
  }
  out.text(fields.domain, domainOf(event));
  if (subject.kind === 'group') out.text(fields.group, subject.id);
  out.text(fields.requestId, requestOf(event));
  out.text(fields.resource, subject.name || subject.id);
  if (target !== subject) out.text(fields.resourceId, subject.id);
  writeChanges(out, fields, event, type);
  const items = itemsOf(event, target);
  if (items !== null) out.list(fields.items, items.names, items.total);
  writeNumber(out, fields.daysRemaining, wholeOf(attributes.days));
  writeNumber(out, fields.count, countOf(event));
  writeNumber(out, fields.dueDate, epochOf(attributes.dueDate));
  out.text(fields.reason, event.reason ?? textOf(attributes.errorCode));
  out.text(fields.correlationId, event.correlationId);
  out.text(fields.tenantId, event.tenantId);
  out.text(fields.message, event.message);
}

/** The change that the type is about shows its values alone; any other says the field too. */
function writeChanges(out: PairWriter, fields: LeefFields, event: AuditEvent, type: EventType): void {
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
