import type { AuditEvent, EventObject } from '../../../model/audit-event.js';
import { KNOWN_ATTRIBUTES, type KnownAttribute } from '../../../model/event-types.js';
import type { JsonValue } from '../../../model/json.js';
import type { EventFacts } from '../shared/event-facts.js';
import { epochOf, textOf, wholeOf } from '../shared/event-meaning.js';
import { optional, quoted } from '../shared/json-quote.js';
import { plainJson } from '../shared/json-text.js';

/**
 * What ECS has no field for, under one root of ours. Each field has one type whatever an event brings, because Elasticsearch refuses a document whose field has another
 * type than the first one had: a value of another type than its attribute is known by goes to `labels`, whose values are all text.
 */

/** How an attribute of the catalogue is written: its name in snake case, and only as what it is known to be. */
const KNOWN: ReadonlyArray<{ name: KnownAttribute; start: string; read: (value: JsonValue) => string | undefined }> = (Object.keys(KNOWN_ATTRIBUTES) as KnownAttribute[]).map((name) => ({
  name,
  start: `,"${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`,
  read: readerOf(KNOWN_ATTRIBUTES[name]),
}));

function readerOf(known: { type: string; format?: string }): (value: JsonValue) => string | undefined {
  switch (known.type) {
    case 'integer': return (value) => wholeOf(value)?.toString();
    case 'array': return (value) => (Array.isArray(value) ? `[${value.map((item) => quoted(textOf(item) ?? 'null')).join(',')}]` : undefined);
    default: return known.format === 'date-time' ? dateText : (value) => (typeof value === 'string' ? quoted(value) : undefined);
  }
}

function dateText(value: JsonValue): string | undefined {
  const epochMs = epochOf(value);
  if (epochMs === undefined) return undefined;
  const text = new Date(epochMs).toISOString();
  return text.length === 24 ? `"${text}"` : undefined;
}

/** `,"tidegate":{...}` and `,"labels":{...}`. */
export function ownMembers(event: AuditEvent, { sequence }: EventFacts): string {
  const { actor, subject, objects, changes, attributes } = event;
  let own = `,"tidegate":{"actor_kind":${quoted(actor.kind ?? 'system')}`;
  if (sequence !== null) own += `,"sequence":"${sequence}"`;
  own += optional(',"correlation_id":', event.correlationId) + `,"subject":${objectText(subject)}`;
  if (objects.length > 0) own += `,"objects":[${objects.map(objectText).join(',')}]`;
  if (changes.length > 0) own += `,"changes":[${changes.map((change) => `{"field":${quoted(change.field)}${optional(',"old":', textOf(change.old))}${optional(',"new":', textOf(change.new))}}`).join(',')}]`;
  let unread: string[] | null = null;
  for (const { name, start, read } of KNOWN) {
    const value = attributes[name];
    if (value === undefined || value === null) continue;
    const text = read(value);
    if (text === undefined) (unread ??= []).push(name);
    else own += start + text;
  }
  return `${own}}${labels(event, unread)}`;
}

/** Kind, id and name; further details as text of JSON in one field. */
function objectText(object: EventObject): string {
  const { kind, id, name, ...details } = object;
  let text = `{"kind":${quoted(String(kind))},"id":${quoted(String(id))}${optional(',"name":', name)}`;
  for (const detail in details) {
    if (details[detail] === undefined) continue;
    text += `,"details":${quoted(plainJson(details))}`;
    break;
  }
  return `${text}}`;
}

/** ECS `labels`: flat, every value a text. A dot in a name would make it an object. */
function labels(event: AuditEvent, unread: readonly string[] | null): string {
  let texts: Map<string, string> | null = null;
  for (const name in event.attributes) {
    if (Object.hasOwn(KNOWN_ATTRIBUTES, name) && unread?.includes(name) !== true) continue;
    const text = textOf(event.attributes[name]);
    if (text === undefined) continue;
    (texts ??= new Map()).set(labelOf(name), text);
  }
  return texts === null ? '' : `,"labels":{${Array.from(texts, ([name, text]) => `${quoted(name)}:${quoted(text)}`).join(',')}}`;
}

function labelOf(name: string): string {
  return name.toWellFormed().replaceAll('.', '_') || '_';
}
