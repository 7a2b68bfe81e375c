import type { Dialer } from '../../contracts/dialer.js';
import type { LogMark } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import type { Evidence, TransportSession } from '../../contracts/transport.js';
import type { Clock } from '../../contracts/clock.js';
import type { Failure } from '../../model/failure.js';
import { filterSection, type Integration } from '../../model/integration.js';
import type { EventBatch } from '../delivery/event-batch.js';
import type { DeliveryPath } from '../delivery/delivery-path.js';
import { compileFilter, type CompiledFilter } from '../delivery/event-filter.js';
import { formOf } from '../delivery/rendered-form.js';
import { Rendering, type RenderReject } from '../delivery/rendering.js';
import { Breaker, type BreakerState } from './breaker.js';
import { buildChunk, refusedEvents, type BuiltPart } from './built-chunk.js';
import type { DeadLetterSink } from './dead-letter-store.js';
import type { DeliveryState } from './integration-status.schema.js';
import type { Feed } from './feed.js';
import { LanePartition, type CursorOrigin, type Lot } from './lane-partition.js';
import { Pace } from './pace.js';
import { thisMoment, type Moment } from './patience.js';
import { Signal, within } from './signal.js';
import { countTypes, type TypeCounts } from './type-counts.js';

/** The probe of a half-open breaker: a receiver that is just coming back is not flooded, and little is repeated when it does not. */
const PROBE_BYTES = 16 * 1024;
/** Where more follows, less than this waits so long for more: a write of each would cost more than all else. */
const LITTLE_BYTES = 16 * 1024;
const GATHER_MS = 100;
/** What failed in one partition may be gone (retention): after so long without anything to send of it the others are read as well. */
const TRY_ALONE_MS = 10_000;
/** After so many failures in a row the integration counts as down (a state change that is told), before as hiccup. */
const DOWN_AFTER_FAILURES = 3;

export interface LaneCounters {
  delivered: number;
  deliveredBytes: number;
  filtered: number;
  rejected: number;
  repeated: number;
  lost: number;
  /** Of the lost ones: those that retention did not remove. */
  vanished: number;
}

/** What is known of an integration beyond the life of one lane. */
export interface LaneFigures {
  counters: LaneCounters;
  evidence: Evidence | null;
  lastDeliveredAt: number | null;
  lastFailure: (Failure & { at: number }) | null;
  /** It was told as down and not yet as recovered. */
  down: boolean;
  /** Since when nothing but failures came; null while it works. */
  failingSince: number | null;
}

/** Told when an integration goes down or comes back; never for a single try. */
export type HealthChange = { to: 'down'; failure: Failure; consecutiveFailures: number } | { to: 'recovered' };

export interface LaneOptions {
  integration: Integration;
  /** How to deliver, or why that cannot be: then the lane stays in fault and holds its cursors until the settings change. */
  path: DeliveryPath | Failure;
  /** Of the lane of the same integration before its settings changed, or of an engine that is gone: they go on. */
  former?: LaneFigures;
  dialer: Dialer;
  deadLetters: DeadLetterSink;
  clock: Clock;
  random: () => number;
  log: Log;
  queueBytes: number;
  inFlightBytes: number;
  faultRetryMs: number;
  faultRetryMaxMs: number;
  onHealth: (change: HealthChange) => void;
}

/** What was handed to the receiver and is not yet known to be safe. */
interface InFlight {
  number: number;
  owner: LanePartition;
  position: number;
  /** Of the last record before `position`. */
  mark: LogMark | undefined;
  events: number;
  /** Of `events`: those that became dead letters. */
  rejected: number;
  bytes: number;
  /** Handed over so often, this time included. */
  attempts: number;
  /** Of those that were sent. */
  types: TypeCounts;
  /** False while the answer of `send` (and its dead letters) is outstanding. */
  settled: boolean;
}

/**
 * The lane of one integration in one engine: its own bounded queue, its own connection, its own cursors. It takes events in log order, sends them in that
 * order, and moves a cursor only for what the transport calls safe. After any failure it forgets what it holds and reads again from its cursors: memory
 * stays bounded whatever the backlog, and nothing is skipped. Its breaker waits, sends one small probe, and opens the stream when that has arrived; it never
 * gives up.
 */
export class Lane {
  readonly partitions = new Map<number, LanePartition>();
  readonly counters: LaneCounters = { delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0 };
  evidence: Evidence | null = null;
  /** What its own sessions proved last; never what a lane before it had, whose settings may have been others. */
  reached: Evidence | null = null;
  lastDeliveredAt: number | null = null;
  since: number;

  /** When something left its queue or became safe last; also when something came where nothing waited, unless it failed last. */
  moved: Moment = { at: -Infinity, idle: -Infinity };
  /** How fast its receiver takes what it has. */
  readonly pace = new Pace();
  private readonly queue: Lot[] = [];
  private queueBytes = 0;
  private readonly inFlight: InFlight[] = [];
  private inFlightBytes = 0;
  private session: TransportSession | undefined;
  private opening: AbortController | undefined;
  private readonly breaker: Breaker;
  private lastNumber = 0;
  private safeNumber = 0;
  /** Grows with each rewind: what was begun before it does not count any more. */
  private epoch = 0;
  /** performance.now() since when one partition alone is read, to try a receiver that failed. */
  private triedAloneSince: number | undefined;
  /** It waits for more, of which nobody need tell it one by one. */
  private gathersLittle = false;
  private stopping = false;
  private stopped: Promise<void> | undefined;
  /** It was told as down and not yet as recovered. */
  down = false;
  private lastState: DeliveryState = 'idle';
  private readonly work = new Signal();
  private readonly path: DeliveryPath | undefined;
  /** Whether it may send events on as they lie in the log. */
  readonly sendsStored: boolean;
  /** Equal for lanes whose octets of an event are; undefined without a way to deliver. */
  readonly shapeKey: string | undefined;
  /** Which events it takes. Without a way to deliver it is never asked: the lane takes nothing and its cursors stay. */
  readonly filter: CompiledFilter;
  private readonly ended: Promise<void>;

  constructor(private readonly options: LaneOptions) {
    const { path, former, clock, random, faultRetryMs, faultRetryMaxMs, integration } = options;
    const { retryInitialMs, retryMaxMs } = integration.connection;
    this.since = clock.now();
    this.sendsStored = !('cause' in path) && path.renderer.renderStored !== undefined && path.shape.envelope === undefined;
    this.shapeKey = 'cause' in path ? undefined : path.shape.key;
    this.filter = 'cause' in path ? compileFilter(filterSection.parse({})) : path.filter;
    this.breaker = new Breaker(
      { clock, random, retryInitialMs, retryMaxMs, faultRetryMs, faultRetryMaxMs },
      { lastFailure: former?.lastFailure ?? null, failingSince: former?.failingSince ?? null, unproven: former?.down ?? false },
    );
    if (former) {
      Object.assign(this.counters, former.counters);
      this.evidence = former.evidence;
      this.lastDeliveredAt = former.lastDeliveredAt;
      this.down = former.down;
    }
    if ('cause' in path) {
      this.breaker.halt(path);
      this.tellDown(path);
    } else {
      this.path = path;
    }
    this.ended = this.run();
  }

  get integration(): Integration {
    return this.options.integration;
  }

  now(): number {
    return this.options.clock.now();
  }

  get breakerState(): BreakerState {
    return this.breaker.state;
  }

  get consecutiveFailures(): number {
    return this.breaker.consecutiveFailures;
  }

  get lastFailure(): (Failure & { at: number }) | null {
    return this.breaker.lastFailure;
  }

  /** When it is tried again; null also where only new settings can help. */
  get nextTryAt(): number | null {
    return this.path === undefined ? null : this.breaker.nextTryAt;
  }

  get failingSince(): number | null {
    return this.breaker.failingSince;
  }

  /** Room for another batch. While the receiver is not known to work again, one batch is enough to try it: many dead ones must not fill the memory. */
  get hasRoom(): boolean {
    return this.breaker.state !== 'closed' ? this.queueBytes === 0 : this.queueBytes < this.options.queueBytes;
  }

  /** Little left to send: the shared reader goes on for its sake. */
  get starving(): boolean {
    return this.hasRoom && this.queueBytes < this.options.queueBytes / 4;
  }

  /** Not one more batch, even if it was read for this lane too: the partitions of a lane fill its queue side by side. */
  get overfull(): boolean {
    return this.queueBytes >= 2 * this.options.queueBytes;
  }

  /** Whether it takes events now; not while it waits after a failure. */
  get receptive(): boolean {
    return !this.stopping && this.breaker.state !== 'open' && this.path !== undefined;
  }

  get figures(): LaneFigures {
    const { counters, evidence, lastDeliveredAt, lastFailure, down, failingSince } = this;
    return { counters: { ...counters }, evidence, lastDeliveredAt, lastFailure, down, failingSince };
  }

  get state(): DeliveryState {
    const state = this.computeState();
    if (state !== this.lastState) {
      this.lastState = state;
      this.since = this.options.clock.now();
    }
    return state;
  }

  private computeState(): DeliveryState {
    if (this.consecutiveFailures > 0) return this.lastFailure?.needsPerson ? 'fault' : 'retrying';
    for (const owned of this.partitions.values()) if (owned.catchUp) return 'catching-up';
    return this.queue.length === 0 && this.inFlight.length === 0 ? 'idle' : 'streaming';
  }

  /** Begins with a partition of this engine at the integration's cursor. */
  add(feed: Feed, cursor: number, saved: boolean, origin?: CursorOrigin): LanePartition {
    const owned = new LanePartition(this, feed, cursor, saved, origin);
    this.partitions.set(feed.partition, owned);
    if (this.receptive) feed.attach(owned);
    return owned;
  }

  /** Gives a partition up: what is queued of it is dropped (its next owner reads it again), what is in flight gets `graceMs` to become safe. */
  async remove(partition: number, graceMs: number): Promise<LanePartition | undefined> {
    const owned = this.partitions.get(partition);
    if (!owned) return undefined;
    // At once, so that a failure while it waits does not attach it again.
    this.partitions.delete(partition);
    owned.feed.detach(owned);
    for (let at = this.queue.length - 1; at >= 0; at--) {
      const lot = this.queue[at];
      if (lot?.owner !== owned) continue;
      this.queue.splice(at, 1);
      this.queueBytes -= lot.bytes;
      owned.outstanding -= lot.indices.length - lot.at;
    }
    // What was dropped counts as not taken: the cursor gets as far as what is in flight, no further.
    const last = this.inFlight.findLast((entry) => entry.owner === owned);
    owned.taken = Math.max(owned.cursor, last?.position ?? 0);
    owned.takenMark = last?.mark ?? owned.mark;
    this.tellRoom();
    const giveUpAt = performance.now() + graceMs;
    while (this.inFlight.some((entry) => entry.owner === owned) && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 20));
    return owned;
  }

  /**
   * Renders an event that it is about to be offered, while what was parsed of it for its filter is young. False where that is of no use: a receiver that is not known to
   * work may never get it, and what is sent as it lies in the log is not parsed.
   */
  renderEarly(batch: EventBatch, index: number): boolean {
    if (!this.path || this.sendsStored || this.breaker.state !== 'closed') return false;
    Rendering.of(batch, this.path.shape, this.path.renderer).measure(index);
    return true;
  }

  /**
   * Takes over what it wants of a batch; what lies before `taken` was taken already. Called by the shared feed and by its own catch-up reader.
   * @param moreFollows much waits in the log behind the batch
   */
  offer(owned: LanePartition, batch: EventBatch, wanted: readonly number[], moreFollows = false): void {
    const { path } = this;
    if (!path) return;
    let first = 0;
    while (first < wanted.length && (batch.offsets[wanted[first] ?? 0] ?? 0) < owned.taken) first++;
    const indices = first === 0 ? wanted : wanted.slice(first);
    if (batch.next > owned.seenTo) {
      this.counters.filtered += batch.countFrom(owned.seenTo) - (indices.length === 0 ? 0 : batch.countFrom(owned.seenTo, indices));
      owned.seenTo = batch.next;
    }
    if (batch.next > owned.taken) {
      owned.taken = batch.next;
      owned.takenMark = batch.lastMark ?? owned.takenMark;
    }
    if (indices.length === 0) {
      owned.settle();
      return;
    }
    const rendering = Rendering.of(batch, path.shape, path.renderer);
    rendering.hold();
    let bytes = 0;
    for (const index of indices) bytes += batch.size(index);
    owned.outstanding += indices.length;
    if (this.queue.length === 0 && this.breaker.state === 'closed') this.moved = thisMoment();
    this.queue.push({ owner: owned, batch, rendering, indices, at: 0, end: batch.next, bytes, queuedAt: performance.now(), moreFollows });
    this.queueBytes += bytes;
    if (!this.gathersLittle || !moreFollows || this.queueBytes >= LITTLE_BYTES) this.work.notify();
  }

  /** Ends in order: what is in flight gets `graceMs` to become safe; the rest is read again by whoever goes on. Takes little more than `graceMs`. */
  stop(graceMs: number): Promise<void> {
    this.stopped ??= this.end(graceMs);
    return this.stopped;
  }

  private async end(graceMs: number): Promise<void> {
    this.stopping = true;
    const giveUpAt = performance.now() + graceMs;
    for (const owned of this.partitions.values()) owned.feed.detach(owned);
    this.opening?.abort();
    this.work.notify();
    await this.session?.close(graceMs);
    // What still runs (a dead letter that cannot be stored) changes nothing any more.
    await within(Math.max(0, giveUpAt - performance.now()), this.ended);
    this.rewind();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.step();
      } catch (error) {
        if (this.stopping) return;
        // Nothing here may end the lane: an unexpected fault is a failure like any other.
        this.options.log.error({ integration: this.integration.name, err: error }, 'delivery met an unexpected fault');
        this.fail({ code: 'unexpected', stage: 'send', cause: error instanceof Error ? error.message : String(error), fix: 'See the service log; delivery goes on by itself.', needsPerson: false });
      }
    }
  }

  /** One wait or one chunk. No function of its own to await: the lanes of a process take a step for every few events. */
  private step(): Promise<unknown> {
    const { path } = this;
    this.gathersLittle = false;
    if (!path) return this.work.wait();
    const { breaker } = this;
    if (breaker.state === 'open') {
      const { waitMs } = breaker;
      return waitMs > 0 ? this.work.wait(waitMs) : this.tryAgain(path);
    }
    const lot = this.queue[0];
    if (!lot && this.triedAloneSince !== undefined && this.inFlight.length === 0) {
      const leftMs = this.triedAloneSince + TRY_ALONE_MS - performance.now();
      if (leftMs > 0) return this.work.wait(leftMs);
      this.attachAll();
    }
    if (!lot || this.inFlightBytes >= this.options.inFlightBytes) return this.work.wait();
    // The probe is out: what comes of it decides.
    if (breaker.state === 'half-open' && this.inFlight.length > 0) return this.work.wait();
    const gatherMs = this.gatherMs(path);
    this.gathersLittle = gatherMs > 0 && path.batch === undefined;
    if (gatherMs > 0) {
      this.pace.rest();
      return this.work.wait(gatherMs);
    }
    this.pace.begin();
    return this.session ? this.sendNext(path, this.session, this.epoch) : this.open(path);
  }

  private async tryAgain(path: DeliveryPath): Promise<void> {
    const { epoch } = this;
    this.breaker.try();
    // The receiver is asked first: for one that takes no connection nothing is read.
    if (this.partitions.size > 0 && (!(await this.open(path)) || this.epoch !== epoch || this.stopping)) return;
    this.attachToTry();
  }

  /** One partition with something that was sent in vain is enough to try the receiver: the others are read when it works. */
  private attachToTry(): void {
    const owned = [...this.partitions.values()].find(({ sentTo, cursor }) => sentTo > cursor);
    if (!owned) return this.attachAll();
    this.triedAloneSince = performance.now();
    owned.feed.attach(owned);
  }

  private attachAll(): void {
    this.triedAloneSince = undefined;
    for (const owned of this.partitions.values()) owned.feed.attach(owned);
  }

  private async open({ transport, target }: DeliveryPath): Promise<TransportSession | undefined> {
    const { epoch } = this;
    this.opening = new AbortController();
    this.lastNumber = 0;
    this.safeNumber = 0;
    let current = true;
    const outcome = await transport.open(target, {
      dialer: this.options.dialer,
      signal: this.opening.signal,
      listener: {
        safe: (number, evidence) => {
          if (current && this.epoch === epoch) this.onSafe(number, evidence);
        },
        failed: (failure) => {
          if (!current || this.epoch !== epoch || this.stopping) return;
          current = false;
          this.onSessionEnd(failure);
        },
      },
    });
    this.opening = undefined;
    if (outcome.type === 'failed') {
      if (!this.stopping && this.epoch === epoch) this.fail(outcome.failure);
      return undefined;
    }
    if (this.stopping || this.epoch !== epoch) {
      await outcome.session.close(0);
      return undefined;
    }
    this.session = outcome.session;
    return outcome.session;
  }

  private async sendNext(path: DeliveryPath, session: TransportSession, epoch: number): Promise<void> {
    const { chunk, parts } = buildChunk(this.queue, path, this.lastNumber, this.breaker.state === 'half-open' ? PROBE_BYTES : undefined);
    this.lastNumber = chunk.number;
    this.moved = thisMoment();
    const entries = parts.map((part) => this.begin(part, chunk.number));
    this.dropDone(parts);
    for (const { lot, rejects } of parts) if (rejects.length > 0 && !(await this.bury(lot, rejects, epoch))) return;
    if (chunk.events > 0) {
      const outcome = await session.send(chunk);
      if (this.epoch !== epoch) return;
      if (outcome.type === 'failed') {
        // Refused since the session is being closed: what is safe was told, the rest is read again.
        if (!this.stopping) this.fail(outcome.failure);
        return;
      }
      for (const { part, entry } of entries) {
        if (!outcome.rejected) break;
        const refused = refusedEvents(outcome.rejected, part);
        if (refused.length === 0) continue;
        if (!(await this.bury(part.lot, refused, epoch))) return;
        entry.rejected += refused.length;
        entry.types = countTypes(part.lot.batch, part.indices.filter((index) => !refused.some((letter) => letter.index === index)));
      }
      this.pace.passed(chunk.bytes);
    }
    if (this.queue.length === 0) this.pace.rest();
    for (const { entry } of entries) entry.settled = true;
    // Nobody is to be woken: the lane looks again after each step.
    this.resolve();
  }

  private begin(part: BuiltPart, number: number): { part: BuiltPart; entry: InFlight } {
    const { lot, indices, rejects, position, mark, bytes } = part;
    const again = (lot.batch.offsets[indices[0] ?? 0] ?? 0) < lot.owner.sentTo;
    const entry: InFlight = {
      number, owner: lot.owner, position, mark, events: indices.length + rejects.length, rejected: rejects.length, bytes,
      attempts: again ? lot.owner.failedAttempts + 1 : 1, types: countTypes(lot.batch, indices), settled: false,
    };
    this.inFlight.push(entry);
    this.inFlightBytes += bytes;
    this.counters.repeated += indices.length - lot.batch.countFrom(lot.owner.sentTo, indices);
    const last = lot.batch.offsets[indices.at(-1) ?? -1];
    if (last !== undefined) lot.owner.sentTo = Math.max(lot.owner.sentTo, last + 1);
    return { part, entry };
  }

  /** Lots of which nothing is left leave the queue. */
  private dropDone(parts: readonly BuiltPart[]): void {
    for (const { lot, done } of parts) {
      if (!done) continue;
      this.queue.shift();
      this.queueBytes -= lot.bytes;
    }
    if (parts.some(({ done }) => done)) this.tellRoom();
  }

  /** How long the queue may still wait for more events to share a request or a write. While the receiver is not known to work nothing more comes. */
  private gatherMs({ batch }: DeliveryPath): number {
    const [oldest] = this.queue;
    if (!oldest || this.consecutiveFailures > 0 || !this.hasRoom) return 0;
    if (!batch) return this.queue.at(-1)?.moreFollows === true && this.queueBytes < LITTLE_BYTES ? oldest.queuedAt + GATHER_MS - performance.now() : 0;
    if (batch.waitMs === 0 || this.queueBytes >= batch.bytes) return 0;
    const events = this.queue.reduce((sum, lot) => sum + lot.indices.length - lot.at, 0);
    return events >= batch.events ? 0 : oldest.queuedAt + batch.waitMs - performance.now();
  }

  private tellRoom(): void {
    for (const owned of this.partitions.values()) owned.feed.roomChanged(owned);
  }

  /** Stores dead letters before the cursor may pass them. False when a rewind came in between. */
  private async bury(lot: Lot, rejects: ReadonlyArray<RenderReject & { index: number }>, epoch: number): Promise<boolean> {
    await this.options.deadLetters.store(
      rejects.map((reject) => ({
        integration: this.integration,
        partition: lot.batch.partition,
        resets: lot.owner.resets,
        offset: lot.batch.offsets[reject.index] ?? -1,
        ...(this.path ? formOf(this.path, lot.batch, reject.index) : { event: null, rendered: null }),
        code: reject.code,
        reason: reject.reason,
      })),
      () => this.stopping || this.epoch !== epoch,
    );
    return this.epoch === epoch && !this.stopping;
  }

  private onSafe(number: number, evidence: Evidence): void {
    this.safeNumber = Math.max(this.safeNumber, number);
    this.moved = thisMoment();
    this.evidence = evidence;
    this.reached = evidence;
    if (this.resolve()) this.work.notify();
  }

  /** Takes what is safe off the list of what is in flight. @returns whether there was something */
  private resolve(): boolean {
    let events = 0;
    let bytes = 0;
    const now = this.options.clock.now();
    while (this.inFlight[0]?.settled && this.inFlight[0].number <= this.safeNumber) {
      const entry = this.inFlight.shift();
      if (!entry) break;
      const { owner } = entry;
      this.inFlightBytes -= entry.bytes;
      owner.outstanding -= entry.events;
      if (entry.position > owner.cursor) this.pass(entry, now);
      owner.resolvedSinceSave = true;
      owner.settle();
      this.counters.delivered += entry.events - entry.rejected;
      this.counters.rejected += entry.rejected;
      events += entry.events;
      // What was only refused says nothing about the receiver, as dead letters do not.
      if (entry.events === entry.rejected) continue;
      this.counters.deliveredBytes += entry.bytes;
      bytes += entry.bytes;
    }
    if (bytes > 0) this.proven(now);
    return events > 0;
  }

  /** The receiver works: the stream is open, and who was told that it is down is told this. */
  private proven(now: number): void {
    this.lastDeliveredAt = now;
    const failures = this.breaker.close();
    if (failures > 0) {
      this.options.log.info({ integration: this.integration.name, afterFailures: failures }, 'delivery goes on');
      if (this.receptive) this.attachAll();
    }
    if (!this.down) return;
    this.down = false;
    this.options.onHealth({ to: 'recovered' });
  }

  /** Moves the cursor over what became safe, with a note for the ledger. */
  private pass({ owner, position, mark, attempts, events, rejected, bytes, types }: InFlight, now: number): void {
    owner.moveCursor(position, mark);
    owner.ledger.safe({ end: position, at: now, evidence: events > rejected ? this.evidence : null, attempts, delivered: events - rejected, rejected, bytes });
    for (const [type, count] of types) owner.ledger.count(type, count);
    if (owner.cursor >= owner.sentTo) owner.failedAttempts = 0;
  }

  private onSessionEnd(failure: Failure): void {
    if (this.inFlight.length === 0 && this.lastNumber > 0) {
      // The receiver closed a link on which nothing is unproven: the next event opens a new one.
      this.session = undefined;
      this.options.log.debug({ integration: this.integration.name, code: failure.code }, 'idle link ended');
      return;
    }
    this.fail(failure);
  }

  private fail(failure: Failure): void {
    const { log } = this.options;
    const session = this.session;
    this.rewind();
    const waitMs = this.breaker.fail(failure);
    log.warn({ integration: this.integration.name, integrationId: this.integration.id, code: failure.code, stage: failure.stage, cause: failure.cause, attempt: this.consecutiveFailures, nextTryInMs: waitMs }, 'delivery failed; it is tried again from the cursor');
    if (failure.needsPerson || this.consecutiveFailures >= DOWN_AFTER_FAILURES) this.tellDown(failure);
    void session?.close(0);
    this.work.notify();
  }

  private tellDown(failure: Failure): void {
    if (this.down) return;
    this.down = true;
    this.options.onHealth({ to: 'down', failure, consecutiveFailures: this.consecutiveFailures });
  }

  private rewind(): void {
    this.epoch++;
    this.triedAloneSince = undefined;
    this.session = undefined;
    this.queue.length = 0;
    this.queueBytes = 0;
    this.pace.rest();
    this.inFlight.length = 0;
    this.inFlightBytes = 0;
    for (const owned of this.partitions.values()) {
      owned.feed.detach(owned);
      owned.rewind();
    }
  }
}
