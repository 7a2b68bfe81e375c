import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';
import { FetchedRecord } from './fetch-decoder.js';
import { HmacSha256 } from './hmac-sha256.js';

/** Header that tells our own records from those that others write into the topic: HMAC-SHA-256 over key, headers and value. */
const SEAL_HEADER = 'tidegate-hmac';

export function sealed(record: NewRecord, keys: readonly Buffer[]): Message {
  const [key] = keys;
  const headers: IHeaders = { ...record.headers };
  if (key) headers[SEAL_HEADER] = hmacOf(key).of(sealedText(record.key, record.headers), record.value);
  return { key: record.key, value: buffer(record.value), headers };
}

export function toLogRecord(partition: number, message: KafkaMessage | FetchedRecord, keys: readonly Buffer[]): LogRecord {
  const direct = message instanceof FetchedRecord;
  const parts = direct ? message.parts() : { key: message.key?.toString('utf8') ?? '', value: message.value, headers: message.headers };
  const { key } = parts;
  const value = parts.value ?? NO_VALUE;
  const record: LogRecord = { partition, offset: positionOf(message), key, value, timestamp: direct ? message.time : Number(message.timestamp) };
  let headers: Record<string, string> | undefined;
  let seal: Buffer | undefined;
  for (const name in parts.headers) {
    const given = parts.headers[name];
    const last = Array.isArray(given) ? given.at(-1) : given;
    if (last === undefined) continue;
    if (name === SEAL_HEADER) seal = Buffer.isBuffer(last) ? last : Buffer.from(last);
    else (headers ??= {})[name] = last.toString('utf8');
  }
  if (headers) record.headers = headers;
  const found = seal;
  if (!found) {
    record.external = true;
    return record;
  }
  const text = sealedText(key, headers);
  if (!keys.some((candidate) => hmacOf(candidate).matches(found, text, value))) record.external = true;
  return record;
}

/** The offset of a record in its partition. */
export function positionOf(message: KafkaMessage | FetchedRecord): number {
  return message instanceof FetchedRecord ? message.position : Number(message.offset);
}

/** Octets of a record, about. */
export function octetsOf(message: KafkaMessage | FetchedRecord): number {
  return message instanceof FetchedRecord ? message.size : (message.value?.length ?? 0);
}

const NO_VALUE = Buffer.alloc(0);

/** What is signed beside the value. */
function sealedText(recordKey: string, headers: Record<string, string> | undefined): string {
  if (headers === undefined) return `[${JSON.stringify(recordKey)}]`;
  return JSON.stringify([recordKey, ...Object.keys(headers).sort().map((name) => [name, headers[name]])]);
}

const hmacs = new WeakMap<Buffer, HmacSha256>();

function hmacOf(key: Buffer): HmacSha256 {
  let hmac = hmacs.get(key);
  if (!hmac) hmacs.set(key, (hmac = new HmacSha256(key)));
  return hmac;
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
