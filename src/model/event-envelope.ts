import type { AuditEvent, EnvelopedEvent } from './audit-event.js';

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
  data: AuditEvent;
}

/** The log record of an event: CloudEvents JSON, UTF-8. `data` stays the last member, so a reader may slice it out. */
export function encodeEnvelope({ event, producer, source }: EnvelopedEvent): Buffer {
  const envelope: Envelope = {
    specversion: '1.0',
    id: event.id,
    source,
    type: event.type,
    time: event.occurredAt,
    subject: event.subject.id,
    datacontenttype: 'application/json',
    tidegateproducer: producer,
    data: event,
  };
  return Buffer.from(JSON.stringify(envelope), 'utf8');
}

/**
 * Reads a log record that Tidegate itself wrote.
 * @throws SyntaxError when it is not JSON, TypeError when it is not our envelope; the caller parks it with its position.
 */
export function decodeEnvelope(value: Uint8Array): EnvelopedEvent {
  const parsed: unknown = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('the record is not a JSON object');
  const envelope = parsed as Partial<Envelope>;
  const event = envelope.data;
  if (envelope.specversion !== '1.0' || typeof event !== 'object' || event === null || typeof event.id !== 'string' || typeof event.type !== 'string') {
    throw new TypeError('the record is not a Tidegate event in a CloudEvents 1.0 envelope');
  }
  return { event, producer: envelope.tidegateproducer ?? 'unknown', source: envelope.source ?? 'unknown' };
}

const OWN_START = '{"specversion":"1.0",';
/** Stands for the member only: inside a text its quotes would be escaped. */
const DATA = ',"data":{';

/**
 * The event of a record that Tidegate itself wrote, without its envelope, which repeats some of it.
 * @throws as `decodeEnvelope`
 */
export function decodeEvent(value: Uint8Array): AuditEvent {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  const at = text.startsWith(OWN_START) && text.endsWith('}') ? text.indexOf(DATA) : -1;
  if (at >= 0) {
    try {
      const event = JSON.parse(text.slice(at + DATA.length - 1, -1)) as Partial<AuditEvent>;
      if (typeof event.id === 'string' && typeof event.type === 'string') return event as AuditEvent;
    } catch {
      // The event is not the last member: it is read as a whole.
    }
  }
  return decodeEnvelope(value).event;
}

/** The partition key: events of one subject keep their order. */
export function partitionKeyOf(event: AuditEvent): string {
  return event.subject.id;
}
