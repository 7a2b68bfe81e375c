import { EVENT_ID_PATTERN, type AuditEvent, type EnvelopedEvent } from './audit-event.js';
import { parseEvent } from './event-parser.js';
import { isLineSafe } from './line-safe-json.js';
import { PLAIN_TIMESTAMP } from './plain-timestamp.js';

/** The CloudEvents 1.0 JSON form (structured mode) in which an event lies in the log; extension attributes are lower-case letters and digits by its section 3.1. */
interface Envelope {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  subject: string;
  datacontenttype: 'application/json';
  tidegateproducer: string;
  tidegatejson?: number;
  data: AuditEvent;
}

/**
 * The log record of an event: CloudEvents JSON, UTF-8. `data` stays the last member, so a reader may slice it out. In front of it stands `tidegatejson`, the severity of the event, where `data` is
 * written octet for octet as the JSON output writes an event (but for its sequence): then a reader may send it on without parsing it.
 */
export function encodeEnvelope({ event, producer, source }: EnvelopedEvent): Buffer {
  const envelope: Omit<Envelope, 'data' | 'tidegatejson'> = {
    specversion: '1.0',
    id: event.id,
    source,
    type: event.type,
    time: event.occurredAt,
    subject: event.subject.id,
    datacontenttype: 'application/json',
    tidegateproducer: producer,
  };
  const data = JSON.stringify(event);
  const mark = isAsSent(event) && isLineSafe(data) ? `${MARK}${event.severity}` : '';
  return Buffer.from(`${JSON.stringify(envelope).slice(0, -1)}${mark},"data":${data}}`, 'utf8');
}

/** The members of an event in the order of the JSON output. */
const MEMBERS: ReadonlyArray<keyof AuditEvent> = ['id', 'type', 'occurredAt', 'receivedAt', 'tenantId', 'actor', 'subject', 'objects', 'outcome', 'reason', 'correlationId', 'severity', 'message', 'attributes', 'changes'];
const SENT_TYPE = /^[A-Za-z0-9._-]{1,32}$/;
const isSentTime = (time: string): boolean => PLAIN_TIMESTAMP.test(time) || (time.length === 24 && !Number.isNaN(Date.parse(time)) && new Date(time).toISOString() === time);

/** Whether the JSON output changes nothing of it: members, their order, id, type, time and severity. */
function isAsSent(event: AuditEvent): boolean {
  const { id, type, occurredAt, severity } = event;
  if (!EVENT_ID_PATTERN.test(id) || !SENT_TYPE.test(type) || !isSentTime(occurredAt) || !Number.isInteger(severity) || severity < 0 || severity > 10) return false;
  let at = 0;
  for (const name in event) {
    while (at < MEMBERS.length && MEMBERS[at] !== name) at++;
    if (at++ >= MEMBERS.length) return false;
  }
  return true;
}

const octetsOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);

/**
 * Reads a log record that Tidegate itself wrote.
 * @throws SyntaxError when it is not JSON, TypeError when it is not our envelope; the caller parks it with its position.
 */
export function decodeEnvelope(value: Uint8Array): EnvelopedEvent {
  const parsed: unknown = JSON.parse(octetsOf(value).toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('the record is not a JSON object');
  const envelope = parsed as Partial<Envelope>;
  const event = envelope.data;
  if (envelope.specversion !== '1.0' || typeof event !== 'object' || event === null || typeof event.id !== 'string' || typeof event.type !== 'string') {
    throw new TypeError('the record is not a Tidegate event in a CloudEvents 1.0 envelope');
  }
  return { event, producer: envelope.tidegateproducer ?? 'unknown', source: envelope.source ?? 'unknown' };
}

const OWN_START = Buffer.from('{"specversion":"1.0",', 'latin1');
/** Stand for the members only: inside a text their quotes would be escaped. */
const DATA = ',"data":{';
const MARK = ',"tidegatejson":';
const DATA_OCTETS = Buffer.from(DATA, 'latin1');
const MARK_OCTETS = Buffer.from(MARK, 'latin1');
const CLOSING_BRACE = 0x7d;

/**
 * The event of a record that Tidegate itself wrote, without its envelope, which repeats some of it.
 * @throws as `decodeEnvelope`
 */
export function decodeEvent(value: Uint8Array): AuditEvent {
  const octets = octetsOf(value);
  const own = octets[octets.length - 1] === CLOSING_BRACE && octets.subarray(0, OWN_START.length).equals(OWN_START);
  const at = own ? octets.indexOf(DATA_OCTETS) : -1;
  if (at >= 0) {
    const plain = parseEvent(octets, at + DATA.length - 1, octets.length - 1);
    if (plain) return plain;
    try {
      const event = JSON.parse(octets.toString('utf8', at + DATA.length - 1, octets.length - 1)) as Partial<AuditEvent>;
      if (typeof event.id === 'string' && typeof event.type === 'string') return event as AuditEvent;
    } catch {
      // The event is not the last member: it is read as a whole.
    }
  }
  return decodeEnvelope(value).event;
}

/** An event that lies in its record octet for octet as the JSON output writes it, but for its sequence: what is known of it without parsing it. */
export interface StoredEvent {
  id: string;
  type: string;
  /** RFC 3339 in UTC with milliseconds. */
  occurredAt: string;
  severity: number;
  /** The record. */
  octets: Buffer;
  /** Where in it the event goes on behind its id and the comma, and where it ends. */
  from: number;
  end: number;
}

const HEAD = /^(10|\d),"data":\{"id":"([A-Za-z0-9._-]{1,40})","type":"([A-Za-z0-9._-]{1,32})","occurredAt":"([0-9T:.-]{23}Z)"/;
const HEAD_OCTETS = 180;
const ID_START = ',"data":{"id":"'.length;

/** Undefined where the record bears no such mark. Of records that Tidegate itself wrote alone. */
export function storedEventOf(value: Uint8Array): StoredEvent | undefined {
  const octets = octetsOf(value);
  const mark = octets.indexOf(MARK_OCTETS);
  if (mark < 0 || octets[octets.length - 1] !== CLOSING_BRACE) return undefined;
  const start = mark + MARK.length;
  const head = HEAD.exec(octets.toString('latin1', start, start + HEAD_OCTETS));
  if (!head) return undefined;
  const [, severity = '', id = '', type = '', occurredAt = ''] = head;
  return { id, type, occurredAt, severity: Number(severity), octets, from: start + severity.length + ID_START + id.length + 2, end: octets.length - 1 };
}

/** The partition key: events of one subject keep their order. */
export function partitionKeyOf(event: AuditEvent): string {
  return event.subject.id;
}
