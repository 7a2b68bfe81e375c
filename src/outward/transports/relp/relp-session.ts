import type { Chunk, OpenContext, SendOutcome, Target, TransportSession } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, failure } from '../../../model/network-failure.js';
import { Bell } from '../shared/bell.js';
import { REWIND_MS, SettleQueue } from '../shared/settle-queue.js';
import type { StreamConnector } from '../shared/stream-connector.js';
import { RelpLink } from './relp-link.js';

export const DEFAULT_WINDOW = 1000;
/** Longest wait for the answer to `close`. */
const FAREWELL_MS = 1000;

/** A chunk of which messages are unsent or unanswered. */
interface Open {
  number: number;
  left: number;
}

/**
 * Messages over RELP: at most a window of them without an answer. A chunk is accepted when the receiver answered all its messages and those before it; it is
 * safe a moment later, since a receiver answers when a message is in its queue and one that is killed loses what it has there.
 */
export class RelpSession implements TransportSession {
  private readonly settled: SettleQueue;
  private readonly changed = new Bell();
  private readonly window: number;
  private over: Failure | 'closed' | null = null;
  private readonly open: Open[] = [];
  private sending = false;
  /** While the connection is replaced nothing is sent. */
  private renewing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private closing = false;
  private refused = false;
  private sendReported = false;
  private readonly dialling = new AbortController();
  private readonly onAbort = () => this.fail(cancelledFailure('send', this.relp.link.peer));

  constructor(private readonly target: Target, private readonly context: OpenContext, private readonly connector: StreamConnector, private relp: RelpLink) {
    this.window = target.relpWindow ?? DEFAULT_WINDOW;
    this.settled = new SettleQueue((upToChunk, evidence) => context.listener.safe(upToChunk, evidence));
    this.watch(relp);
    context.signal?.addEventListener('abort', this.onAbort, { once: true });
    this.schedule();
  }

  async send(chunk: Chunk): Promise<SendOutcome> {
    while (this.over === null && !this.closing && (this.renewing !== null || this.refused)) await this.changed.next();
    if (this.over !== null || this.closing) return this.refusal();
    this.sending = true;
    const startedAt = performance.now();
    const entry: Open = { number: chunk.number, left: chunk.buffers.length };
    this.open.push(entry);
    const onAnswer = () => {
      if (--entry.left === 0) this.advance();
    };
    const onFlushed = () => this.reportSend(chunk, startedAt);
    for (let from = 0; from < chunk.buffers.length && this.over === null; ) {
      const room = this.window - this.relp.unanswered;
      if (room <= 0 || this.refused) {
        await this.relp.link.changed.next();
        continue;
      }
      this.relp.write(chunk.buffers.slice(from, from + room), onAnswer, onFlushed);
      from += room;
    }
    if (chunk.buffers.length === 0) this.advance();
    this.sending = false;
    this.changed.ring();
    return this.over === null ? { type: 'taken' } : this.refusal();
  }

  async close(graceMs: number): Promise<void> {
    if (this.over !== null) return;
    const startedAt = performance.now();
    const closeBy = startedAt + graceMs;
    this.closing = true;
    clearTimeout(this.timer);
    this.changed.ring();
    while (this.over === null && this.open.length > 0 && performance.now() < closeBy) await this.changed.next(closeBy - performance.now());
    if (this.over === null) await this.settled.drained(Math.max(0, closeBy - performance.now()));
    if (this.over !== null) return;
    const accepted = this.open.length === 0 && this.sendReported;
    const { relp } = this;
    this.end('closed');
    await relp.close(Math.min(FAREWELL_MS, Math.max(0, closeBy - performance.now())));
    this.context.onStage?.({ stage: 'close', ok: true, ms: performance.now() - startedAt, detail: accepted ? 'the receiver accepted every message' : 'closed' });
  }

  /** The chunks at the head whose messages are all answered become safe soon. */
  private advance(): void {
    let accepted: number | undefined;
    for (let first = this.open[0]; first?.left === 0; first = this.open[0]) {
      accepted = first.number;
      this.open.shift();
    }
    if (accepted === undefined) return;
    this.settled.add(accepted, 'accepted', REWIND_MS);
    this.changed.ring();
  }

  private schedule(): void {
    const { lifetimeLeftMs } = this.connector;
    if (lifetimeLeftMs !== Infinity) this.timer = setTimeout(() => void this.renew(), Math.min(Math.max(0, lifetimeLeftMs), 0x7fffffff));
  }

  /** Ends the link in order and goes on with another one, to an address that was looked up again. */
  private async renew(): Promise<void> {
    if (this.over !== null || this.closing) return;
    if (this.connector.lifetimeLeftMs > 0) return this.schedule();
    this.renewing = this.replaceLink().finally(() => {
      this.renewing = null;
      if (this.over === null && !this.closing) this.schedule();
      this.changed.ring();
    });
    await this.renewing;
  }

  private async replaceLink(): Promise<void> {
    while (this.over === null && (this.sending || this.open.length > 0)) await this.changed.next();
    // Safe first: a crash of this receiver would not show on a connection to another one.
    await this.settled.drained(10 * REWIND_MS);
    if (this.over !== null || this.closing) return;
    const former = this.relp;
    const connected = await this.connector.connect(undefined, this.dialling.signal);
    if (connected.type === 'failed') return this.fail(connected.failure);
    const opened = await RelpLink.open(connected.link, this.target, this.dialling.signal);
    if (this.isOver()) return opened.type === 'open' ? opened.relp.destroy() : undefined;
    if (opened.type === 'failed') return this.fail(opened.failure);
    this.relp = opened.relp;
    this.watch(opened.relp);
    await former.close(FAREWELL_MS);
  }

  private watch(relp: RelpLink): void {
    relp.link.watch((why) => {
      if (relp === this.relp) this.fail(why);
    });
    relp.onRefusal = (why) => void this.refuse(why);
  }

  /**
   * A refused message is sent again by the next session. What was accepted before it becomes safe first: the receiver is alive, and one that refuses now and then
   * would otherwise get the same messages for ever.
   */
  private async refuse(why: Failure): Promise<void> {
    if (this.refused) return;
    this.refused = true;
    await this.settled.drained(2 * REWIND_MS);
    this.fail(why);
  }

  private reportSend(chunk: Chunk, startedAt: number): void {
    if (this.sendReported) return;
    this.sendReported = true;
    this.context.onStage?.({ stage: 'send', ok: true, ms: performance.now() - startedAt, detail: `${chunk.events} events, ${chunk.bytes} octets` });
  }

  private fail(why: Failure): void {
    if (this.over !== null) return;
    this.end(why);
    this.relp.destroy();
    this.context.onStage?.({ stage: why.stage, ok: false, ms: 0, detail: why.cause });
    this.context.listener.failed(why);
  }

  private end(how: Failure | 'closed'): void {
    this.over = how;
    clearTimeout(this.timer);
    this.settled.stop();
    this.dialling.abort();
    this.context.signal?.removeEventListener('abort', this.onAbort);
    this.relp.link.changed.ring();
    this.changed.ring();
  }

  private isOver(): boolean {
    return this.over !== null;
  }

  private refusal(): SendOutcome {
    if (this.over !== null && this.over !== 'closed') return { type: 'failed', failure: this.over };
    return { type: 'failed', failure: failure('cancelled', 'send', 'the session was closed', 'Nothing to repair: it was asked to stop.') };
  }
}
