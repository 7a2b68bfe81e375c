import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { LogRecord, NewRecord } from '../../../contracts/event-log.js';
import { RecordView } from '../shared/record-view.js';
import { HmacSha256, SignedOctets } from './hmac-sha256.js';
import { FetchedBatch, FetchedRecord, RecordPlaces } from './fetch-decoder.js';

/** Header of the first record of a batch that tells our own from those that others write into the topic: HMAC-SHA-256 over all of its records, in their order. */
const SEAL_HEADER = 'tidegate-seal';
/** Header of each record of earlier versions: HMAC-SHA-256 over key, headers and value of that record. */
const FORMER_SEAL_HEADER = 'tidegate-hmac';

/** What comes from the client, a batch or a record. */
export type Fetched = FetchedBatch | FetchedRecord | KafkaMessage;

/** What goes to one partition by one send, which is what one batch holds; signed under the first key. */
export function sealedBatch(records: readonly NewRecord[], keys: readonly Buffer[]): Message[] {
  const messages: Message[] = records.map(({ key, value, headers }) => ({ key, value: buffer(value), ...(headers ? { headers } : {}) }));
  const [first] = messages;
  const [key] = keys;
  if (first && key) {
    signed.clear();
    for (const record of records) {
      signed.addCountedText(record.key);
      signed.addCounted(record.value);
    }
    signed.addText(signedHeaders(records));
    first.headers = { ...first.headers, [SEAL_HEADER]: hmacOf(key).of(signed) };
  }
  return messages;
}

/** All of what was fetched as records of the log; those that bear no seal of ours, or one that does not fit, are external. @throws as `FetchedBatch.records` */
export function toLogRecords(partition: number, fetched: Fetched, keys: readonly Buffer[]): LogRecord[] {
  // We write no transactions, so what comes alone was not sealed by us.
  if (!(fetched instanceof FetchedBatch)) return [Object.assign(readAlone(partition, fetched), { external: true })];
  const records: LogRecord[] = [];
  /** Of the whole batch; without it each record may have one of its own. */
  let seal: Buffer | undefined;
  const formerSeals = new Map<LogRecord, Buffer>();
  signed.clear();
  for (const fetchedRecord of fetched.records()) {
    const { position, time, octets } = fetchedRecord;
    const { start, key, keyEnd, value, valueEnd, headers: headersAt } = fetchedRecord.places(places);
    const record = new RecordView(partition, position, time, octets, key, keyEnd, value, Math.max(value, valueEnd));
    const headers = fetchedRecord.headersAt(headersAt);
    if (headers) {
      const found = takeSeal(headers, SEAL_HEADER);
      const former = takeSeal(headers, FORMER_SEAL_HEADER);
      const texts = textsOf(headers);
      if (texts) record.headers = texts;
      if (records.length === 0) seal = found;
      if (!seal && former) formerSeals.set(record, former);
    }
    // As `addCounted` writes them: a record holds its key and its value like that.
    if (seal) signed.add(octets.subarray(start, Math.max(valueEnd, value)));
    records.push(record);
  }
  if (seal) {
    if (!isOurs(seal, records, keys)) markExternal(records);
  } else {
    markExternal(records.filter((record) => !isOurOwn(record, formerSeals.get(record), keys)));
  }
  return records;
}

function markExternal(records: readonly LogRecord[]): void {
  for (const record of records) record.external = true;
}

function isOurs(seal: Buffer, records: readonly LogRecord[], keys: readonly Buffer[]): boolean {
  signed.addText(signedHeaders(records));
  return keys.some((key) => hmacOf(key).matches(seal, signed));
}

/** By the seal of a record of an earlier version. */
function isOurOwn({ key, value, headers }: LogRecord, seal: Buffer | undefined, keys: readonly Buffer[]): boolean {
  if (!seal) return false;
  signed.clear();
  signed.addText(JSON.stringify([key, ...Object.keys(headers ?? {}).sort().map((name) => [name, headers?.[name]])]));
  signed.add(value);
  return keys.some((each) => hmacOf(each).matches(seal, signed));
}

/** The offset of the last record. */
export function lastPositionOf(fetched: Fetched): number {
  return 'position' in fetched ? fetched.position : Number(fetched.offset);
}

/** What it costs to keep it, about: a batch as it was packed. */
export function heldOctetsOf(fetched: Fetched): number {
  return OBJECT_OCTETS + (fetched instanceof FetchedBatch ? fetched.packedOctets : fetched instanceof FetchedRecord ? fetched.size : (fetched.value?.length ?? 0));
}

const OBJECT_OCTETS = 200;

/** One at a time, filled and signed without anything in between. */
const signed = new SignedOctets();
const places = new RecordPlaces();

/**
 * What is signed: of each record key and value, each with its length in front; then how many records there are, and the headers of those that have some, with their names in order.
 * No two batches have the same octets.
 */
function signedHeaders(records: ReadonlyArray<Pick<NewRecord, 'headers'>>): string {
  const named: unknown[] = [records.length];
  for (const [index, { headers }] of records.entries()) if (headers) named.push([index, Object.keys(headers).sort().map((name) => [name, headers[name]])]);
  return JSON.stringify(named);
}

function readAlone(partition: number, message: FetchedRecord | KafkaMessage): LogRecord {
  const { key, value } = message;
  const headers = textsOf(message.headers ?? {});
  const record: LogRecord = { partition, offset: lastPositionOf(message), key: key?.toString('utf8') ?? '', value: value ?? NO_VALUE, timestamp: Number(message.timestamp) };
  return headers ? { ...record, headers } : record;
}

/** One without a value is left out: null is legal in Kafka. */
function textsOf(headers: IHeaders): Record<string, string> | undefined {
  let texts: Record<string, string> | undefined;
  for (const name in headers) {
    const last = lastOf(headers[name]);
    if (last) (texts ??= {})[name] = last.toString('utf8');
  }
  return texts;
}

function takeSeal(headers: IHeaders, name: string): Buffer | undefined {
  const seal = lastOf(headers[name]);
  delete headers[name];
  return seal ? Buffer.from(seal) : undefined;
}

const lastOf = (given: IHeaders[string]): Buffer | string | null | undefined => (Array.isArray(given) ? given.at(-1) : given);

const NO_VALUE = Buffer.alloc(0);
const hmacs = new WeakMap<Buffer, HmacSha256>();

function hmacOf(key: Buffer): HmacSha256 {
  let hmac = hmacs.get(key);
  if (!hmac) hmacs.set(key, (hmac = new HmacSha256(key)));
  return hmac;
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
