import type { Actor, AuditEvent, EventObject, FieldChange, Outcome } from './audit-event.js';
import { JsonReader, Literal } from './json-reader.js';

const reader = new JsonReader();

const ID = new Literal('{"id":"');
const TYPE = new Literal(',"type":"');
const OCCURRED_AT = new Literal(',"occurredAt":"');
const RECEIVED_AT = new Literal(',"receivedAt":"');
const TENANT_ID = new Literal(',"tenantId":"');
const ACTOR = new Literal(',"actor":{"kind":"');
const SUBJECT = new Literal(',"subject":');
const OBJECTS = new Literal(',"objects":[');
const OUTCOME = new Literal(',"outcome":"');
const REASON = new Literal(',"reason":"');
const CORRELATION_ID = new Literal(',"correlationId":"');
const SEVERITY = new Literal(',"severity":');
const MESSAGE = new Literal(',"message":"');
const ATTRIBUTES = new Literal(',"attributes":{');
const CHANGES = new Literal(',"changes":[');
const KIND = new Literal('{"kind":"');
const NEXT_ID = new Literal(',"id":"');
const NEXT_NAME = new Literal(',"name":"');
const NEXT_IP = new Literal(',"ip":"');
const FIELD = new Literal('{"field":"');
const OLD = new Literal(',"old":');
const NEW = new Literal(',"new":');
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;
const CLOSING_BRACKET = 0x5d;

/**
 * The event that `JSON.parse` gives of these octets, at about half its cost, where they are as `encodeEnvelope` writes an event: its members in their order, nothing between them. Undefined for
 * all else, valid or not. Its texts may be cuttings of the record: who keeps one for long keeps the record.
 */
export function parseEvent(octets: Buffer, from: number, end: number): AuditEvent | undefined {
  if (!reader.open(octets, from, end)) return undefined;
  const event = readEvent();
  return reader.close() ? event : undefined;
}

function readEvent(): AuditEvent | undefined {
  const id = reader.skip(ID) ? reader.stringRest() : undefined;
  if (id === undefined) return undefined;
  const type = reader.skip(TYPE) ? reader.knownRest() : undefined;
  if (type === undefined) return undefined;
  const occurredAt = reader.skip(OCCURRED_AT) ? reader.stringRest() : undefined;
  if (occurredAt === undefined) return undefined;
  const receivedAt = reader.skip(RECEIVED_AT) ? reader.stringRest() : undefined;
  if (receivedAt === undefined) return undefined;
  const tenantId = reader.skip(TENANT_ID) ? reader.stringRest() : undefined;
  const actor = reader.skip(ACTOR) ? readActor() : undefined;
  if (actor === undefined) return undefined;
  const subject = reader.skip(SUBJECT) ? readObject() : undefined;
  if (subject === undefined) return undefined;
  const objects = reader.skip(OBJECTS) ? readList(readObject) : undefined;
  if (objects === undefined) return undefined;
  const outcome = (reader.skip(OUTCOME) ? reader.knownRest() : undefined) as Outcome | undefined;
  if (outcome === undefined) return undefined;
  const reason = reader.skip(REASON) ? reader.stringRest() : undefined;
  const correlationId = reader.skip(CORRELATION_ID) ? reader.stringRest() : undefined;
  const severity = reader.skip(SEVERITY) ? reader.number() : undefined;
  if (severity === undefined) return undefined;
  const message = reader.skip(MESSAGE) ? reader.stringRest() : undefined;
  if (message === undefined) return undefined;
  const attributes = reader.skip(ATTRIBUTES) ? reader.members({}) : undefined;
  if (attributes === undefined) return undefined;
  const changes = reader.skip(CHANGES) ? readList(readChange) : undefined;
  if (changes === undefined || !reader.skipOne(CLOSING_BRACE)) return undefined;
  // One literal for each set of members, so that events alike are alike to the engine.
  switch ((tenantId === undefined ? 0 : 4) + (reason === undefined ? 0 : 2) + (correlationId === undefined ? 0 : 1)) {
    case 0: return { id, type, occurredAt, receivedAt, actor, subject, objects, outcome, severity, message, attributes, changes };
    case 1: return { id, type, occurredAt, receivedAt, actor, subject, objects, outcome, correlationId, severity, message, attributes, changes };
    case 2: return { id, type, occurredAt, receivedAt, actor, subject, objects, outcome, reason, severity, message, attributes, changes };
    case 3: return { id, type, occurredAt, receivedAt, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes };
    case 4: return { id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, severity, message, attributes, changes };
    case 5: return { id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, correlationId, severity, message, attributes, changes };
    case 6: return { id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, severity, message, attributes, changes };
    default: return { id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes };
  }
}

function readActor(): Actor | undefined {
  const kind = reader.knownRest() as Actor['kind'] | undefined;
  if (kind === undefined) return undefined;
  const id = reader.skip(NEXT_ID) ? reader.stringRest() : undefined;
  const name = reader.skip(NEXT_NAME) ? reader.stringRest() : undefined;
  const ip = reader.skip(NEXT_IP) ? reader.stringRest() : undefined;
  if (!reader.skipOne(CLOSING_BRACE)) return undefined;
  switch ((id === undefined ? 0 : 4) + (name === undefined ? 0 : 2) + (ip === undefined ? 0 : 1)) {
    case 0: return { kind };
    case 1: return { kind, ip };
    case 2: return { kind, name };
    case 3: return { kind, name, ip };
    case 4: return { kind, id };
    case 5: return { kind, id, ip };
    case 6: return { kind, id, name };
    default: return { kind, id, name, ip };
  }
}

function readObject(): EventObject | undefined {
  const kind = reader.skip(KIND) ? reader.knownRest() : undefined;
  if (kind === undefined) return undefined;
  const id = reader.skip(NEXT_ID) ? reader.stringRest() : undefined;
  if (id === undefined) return undefined;
  const name = reader.skip(NEXT_NAME) ? reader.stringRest() : undefined;
  const object: EventObject = name === undefined ? { kind, id } : { kind, id, name };
  if (reader.skipOne(CLOSING_BRACE)) return object;
  return reader.skipOne(COMMA) ? reader.moreMembers(object) : undefined;
}

/** The rest of a list behind its opening bracket. */
function readList<T>(readItem: () => T | undefined): T[] | undefined {
  const items: T[] = [];
  if (reader.skipOne(CLOSING_BRACKET)) return items;
  do {
    const item = readItem();
    if (item === undefined) return undefined;
    items.push(item);
  } while (reader.skipOne(COMMA));
  return reader.skipOne(CLOSING_BRACKET) ? items : undefined;
}

function readChange(): FieldChange | undefined {
  const field = reader.skip(FIELD) ? reader.knownRest() : undefined;
  if (field === undefined) return undefined;
  const before = reader.skip(OLD) ? reader.value() : undefined;
  const after = reader.skip(NEW) ? reader.value() : undefined;
  if (!reader.skipOne(CLOSING_BRACE)) return undefined;
  if (before === undefined) return after === undefined ? { field } : { field, new: after };
  return after === undefined ? { field, old: before } : { field, old: before, new: after };
}
