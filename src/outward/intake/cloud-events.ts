import type { IncomingHttpHeaders } from 'node:http';
import { CloudEvent, HTTP } from 'cloudevents';
import { eventTypeOf } from '../../model/event-types.js';
import type { JsonObject, JsonValue } from '../../model/json.js';
import type { EventFault } from './event-validator.js';
import { scanJson } from './json-scan.js';

/**
 * CloudEvents 1.0 to the event of a producer: the envelope gives id, source, type and time, `data` the rest. The `cloudevents` library checks the envelope; what it fills in by
 * itself when an attribute is missing (a random id, the time of day) is asked for before.
 */
export type EnvelopeContent = { event: JsonObject; source: string; locate: (pointer: string) => string } | { fault: EventFault };

const CONTEXT = new Set(['id', 'source', 'type', 'specversion', 'time', 'subject', 'datacontenttype', 'dataschema', 'data', 'data_base64']);
const SOURCE_OCTETS = 2048;
const REQUIRED = ['specversion', 'id', 'source', 'type'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Structured or batched mode (JSON event format, section 3): the envelope is the JSON object. */
export function fromEnvelope(envelope: JsonObject, base: string, depth: number): EnvelopeContent {
  const fault = missing(envelope);
  if (fault) return { fault: { pointer: base + fault.pointer, reason: fault.reason } };
  const refusal = envelopeRefusal(envelope);
  if (refusal !== undefined) return { fault: { pointer: base, reason: refusal } };
  const data = dataOf(envelope, depth);
  if ('reason' in data) return { fault: { pointer: `${base}/${data.member}`, reason: data.reason } };
  return merge(envelope, data.value, (name) => `${base}/${name}`, `${base}/data`);
}

/** Binary mode (HTTP protocol binding, section 3.1): ce-* headers carry the attributes, the body is the data. */
export function fromBinaryMode(headers: IncomingHttpHeaders, data: JsonObject): EnvelopeContent {
  const envelope: JsonObject = { datacontenttype: 'application/json' };
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('ce-') || typeof value !== 'string') continue;
    const decoded = percentDecoded(value);
    if (decoded === undefined) return { fault: { pointer: '', reason: `the header ${name} is not percent-encoded UTF-8 (HTTP binding, section 3.1.3.2)` } };
    plain[name] = decoded;
    if (name !== 'ce-data' && name !== 'ce-datacontenttype') envelope[name.slice(3)] = decoded;
  }
  const fault = missing(envelope);
  if (fault) return { fault: { pointer: '', reason: `the header ce${fault.pointer.replace('/', '-')} ${fault.reason}` } };
  try {
    HTTP.toEvent({ headers: { ...plain, 'content-type': 'application/json' }, body: undefined });
  } catch (error) {
    return { fault: { pointer: '', reason: libraryReason(error) } };
  }
  const refusal = envelopeRefusal(envelope);
  return refusal === undefined ? merge(envelope, data, () => '', '') : { fault: { pointer: '', reason: refusal } };
}

/** The attributes without which an envelope is none (CloudEvents 1.0, section 3.1). */
function missing(envelope: JsonObject): EventFault | undefined {
  for (const name of REQUIRED) {
    const value = envelope[name];
    if (value === undefined || value === null || value === '') return { pointer: `/${name}`, reason: 'is missing' };
    if (typeof value !== 'string') return { pointer: `/${name}`, reason: 'must be a string' };
  }
  if (envelope.specversion !== '1.0') return { pointer: '/specversion', reason: 'must be 1.0' };
  if (textOf(envelope.source).length > SOURCE_OCTETS) return { pointer: '/source', reason: `must not have more than ${SOURCE_OCTETS} characters` };
  return undefined;
}

function envelopeRefusal(envelope: JsonObject): string | undefined {
  const { data: _data, data_base64: _base64, ...context } = envelope;
  try {
    new CloudEvent(context, true);
    return undefined;
  } catch (error) {
    return libraryReason(error);
  }
}

/** The first line of what the library says, with the place its schema names. */
function libraryReason(error: unknown): string {
  const errors: unknown = error instanceof Error && 'errors' in error ? error.errors : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first === 'object' && first !== null && 'instancePath' in first && 'message' in first) return `not a CloudEvents 1.0 envelope: ${String(first.instancePath).slice(1)} ${String(first.message)}`;
  return `not a CloudEvents 1.0 envelope: ${error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 200) : 'unreadable'}`;
}

function dataOf(envelope: JsonObject, depth: number): { value: JsonObject } | { member: string; reason: string } {
  const contentType = envelope.datacontenttype;
  if (typeof contentType === 'string' && !/^[^;]*[/+]json\s*(;|$)/i.test(contentType)) return { member: 'datacontenttype', reason: 'the data of an event is JSON' };
  if (envelope.data_base64 !== undefined && envelope.data_base64 !== null) {
    if (envelope.data !== undefined) return { member: 'data_base64', reason: 'data and data_base64 cannot both be there' };
    const value = decodedData(envelope.data_base64, depth);
    return typeof value === 'string' ? { member: 'data_base64', reason: value } : { value };
  }
  const data = envelope.data ?? {};
  return typeof data === 'object' && !Array.isArray(data) ? { value: data } : { member: 'data', reason: 'must be an object' };
}

/** The object in base64 data, or what is wrong with it. */
function decodedData(encoded: JsonValue, depth: number): JsonObject | string {
  if (typeof encoded !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return 'must be base64 (RFC 4648, section 4)';
  const bytes = Buffer.from(encoded, 'base64');
  if ((scanJson(bytes, 1).depths[0] ?? 0) > depth) return `is nested deeper than ${depth} levels (intake.depth)`;
  try {
    const value = JSON.parse(utf8.decode(bytes)) as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : 'must hold a JSON object';
  } catch {
    return 'must hold JSON in UTF-8';
  }
}

/** The event: data, with what the envelope says of it. Data that contradicts its envelope is refused, since no reader could tell which one is true. */
function merge(envelope: JsonObject, data: JsonObject, attributeAt: (name: string) => string, dataBase: string): EnvelopeContent {
  for (const name of ['id', 'type'] as const) {
    if (data[name] !== undefined && data[name] !== envelope[name]) return { fault: { pointer: `${dataBase}/${name}`, reason: `differs from ${name} of the CloudEvents envelope; leave it out` } };
  }
  const event: JsonObject = { ...data, id: envelope.id ?? '', type: envelope.type ?? '' };
  const fromContext = new Map([['id', 'id'], ['type', 'type']]);
  if (data.occurredAt === undefined && typeof envelope.time === 'string') {
    event.occurredAt = envelope.time;
    fromContext.set('occurredAt', 'time');
  }
  const type = eventTypeOf(textOf(envelope.type));
  if (data.subject === undefined && typeof envelope.subject === 'string' && type) {
    event.subject = { kind: type.subjectKind, id: envelope.subject };
    fromContext.set('subject', 'subject');
  }
  const conflict = addExtensions(event, envelope, data);
  if (conflict !== undefined) return { fault: { pointer: attributeAt(conflict), reason: `differs from attributes.${conflict} in the data; leave one of them out` } };
  const locate = (pointer: string): string => {
    const name = fromContext.get(pointer.split('/')[1] ?? '');
    return name === undefined ? dataBase + pointer : attributeAt(name);
  };
  return { event, source: textOf(envelope.source), locate };
}

/** Extension attributes are kept: `correlationid` and `tenantid` in their own places, any other in `attributes`. Gives the name of one that contradicts the data. */
function addExtensions(event: JsonObject, envelope: JsonObject, data: JsonObject): string | undefined {
  const extensions = Object.entries(envelope).filter(([name, value]) => (!CONTEXT.has(name) || name === 'dataschema') && value !== null);
  if (extensions.length === 0 || (data.attributes !== undefined && !isPlainObject(data.attributes))) return undefined;
  const attributes: JsonObject = { ...data.attributes };
  event.attributes = attributes;
  for (const [name, value] of extensions) {
    if (name === 'correlationid' && data.correlationId === undefined) event.correlationId = value;
    else if (name === 'tenantid' && data.tenantId === undefined) event.tenantId = value;
    else if (!Object.hasOwn(attributes, name)) attributes[name] = value;
    else if (attributes[name] !== value) return name;
  }
  return undefined;
}

function isPlainObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function percentDecoded(value: string): string | undefined {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return undefined;
  }
}
