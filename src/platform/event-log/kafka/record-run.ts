import type { LogRecord, LogRecords, RecordLists } from '../../../contracts/event-log.js';
import { RecordView } from '../shared/record-view.js';
import { KEY, KEY_END, OFFSET, PLACES, VALUE, VALUE_END } from './packed-batch.js';
import type { ReadBatch } from './read-batch.js';

/** Records side by side that came from one batch, or one that came alone. */
interface Part {
  /** Its first index in the run. */
  first: number;
  at(index: number): LogRecord;
}

/** What is read of some batches of one partition: lists of numbers, from which a record is made when somebody asks for it. */
export class RecordRun implements LogRecords {
  length = 0;
  /** Octets of the values. */
  octets = 0;
  readonly lists: RecordLists;
  private readonly external = new Set<number>();
  private readonly parts: Part[] = [];

  /** @param room records that it holds at most */
  constructor(private readonly partition: number, readonly room: number) {
    this.lists = { sources: new Array<Buffer | undefined>(room).fill(undefined), starts: new Int32Array(room), ends: new Int32Array(room), offsets: new Float64Array(room), times: new Float64Array(room), external: this.external };
  }

  get isFull(): boolean {
    return this.length >= this.room;
  }

  /**
   * Takes records of a batch as long as there is room: for a record more, and (but for the first of the run) for its octets.
   * @param from the first of them
   * @param firstOffset what the offsets of the batch add to
   * @returns the first that it did not take
   */
  addAll(read: ReadBatch, from: number, firstOffset: number, maxOctets: number): number {
    const { sources, starts, ends, offsets, times } = this.lists;
    const { octets, places, external } = read;
    const count = read.times.length;
    const first = this.length;
    let index = from;
    for (let place = PLACES * from; index < count && this.length < this.room; index++, place += PLACES) {
      const start = places[place + VALUE] ?? 0;
      const end = Math.max(start, places[place + VALUE_END] ?? 0);
      if (this.length > 0 && this.octets + end - start > maxOctets) break;
      const at = this.length++;
      this.octets += end - start;
      sources[at] = octets;
      starts[at] = start;
      ends[at] = end;
      offsets[at] = firstOffset + (places[place + OFFSET] ?? 0);
      times[at] = read.times[index] ?? 0;
      if (external === 'all' || (external.size > 0 && external.has(index))) this.external.add(at);
    }
    if (index > from) this.parts.push({ first, at: (at) => viewOf(this.partition, read, firstOffset, from + at - first) });
    return index;
  }

  /** A record that came alone. False where there is no room for it. */
  add(record: LogRecord, maxOctets: number): boolean {
    const { value } = record;
    if (this.isFull || (this.length > 0 && this.octets + value.byteLength > maxOctets)) return false;
    const { sources, starts, ends, offsets, times } = this.lists;
    const at = this.length++;
    this.octets += value.byteLength;
    sources[at] = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    [starts[at], ends[at], offsets[at], times[at]] = [0, value.byteLength, record.offset, record.timestamp];
    if (record.external === true) this.external.add(at);
    this.parts.push({ first: at, at: () => record });
    return true;
  }

  at(index: number): LogRecord | undefined {
    const at = index < 0 ? this.length + index : index;
    return at < this.length ? this.parts.findLast(({ first }) => first <= at)?.at(at) : undefined;
  }

  *[Symbol.iterator](): Generator<LogRecord> {
    for (let index = 0; index < this.length; index++) {
      const record = this.at(index);
      if (record) yield record;
    }
  }
}

function viewOf(partition: number, { octets, times, places, headers, external }: ReadBatch, firstOffset: number, index: number): LogRecord {
  const place = PLACES * index;
  const value = places[place + VALUE] ?? 0;
  const record = new RecordView(partition, firstOffset + (places[place + OFFSET] ?? 0), times[index] ?? 0, octets, places[place + KEY] ?? 0, places[place + KEY_END] ?? 0, value, Math.max(value, places[place + VALUE_END] ?? 0));
  const some = headers.get(index);
  if (some) record.headers = some;
  if (external === 'all' || external.has(index)) record.external = true;
  return record;
}
