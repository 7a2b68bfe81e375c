import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';

/** Header that tells our own records from those that others write into the topic: HMAC-SHA-256 over key, headers and value. */
const SEAL_HEADER = 'tidegate-hmac';

export function sealed(record: NewRecord, keys: readonly Buffer[]): Message {
  const [key] = keys;
  const headers: IHeaders = { ...record.headers };
  if (key) headers[SEAL_HEADER] = sealOf(key, record.key, record.headers ?? {}, record.value);
  return { key: record.key, value: buffer(record.value), headers };
}

export function toLogRecord(partition: number, message: KafkaMessage, keys: readonly Buffer[]): LogRecord {
  const key = message.key?.toString('utf8') ?? '';
  const value = message.value ?? Buffer.alloc(0);
  const headers: Record<string, string> = {};
  let seal: Buffer | undefined;
  let named = false;
  for (const [name, given] of Object.entries(message.headers ?? {})) {
    const last = Array.isArray(given) ? given.at(-1) : given;
    if (last === undefined) continue;
    if (name === SEAL_HEADER) {
      seal = Buffer.from(last);
    } else {
      headers[name] = last.toString('utf8');
      named = true;
    }
  }
  const record: LogRecord = { partition, offset: Number(message.offset), key, value, timestamp: Number(message.timestamp) };
  if (named) record.headers = headers;
  const found = seal;
  if (!found || !keys.some((candidate) => equal(found, sealOf(candidate, key, headers, value)))) record.external = true;
  return record;
}

function sealOf(key: Buffer, recordKey: string, headers: Record<string, string>, value: Uint8Array): Buffer {
  const names = Object.keys(headers).sort();
  return createHmac('sha256', key)
    .update(JSON.stringify([recordKey, ...names.map((name) => [name, headers[name]])]))
    .update(value)
    .digest();
}

const equal = (left: Buffer, right: Buffer): boolean => left.length === right.length && timingSafeEqual(left, right);

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
