import type { IHeaders, Message } from 'kafkajs';
import type { NewRecord } from '../../../contracts/event-log.js';
import { hmacPerKey, SignedOctets } from './hmac-sha256.js';
import { KEY, KEY_END, PLACES, START, VALUE, VALUE_END, type BatchPlaces } from './packed-batch.js';

/** Header of the first record of a batch that is not packed (in gzip: `member-seal.ts`) that tells our own from those that others write into the topic: HMAC-SHA-256 over all of its records, in their order. */
const SEAL_HEADER = 'tidegate-seal';
/** Header of each record of earlier versions: HMAC-SHA-256 over key, headers and value of that record. */
const FORMER_SEAL_HEADER = 'tidegate-hmac';

export function messagesOf(records: readonly NewRecord[]): Message[] {
  return records.map(({ key, value, headers }) => ({ key, value: buffer(value), ...(headers ? { headers } : {}) }));
}

/** What goes to one partition by one send, which is what one batch holds; signed under the first key. */
export function sealedBatch(records: readonly NewRecord[], keys: readonly Buffer[]): Message[] {
  const messages = messagesOf(records);
  const [first] = messages;
  const [key] = keys;
  if (first && key) {
    signed.clear();
    for (const record of records) {
      signed.addCountedText(record.key);
      signed.addCounted(record.value);
    }
    signed.addText(signedHeaders(records.length, new Map(records.flatMap(({ headers }, index) => (headers ? [[index, headers]] : [])))));
    first.headers = { ...first.headers, [SEAL_HEADER]: hmacOf(key).of(signed) };
  }
  return messages;
}

/** Those that the headers of a record bear; they are no headers of ours any more. */
export function takeSeals(headers: IHeaders): { ofBatch: Buffer | undefined; ofRecord: Buffer | undefined } {
  return { ofBatch: take(headers, SEAL_HEADER), ofRecord: take(headers, FORMER_SEAL_HEADER) };
}

/** As texts; one without a value is left out: null is legal in Kafka. */
export function textsOf(headers: IHeaders): Record<string, string> | undefined {
  let texts: Record<string, string> | undefined;
  for (const name in headers) {
    const last = lastOf(headers[name]);
    if (last) (texts ??= {})[name] = last.toString('utf8');
  }
  return texts;
}

/** Whether the seal is that of these records under one of the keys. */
export function bearSeal(seal: Buffer, { octets, places }: BatchPlaces, headers: HeadersByIndex, keys: readonly Buffer[]): boolean {
  signed.clear();
  // As `addCounted` writes them: a record holds its key and its value like that.
  for (let place = 0; place < places.length; place += PLACES) signed.add(octets.subarray(places[place + START], Math.max(places[place + VALUE] ?? 0, places[place + VALUE_END] ?? 0)));
  signed.addText(signedHeaders(places.length / PLACES, headers));
  return keys.some((key) => hmacOf(key).matches(seal, signed));
}

/** Those records that bear a seal of their own, as earlier versions wrote it, and it fits. */
export function bearOwnSeal(seals: ReadonlyMap<number, Buffer>, { octets, places }: BatchPlaces, headers: HeadersByIndex, keys: readonly Buffer[]): Set<number> {
  const ours = new Set<number>();
  for (const [index, seal] of seals) {
    const [key, keyEnd, value, valueEnd] = [KEY, KEY_END, VALUE, VALUE_END].map((number) => places[PLACES * index + number] ?? 0) as [number, number, number, number];
    const named = headers.get(index) ?? {};
    signed.clear();
    signed.addText(JSON.stringify([octets.toString('utf8', key, Math.max(key, keyEnd)), ...Object.keys(named).sort().map((name) => [name, named[name]])]));
    signed.add(octets.subarray(value, Math.max(value, valueEnd)));
    if (keys.some((each) => hmacOf(each).matches(seal, signed))) ours.add(index);
  }
  return ours;
}

type HeadersByIndex = ReadonlyMap<number, Record<string, string>>;

/** One at a time, filled and signed without anything in between. */
const signed = new SignedOctets();

/**
 * What is signed: of each record key and value, each with its length in front; then how many records there are, and the headers of those that have some, with their names in order.
 * No two batches have the same octets.
 */
function signedHeaders(count: number, headers: HeadersByIndex): string {
  const named: unknown[] = [count];
  for (const [index, some] of headers) named.push([index, Object.keys(some).sort().map((name) => [name, some[name]])]);
  return JSON.stringify(named);
}

function take(headers: IHeaders, name: string): Buffer | undefined {
  const seal = lastOf(headers[name]);
  delete headers[name];
  return seal ? Buffer.from(seal) : undefined;
}

const lastOf = (given: IHeaders[string]): Buffer | string | null | undefined => (Array.isArray(given) ? given.at(-1) : given);

const hmacOf = hmacPerKey();

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
