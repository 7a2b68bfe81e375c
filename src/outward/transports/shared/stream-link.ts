import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Failure } from '../../../model/failure.js';
import { failure as failureOf, liveFailure, peerName, type Peer } from '../../../model/network-failure.js';
import { Bell } from './bell.js';

/** How the peer answered our half-close. `clean` is its own FIN, that came after ours. */
export type FarewellOutcome = 'clean' | 'unanswered' | 'broken';

/** How long a dismissed connection may take to end in order. */
const DISMISSAL_MS = 1000;

/**
 * One connection of a stream session: writes buffers as they are, knows what was flushed to the operating system, and whether the peer ended first.
 * The first trouble is told once to who watches; after it, or after `destroy` or `dismiss`, nothing more happens.
 */
export class StreamLink {
  /** Rings whenever something changed: a write was taken, the peer ended, the link is over. */
  readonly changed = new Bell();
  private readonly openedAt = performance.now();
  private unflushed = 0;
  private octetsWritten = 0;
  private halfClosed = false;
  private peerEnded = false;
  private over = false;
  private failure: Failure | null = null;
  private listener: ((why: Failure) => void) | null = null;
  private hearer: ((data: Buffer) => void) | null = null;

  constructor(private readonly socket: Socket | TLSSocket, readonly peer: Peer, private readonly sendTimeoutMs: number) {
    socket.on('error', (error) => this.fail(liveFailure(error, peer, this.facts())));
    socket.on('end', () => this.onEnd());
    socket.on('close', () => this.fail(liveFailure(null, peer, this.facts())));
    socket.on('timeout', () => this.onTimeout());
    // Syslog receivers say nothing; what nobody listens to is read and dropped, or the end of the stream would never show.
    socket.on('data', (data: Buffer) => this.hearer?.(data));
    if (socket.destroyed) queueMicrotask(() => this.fail(liveFailure(socket.errored, peer, this.facts())));
  }

  get isOver(): boolean {
    return this.over;
  }

  /** What broke this link, if anything did. */
  get trouble(): Failure | null {
    return this.failure;
  }

  /** Who is told of the first trouble; soon, when it is there already. */
  watch(listener: (why: Failure) => void): void {
    this.listener = listener;
    const { failure } = this;
    if (failure !== null) queueMicrotask(() => listener(failure));
  }

  /** Who is given what the peer says. Until then it is dropped. */
  hear(hearer: (data: Buffer) => void): void {
    this.hearer = hearer;
  }

  /** Ends the link because of what the peer said or did not say. */
  condemn(why: Failure): void {
    this.fail(why);
  }

  /** Writes not yet taken by the operating system. */
  get pendingWrites(): number {
    return this.unflushed;
  }

  /** All buffers of a chunk in one go. `onFlushed` is called when the operating system has taken them all. */
  write(buffers: readonly Uint8Array[], onFlushed: () => void): void {
    if (this.over) return;
    const last = buffers[buffers.length - 1];
    if (last === undefined) return onFlushed();
    this.unflushed++;
    // Node counts the progress of a long write as activity, so this fires only when nothing at all was taken for so long.
    this.socket.setTimeout(this.sendTimeoutMs);
    this.socket.cork();
    for (const buffer of buffers) {
      this.octetsWritten += buffer.byteLength;
      if (buffer !== last) this.socket.write(buffer);
    }
    this.socket.write(last, (error) => this.onWritten(error ?? null, onFlushed));
    this.socket.uncork();
  }

  /** Resolves when at most `pending` writes wait, the link is over, or the time is. */
  async room(pending: number, limitMs?: number): Promise<void> {
    const giveUpAt = limitMs === undefined ? Infinity : performance.now() + limitMs;
    while (!this.over && this.unflushed > pending && performance.now() < giveUpAt) await this.changed.next(limitMs === undefined ? undefined : giveUpAt - performance.now());
  }

  /** Ends our side (TLS: close_notify first, RFC 5425, 4.4) and waits for the peer's end. Everything must have been flushed before. */
  async farewell(limitMs: number): Promise<FarewellOutcome> {
    if (this.over) return 'broken';
    this.halfClosed = true;
    this.socket.setTimeout(0);
    this.socket.end();
    const giveUpAt = performance.now() + limitMs;
    while (!this.over && performance.now() < giveUpAt) await this.changed.next(giveUpAt - performance.now());
    if (this.peerEnded) return 'clean';
    return this.over ? 'broken' : 'unanswered';
  }

  /** Ends in order in the background, for a link of which nothing more is wanted. */
  dismiss(): void {
    this.over = true;
    this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), DISMISSAL_MS);
    this.socket.once('close', () => clearTimeout(timer));
    this.changed.ring();
  }

  /** Lets go of the connection without a word. */
  destroy(): void {
    this.over = true;
    this.socket.destroy();
    this.changed.ring();
  }

  private onWritten(error: Error | null, onFlushed: () => void): void {
    this.unflushed--;
    if (this.unflushed === 0) this.socket.setTimeout(0);
    if (error === null && !this.over) onFlushed();
    this.changed.ring();
  }

  private onEnd(): void {
    if (this.over) return;
    if (!this.halfClosed) return this.fail(liveFailure(null, this.peer, this.facts()));
    this.peerEnded = true;
    this.over = true;
    this.changed.ring();
  }

  private onTimeout(): void {
    if (this.unflushed === 0) return;
    this.fail(failureOf('send-timeout', 'send', `${peerName(this.peer)} took nothing for ${this.sendTimeoutMs} ms`, 'The receiver is overloaded or hangs: check its load and its disk; what is not known to be safe is sent again.'));
  }

  private fail(why: Failure): void {
    if (this.over) return;
    this.over = true;
    this.failure = why;
    this.socket.destroy();
    this.changed.ring();
    this.listener?.(why);
  }

  private facts() {
    return { octetsWritten: this.octetsWritten, ageMs: performance.now() - this.openedAt };
  }
}
