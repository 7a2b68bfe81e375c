import type { KafkaMessage } from 'kafkajs';
import type { LogRecord } from '../../../contracts/event-log.js';
import { FetchedBatch, FetchedRecord, headersOf } from './fetch-decoder.js';
import { END, OFFSET, PLACES, placesOf, type BatchPlaces, type PackedBatch } from './packed-batch.js';
import { bearsMemberSeal } from './member-seal.js';
import { bearOwnSeal, bearSeal, takeSeals, textsOf } from './record-seal.js';
import type { RecordRun } from './record-run.js';

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

/** What was fetched, once it is unpacked: gives its records, from a position on, to a run, and to the next one what that has no room for. */
export class OpenFetch {
  private at = 0;

  private constructor(private readonly read: ReadBatch | LogRecord, private readonly firstOffset: number) {}

  /** @throws as `placesOf` */
  static of(partition: number, fetched: Fetched, keys: readonly Buffer[], position = 0): OpenFetch {
    // We write no transactions, so what comes alone was not sealed by us.
    if (!(fetched instanceof FetchedBatch)) return new OpenFetch({ ...readAlone(partition, fetched), external: true }, 0);
    const read = readBatch(fetched.packed, keys);
    const open = new OpenFetch(read, fetched.firstOffset);
    // Reading may begin within a batch.
    while (open.at < read.times.length && fetched.firstOffset + (read.places[PLACES * open.at + OFFSET] ?? 0) < position) open.at++;
    return open;
  }

  /** Records that wait. */
  get left(): number {
    return ('places' in this.read ? this.read.times.length : 1) - this.at;
  }

  giveTo(run: RecordRun, maxOctets: number): void {
    if ('places' in this.read) this.at = run.addAll(this.read, this.at, this.firstOffset, maxOctets);
    else if (this.left > 0 && run.add(this.read, maxOctets)) this.at++;
  }
}

/** The offset of the last record. */
export function lastPositionOf(fetched: Fetched): number {
  return 'position' in fetched ? fetched.position : Number(fetched.offset);
}

/** Records that it says to hold. */
export function countOf(fetched: Fetched): number {
  return fetched instanceof FetchedBatch ? Math.max(0, fetched.packed.count) : 1;
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
