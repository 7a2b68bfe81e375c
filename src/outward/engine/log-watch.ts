import type { EventLog, LogMark, PartitionRange, Recognition } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import type { Lane } from './lane.js';
import type { LanePartition } from './lane-partition.js';
import type { Misplaced } from './log-places.js';
import type { SharedFeed } from './shared-feed.js';

/** How often the log is asked whether it is still the same; less often where the answers take long. */
const WATCH_MS = 5000;
const SHARE_OF_TIME = 20;
/** How long after an answer that says "another log" it is asked once more. */
const CONFIRM_MS = 1000;
/** Questions to the log at the same time. */
const AT_ONCE = 8;

export interface LogWatchOptions {
  eventLog: Pick<EventLog, 'recognise' | 'markBefore'>;
  log: Log;
  /** The lanes of these partitions go on from the beginning of what the log holds. Never throws. */
  restart(owned: readonly LanePartition[], why: Misplaced): Promise<void>;
}

/**
 * Notices that the log is not the one any more that the cursors belong to: a topic that was made anew under its name, a data directory brought back from a backup, a broker that lost its end.
 * A cursor is saved only after its place was recognised; from then on a record that was read is looked at again and again.
 */
export class LogWatch {
  private readonly witnesses = new Map<number, LogMark>();
  private readonly questions = new Map<string, Promise<Recognition>>();
  private readonly marks = new Map<string, Promise<LogMark | undefined>>();
  private suspects = new Set<LanePartition>();
  private working: Promise<void> | undefined;
  private notBefore = 0;

  constructor(private readonly options: LogWatchOptions) {}

  /** Called with what the log holds; `cursors` are from before it was asked. A position beyond the end twice in a row is believed. */
  async compare(ranges: readonly PartitionRange[], cursors: ReadonlyMap<LanePartition, number>): Promise<void> {
    const ends = new Map(ranges.map(({ partition, next }) => [partition, next]));
    const beyond = [...cursors].filter(([owned, cursor]) => cursor > (ends.get(owned.partition) ?? Number.POSITIVE_INFINITY)).map(([owned]) => owned);
    const sure = beyond.filter((owned) => this.suspects.has(owned));
    this.suspects = new Set(beyond);
    if (sure.length > 0) await this.options.restart(sure, 'beyond-the-end');
  }

  /** Begins to look, beside everything else; one look at a time. */
  look(lanes: Iterable<Lane>, feeds: Iterable<SharedFeed>): void {
    if (this.working) return;
    const all = [...lanes].flatMap((lane) => [...lane.partitions.values()]);
    const unknown = all.filter(({ recognised }) => !recognised);
    const due = performance.now() >= this.notBefore;
    if (unknown.length === 0 && !due) return;
    const began = performance.now();
    this.working = this.recogniseAll(unknown)
      .then(() => (due ? this.lookAtWitnesses([...feeds], all) : undefined))
      .catch((error: unknown) => this.options.log.debug({ err: error }, 'the log could not be asked whether it is still the same; asked again'))
      .finally(() => {
        this.questions.clear();
        this.marks.clear();
        if (due) this.notBefore = performance.now() + Math.max(WATCH_MS, SHARE_OF_TIME * (performance.now() - began));
        this.working = undefined;
      });
  }

  /** The partition is no longer ours. */
  forget(partition: number): void {
    this.witnesses.delete(partition);
  }

  /** Ends when these were looked at, too: a cursor that was not recognised is not saved, and what it passed would be sent again. */
  async settle(owned: readonly LanePartition[]): Promise<void> {
    if (owned.every(({ recognised }) => recognised)) return;
    await this.working;
    await this.recogniseAll(owned.filter(({ recognised }) => !recognised));
  }

  private async recogniseAll(unknown: readonly LanePartition[]): Promise<void> {
    const others: LanePartition[] = [];
    const queue = [...unknown];
    const work = async (): Promise<void> => {
      for (let owned = queue.pop(); owned; owned = queue.pop()) {
        if ((await this.recognise(owned)) === 'other') others.push(owned);
        else owned.recognised = true;
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
    if (others.length > 0) await this.options.restart(others, 'another-record');
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** By the mark that came with its cursor; without one it is where it is, and gets the mark of that place. */
  private async recognise(owned: LanePartition): Promise<Recognition> {
    const { origin } = owned;
    if (origin.mark) return this.ask(owned.partition, origin.mark);
    const key = `${owned.partition}:${origin.position}`;
    const asked = this.marks.get(key) ?? this.options.eventLog.markBefore(owned.partition, origin.position);
    this.marks.set(key, asked);
    const mark = await asked;
    owned.mark ??= mark;
    return 'same';
  }

  private ask(partition: number, mark: LogMark): Promise<Recognition> {
    const key = `${partition}:${mark.offset}:${mark.timestamp}`;
    const asked = this.questions.get(key) ?? this.surely(partition, mark);
    this.questions.set(key, asked);
    return asked;
  }

  /** A broker that just took over may not know its end yet: only what it says twice makes cursors begin anew. */
  private async surely(partition: number, mark: LogMark): Promise<Recognition> {
    const first = await this.options.eventLog.recognise(partition, mark);
    if (first !== 'other') return first;
    await new Promise((resolve) => setTimeout(resolve, CONFIRM_MS));
    return this.options.eventLog.recognise(partition, mark);
  }

  /** The record seen last is remembered before the one from the last look is asked for: so no log can take the place of another between two looks. */
  private async lookAtWitnesses(feeds: readonly SharedFeed[], all: readonly LanePartition[]): Promise<void> {
    for (const feed of feeds) {
      const { partition, lastMark } = feed;
      const witness = this.witnesses.get(partition);
      if (witness && (await this.surely(partition, witness)) === 'other') {
        this.witnesses.delete(partition);
        // It is of the log that is gone: nothing of the new one was read yet.
        feed.lastMark = undefined;
        await this.options.restart(all.filter((owned) => owned.partition === partition), 'another-record');
      } else if (lastMark) {
        this.witnesses.set(partition, lastMark);
      }
    }
  }
}
