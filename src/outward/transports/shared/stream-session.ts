import type { Chunk, OpenContext, SendOutcome, Target, TransportSession } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, failure, peerName } from '../../../model/network-failure.js';
import { afterPoll, Bell } from './bell.js';
import type { ReceiverHabits } from './receiver-memory.js';
import { REWIND_MS, SettleQueue } from './settle-queue.js';
import type { LinkOutcome, StreamConnector } from './stream-connector.js';
import type { StreamLink } from './stream-link.js';

/** Chunks handed to a socket that the operating system has not taken: one on its way and one behind it keep the link busy with bounded memory. */
const CHUNKS_IN_SOCKET = 1;
/** At most four connections a second. */
const LEAST_GAP_MS = 250;
/** Sealing stops the stream for a round trip or two; it may take about a tenth of the time. */
const GAP_PER_STALL = 9;
/** A segment of so many octets is sealed as soon as the connection rate allows, without waiting for the interval. */
const EARLY_SEAL_BYTES = 262_144;
/** Longest wait for the answer of a receiver that has never given one. */
const FIRST_ANSWER_MS = 10_000;
/** Longest wait for the answer where nothing depends on it. */
const IDLE_ANSWER_MS = 1000;
const LONGEST_ARRIVAL_PAUSE_MS = 300;

interface Segment {
  lastChunk: number;
  bytes: number;
  startedAt: number;
}

/**
 * A stream of chunks over successive connections. Plain TCP never tells what the receiver read, so the stream is cut into segments, each with a connection of
 * its own: write, half-close, wait for the receiver's FIN. A process that ends a connection in order has read all of it; one that was killed leaves a reset.
 *
 * Order holds across connections since the next segment is written only after the former one's FIN: receivers serve connections in parallel. Its price is one
 * round trip (and what the receiver still has to read) at each seal; the next connection is open by then, so no handshake is added.
 *
 * Where the receiver does not answer a half-close (or seals are off), a chunk is safe when the quiet period after its flush passed without a failure.
 */
export class StreamSession implements TransportSession {
  private readonly settled: SettleQueue;
  private readonly changed = new Bell();
  private over: Failure | 'closed' | null = null;
  /** Where the next connection waits while the segment before it is being sealed. */
  private next: StreamLink | null = null;
  private segment: Segment | null = null;
  private quiet: boolean;
  /** True while no chunk may be written: between the last write of a segment and the first of the next. */
  private switching = false;
  private turning: Promise<void> | null = null;
  /** End of the grace of `close`; Infinity before it was called. */
  private closeBy = Infinity;
  private dialAheadBy = Infinity;
  private sealed = 0;
  private lastTurnAt = performance.now();
  private stallMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private sendReported = false;
  private readonly dialling = new AbortController();
  private readonly onAbort = () => this.fail(cancelledFailure('send', this.link.peer));

  constructor(private readonly target: Target, private readonly context: OpenContext, private readonly connector: StreamConnector, private readonly habits: ReceiverHabits, private link: StreamLink) {
    this.settled = new SettleQueue((upToChunk, evidence) => context.listener.safe(upToChunk, evidence));
    this.quiet = target.sealIntervalMs === 0 || habits.mode(performance.now()) === 'quiet';
    this.watch(link);
    context.signal?.addEventListener('abort', this.onAbort, { once: true });
    this.schedule();
  }

  async send(chunk: Chunk): Promise<SendOutcome> {
    while (this.over === null && this.closeBy === Infinity && (this.switching || this.segmentIsFull())) await this.changed.next();
    // What is written after `close` began could no longer be proven.
    if (this.over !== null || this.closeBy !== Infinity) return this.refusal();
    this.write(chunk);
    this.schedule();
    await this.link.room(CHUNKS_IN_SOCKET);
    return this.over === null ? { type: 'taken' } : this.refusal();
  }

  async close(graceMs: number): Promise<void> {
    if (this.over !== null) return;
    const startedAt = performance.now();
    this.closeBy = startedAt + graceMs;
    clearTimeout(this.timer);
    this.dialAheadBy = startedAt + graceMs / 4;
    this.changed.ring();
    // A turn under way must not outlast the grace; the wait for it is cut, and the rest is then not reported as safe.
    await this.withinGrace(this.turning);
    if (this.over === null && this.segment !== null && !this.quiet) await this.withinGrace(this.turn());
    if (this.over === null) await this.link.room(0, this.graceLeft());
    if (this.over === null) await this.settled.drained(this.graceLeft());
    if (this.over !== null) return;
    const proven = this.sealed > 0 && this.segment === null && !this.quiet;
    this.end('closed');
    this.context.onStage?.({ stage: 'close', ok: true, ms: performance.now() - startedAt, detail: proven ? 'the receiver read every octet and closed its side in order' : this.quiet ? 'no failure came back within the quiet period' : 'closed' });
  }

  private write(chunk: Chunk): void {
    const startedAt = performance.now();
    this.segment ??= { lastChunk: chunk.number, bytes: 0, startedAt };
    this.segment.lastChunk = chunk.number;
    this.segment.bytes += chunk.bytes;
    this.link.write(chunk.buffers, () => {
      chunk.written?.();
      if (this.quiet) this.settled.add(chunk.number, 'sent', this.target.settleMs);
      if (this.sendReported) return;
      this.sendReported = true;
      this.context.onStage?.({ stage: 'send', ok: true, ms: performance.now() - startedAt, detail: `${chunk.events} events, ${chunk.bytes} octets` });
    });
  }

  /** Nothing more may be written before the segment is sealed: more would take the receiver too long to read. The first one of a stranger is one chunk. */
  private segmentIsFull(): boolean {
    if (this.quiet || this.segment === null) return false;
    return !this.habits.hasAnswered(performance.now()) || this.segment.bytes >= this.habits.segmentBytes;
  }

  /** Sets the clock for the next turn: a seal when something was written, else the end of the link's lifetime. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.over !== null || this.turning !== null || this.closeBy !== Infinity) return;
    const now = performance.now();
    let due = now + this.connector.lifetimeLeftMs;
    // Proof is asked for again when the quiet time is over, also while the connection lives.
    if (this.quiet && this.target.sealIntervalMs > 0 && this.segment !== null) due = Math.min(due, Math.max(now + this.habits.quietLeftMs(now), this.lastTurnAt + LEAST_GAP_MS));
    if (this.segment !== null && !this.quiet) {
      const atOnce = this.segmentIsFull() || this.segment.bytes >= EARLY_SEAL_BYTES;
      const gap = Math.min(Math.max(LEAST_GAP_MS, GAP_PER_STALL * this.stallMs), Math.max(LEAST_GAP_MS, this.target.sealIntervalMs));
      const first = !this.habits.hasAnswered(now);
      due = Math.min(due, Math.max(atOnce ? now : this.segment.startedAt + this.target.sealIntervalMs, first ? now : this.lastTurnAt + gap));
    }
    if (due === Infinity) return;
    this.timer = setTimeout(() => void this.turn(), Math.min(Math.max(0, due - now), 0x7fffffff));
  }

  /** One turn: open the next connection, seal the segment on this one, go on with the next. Never throws. */
  private turn(): Promise<void> {
    if (this.quiet && this.target.sealIntervalMs > 0 && this.segment !== null && this.closeBy === Infinity) this.quiet = this.habits.mode(performance.now()) === 'quiet';
    this.turning ??= this.turnOver().finally(() => {
      this.turning = null;
      this.switching = false;
      this.schedule();
      this.changed.ring();
    });
    return this.turning;
  }

  private async turnOver(): Promise<void> {
    // Writing goes on while the next connection is made. If it cannot be made, the segment is sealed all the same: its receiver may take one connection at a time.
    const ahead = await this.dialAhead();
    if (this.over !== null) return ahead?.destroy();
    if (ahead !== null) this.watch(ahead);
    this.next = ahead;
    this.switching = true;
    const stalledAt = performance.now();
    if (!(await this.seal())) return;
    this.link.dismiss();
    if (this.next === null) {
      const late = this.closeBy === Infinity ? await this.connector.connect(undefined, this.dialling.signal) : null;
      if (late?.type === 'failed') return this.fail(late.failure);
      if (late !== null) this.watch(late.link);
      this.next = late?.link ?? null;
    }
    if (this.next !== null) {
      this.link = this.next;
      this.next = null;
    }
    this.lastTurnAt = performance.now();
    this.stallMs = this.lastTurnAt - stalledAt;
    if (this.over !== null) this.link.destroy();
  }

  /** The next connection, or null. While closing it may take a part of the grace only: it is there to notice a crash within the rewind window. */
  private async dialAhead(): Promise<StreamLink | null> {
    let outcome: LinkOutcome | null = null;
    let gaveUp = false;
    void this.connector.connect(undefined, this.dialling.signal).then((dialled) => {
      outcome = dialled;
      if (gaveUp && dialled.type === 'open') dialled.link.dismiss();
      this.changed.ring();
    });
    while (outcome === null && this.over === null && performance.now() < this.dialAheadBy) {
      await this.changed.next(this.dialAheadBy === Infinity ? undefined : this.dialAheadBy - performance.now());
    }
    gaveUp = outcome === null;
    return linkOf(outcome);
  }

  /** Half-closes and waits for the answer. False when the session is over, or the grace of `close` was. */
  private async seal(): Promise<boolean> {
    const { link, segment, habits } = this;
    await link.room(0, this.closeBy === Infinity ? undefined : this.graceLeft());
    if (this.over !== null || link.pendingWrites > 0) return false;
    // A peer that ended before our last octets arrived must not pass for one that read them: give them the time of a round trip to arrive, and look for its FIN before ours leaves.
    await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_ARRIVAL_PAUSE_MS, 1 + 1.5 * this.connector.roundTripMs)));
    await afterPoll();
    if (this.isOver()) return false;
    const now = performance.now();
    const patienceMs = segment === null ? IDLE_ANSWER_MS : this.quiet ? this.target.settleMs + IDLE_ANSWER_MS : habits.hasAnswered(now) ? this.target.sendTimeoutMs : Math.min(FIRST_ANSWER_MS, this.target.sendTimeoutMs);
    const cut = this.graceLeft() < patienceMs;
    const answer = await link.farewell(Math.min(patienceMs, this.graceLeft()));
    if (this.isOver() || answer === 'broken') return false;
    if (answer === 'unanswered' && cut) return false;
    this.segment = null;
    if (this.quiet || segment === null) return true;
    if (answer === 'clean') {
      habits.answered(performance.now(), performance.now() - now, segment.bytes);
      this.sealed++;
      this.settled.add(segment.lastChunk, 'read', REWIND_MS);
      return true;
    }
    if (habits.unanswered(performance.now()) === 'fail') {
      const known = habits.hasAnswered(now);
      this.fail(failure('send-timeout', 'close', `${peerName(link.peer)} did not answer the end of the connection within ${Math.round(patienceMs)} ms${known ? ', as it did before' : ''}`,
        known ? 'The receiver hangs or is too slow: check its load and its disk; what it did not confirm is sent again.' : 'It is tried once more; a receiver that never answers is then served without proof of reading (seal interval 0 chooses that at once).'));
      return false;
    }
    this.quiet = true;
    this.settled.add(segment.lastChunk, 'sent', this.target.settleMs);
    return true;
  }

  private watch(link: StreamLink): void {
    link.watch((why) => {
      if (link === this.link || link === this.next) this.fail(why);
    });
  }

  private fail(why: Failure): void {
    if (this.over !== null) return;
    this.end(why);
    this.context.onStage?.({ stage: why.stage, ok: false, ms: 0, detail: why.cause });
    this.context.listener.failed(why);
  }

  private end(how: Failure | 'closed'): void {
    this.over = how;
    clearTimeout(this.timer);
    this.settled.stop();
    this.dialling.abort();
    this.context.signal?.removeEventListener('abort', this.onAbort);
    for (const link of [this.link, this.next]) {
      if (how === 'closed') link?.dismiss();
      else link?.destroy();
    }
    this.changed.ring();
  }

  private isOver(): boolean {
    return this.over !== null;
  }

  private graceLeft(): number {
    return Math.max(0, this.closeBy - performance.now());
  }

  private async withinGrace(work: Promise<void> | null): Promise<void> {
    if (work === null) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([work, new Promise<void>((resolve) => { timer = setTimeout(resolve, this.graceLeft()); })]);
    clearTimeout(timer);
  }

  private refusal(): SendOutcome {
    if (this.over !== null && this.over !== 'closed') return { type: 'failed', failure: this.over };
    return { type: 'failed', failure: failure('cancelled', 'send', 'the session was closed', 'Nothing to repair: it was asked to stop.') };
  }
}

function linkOf(outcome: LinkOutcome | null): StreamLink | null {
  return outcome?.type === 'open' ? outcome.link : null;
}
