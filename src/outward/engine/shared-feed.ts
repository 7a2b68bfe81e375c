import type { LogMark, OwnedPartition, PositionRun } from '../../contracts/event-log.js';
import { EventBatch } from '../delivery/event-batch.js';
import { CatchUp } from './catch-up.js';
import type { Feed } from './feed.js';
import { firstOffset, type FeedContext } from './feed-context.js';
import type { Lane } from './lane.js';
import type { LanePartition } from './lane-partition.js';
import { missingIn, runsFrom } from './missing-positions.js';
import { parsingFor } from './parsing.js';
import { Patience } from './patience.js';
import { Routes, type Wanted } from './routes.js';
import { Signal } from './signal.js';

/** A lane that is so many events ahead of the shared reader does not wait for it to read them all: the reader goes there at once. */
const JUMP_EVENTS = 10_000;
/** A lane that is so little behind the shared reader is waited for in a backlog, as one without room is. */
const NEAR_EVENTS = 10_000;

/**
 * The one reader of a partition that all lanes of the pool share. It goes at the pace of the fastest lane that is with it: a lane without room is
 * left behind (it reads for itself and comes back when it has caught up), so nobody waits for a slow one; only where all work off a backlog they wait a tenth of their time.
 */
export class SharedFeed implements Feed {
  /** Everything before it was routed. */
  position: number;
  /** The last record that was read. */
  lastMark: LogMark | undefined;
  private readonly live = new Set<LanePartition>();
  /** Those that read for themselves. */
  private readonly behind = new Set<LanePartition>();
  /** Emptied when the set of lanes changes. */
  private readonly routes = new Routes(this.live);
  private readonly changed = new Signal();
  private readonly patience = new Patience();
  private seeks = 0;
  /** The log holds more than it takes to be up to date: the last batch was a large one, or much came after it. */
  private gathered = false;
  /** Something failed: from then on each event is parsed when it is read. */
  private eager = false;
  private stopped = false;
  private readonly ended: Promise<void>;

  constructor(
    readonly owned: OwnedPartition,
    startAt: number,
    private readonly context: FeedContext,
  ) {
    this.position = startAt;
    this.ended = this.run();
  }

  /** Where reading begins best for lanes that stand at these: at the last one of those that are near the furthest, so that all of them go together. */
  static startOf(positions: readonly number[]): number {
    const furthest = Math.max(...positions);
    return Math.min(...positions.filter((position) => position >= furthest - NEAR_EVENTS));
  }

  get partition(): number {
    return this.owned.partition;
  }

  hasLive(lane: LanePartition): boolean {
    return this.live.has(lane);
  }

  /** Lets a lane in where it stands: with the shared reader when it is there (or when nobody else is, or they are far behind), else by a reader of its own. */
  attach(lane: LanePartition): void {
    if (this.stopped || this.live.has(lane) || lane.catchUp) return;
    const ahead = lane.taken - this.position;
    if (this.live.size === 0 || ahead > JUMP_EVENTS) {
      for (const slow of [...this.live]) this.leaveBehind(slow);
      if (ahead !== 0) {
        this.position = lane.taken;
        this.seeks++;
        this.owned.reader.seek(lane.taken);
      }
      this.join(lane);
    } else if (ahead >= 0) {
      this.join(lane);
    } else {
      this.leaveBehind(lane);
    }
  }

  detach(lane: LanePartition): void {
    if (this.live.delete(lane)) this.routes.clear();
    this.behind.delete(lane);
    lane.catchUp?.stop();
    lane.catchUp = undefined;
    this.changed.notify();
  }

  /** A catch-up reader asks to come back: yes when it has reached the shared reader (or nobody is there). */
  private rejoin(lane: LanePartition): boolean {
    if (this.stopped) return false;
    if (this.live.size > 0 && lane.taken < this.position) return false;
    this.behind.delete(lane);
    lane.catchUp = undefined;
    this.attach(lane);
    return true;
  }

  roomChanged(lane: LanePartition): void {
    if (lane.catchUp) lane.catchUp.roomChanged();
    else this.changed.notify();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const lane of [...this.live]) this.detach(lane);
    this.changed.notify();
    await this.owned.reader.close();
    await this.ended;
  }

  private join(lane: LanePartition): void {
    this.live.add(lane);
    this.routes.clear();
    this.changed.notify();
  }

  private leaveBehind(lane: LanePartition): void {
    if (this.live.delete(lane)) this.routes.clear();
    this.behind.add(lane);
    lane.catchUp = new CatchUp(lane, this.context, () => this.rejoin(lane));
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (this.live.size === 0) {
        await this.changed.wait();
        continue;
      }
      const { seeks } = this;
      try {
        const pressed = await this.turnOf(withoutRoom, seeks, true);
        if (pressed === undefined || this.live.size === 0) continue;
        const read = await this.read(seeks);
        if (this.stopped) return;
        if (!read) continue;
        const { parsed, missing, next } = read;
        if (!parsed) {
          if (next > this.position) await this.passGaps(next, missing, seeks);
          if (seeks === this.seeks) this.position = Math.max(this.position, next);
          continue;
        }
        if (parsed.unreadable.length > 0) await this.context.deadLetters.park(parsed.partition, parsed.unreadable, () => this.stopped);
        const late = await this.turnOf(pressed.length > 0 ? withoutRoom : overfull, seeks);
        if (late === undefined) continue;
        for (const owned of late) this.leaveBehind(owned);
        // Last of all: a lane that joined meanwhile may stand before the gap.
        await this.passGaps(firstOffset(parsed), missing, seeks);
        if (seeks === this.seeks && !this.stopped) this.route(parsed);
        this.context.reading.worked('shared', this.partition);
      } catch (error) {
        if (this.stopped) return;
        this.context.reading.failed('shared', this.partition, this.position, error);
        await new Promise((resolve) => setTimeout(resolve, 500));
        // What was picked of a batch that could not be routed to its end is picked anew.
        for (const owned of this.live) owned.picks.take();
        // Read again from where routing stands; a record that was to be parsed late and could not be is parked then.
        this.eager = true;
        this.seeks++;
        this.owned.reader.seek(this.position);
      }
    }
  }

  /** The next batch, with what it tells of positions without a record; nothing of it when the reader was moved meanwhile. The records end here: what a batch that waits holds is moved about in memory. */
  private async read(seeks: number): Promise<{ parsed: EventBatch | undefined; missing: readonly PositionRun[]; next: number } | undefined> {
    const batch = await this.owned.reader.next();
    if (this.stopped || seeks !== this.seeks) return undefined;
    const missing = missingIn(batch, this.position);
    if (batch.records.length === 0) return { parsed: undefined, missing, next: batch.next };
    const parsed = EventBatch.parse(batch, this.context.readForeign, this.eager ? 'at-once' : parsingFor(Array.from(this.live, ({ lane }) => lane)));
    this.gathered = this.isLarge(parsed, batch.end);
    return { parsed, missing, next: batch.next };
  }

  /**
   * Waits until it is worth going on: for room, as long as no lane has little left to send; for a moment even then, when much has gathered and some of those that are
   * full (or a little behind) get on, since reading once for all costs far less than reading once more for each. Answers which are full all the same; undefined when the reader was
   * moved meanwhile.
   */
  private async turnOf(isFull: (lane: Lane) => boolean, seeks: number, forThoseBehind = false): Promise<LanePartition[] | undefined> {
    while (seeks === this.seeks && !this.stopped) {
      const full = [...this.live].filter(({ lane }) => isFull(lane));
      if (full.length > 0 && !this.someoneStarves()) {
        await this.changed.wait();
        continue;
      }
      const awaited = forThoseBehind ? [...full, ...this.near()] : full;
      const patienceMs = this.gathered ? this.patience.left(awaited, this.live) : 0;
      if (patienceMs <= 0) return full;
      await this.patience.spend(() => this.changed.wait(patienceMs));
    }
    return undefined;
  }

  private near(): LanePartition[] {
    return [...this.behind].filter(({ taken }) => taken >= this.position - NEAR_EVENTS);
  }

  /** @param end where the log ended when the batch was read */
  private isLarge(batch: EventBatch, end: number): boolean {
    const { maxRecords, maxBytes } = this.context.readOptions;
    return 2 * (end - batch.next) >= maxRecords || 2 * batch.length >= maxRecords || 2 * batch.octets >= maxBytes;
  }

  /** Reading goes on for the sake of a lane that has little left to send. */
  private someoneStarves(): boolean {
    for (const owned of this.live) if (owned.lane.starving) return true;
    return false;
  }

  /** Only while the batch is the next one: after a seek it says nothing about where the lanes stand. */
  private async passGaps(first: number, missing: readonly PositionRun[], seeks: number): Promise<void> {
    while (seeks === this.seeks && !this.stopped) {
      const owned = [...this.live].find((lane) => lane.taken < first || (missing.length > 0 && runsFrom(missing, lane.taken).some(({ from, to }) => lane.untold(from, to).length > 0)));
      if (!owned) return;
      try {
        await this.context.passGap(owned, first, missing, () => this.stopped || !this.live.has(owned));
      } catch (error) {
        // One that left meanwhile meets the gap again by itself.
        if (this.live.has(owned)) throw error;
      }
    }
  }

  private route(batch: EventBatch): void {
    for (let index = 0; index < batch.length; index++) {
      const wanted = this.routes.pick(batch, index);
      if (batch.isSpare(index)) renderYoung(batch, index, wanted);
    }
    for (const owned of this.live) owned.lane.offer(owned, batch, owned.picks.take(), this.gathered);
    this.position = batch.next;
    this.lastMark = batch.lastMark ?? this.lastMark;
  }
}

/**
 * What was parsed for a filter would live until all of the batch is sent, and be moved about by the memory's housekeeping, which costs more than parsing. So an event that is wanted in
 * one shape is rendered at once and then forgotten. In several shapes it is kept: to render all of them here would hold up everything else.
 */
function renderYoung(batch: EventBatch, index: number, { first, oneShape }: Readonly<Wanted<LanePartition>>): void {
  const isDone = first === undefined || (oneShape && first.taken <= (batch.offsets[index] ?? 0) && first.lane.renderEarly(batch, index));
  if (isDone) batch.forget(index);
}

const withoutRoom = (lane: Lane): boolean => !lane.hasRoom;
const overfull = (lane: Lane): boolean => lane.overfull;
