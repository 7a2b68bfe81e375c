import type { LogBatch, PartitionReader, PositionRun, ReadOptions } from '../../../contracts/event-log.js';
import { Doze } from '../shared/doze.js';
import { countOf, heldOctetsOf, lastPositionOf, OpenFetch, type Fetched } from './read-batch.js';
import { RecordRun } from './record-run.js';

/** What the reader asks of the consumer behind it. None of these may throw. */
export interface RecordSource {
  /** Fetch from here on; what was fetched for an earlier position must not be fed any more. */
  seek(partition: number, position: number): void;
  pause(partition: number): void;
  resume(partition: number): void;
  closed(reader: BufferedReader): Promise<void>;
}

const DEFAULT_MAX_BYTES = 1_048_576;
const DEFAULT_MAX_RECORDS = 1000;
const DEFAULT_MAX_WAIT_MS = 500;

/** Turns what a consumer pushes into batches that are asked for. It holds the octets of a batch at most, and then one fetch more, as they were packed: they are unpacked, and seals are checked, when it is their turn. */
export class BufferedReader implements PartitionReader {
  private readonly maxBytes: number;
  private readonly maxRecords: number;
  private readonly maxWaitMs: number;
  private queue: Fetched[] = [];
  private heldOctets = 0;
  /** What was unpacked last, while it has records that did not fit into a batch. */
  private open: OpenFetch | undefined;
  /** Positions that never held a record of ours, and that were not passed yet. In order, none of them touches the next. */
  private vacant: PositionRun[] = [];
  /** Where the partition ended at the last fetch. */
  private end = 0;
  /** What the consumer delivers next; less is a repetition. */
  private expected: number;
  private paused = false;
  private shut = false;
  private moves = 0;
  private readonly untilFed = new Doze();

  constructor(readonly partition: number, private position: number, options: ReadOptions, private readonly signingKeys: readonly Buffer[], private readonly source: RecordSource) {
    this.maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.maxRecords = Math.max(1, options.maxRecords ?? DEFAULT_MAX_RECORDS);
    this.maxWaitMs = options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS;
    this.expected = position;
  }

  async next(): Promise<LogBatch> {
    const moves = this.moves;
    // A backlog read in a tight loop must leave the event loop a turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.shut && this.moves === moves && this.isEmpty && this.maxWaitMs > 0) await this.untilFed.for(this.maxWaitMs);
    if (this.shut || this.moves !== moves) return { partition: this.partition, records: [], next: this.position, end: this.position };
    const records = this.take();
    this.position = (records.at(-1)?.offset ?? this.position - 1) + 1;
    const vacant = this.passVacant();
    return { partition: this.partition, records, next: this.position, end: Math.max(this.end, this.position), ...(vacant.length > 0 ? { vacant } : {}) };
  }

  seek(position: number): void {
    if (this.shut) return;
    this.moveTo(position);
    this.source.seek(this.partition, position);
  }

  async close(): Promise<void> {
    if (this.shut) return;
    this.shut = true;
    this.moveTo(this.position);
    await this.source.closed(this);
  }

  /** The position that fetching begins at, once it is known what the log holds. */
  startFrom(position: number): void {
    if (this.isEmpty) this.position = position;
    this.expected = position;
  }

  /** What the consumer has to deliver next, for example after it was built anew. */
  get resumeAt(): number {
    return this.expected;
  }

  /** @param vacant positions of the same fetch that never held a record of ours, in order */
  feed(messages: readonly Fetched[], end: number, vacant: readonly PositionRun[] = []): void {
    if (this.shut) return;
    this.end = end;
    for (const message of messages) {
      const position = lastPositionOf(message);
      if (position < this.expected) continue;
      this.expected = position + 1;
      this.queue.push(message);
      this.heldOctets += heldOctetsOf(message);
    }
    for (const run of vacant) this.addVacant(run);
    if (!this.paused && this.heldOctets > this.maxBytes) {
      this.paused = true;
      this.source.pause(this.partition);
    }
    if (!this.isEmpty) this.untilFed.wake();
  }

  private get isEmpty(): boolean {
    return this.queue.length === 0 && this.open === undefined;
  }

  private moveTo(position: number): void {
    this.moves++;
    this.position = position;
    this.expected = position;
    this.end = 0;
    this.queue = [];
    this.heldOctets = 0;
    this.open = undefined;
    this.vacant = [];
    this.paused = false;
    this.untilFed.wake();
  }

  /** A fetch that is repeated tells the same again. */
  private addVacant({ from, to }: PositionRun): void {
    if (from <= this.expected && to > this.expected) this.expected = to;
    const last = this.vacant.at(-1);
    const first = Math.max(from, this.position, last?.to ?? 0);
    if (first >= to) return;
    if (last?.to === first) last.to = to;
    else this.vacant.push({ from: first, to });
  }

  /** What was passed up to the position; when nothing but such positions comes next, they are passed as well. */
  private passVacant(): PositionRun[] {
    let passed = 0;
    for (const { from, to } of this.vacant) {
      if (from > this.position) break;
      this.position = Math.max(this.position, to);
      passed++;
    }
    return this.vacant.splice(0, passed);
  }

  private take(): RecordRun {
    const run = new RecordRun(this.partition, Math.max(1, Math.min(this.maxRecords, this.waiting())));
    while (!run.isFull && this.unpacks((run.at(-1)?.offset ?? this.position - 1) + 1, run.length > 0)) {
      this.open?.giveTo(run, this.maxBytes);
      if (this.open && this.open.left > 0) break;
      this.open = undefined;
    }
    if (this.paused && 2 * this.heldOctets <= this.maxBytes) {
      this.paused = false;
      this.source.resume(this.partition);
    }
    return run;
  }

  /** Records that wait, as far as a batch may need to know: what others wrote says of itself what it likes. */
  private waiting(): number {
    let count = this.open?.left ?? 0;
    for (const fetched of this.queue) {
      if (count >= this.maxRecords) break;
      count += countOf(fetched);
    }
    return count;
  }

  /**
   * Whether there is something to give records, from the position on.
   * @param hasSome what lies in front is handed on before it is told that the next cannot be unpacked; it still waits then
   * @throws when it cannot be unpacked
   */
  private unpacks(position: number, hasSome: boolean): boolean {
    if (this.open) return true;
    const [next] = this.queue;
    if (next === undefined) return false;
    try {
      this.open = OpenFetch.of(this.partition, next, this.signingKeys, position);
    } catch (error) {
      if (hasSome) return false;
      throw error;
    }
    this.queue.shift();
    this.heldOctets -= heldOctetsOf(next);
    return true;
  }
}
