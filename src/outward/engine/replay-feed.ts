import type { LogBatch, PartitionReader } from '../../contracts/event-log.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { EventBatch } from '../delivery/event-batch.js';
import { wantedOf } from '../delivery/event-filter.js';
import type { Feed } from './feed.js';
import type { FeedContext } from './feed-context.js';
import type { LanePartition } from './lane-partition.js';
import { missingIn } from './missing-positions.js';
import { ReplayTail } from './replay-tail.js';
import { Signal } from './signal.js';

/** What is not sent of the positions before `end` that were not told before. */
export interface LeftOut {
  end: number;
  /** Asked for, and not wanted by the filter of the integration. */
  filtered: number;
  /** Asked for, and not in the log any more. */
  missing: number;
}

export interface ReplaySelection {
  /** Whether this event is asked for at all. */
  asked(event: AuditEvent, position: string): boolean;
  /** The next position from here on that may be asked for, so that a sparse list is not paid for with reading all that lies between. */
  skipTo(partition: number, position: number): number;
  /** The mark that tells a receiver that it comes again. */
  mark(event: AuditEvent): AuditEvent;
  /** Waits until so many events may leave; false when the replay has ended. */
  allow(count: number): Promise<boolean>;
  /** These will be sent. */
  offering(position: string): void;
  /** Positions of a run that are asked for by name; `all` when each position of it is, undefined when nobody knows which. */
  named(partition: number, from: number, to: number): readonly number[] | 'all' | undefined;
  /** In the order of positions, each once. */
  leftOut(partition: number, runs: readonly LeftOut[]): void;
}

/** Reads a run of positions again for one lane, at the pace of the replay. After a failure the lane comes back where its cursor stands. */
export class ReplayFeed implements Feed {
  private generation = 0;
  private reader: PartitionReader | undefined;
  private readonly room = new Signal();
  private lane: LanePartition | undefined;
  /** High-water mark, so that what is read again after a failure is counted once. */
  private countedTo: number;
  private running: Promise<void> = Promise.resolve();

  constructor(readonly partition: number, start: number, private readonly end: number, private readonly context: FeedContext, private readonly selection: ReplaySelection) {
    this.countedTo = start;
  }

  attach(lane: LanePartition): void {
    if (this.lane) return;
    this.lane = lane;
    const generation = ++this.generation;
    this.running = this.running.then(() => this.run(lane, generation));
  }

  detach(_lane: LanePartition): void {
    this.generation++;
    this.lane = undefined;
    this.room.notify();
    this.reader?.close().catch(() => undefined);
    this.reader = undefined;
  }

  hasLive(lane: LanePartition): boolean {
    return this.lane === lane;
  }

  roomChanged(): void {
    this.room.notify();
  }

  private async run(owned: LanePartition, generation: number): Promise<void> {
    const { context } = this;
    const label = `replay to ${owned.lane.integration.name}`;
    const over = () => this.generation !== generation;
    const tail = new ReplayTail(this.partition, this.end, context.eventLog);
    let reader: PartitionReader | undefined;
    while (!over() && owned.taken < this.end) {
      try {
        if (!owned.lane.hasRoom) {
          await this.room.wait();
          continue;
        }
        const worth = Math.min(this.end, this.selection.skipTo(this.partition, owned.taken));
        if (worth > owned.taken) {
          this.goOn(owned, worth);
          reader?.seek(worth);
          continue;
        }
        this.reader = reader ??= await context.eventLog.openReader(this.partition, tail.from(owned.taken), `replay.${owned.lane.integration.id}.${context.engineId}`, context.readOptions);
        if (over()) break;
        const batch = await reader.next();
        if (over()) break;
        const records = [...batch.records].filter(({ offset }) => offset >= owned.taken && offset < this.end);
        const next = Math.min(this.end, Math.max(batch.next, owned.taken));
        if (next > owned.taken) {
          tail.moved();
          await this.take(owned, { ...batch, records, next }, over);
          context.reading.worked(label, this.partition);
          continue;
        }
        const silence = await tail.silent(batch.records.length > 0, owned.taken);
        if (over()) break;
        if (silence === 'reopen') {
          await reader.close();
          reader = undefined;
        } else if (silence !== 'wait') {
          const asked = this.selection.named(this.partition, owned.taken, this.end) ?? [];
          const missing = asked !== 'all' ? asked.length : silence === 'unproven' ? this.end - owned.taken : 0;
          if (missing > 0) this.selection.leftOut(this.partition, [{ end: this.end, filtered: 0, missing }]);
          this.goOn(owned, this.end);
        }
      } catch (error) {
        if (over()) break;
        context.reading.failed(label, this.partition, owned.taken, error);
        await reader?.close().catch(() => undefined);
        reader = undefined;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    await reader?.close().catch(() => undefined);
  }

  private async take(owned: LanePartition, batch: LogBatch, over: () => boolean): Promise<void> {
    const parsed = EventBatch.parse(batch, this.context.readForeign);
    const asked = parsed.events().flatMap((event, index) => (this.selection.asked(event, parsed.sequence(index)) ? [index] : []));
    const passing = new Set(wantedOf(owned.filter, parsed));
    const wanted = asked.filter((index) => passing.has(index));
    if (batch.next > this.countedTo) this.count(parsed, asked, passing, batch);
    for (const index of wanted) this.selection.offering(parsed.sequence(index));
    if (wanted.length > 0 && !(await this.selection.allow(wanted.length))) return;
    if (!over()) owned.lane.offer(owned, parsed.mapped((event) => this.selection.mark(event)), wanted);
  }

  /** The cursor stands behind an event that was sent or behind a batch: what is left out is told apart for each of these places. */
  private count(parsed: EventBatch, asked: readonly number[], passing: ReadonlySet<number>, batch: LogBatch): void {
    const { next } = batch;
    const runs = this.missing(batch);
    let filtered = 0;
    for (const index of asked) {
      const offset = parsed.offsets[index] ?? 0;
      if (offset < this.countedTo) continue;
      if (!passing.has(index)) {
        filtered++;
        continue;
      }
      runs.push({ end: offset + 1, filtered, missing: 0 });
      filtered = 0;
    }
    runs.push({ end: next, filtered, missing: 0 });
    this.countedTo = next;
    this.selection.leftOut(this.partition, runs.filter((run) => run.filtered + run.missing > 0).sort((a, b) => a.end - b.end));
  }

  private missing(batch: LogBatch): LeftOut[] {
    const asked = this.selection.named(this.partition, this.countedTo, batch.next);
    if (asked === undefined) return [];
    // Places that never held an event (marks of Kafka's own) are not missing.
    if (asked === 'all') return missingIn(batch, this.countedTo).map(({ from, to }) => ({ end: to, filtered: 0, missing: to - from }));
    const held = new Set(Array.from(batch.records, ({ offset }) => offset));
    return asked.filter((offset) => !held.has(offset)).map((offset) => ({ end: offset + 1, filtered: 0, missing: 1 }));
  }

  private goOn(owned: LanePartition, to: number): void {
    owned.taken = to;
    owned.settle();
    this.countedTo = Math.max(this.countedTo, to);
  }
}
