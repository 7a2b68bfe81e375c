import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';
import { HmacSha256, SignedOctets } from './hmac-sha256.js';
import { FetchedBatch, FetchedRecord } from './fetch-decoder.js';

/** Header of the first record of a batch that tells our own from those that others write into the topic: HMAC-SHA-256 over all of its records, in their order. */
const SEAL_HEADER = 'tidegate-seal';

/** What comes from the client, a batch or a record. */
export type Fetched = FetchedBatch | FetchedRecord | KafkaMessage;

/** What goes to one partition by one send, which is what one batch holds; signed under the first key. */
export function sealedBatch(records: readonly NewRecord[], keys: readonly Buffer[]): Message[] {
  const messages: Message[] = records.map(({ key, value, headers }) => ({ key, value: buffer(value), ...(headers ? { headers } : {}) }));
  const [first] = messages;
  const [key] = keys;
  if (first && key) {
    sign(records);
    first.headers = { ...first.headers, [SEAL_HEADER]: hmacOf(key).of(signed) };
  }
  return messages;
}

/** All of what was fetched as records of the log; those that bear no seal of ours, or one that does not fit, are external. @throws as `FetchedBatch.records` */
export function toLogRecords(partition: number, fetched: Fetched, keys: readonly Buffer[]): LogRecord[] {
  // We write no transactions, so what comes alone was not sealed by us.
  if (!(fetched instanceof FetchedBatch)) return [Object.assign(readAlone(partition, fetched), { external: true })];
  const records: LogRecord[] = [];
  let seal: Buffer | undefined;
  for (const record of fetched.records()) {
    const { key, value, headers } = record.parts();
    const found = headers && takeSeal(headers);
    if (records.length === 0) seal = found;
    records.push(logRecord(partition, record.position, key, value, record.time, headers));
  }
  if (!seal || !fits(seal, records, keys)) for (const record of records) record.external = true;
  return records;
}

/** The offset of the last record. */
export function lastPositionOf(fetched: Fetched): number {
  return 'position' in fetched ? fetched.position : Number(fetched.offset);
}

/** How many records. */
export function countOf(fetched: Fetched): number {
  return fetched instanceof FetchedBatch ? fetched.count : 1;
}

/** Octets, about. */
export function octetsOf(fetched: Fetched): number {
  return fetched instanceof FetchedBatch || fetched instanceof FetchedRecord ? fetched.size : (fetched.value?.length ?? 0);
}

/** One at a time, filled and signed without anything in between. */
const signed = new SignedOctets();

/** What is signed: how many records there are; of each the lengths of its parts, key and headers; then the values. No two batches have the same octets. */
function sign(records: readonly NewRecord[]): void {
  let text = `${records.length};`;
  for (const { key, value, headers } of records) {
    const named = headers === undefined ? '' : JSON.stringify(Object.keys(headers).sort().map((name) => [name, headers[name]]));
    text += `${value.length},${key.length},${named.length}:${key}${named}`;
  }
  signed.clear();
  signed.addText(text);
  for (const { value } of records) signed.add(value);
}

function fits(seal: Buffer, records: readonly LogRecord[], keys: readonly Buffer[]): boolean {
  sign(records);
  return keys.some((key) => hmacOf(key).matches(seal, signed));
}

function readAlone(partition: number, message: FetchedRecord | KafkaMessage): LogRecord {
  if (message instanceof FetchedRecord) {
    const { key, value, headers } = message.parts();
    return logRecord(partition, message.position, key, value, message.time, headers);
  }
  return logRecord(partition, Number(message.offset), message.key?.toString('utf8') ?? '', message.value, Number(message.timestamp), message.headers);
}

function logRecord(partition: number, offset: number, key: string, value: Buffer | null, timestamp: number, headers: IHeaders | undefined): LogRecord {
  const texts = headers && textsOf(headers);
  return texts ? { partition, offset, key, value: value ?? NO_VALUE, timestamp, headers: texts } : { partition, offset, key, value: value ?? NO_VALUE, timestamp };
}

function textsOf(headers: IHeaders): Record<string, string> | undefined {
  let texts: Record<string, string> | undefined;
  for (const name in headers) {
    const last = lastOf(headers[name]);
    if (last !== undefined) (texts ??= {})[name] = last.toString('utf8');
  }
  return texts;
}

function takeSeal(headers: IHeaders): Buffer | undefined {
  const seal = lastOf(headers[SEAL_HEADER]);
  delete headers[SEAL_HEADER];
  return seal === undefined || Buffer.isBuffer(seal) ? seal : Buffer.from(seal);
}

const lastOf = (given: IHeaders[string]): Buffer | string | undefined => (Array.isArray(given) ? given.at(-1) : given);

const NO_VALUE = Buffer.alloc(0);
const hmacs = new WeakMap<Buffer, HmacSha256>();

function hmacOf(key: Buffer): HmacSha256 {
  let hmac = hmacs.get(key);
  if (!hmac) hmacs.set(key, (hmac = new HmacSha256(key)));
  return hmac;
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
