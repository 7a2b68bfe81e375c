import type { AuditEvent, EventObject } from '../../../src/model/audit-event.js';
import { KNOWN_ATTRIBUTES } from '../../../src/model/event-types.js';
import { kindOf } from './kinds.js';
import { asText, asTime, asWhole, meaningOf } from './meaning.js';
import { projectAbout } from './ocsf-about.js';
import { filled, wellFormed } from './text.js';

/** What comes back from the formats whose records are JSON objects, by docs/reference/formats.md and apart from the renderers. */

export function projectJson(event: AuditEvent, sequence: string): unknown {
  const { severity, timestamp } = meaningOf(event);
  return wellFormed({ ...event, occurredAt: timestamp, severity, sequence });
}

/** The whole OCSF record; captions of numbers that the schema fixes are judged by the official schema. */
export function projectOcsf(event: AuditEvent, sequence: string): unknown {
  const meaning = meaningOf(event);
  const { severity, epochMs, timestamp, count } = meaning;
  const about = projectAbout(event, meaning);
  // The classes that have no room for the actor, or not for the address.
  const unplaced = [0, 6008, 5003].includes(about.class_uid as number);
  const level = severity <= 1 ? 1 : severity <= 3 ? 2 : severity <= 6 ? 3 : severity <= 8 ? 4 : 5;
  const status = { success: 1, failure: 2, unknown: 0 }[event.outcome];
  return wellFormed({
    ...about,
    ...filled({ message: event.message, status_detail: event.reason, status_code: asText(event.attributes.errorCode), count: count !== undefined && count >= 0 ? count : undefined }),
    time: epochMs, severity_id: level, status_id: status,
    metadata: {
      ...filled({ tenant_uid: event.tenantId, correlation_uid: event.correlationId, logged_time: asTime(event.receivedAt) }),
      version: '1.8.0', product: { name: 'Tidegate', vendor_name: 'Tidegate' }, log_name: 'tidegate.events', uid: event.id, event_code: event.type, original_time: timestamp, sequence: Number(sequence.split('.')[1]),
    },
    unmapped: {
      severity, sequence, subject: event.subject, ...(unplaced ? { actor: event.actor } : {}),
      ...(event.objects.length > 0 ? { objects: event.objects } : {}), ...(Object.values(event.attributes).some((value) => value !== undefined) ? { attributes: event.attributes } : {}),
      ...(event.changes.length > 0 ? { changes: event.changes } : {}),
    },
  });
}

/** The captions that go with numbers: the official schema judges them. */
const CAPTIONS = ['category_name', 'class_name', 'type_name', 'severity', 'status'];
const NUMBERS_THAT_FOLLOW = ['category_uid', 'type_uid'];

/** An OCSF record without what says again, in words or as a sum, what a compared number says. */
export function comparableOcsf(record: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !CAPTIONS.includes(name) && !NUMBERS_THAT_FOLLOW.includes(name)));
}

/** The whole ECS record. */
export function projectEcs(event: AuditEvent, sequence: string, hostname: string): unknown {
  const { actor, subject, attributes } = event;
  const { severity, timestamp, target, domain, cefId, ip, ipVersion } = meaningOf(event);
  const received = asTime(event.receivedAt);
  const kind = kindOf(event.type);
  const names = [...new Set([actor.name, target?.name].filter((name) => name !== undefined && name !== ''))];
  return wellFormed({
    ...filled({
      message: event.message,
      error: event.outcome === 'failure' ? filled({ message: event.reason, code: asText(attributes.errorCode) }) : undefined,
      user: filled({ id: actor.id, name: actor.name, target: target && filled({ id: target.id, name: target.name, domain }) }),
      group: subject.kind === 'group' ? filled({ id: subject.id, name: subject.name, domain }) : undefined,
      source: actor.ip ? { address: actor.ip, ...(ipVersion === 0 ? {} : { ip }) } : undefined,
      related: filled({ user: names.length > 0 ? names : undefined, ip: ip !== undefined && ipVersion !== 0 ? [ip] : undefined }),
      organization: event.tenantId ? { id: event.tenantId } : undefined,
      labels: labelsOf(event),
    }),
    '@timestamp': timestamp,
    ecs: { version: '9.4.0' },
    event: {
      ...filled({ reason: event.reason, created: received === undefined ? undefined : new Date(received).toISOString() }),
      kind: 'event', category: kind.ecs[0], type: kind.ecs[1], action: event.type, code: String(cefId), module: 'tidegate', dataset: 'tidegate.audit', id: event.id, severity, outcome: event.outcome, sequence: Number(sequence.split('.')[1]),
    },
    observer: { vendor: 'Tidegate', product: 'Tidegate', hostname },
    tidegate: {
      ...filled({ correlation_id: event.correlationId }), ...knownAttributes(event),
      actor_kind: actor.kind, sequence, subject: objectOf(subject),
      ...(event.objects.length > 0 ? { objects: event.objects.map(objectOf) } : {}),
      ...(event.changes.length > 0 ? { changes: event.changes.map((change) => ({ field: change.field, ...filled({ old: asText(change.old), new: asText(change.new) }) })) } : {}),
    },
  });
}

function objectOf({ kind, id, name, ...details }: EventObject): object {
  const more = Object.values(details).some((value) => value !== undefined);
  return { kind, id, ...filled({ name, details: more ? JSON.stringify(wellFormed(details)) : undefined }) };
}

/** An attribute of the catalogue as what it is known to be, or undefined when it is something else. */
function typed(name: keyof typeof KNOWN_ATTRIBUTES, value: unknown): unknown {
  const known: { type: string; format?: string } = KNOWN_ATTRIBUTES[name];
  if (known.type === 'integer') return asWhole(value);
  if (known.type === 'array') return Array.isArray(value) ? value.map((item) => asText(item) ?? 'null') : undefined;
  if (known.format === undefined) return typeof value === 'string' ? value : undefined;
  const time = asTime(value);
  const text = time === undefined ? undefined : new Date(time).toISOString();
  return text?.length === 24 ? text : undefined;
}

function isKnown(name: string): name is keyof typeof KNOWN_ATTRIBUTES {
  return Object.hasOwn(KNOWN_ATTRIBUTES, name);
}

function knownAttributes({ attributes }: AuditEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => {
    const known = isKnown(name) ? typed(name, value) : undefined;
    return known === undefined ? [] : [[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), known]];
  }));
}

function labelsOf({ attributes }: AuditEvent): Record<string, unknown> | undefined {
  const texts = Object.entries(attributes).flatMap(([name, value]) => {
    const text = asText(value);
    return text === undefined || (isKnown(name) && typed(name, value) !== undefined) ? [] : [[name.replaceAll('.', '_') || '_', text] as const];
  });
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}
