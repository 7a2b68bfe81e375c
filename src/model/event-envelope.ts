import { EVENT_ID_PATTERN, sequenceOf, type AuditEvent, type EnvelopedEvent } from './audit-event.js';
import { parseEvent } from './event-parser.js';
import { KnownTexts } from './known-texts.js';
import { lineSafe, mayHoldLoneSurrogate } from './line-safe-json.js';
import { PLAIN_TIMESTAMP } from './plain-timestamp.js';

/** The CloudEvents 1.0 JSON form (structured mode) in which an event lies in the log; extension attributes are lower-case letters and digits by its section 3.1. */
interface Envelope {
  specversion: '1.0';
  /** See `markOf`. */
  tidegatejson?: string;
  id: string;
  source: string;
  type: string;
  time: string;
  subject: string;
  datacontenttype: 'application/json';
  tidegateproducer: string;
  data: AuditEvent;
}

const START = '{"specversion":"1.0",';

/**
 * The log record of an event: CloudEvents JSON, UTF-8. `data` stays the last member, so a reader may slice it out. Where `data` is written octet for octet as the JSON output writes an event (but for
 * its sequence), `tidegatejson` says where it lies: then a reader may send it on without parsing it.
 */
export function encodeEnvelope({ event, producer, source }: EnvelopedEvent): Buffer {
  const { id, type, occurredAt, subject } = event;
  const head = `"id":${JSON.stringify(id)},"source":${quotedSource(source)},"type":${JSON.stringify(type)},"time":${JSON.stringify(occurredAt)},"subject":${JSON.stringify(subject.id)},"datacontenttype":"application/json","tidegateproducer":${quotedProducer(producer)},"data":`;
  const data = lineSafe(JSON.stringify(event));
  const mark = isAsSent(event) && !mayHoldLoneSurrogate(data) ? markOf(event, START.length + MARK_OCTETS + Buffer.byteLength(head, 'utf8')) : '';
  return Buffer.from(`${START}${mark}${head}${data}}`, 'utf8');
}

/** As JSON; the last one is kept, as most events have the source and the producer of those before. */
function quoted(): (text: string) => string {
  let last = '';
  let json = '""';
  return (text) => {
    if (text !== last) {
      json = JSON.stringify(text);
      last = text;
    }
    return json;
  };
}
const quotedSource = quoted();
const quotedProducer = quoted();

const MARK = '"tidegatejson":"';
const MARK_OCTETS = `${MARK}00.0000.00.00",`.length;

/** Severity, where `data` begins, the lengths of id and type, each in digits of fixed number; nothing where that is too far away to say. */
function markOf({ severity, id, type }: AuditEvent, start: number): string {
  return start > 9999 ? '' : `${MARK}${digits(severity, 2)}.${digits(start, 4)}.${digits(id.length, 2)}.${digits(type.length, 2)}",`;
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0');

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

/** The same octets as a buffer. */
export const octetsOf = (value: Uint8Array): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength));

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

const NO_OCTETS = Buffer.alloc(0);
/** Between id and sequence: the quote behind the id stands behind the sequence. */
const BEFORE_SEQUENCE = '","sequence":"';
/** Of a whole number that is safe (2 ** 53 - 1). */
const MOST_DIGITS = 16;
const POINT = 0x2e;
const MOST_SMALL = 2 ** 31 - 1;
const DATA = ',"data":{';
const START_OCTETS = Buffer.from(START, 'latin1');
/** Stands for the member only: inside a text its quotes would be escaped. */
const DATA_OCTETS = Buffer.from(DATA, 'latin1');
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * The event of a record that Tidegate itself wrote, without its envelope, which repeats some of it.
 * @throws as `decodeEnvelope`
 */
export function decodeEvent(value: Uint8Array): AuditEvent {
  return decodeEventAt(octetsOf(value), 0, value.length);
}

/** Of a record that lies there. @throws as `decodeEnvelope` */
export function decodeEventAt(octets: Buffer, at: number, end: number): AuditEvent {
  const start = dataStartOf(octets, at, end);
  if (start >= 0) {
    const plain = parseEvent(octets, start, end - 1);
    if (plain) return plain;
    try {
      const event = JSON.parse(octets.toString('utf8', start, end - 1)) as Partial<AuditEvent>;
      if (typeof event.id === 'string' && typeof event.type === 'string') return event as AuditEvent;
    } catch {
      // The event is not the last member: it is read as a whole.
    }
  }
  return decodeEnvelope(octets.subarray(at, end)).event;
}

/** Where `data` begins, or a negative number. */
function dataStartOf(octets: Buffer, at: number, end: number): number {
  const marked = markedStartOf(octets, at, end);
  if (marked >= 0 || octets[end - 1] !== CLOSING_BRACE || !beginsWith(octets, at, START_OCTETS)) return marked;
  const data = octets.subarray(at, end).indexOf(DATA_OCTETS);
  return data < 0 ? data : at + data + DATA.length - 1;
}

/** An event that lies in its record octet for octet as the JSON output writes it, but for its sequence: what is known of it without parsing it. */
export class StoredEvent {
  severity = 0;
  private octets: Buffer = NO_OCTETS;
  private idAt = 0;
  private idEnd = 0;
  private typeEnd = 0;
  /** Where the event ends, its closing brace included. */
  private end = 0;
  private partition = 0;
  private offset = 0;
  /** What stands between the id and the quote behind it, as it leaves. */
  private readonly between = Buffer.from(BEFORE_SEQUENCE + ' '.repeat(2 * MOST_DIGITS + 1), 'latin1');
  private betweenEnd = 0;

  /** Goes to the event of another record; of one in which `storedTypeAt` finds a type. @param partition and offset where it lies in the log: its sequence. @returns itself */
  moveTo(octets: Buffer, at: number, end: number, partition: number, offset: number): this {
    const mark = at + START.length + MARK.length;
    this.octets = octets;
    this.severity = numberAt(octets, mark, 2);
    this.idAt = at + numberAt(octets, mark + 3, 4) + BEFORE_ID;
    this.idEnd = this.idAt + numberAt(octets, mark + 8, 2);
    this.typeEnd = this.idEnd + BEFORE_TYPE + numberAt(octets, mark + 11, 2);
    this.end = end - 1;
    this.partition = partition;
    this.offset = offset;
    const point = putNumber(this.between, BEFORE_SEQUENCE.length, partition);
    this.between[point] = POINT;
    this.betweenEnd = putNumber(this.between, point + 1, offset);
    return this;
  }

  /** As every format has it. */
  get sequence(): string {
    return sequenceOf(this.partition, this.offset);
  }

  /** ASCII, without a character that JSON escapes. */
  get id(): string {
    return this.octets.toString('latin1', this.idAt, this.idEnd);
  }

  get type(): string {
    return this.octets.toString('latin1', this.idEnd + BEFORE_TYPE, this.typeEnd);
  }

  /** RFC 3339 in UTC with milliseconds. */
  get occurredAt(): string {
    const at = this.typeEnd + BEFORE_TIME;
    return this.octets.toString('latin1', at, at + TIME_OCTETS);
  }

  /** Octets of what `writeTo` writes. */
  get size(): number {
    return this.end - this.idAt + BEFORE_ID + this.betweenEnd;
  }

  /** Writes it as the JSON output has it: as it lies here, with its sequence behind its id. Octet by octet up to there, as a text for so little costs more. @returns where it ends */
  writeTo(target: Buffer, start: number): number {
    const { octets, idEnd, between, betweenEnd } = this;
    let at = start;
    for (let from = this.idAt - BEFORE_ID; from < idEnd; from++) target[at++] = octets[from] ?? 0;
    for (let from = 0; from < betweenEnd; from++) target[at++] = between[from] ?? 0;
    // It goes on with the quote that ends the id.
    return at + octets.copy(target, at, idEnd, this.end);
  }
}

const types = new KnownTexts();
const MARK_START = Buffer.from(MARK, 'latin1');
const BEFORE_ID = '{"id":"'.length;
const BEFORE_TYPE = '","type":"'.length;
const BEFORE_TIME = '","occurredAt":"'.length;
const TIME_OCTETS = '2026-01-31T10:00:00.000Z'.length;

/** Undefined where the record bears no such mark. Of records that Tidegate itself wrote alone: it is believed. */
export function storedEventOf(value: Uint8Array): StoredEvent | undefined {
  const octets = octetsOf(value);
  return storedTypeAt(octets, 0, octets.length) === undefined ? undefined : new StoredEvent().moveTo(octets, 0, octets.length, 0, 0);
}

/** The type of an event that lies there as `StoredEvent` has it, and nothing else of it: most records are asked for that alone. Undefined where the record bears no such mark; of records that Tidegate itself wrote alone. */
export function storedTypeAt(octets: Buffer, at: number, end: number): string | undefined {
  const start = markedStartOf(octets, at, end);
  if (start < 0) return undefined;
  const mark = at + START.length + MARK.length;
  const typeAt = start + BEFORE_ID + numberAt(octets, mark + 8, 2) + BEFORE_TYPE;
  const typeEnd = typeAt + numberAt(octets, mark + 11, 2);
  return typeEnd + BEFORE_TIME + TIME_OCTETS < end ? types.of(octets, typeAt, typeEnd) : undefined;
}

/** Where `data` begins as the mark says; negative without a mark. What we write begins alike up to it. */
function markedStartOf(octets: Buffer, at: number, end: number): number {
  const mark = at + START.length;
  if (octets[end - 1] !== CLOSING_BRACE || !beginsWith(octets, mark, MARK_START)) return -1;
  const start = at + numberAt(octets, mark + MARK.length + 3, 4);
  return start < end && octets[start] === OPENING_BRACE ? start : -1;
}

function beginsWith(octets: Buffer, from: number, start: Buffer): boolean {
  for (let at = 0; at < start.length; at++) if (octets[from + at] !== start[at]) return false;
  return true;
}

/** A decimal number of so many digits. */
function numberAt(octets: Buffer, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) value = 10 * value + (octets[at] ?? 0) - 0x30;
  return value;
}

/** Writes a whole number, 0 to 2 ** 53 - 1, in decimal. @returns where it ends */
function putNumber(target: Buffer, start: number, value: number): number {
  let end = start + 1;
  for (let least = 10; value >= least; least *= 10) end++;
  let [at, rest] = [end, value];
  // A division of small whole numbers costs a fraction of any other.
  for (; rest > MOST_SMALL; rest = Math.floor(rest / 10)) target[--at] = 0x30 + (rest % 10);
  for (let small = rest | 0; at > start; small = (small / 10) | 0) target[--at] = 0x30 + (small % 10);
  return end;
}

/** The partition key: events of one subject keep their order. */
export function partitionKeyOf(event: AuditEvent): string {
  return event.subject.id;
}
