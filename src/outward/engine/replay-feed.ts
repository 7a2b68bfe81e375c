import type { PartitionReader } from '../../contracts/event-log.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { EventBatch } from '../delivery/event-batch.js';
import { wantedOf } from '../delivery/event-filter.js';
import type { Feed } from './feed.js';
import type { FeedContext } from './feed-context.js';
import type { LanePartition } from './lane-partition.js';
import { Signal } from './signal.js';

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
  /** Positions of this run that were read over, with those of them that the log holds. */
  read(partition: number, from: number, to: number, held: ReadonlySet<number>): void;
  /** Asked for, and not wanted by the filter of the integration. */
  filtered(count: number): void;
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
    const over = () => this.generation !== generation;
    let reader: PartitionReader | undefined;
    while (!over() && owned.taken < this.end) {
      try {
        if (!owned.lane.hasRoom) {
          await this.room.wait();
          continue;
        }
        const worth = Math.min(this.end, this.selection.skipTo(this.partition, owned.taken));
        if (worth > owned.taken) {
          owned.taken = worth;
          owned.settle();
          this.countedTo = Math.max(this.countedTo, worth);
          reader?.seek(worth);
          continue;
        }
        this.reader = reader ??= await context.eventLog.openReader(this.partition, owned.taken, `replay.${owned.lane.integration.id}.${context.engineId}`, context.readOptions);
        if (over()) break;
        const batch = await reader.next();
        if (over()) break;
        const records = batch.records.filter(({ offset }) => offset >= owned.taken && offset < this.end);
        const next = Math.min(this.end, Math.max(batch.next, owned.taken));
        if (next === owned.taken) continue;
        this.countMissing(records.map(({ offset }) => offset), next);
        const parsed = EventBatch.parse({ partition: this.partition, records, next }, context.readForeign);
        const asked = parsed.events.flatMap((event, index) => (this.selection.asked(event, parsed.sequence(index)) ? [index] : []));
        const passing = new Set(wantedOf(owned.filter, parsed));
        const wanted = asked.filter((index) => passing.has(index));
        if (next > this.countedTo) this.selection.filtered(asked.length - wanted.length);
        this.countedTo = Math.max(this.countedTo, next);
        for (const index of wanted) this.selection.offering(parsed.sequence(index));
        if (wanted.length > 0 && !(await this.selection.allow(wanted.length))) break;
        if (over()) break;
        owned.lane.offer(owned, parsed.mapped((event) => this.selection.mark(event)), wanted);
      } catch (error) {
        if (over()) break;
        context.log.error({ integration: owned.lane.integration.name, partition: this.partition, position: owned.taken, err: error }, 'reading for a replay failed; it is tried again');
        await reader?.close().catch(() => undefined);
        reader = undefined;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    await reader?.close().catch(() => undefined);
  }

  /** Positions of the range that the log skipped over. */
  private countMissing(offsets: readonly number[], next: number): void {
    if (next <= this.countedTo) return;
    this.selection.read(this.partition, this.countedTo, next, new Set(offsets));
  }
}
