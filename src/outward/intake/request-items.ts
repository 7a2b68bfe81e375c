import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../model/json.js';
import { compactJson } from '../../model/json-reader.js';
import type { Settings } from '../../config/settings.js';
import { fromBinaryMode, fromEnvelope } from './cloud-events.js';
import type { EventFault } from './event-validator.js';
import { scanJson, type JsonScan } from './json-scan.js';
import { RequestFault } from './request-fault.js';

/** One event of a request, parsed and not yet checked. */
export interface RequestItem {
  index: number;
  /** The event, or what is wrong with its envelope (the pointer is from the body). */
  content: EventContent | { fault: EventFault };
}

export interface EventContent {
  event: JsonObject;
  /** CloudEvents `source`; undefined for a plain event. */
  source?: string;
  /** The JSON pointer in the body of a pointer in the event. */
  locate: (pointer: string) => string;
}

export interface IncomingRequest {
  body: Buffer;
  headers: IncomingHttpHeaders;
}

export type IntakeLimits = Pick<Settings['intake'], 'batchItems' | 'eventBytes' | 'depth'> & { requestBytes: number };

type Mode = 'plain' | 'structured' | 'batched' | 'binary';

/** The events of one request: how many, and each of them as it is asked for. */
export interface RequestItems {
  count: number;
  /** To be walked once. @throws RequestFault 400 in the middle when what follows is not JSON: nothing of the request may have been stored before the end */
  each: Iterable<RequestItem>;
}

/**
 * The events of a request body: one object, an array, or CloudEvents 1.0 in structured, batched or binary mode (HTTP binding, section 3).
 * Limits are checked before anything is parsed. A list is parsed event by event, so that what was parsed of one is gone before the next: the memory of a batch is that of its text.
 * @throws RequestFault 400, 413, 415 when the request as a whole cannot be taken; then nothing of it is.
 */
export function readItems({ body, headers }: IncomingRequest, limits: IntakeLimits): RequestItems {
  const mode = modeOf(headers);
  if (body.length > limits.requestBytes) throw new RequestFault(413, 'request-too-large', `The request holds ${body.length} bytes; at most ${limits.requestBytes} are taken (http.requestBytes). Send fewer events in one request.`);
  if (!isUtf8(body)) throw new RequestFault(400, 'invalid-utf-8', 'The body is not valid UTF-8; JSON is exchanged in UTF-8 (RFC 8259, section 8.1).');
  const scan = scanJson(body, limits.batchItems);
  if (mode === 'batched' && !scan.list && scan.starts.length > 0) throw new RequestFault(400, 'invalid-envelope', 'A CloudEvents batch is a JSON array of events.', { errors: [{ pointer: '', message: 'must be an array' }] });
  if (scan.list && (mode === 'structured' || mode === 'binary')) {
    throw new RequestFault(400, 'invalid-envelope', `CloudEvents in ${mode} mode carry one event; send several as application/cloudevents-batch+json.`, { errors: [{ pointer: '', message: 'must be an object' }] });
  }
  checkLimits(scan, limits, mode);
  if (scan.list && scan.closed && scan.starts.length > 0) return { count: scan.starts.length, each: oneByOne(body, scan, mode, headers, limits) };
  const parsed = parse(textOf(body));
  const values: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (values.length === 0) throw new RequestFault(400, 'no-events', 'The array holds no event.', { errors: [{ pointer: '', message: 'must hold at least one event' }] });
  return { count: values.length, each: values.map((value, index) => itemOf(value, index, Array.isArray(parsed) ? `/${index}` : '', mode, headers, limits)) };
}

/** A list is JSON when each of its elements is. What fails is parsed as a whole, for the place of the fault in the body. */
function* oneByOne(body: Buffer, { starts, ends }: JsonScan, mode: Mode, headers: IncomingHttpHeaders, limits: IntakeLimits): Iterable<RequestItem> {
  const encoding = isAscii(body) ? 'latin1' : 'utf8';
  // Who writes one of them with blanks writes all like that.
  let compact = true;
  for (let index = 0; index < starts.length; index += 1) {
    let value: unknown = compact ? compactJson(body, starts[index] ?? 0, ends[index] ?? 0) : undefined;
    compact = value !== undefined;
    try {
      value ??= JSON.parse(body.toString(encoding, starts[index], ends[index]));
    } catch {
      parse(textOf(body));
      throw new RequestFault(400, 'malformed-json', `The body is not JSON (element ${index} of the list).`);
    }
    yield itemOf(value, index, `/${index}`, mode, headers, limits);
  }
}

function modeOf(headers: IncomingHttpHeaders): Mode {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.map((parameter) => /^charset="?([^"]*)"?$/.exec(parameter)?.[1]).find((name) => name !== undefined);
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') throw unsupported(`charset ${charset}`);
  switch (type) {
    case 'application/cloudevents+json': return 'structured';
    case 'application/cloudevents-batch+json': return 'batched';
    case 'application/json': return Object.keys(headers).some((name) => name.startsWith('ce-')) ? 'binary' : 'plain';
    default: throw unsupported(type === '' ? 'no content type' : type);
  }
}

function unsupported(what: string): RequestFault {
  return new RequestFault(415, 'unsupported-content-type', `This takes application/json (also with ce-* headers), application/cloudevents+json and application/cloudevents-batch+json in UTF-8, not ${what}.`, {
    headers: { Accept: 'application/json, application/cloudevents+json, application/cloudevents-batch+json' },
  });
}

function textOf(body: Buffer): string {
  // A byte order mark is no part of the text (RFC 8259, section 8.1). Text in ASCII is parsed in half the time as Latin-1.
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  return isAscii(body) ? body.toString('latin1') : body.toString('utf8', start);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message of the parser quotes the text around the fault; only the place is told.
    const place = error instanceof Error ? /at position \d+( \(line \d+ column \d+\))?/.exec(error.message)?.[0] : undefined;
    throw new RequestFault(400, 'malformed-json', `The body is not JSON${text.trim() === '' ? ': it is empty' : place ? ` (${place})` : ''}.`);
  }
}

function checkLimits(scan: JsonScan, limits: IntakeLimits, mode: Mode): void {
  if (scan.list && scan.starts.length > limits.batchItems) throw new RequestFault(413, 'too-many-events', `The request holds more than ${limits.batchItems} events (intake.batchItems). Send them in several requests; nothing of this one was stored.`);
  const depthLimit = mode === 'structured' || mode === 'batched' ? limits.depth + 1 : limits.depth;
  for (let index = 0; index < scan.starts.length; index += 1) {
    const bytes = (scan.ends[index] ?? 0) - (scan.starts[index] ?? 0);
    const pointer = scan.list ? `/${index}` : '';
    if (bytes > limits.eventBytes) {
      throw new RequestFault(413, 'event-too-large', `The event at index ${index} holds ${bytes} bytes; at most ${limits.eventBytes} are taken (intake.eventBytes). Nothing of this request was stored.`, { errors: [{ pointer, message: 'too many bytes' }] });
    }
    if ((scan.depths[index] ?? 0) > depthLimit) {
      throw new RequestFault(413, 'event-too-deep', `The event at index ${index} is nested deeper than ${limits.depth} levels (intake.depth). Nothing of this request was stored.`, { errors: [{ pointer, message: 'nested too deep' }] });
    }
  }
}

function itemOf(value: unknown, index: number, base: string, mode: Mode, headers: IncomingHttpHeaders, limits: IntakeLimits): RequestItem {
  if (!isObject(value)) return { index, content: { fault: { pointer: base, reason: 'an event is a JSON object' } } };
  switch (mode) {
    case 'plain': return { index, content: { event: value, locate: (pointer) => base + pointer } };
    case 'binary': return { index, content: fromBinaryMode(headers, value) };
    case 'structured':
    case 'batched': return { index, content: fromEnvelope(value, base, limits.depth) };
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
