import { createRequire } from 'node:module';
import type { IHeaders } from 'kafkajs';
import { unpacked } from './gzip-codec.js';
import { OctetReader } from './octet-reader.js';

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

/** Where in the octets of a batch the parts of a record lie. */
export class RecordPlaces {
  /** Of the length of the key. */
  start = 0;
  /** `keyEnd` is less than `key` where there is no key, and likewise for the value. */
  key = 0;
  keyEnd = 0;
  value = 0;
  valueEnd = 0;
  headers = 0;
}

/**
 * A record as the client hands it on: where it lies, and what the client itself asks for. The rest is read when it is asked for, since records wait: what was read would wait with them, as some
 * objects each, and be moved about by the memory's housekeeping.
 */
export class FetchedRecord {
  constructor(
    readonly octets: Buffer,
    /** Where the key begins, with its length. */
    private readonly from: number,
    private readonly to: number,
    /** Its offset as a number. */
    readonly position: number,
    /** Milliseconds since 1970. */
    readonly time: number,
    readonly attributes: number,
    readonly batchContext: BatchContext,
  ) {}

  /** Octets of key, value and headers. */
  get size(): number {
    return this.to - this.from;
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
    return new OctetReader(this.octets, this.from, this.to).counted();
  }

  get value(): Buffer | null {
    const { value, valueEnd } = this.places(new RecordPlaces());
    return valueEnd < value ? null : this.octets.subarray(value, valueEnd);
  }

  get headers(): IHeaders {
    return this.headersAt(this.places(new RecordPlaces()).headers) ?? {};
  }

  /** @param into is filled and given back. @throws RangeError when a length goes beyond the end of the record */
  places(into: RecordPlaces): RecordPlaces {
    const reader = new OctetReader(this.octets, this.from, this.to);
    into.start = this.from;
    const keyOctets = reader.varint();
    into.key = reader.at;
    into.keyEnd = reader.at + keyOctets;
    if (keyOctets > 0) reader.pass(keyOctets);
    const valueOctets = reader.varint();
    into.value = reader.at;
    into.valueEnd = reader.at + valueOctets;
    if (valueOctets > 0) reader.pass(valueOctets);
    into.headers = reader.at;
    return into;
  }

  /** Undefined when there are none. @throws as `places` */
  headersAt(at: number): IHeaders | undefined {
    // One octet that says zero: most records have none.
    if (this.octets[at] === 0) return undefined;
    const reader = new OctetReader(this.octets, at, this.to);
    let headers: IHeaders | undefined;
    for (let left = reader.varint(); left > 0; left--) addHeader((headers ??= {}), reader.text(reader.varint()) ?? '', reader.counted());
    return headers;
  }
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

  constructor(
    private readonly body: Buffer,
    private readonly inGzip: boolean,
    /** Of its last record, also where that one is gone. */
    readonly position: number,
    /** Of records. */
    readonly count: number,
    private readonly firstOffset: number,
    private readonly firstTimestamp: number,
    private readonly maxTimestamp: number,
    readonly batchContext: BatchContext,
  ) {}

  get offset(): string {
    return String(this.position);
  }

  get packedOctets(): number {
    return this.body.length;
  }

  /** @throws Error when it cannot be unpacked, RangeError when a length in it is not true */
  records(): FetchedRecord[] {
    const reader = new OctetReader(this.inGzip ? unpacked(this.body) : this.body);
    const records = new Array<FetchedRecord>(this.count);
    for (let index = 0; index < this.count; index++) records[index] = record(reader, this.batchContext, this.firstOffset, this.firstTimestamp, this.maxTimestamp);
    return records;
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
  const count = set.readInt32BE(at + BATCH_HEADER_OCTETS);
  const body = set.subarray(at + BATCH_HEADER_OCTETS + 4, end);
  const batch = new FetchedBatch(body, compression === GZIP, Number(firstOffset) + context.lastOffsetDelta, count, Number(firstOffset), Number(firstTimestamp), Number(maxTimestamp), context);
  // Of transactions the client hands on what was committed, record by record, and no marks.
  if (context.inTransaction || context.isControlBatch) fetched.push(...batch.records());
  else fetched.push(batch);
  return true;
}

const isSafe = (value: bigint): boolean => value <= Number.MAX_SAFE_INTEGER / 2 && value >= -1n;

function record(reader: OctetReader, context: BatchContext, firstOffset: number, firstTimestamp: number, maxTimestamp: number): FetchedRecord {
  const length = reader.varint();
  const to = reader.at + length;
  if (length < 0 || to > reader.end) throw new RangeError(`a record of ${length} octets goes beyond the end of its batch`);
  const attributes = reader.octets.readInt8(reader.at++);
  const timestampDelta = reader.varint();
  const offsetDelta = reader.varint();
  const from = reader.at;
  reader.at = to;
  return new FetchedRecord(reader.octets, from, to, firstOffset + offsetDelta, context.timestampType === 1 ? maxTimestamp : firstTimestamp + timestampDelta, attributes, context);
}
