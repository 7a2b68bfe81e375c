import type { KafkaMessage } from 'kafkajs';
import type { LogRecord } from '../../../contracts/event-log.js';
import { RecordView } from '../shared/record-view.js';
import { FetchedBatch, FetchedRecord, headersOf } from './fetch-decoder.js';
import { END, KEY, KEY_END, OFFSET, PLACES, placesOf, VALUE, VALUE_END, type BatchPlaces, type PackedBatch } from './packed-batch.js';
import { bearsMemberSeal } from './member-seal.js';
import { bearOwnSeal, bearSeal, takeSeals, textsOf } from './record-seal.js';

/** What comes from the client, a batch or a record. */
export type Fetched = FetchedBatch | FetchedRecord | KafkaMessage;

/** What a batch holds, as memory that a thread can hand to another. */
export interface ReadBatch extends BatchPlaces {
  /** Of those records that have some, by their index, without seals. */
  headers: ReadonlyMap<number, Record<string, string>>;
  /** Those that bear no seal of ours, or one that does not fit. */
  external: 'all' | ReadonlySet<number>;
}

/** Unpacks a batch, finds its records and looks whether they are ours. @throws as `placesOf` */
export function readBatch(batch: PackedBatch, keys: readonly Buffer[]): ReadBatch {
  const { isOurs = batch.inGzip ? bearsMemberSeal(batch.body, keys) : undefined } = batch;
  const lies = placesOf(isOurs === undefined ? batch : { ...batch, isOurs });
  const headers = new Map<number, Record<string, string>>();
  /** Of the whole batch; without it each record may have one of its own. */
  let seal: Buffer | undefined;
  const ownSeals = new Map<number, Buffer>();
  for (let index = 0; index < batch.count; index++) {
    const found = headersOf(lies, PLACES * index);
    if (!found) continue;
    const { ofBatch, ofRecord } = takeSeals(found);
    if (index === 0) seal = ofBatch;
    if (ofRecord) ownSeals.set(index, ofRecord);
    const texts = textsOf(found);
    if (texts) headers.set(index, texts);
  }
  // Fewer records than were sealed are not what was sealed.
  if (isOurs !== undefined) return { ...lies, headers, external: isOurs && endOf(lies) === lies.octets.length ? NONE : 'all' };
  if (seal) return { ...lies, headers, external: bearSeal(seal, lies, headers, keys) ? NONE : 'all' };
  const ours = bearOwnSeal(ownSeals, lies, headers, keys);
  return { ...lies, headers, external: ours.size === 0 ? 'all' : new Set(Array.from(lies.times.keys()).filter((index) => !ours.has(index))) };
}

/** @param firstOffset what the offsets of the batch add to */
export function recordsOf(partition: number, firstOffset: number, { octets, times, places, headers, external }: ReadBatch): LogRecord[] {
  const records = new Array<LogRecord>(times.length);
  for (let index = 0, place = 0; index < times.length; index++, place += PLACES) {
    const value = places[place + VALUE] ?? 0;
    const valueEnd = places[place + VALUE_END] ?? 0;
    const record = new RecordView(partition, firstOffset + (places[place + OFFSET] ?? 0), times[index] ?? 0, octets, places[place + KEY] ?? 0, places[place + KEY_END] ?? 0, value, valueEnd < value ? value : valueEnd);
    if (headers.size > 0) {
      const some = headers.get(index);
      if (some) record.headers = some;
    }
    if (external === 'all' || (external.size > 0 && external.has(index))) record.external = true;
    records[index] = record;
  }
  return records;
}

/** All of what was fetched as records of the log. @throws as `placesOf` */
export function toLogRecords(partition: number, fetched: Fetched, keys: readonly Buffer[]): LogRecord[] {
  if (fetched instanceof FetchedBatch) return recordsOf(partition, fetched.firstOffset, readBatch(fetched.packed, keys));
  // We write no transactions, so what comes alone was not sealed by us.
  return [Object.assign(readAlone(partition, fetched), { external: true })];
}

/** The offset of the last record. */
export function lastPositionOf(fetched: Fetched): number {
  return 'position' in fetched ? fetched.position : Number(fetched.offset);
}

/** What it costs to keep it, about: a batch as it was packed. */
export function heldOctetsOf(fetched: Fetched): number {
  return OBJECT_OCTETS + (fetched instanceof FetchedBatch ? fetched.packedOctets : fetched instanceof FetchedRecord ? fetched.size : (fetched.value?.length ?? 0));
}

/** Behind its last record. */
const endOf = ({ places }: BatchPlaces): number => places[places.length - PLACES + END] ?? 0;

const OBJECT_OCTETS = 200;
const NONE: ReadonlySet<number> = new Set();
const NO_VALUE = Buffer.alloc(0);

function readAlone(partition: number, message: FetchedRecord | KafkaMessage): LogRecord {
  const { key, value } = message;
  const headers = textsOf(message.headers ?? {});
  const record: LogRecord = { partition, offset: lastPositionOf(message), key: key?.toString('utf8') ?? '', value: value ?? NO_VALUE, timestamp: Number(message.timestamp) };
  return headers ? { ...record, headers } : record;
}
