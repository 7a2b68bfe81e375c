import { AUDIT_TYPE_PATTERN, EVENT_TYPES, KNOWN_ATTRIBUTES, eventTypeOf, type EventType } from '../../model/event-types.js';
import type { JsonObject } from '../../model/json.js';

/** JSON Schemas (draft 2020-12) of what a producer may send, one a type of the catalogue and one for any audit record. Pure data made from the catalogue. */

/** The family of types that producers make up themselves. */
export const AUDIT_FAMILY = 'audit.{object}.{verb}';

const text = (description: string, limits: JsonObject = {}): JsonObject => ({ type: 'string', description, ...limits });

const eventObject = (kind: JsonObject, kindRequired: boolean, description: string): JsonObject => ({
  type: 'object',
  description,
  required: kindRequired ? ['kind', 'id'] : ['id'],
  properties: {
    kind,
    id: text('Stable identifier; events of one subject keep their order.', { minLength: 1, maxLength: 1024 }),
    name: text('Name as people know it.'),
  },
});
const anyKind = text('What it is: account, user, group, domain, request ...', { pattern: '^[a-z][a-z0-9-]{0,39}$' });

const actor: JsonObject = {
  type: 'object',
  description: 'Who did it; `system` when left out.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { type: 'string', enum: ['user', 'system'], description: '`system` is a job, a sync or a service without a person behind it.' },
    id: text('Identifier of the actor.', { maxLength: 1024 }),
    name: text('Name of the actor.'),
    ip: { description: 'IPv4 or IPv6 address the act came from.', anyOf: [{ type: 'string', format: 'ipv4' }, { type: 'string', format: 'ipv6' }] },
  },
};
const change: JsonObject = {
  type: 'object',
  additionalProperties: false,
  required: ['field'],
  properties: { field: text('Name of the field.', { minLength: 1 }), old: { description: 'Value before.' }, new: { description: 'Value after.' } },
};

function schemaOf(title: string, id: string, typeMember: JsonObject, subjectKind: JsonObject, kindRequired: boolean, type: Pick<EventType, 'description' | 'attributes' | 'required' | 'changeField'>): JsonObject {
  const attributes: JsonObject = {
    type: 'object',
    description: 'Facts of the type, and the place for anything else.',
    properties: Object.fromEntries(type.attributes.map((name) => [name, mutable(KNOWN_ATTRIBUTES[name])])),
    ...(type.required.length > 0 ? { required: [...type.required] } : {}),
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:tidegate:event-type:${id}`,
    title,
    description: type.description,
    type: 'object',
    additionalProperties: false,
    required: ['type', 'subject', ...(type.required.length > 0 ? ['attributes'] : [])],
    properties: {
      id: text('Identifier of the event at its producer; a resend with the same one is harmless. Kept when it matches [A-Za-z0-9._-]{1,40}, else in attributes.producerId.', { minLength: 1, maxLength: 1024 }),
      type: typeMember,
      occurredAt: text('When it happened, RFC 3339 with offset; the time of receipt when left out.', { format: 'date-time' }),
      tenantId: text('Tenant the event belongs to.', { minLength: 1, maxLength: 200 }),
      actor,
      subject: eventObject(subjectKind, kindRequired, 'What the event is about.'),
      objects: { type: 'array', description: 'What else took part.', items: eventObject(anyKind, true, 'A thing that took part.') },
      outcome: { type: 'string', enum: ['success', 'failure', 'unknown'], description: '`success` when left out, unless the type or the new state is a failure.' },
      reason: text('Why, above all of a failure.'),
      correlationId: text('What ties events of one case together.', { minLength: 1, maxLength: 256 }),
      severity: { type: 'integer', minimum: 0, maximum: 10, description: 'CEF scale 0..10; the severity of the type when left out.' },
      message: text('One sentence for people; made from the template of the type when left out.'),
      attributes,
      changes: { type: 'array', description: type.changeField ? `Old and new values; this type reports \`${type.changeField}\`.` : 'Old and new values.', items: change },
    },
  };
}

/** The schema of one type of the catalogue. */
export function schemaOfType(type: EventType): JsonObject {
  if (type.group === 'audit') return AUDIT_SCHEMA;
  return schemaOf(type.name, type.id, { const: type.id }, { const: type.subjectKind, description: `Always \`${type.subjectKind}\`; may be left out.` }, false, type);
}

/** The schema of any audit record. */
export const AUDIT_SCHEMA: JsonObject = schemaOf(
  'Any Audit Record', 'audit', text('`audit.{object}.{verb}`', { pattern: AUDIT_TYPE_PATTERN.source, maxLength: 32 }), anyKind, true,
  { description: 'Any audit record: object of at most 15 and verb of at most 10 characters.', attributes: [], required: [] },
);

/** Any event, for the OpenAPI document: the schema of its type says more. */
export const ANY_EVENT_SCHEMA: JsonObject = anyEventSchema();

function anyEventSchema(): JsonObject {
  const { $schema: _draft, $id: _id, title: _title, ...schema } = AUDIT_SCHEMA;
  const properties = { ...(schema.properties as JsonObject), type: text('Id of a type in the catalogue, or `audit.{object}.{verb}`.'), subject: eventObject(text('What it is; may be left out where the type has but one kind.'), false, 'What the event is about.') };
  return { ...schema, description: 'One event. The schema of its type is at GET /api/v1/event-types/{id}.', properties };
}

/** A catalogue entry with its schema, as `GET /api/v1/event-types` serves it. */
export interface EventTypeEntry extends EventType {
  schema: JsonObject;
}

const auditFamily: EventTypeEntry = {
  id: AUDIT_FAMILY, name: 'Audit Record', group: 'audit', cefId: 1100, severity: 2, failureSeverity: 5, subjectKind: '{object}', attributes: [], required: [], reserved: false,
  template: '{actor} {verb} {object} {name}', description: 'Any audit record.', schema: AUDIT_SCHEMA,
};

export const EVENT_TYPE_ENTRIES: readonly EventTypeEntry[] = [...EVENT_TYPES.map((type) => ({ ...type, schema: schemaOfType(type) })), auditFamily];

/** The entry of an id: of the catalogue, the audit family by its own name, or an audit type by example. */
export function eventTypeEntry(id: string): EventTypeEntry | undefined {
  const entry = EVENT_TYPE_ENTRIES.find((candidate) => candidate.id === id);
  if (entry) return entry;
  const type = eventTypeOf(id);
  return type && { ...type, schema: schemaOfType(type) };
}

function mutable(schema: (typeof KNOWN_ATTRIBUTES)[keyof typeof KNOWN_ATTRIBUTES]): JsonObject {
  return { ...schema };
}
