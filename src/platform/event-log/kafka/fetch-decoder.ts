import { createRequire } from 'node:module';
import type { IHeaders } from 'kafkajs';
import { OctetReader } from './octet-reader.js';
import { END, HEADERS, KEY, KEY_END, OFFSET, PLACES, placesOf, START, VALUE, VALUE_END, type BatchPlaces, type PackedBatch } from './packed-batch.js';

const require = createRequire(import.meta.url);

/** What a batch says of all of its records. */
export interface BatchContext {
  firstOffset: string;
  firstTimestamp: string;
  partitionLeaderEpoch: number;
  inTransaction: boolean;
  isControlBatch: boolean;
  lastOffsetDelta: number;
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  maxTimestamp: string;
  timestampType: 0 | 1;
  magicByte: number;
}

/** A record as the client hands it on: of a transaction, since the client picks among those, or of a batch. Its parts are read when they are asked for. */
export class FetchedRecord {
  /** The protocol knows none of a record. */
  readonly attributes = 0;

  /** @param place where its numbers begin */
  constructor(private readonly lies: BatchPlaces, private readonly place: number, /** Its offset as a number. */ readonly position: number, /** Milliseconds since 1970. */ readonly time: number, readonly batchContext: BatchContext) {}

  /** Octets of key, value and headers. */
  get size(): number {
    return this.at(END) - this.at(START);
  }

  get offset(): string {
    return String(this.position);
  }

  get timestamp(): string {
    return String(this.time);
  }

  get magicByte(): number {
    return this.batchContext.magicByte;
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }

  get key(): Buffer | null {
    return this.between(KEY, KEY_END);
  }

  get value(): Buffer | null {
    return this.between(VALUE, VALUE_END);
  }

  get headers(): IHeaders {
    return headersOf(this.lies, this.place) ?? {};
  }

  private at(number: number): number {
    return this.lies.places[this.place + number] ?? 0;
  }

  private between(start: number, end: number): Buffer | null {
    return this.at(end) < this.at(start) ? null : this.lies.octets.subarray(this.at(start), this.at(end));
  }
}

/** Undefined when there are none. @param place where the numbers of a record begin. @throws RangeError when a length is not true */
export function headersOf({ octets, places }: BatchPlaces, place: number): IHeaders | undefined {
  const at = places[place + HEADERS] ?? 0;
  // One octet that says zero: most records have none.
  if (octets[at] === 0) return undefined;
  const reader = new OctetReader(octets, at, places[place + END]);
  let headers: IHeaders | undefined;
  for (let left = reader.varint(); left > 0; left--) addHeader((headers ??= {}), reader.text(reader.varint()) ?? '', reader.counted());
  return headers;
}

/** One of the same name again makes a list, as the client has it; any name is data. Null is a value, too, though the client's types do not know it. */
function addHeader(headers: IHeaders, name: string, value: Buffer | null): void {
  const content = value as Buffer;
  const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const all = before === undefined ? content : Array.isArray(before) ? [...before, content] : [before as Buffer, content];
  if (name === '__proto__') Object.defineProperty(headers, name, { value: all, enumerable: true, configurable: true, writable: true });
  else headers[name] = all;
}

/**
 * A whole batch as the client hands it on in place of its records, of which the client asks nothing that the batch does not say of all. It waits as it was packed, and is unpacked when it is
 * its turn: records that wait would each be some objects that the memory's housekeeping moves about.
 */
export class FetchedBatch {
  readonly isControlRecord = false;
  readonly key = null;

  constructor(readonly packed: PackedBatch, /** What the offsets of its records add to. */ readonly firstOffset: number, readonly batchContext: BatchContext) {}

  /** Of its last record, also where that one is gone. */
  get position(): number {
    return this.firstOffset + this.batchContext.lastOffsetDelta;
  }

  get offset(): string {
    return String(this.position);
  }

  get packedOctets(): number {
    return this.packed.body.length;
  }

  /** @throws as `placesOf` */
  records(): FetchedRecord[] {
    const lies = placesOf(this.packed);
    return Array.from(lies.times, (time, index) => new FetchedRecord(lies, PLACES * index, this.firstOffset + (lies.places[PLACES * index + OFFSET] ?? 0), time, this.batchContext));
  }
}

interface AbortedTransaction {
  producerId: string;
  firstOffset: string;
}

interface FetchedPartition {
  partition: number;
  errorCode: number;
  highWatermark: string;
  lastStableOffset: string;
  lastStartOffset: string;
  abortedTransactions: AbortedTransaction[];
  preferredReadReplica: number;
  messages: unknown[];
}

interface FetchResponse {
  throttleTime: number;
  clientSideThrottleTime: number;
  errorCode: number;
  sessionId: number;
  responses: Array<{ topicName: string | null; partitions: FetchedPartition[] }>;
}

/** The client's own decoder of one answer, and its parts that read what is seldom met. */
interface ClientDecoders {
  response: { decode: (octets: Buffer) => Promise<FetchResponse> };
  decodeMessages: (decoder: unknown) => Promise<unknown[]>;
  Decoder: new (octets: Buffer) => unknown;
}

const CLIENT_VERSION = '2.2.4';
const PROTOCOL = 'kafkajs/src/protocol';
let installed = false;

/**
 * Has the client read answers to Fetch version 11 (which brokers since 2.3 speak) by this file. Its own reading of a record makes six buffers, five objects and four big integers, which is as
 * much work as all that is done with the record later.
 * @throws Error for a version of the client that this was not compared with
 */
export function useDirectFetchDecoder(): void {
  if (installed) return;
  const decoders = clientDecoders();
  decoders.response.decode = fetchDecoder(decoders);
  installed = true;
}

/** @throws Error for another version of the client */
export function clientDecoders(): ClientDecoders {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== CLIENT_VERSION) throw new Error(`kafkajs ${version} is installed, and answers of brokers are read as version ${CLIENT_VERSION} does: install that one (npm ci).`);
  return {
    response: require(`${PROTOCOL}/requests/fetch/v11/response`) as ClientDecoders['response'],
    decodeMessages: require(`${PROTOCOL}/requests/fetch/v4/decodeMessages`) as ClientDecoders['decodeMessages'],
    Decoder: require(`${PROTOCOL}/decoder`) as ClientDecoders['Decoder'],
  };
}

const MAGIC_AT = 16;
const MAGIC = 2;
/** Before the number of records: offset, length, epoch, magic, checksum, attributes, last delta, times, producer, sequence. */
const BATCH_HEADER_OCTETS = 57;
const LENGTH_AT = 8;
const FROM_LENGTH = 12;
const COMPRESSION_MASK = 0x7;
const GZIP = 1;
const LOG_APPEND_TIME_FLAG = 0x8;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;

/** Reads Fetch Response, version 11 (KIP-392), with record batches of magic 2 (KIP-98); what else an answer may hold is read by the client's own parts. */
export function fetchDecoder({ decodeMessages, Decoder }: Pick<ClientDecoders, 'decodeMessages' | 'Decoder'>): (octets: Buffer) => Promise<FetchResponse> {
  return async (octets) => {
    const reader = new OctetReader(octets);
    const clientSideThrottleTime = reader.int32();
    const errorCode = reader.int16();
    const sessionId = reader.int32();
    const responses: FetchResponse['responses'] = [];
    for (let topics = reader.int32(); topics > 0; topics--) {
      const topicName = reader.text(reader.int16());
      const partitions: FetchedPartition[] = [];
      for (let left = reader.int32(); left > 0; left--) {
        const partition = partitionHeader(reader);
        const size = reader.int32();
        // As the client: a set that is not there as a whole counts as empty, and is not passed.
        if (size > 0 && reader.left >= size) {
          const set = octets.subarray(reader.at, reader.at + size);
          reader.at += size;
          partition.messages = await fetchedOf(set, (batch) => decodeMessages(new Decoder(withSize(batch))));
        }
        partitions.push(partition);
      }
      responses.push({ topicName, partitions });
    }
    // The client's own reason: the broker expects the client to wait, and has not waited itself.
    return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
  };
}

function partitionHeader(reader: OctetReader): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const lastStartOffset = reader.int64();
  const abortedTransactions: AbortedTransaction[] = [];
  for (let left = reader.int32(); left > 0; left--) abortedTransactions.push({ producerId: reader.int64(), firstOffset: reader.int64() });
  return { partition, errorCode, highWatermark, lastStableOffset, lastStartOffset, abortedTransactions, preferredReadReplica: reader.int32(), messages: [] };
}

/** The octets of a set with their number in front, as the client's own part reads them. */
function withSize(set: Buffer): Buffer {
  const size = Buffer.allocUnsafe(4);
  size.writeInt32BE(set.length);
  return Buffer.concat([size, set]);
}

/** All of a set: batch by batch; record by record where the client picks among them, or reads a batch that is not read here. Such a batch costs its neighbours nothing: ours count by the seal of their batch. */
async function fetchedOf(set: Buffer, leftToClient: (batch: Buffer) => Promise<unknown[]>): Promise<unknown[]> {
  const fetched: unknown[] = [];
  for (let at = 0; set.length - at > MAGIC_AT; ) {
    const end = at + FROM_LENGTH + set.readInt32BE(at + LENGTH_AT);
    // Cut by the limit of the fetch.
    if (end > set.length || end <= at) break;
    if (set[at + MAGIC_AT] !== MAGIC || !batchInto(fetched, set, at, end)) fetched.push(...(await leftToClient(set.subarray(at, end))));
    at = end;
  }
  return fetched;
}

/** False: it cannot be read here. */
function batchInto(fetched: unknown[], set: Buffer, at: number, end: number): boolean {
  if (end - at < BATCH_HEADER_OCTETS + 4) return false;
  const firstOffset = set.readBigInt64BE(at);
  const attributes = set.readInt16BE(at + 21);
  const firstTimestamp = set.readBigInt64BE(at + 27);
  const maxTimestamp = set.readBigInt64BE(at + 35);
  const compression = attributes & COMPRESSION_MASK;
  if (compression > GZIP || !isSafe(firstOffset)) return false;
  const context: BatchContext = {
    firstOffset: String(firstOffset), firstTimestamp: String(firstTimestamp), partitionLeaderEpoch: set.readInt32BE(at + 12),
    inTransaction: (attributes & TRANSACTIONAL_FLAG) !== 0, isControlBatch: (attributes & CONTROL_FLAG) !== 0, lastOffsetDelta: set.readInt32BE(at + 23),
    producerId: String(set.readBigInt64BE(at + 43)), producerEpoch: set.readInt16BE(at + 51), firstSequence: set.readInt32BE(at + 53),
    maxTimestamp: String(maxTimestamp), timestampType: (attributes & LOG_APPEND_TIME_FLAG) !== 0 ? 1 : 0, magicByte: MAGIC,
  };
  const packed: PackedBatch = {
    body: set.subarray(at + BATCH_HEADER_OCTETS + 4, end), inGzip: compression === GZIP, count: set.readInt32BE(at + BATCH_HEADER_OCTETS),
    firstTime: Number(firstTimestamp), brokerTime: context.timestampType === 1 ? Number(maxTimestamp) : undefined,
  };
  const batch = new FetchedBatch(packed, Number(firstOffset), context);
  // Of transactions the client hands on what was committed, record by record, and no marks.
  if (context.inTransaction || context.isControlBatch) fetched.push(...batch.records());
  else fetched.push(batch);
  return true;
}

const isSafe = (value: bigint): boolean => value <= Number.MAX_SAFE_INTEGER / 2 && value >= -1n;
