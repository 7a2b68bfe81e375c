import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Failure } from '../../../model/failure.js';
import { failure, liveFailure, peerName, type Peer } from '../../../model/network-failure.js';

/** How the peer answered our half-close. `clean` is its own FIN, that came after ours. */
export type FarewellOutcome = 'clean' | 'unanswered' | 'broken';

/**
 * One connection of a stream session: writes buffers as they are, knows what was flushed to the operating system, and whether the peer ended first.
 * The first trouble is told once through `onTrouble`; after it, or after `destroy`, nothing more happens.
 */
export class StreamLink {
  private readonly openedAt = performance.now();
  private unflushed = 0;
  private octetsWritten = 0;
  private halfClosed = false;
  private over = false;
  private peerEnded = false;
  private waiters: (() => void)[] = [];

  constructor(private readonly socket: Socket | TLSSocket, private readonly peer: Peer, private readonly sendTimeoutMs: number, private readonly onTrouble: (why: Failure) => void) {
    socket.on('error', (error) => this.trouble(liveFailure(error, peer, this.facts())));
    socket.on('end', () => this.onEnd());
    socket.on('close', () => this.trouble(liveFailure(null, peer, this.facts())));
    socket.on('timeout', () => this.onTimeout());
    // Syslog receivers say nothing; what comes is read and dropped, or the end of the stream would never show.
    socket.resume();
    if (socket.destroyed) queueMicrotask(() => this.trouble(liveFailure(socket.errored, peer, this.facts())));
  }

  /** Writes not yet taken by the operating system. */
  get pendingWrites(): number {
    return this.unflushed;
  }

  get ageMs(): number {
    return performance.now() - this.openedAt;
  }

  /** One call for all buffers of a chunk. `onFlushed` is called when the operating system has taken them all. */
  write(buffers: readonly Uint8Array[], onFlushed: () => void): void {
    if (this.over) return;
    if (buffers.length === 0) return onFlushed();
    this.unflushed++;
    // Node counts progress of a long write as activity, so this fires only when nothing at all was taken for so long.
    this.socket.setTimeout(this.sendTimeoutMs);
    this.socket.cork();
    const last = buffers.length - 1;
    buffers.forEach((buffer, index) => {
      this.octetsWritten += buffer.byteLength;
      this.socket.write(buffer, index === last ? (error) => this.onWritten(error ?? null, onFlushed) : undefined);
    });
    this.socket.uncork();
  }

  /** Resolves when at most `pending` writes wait, or the link is over. */
  async room(pending: number): Promise<void> {
    while (!this.over && this.unflushed > pending) await this.progress();
  }

  /** Resolves at the next change: a write was taken, the peer ended, the link is over, or `wake`. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  wake(): void {
    const woken = this.waiters;
    this.waiters = [];
    for (const wake of woken) wake();
  }

  /** Ends our side and waits for the peer's end. Everything must have been flushed before. */
  async farewell(limitMs: number): Promise<FarewellOutcome> {
    if (this.over) return 'broken';
    this.halfClosed = true;
    this.socket.setTimeout(0);
    this.socket.end();
    const giveUpAt = performance.now() + limitMs;
    while (!this.over && !this.peerEnded) {
      const left = giveUpAt - performance.now();
      if (left <= 0) return 'unanswered';
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiters.push(() => { clearTimeout(timer); resolve(); });
      });
    }
    return this.peerEnded ? 'clean' : 'broken';
  }

  /** Lets go of the connection without a word. */
  destroy(): void {
    this.over = true;
    this.socket.destroy();
    this.wake();
  }

  private onWritten(error: Error | null, onFlushed: () => void): void {
    this.unflushed--;
    if (this.unflushed === 0) this.socket.setTimeout(0);
    if (error === null && !this.over) onFlushed();
    this.wake();
  }

  private onEnd(): void {
    if (this.over) return;
    if (!this.halfClosed) return this.trouble(liveFailure(null, this.peer, this.facts()));
    this.peerEnded = true;
    this.over = true;
    this.wake();
  }

  private onTimeout(): void {
    if (this.unflushed === 0) return;
    this.trouble(failure('send-timeout', 'send', `${peerName(this.peer)} took nothing for ${this.sendTimeoutMs} ms`, 'The receiver is overloaded or hangs: check its load and its disk; what is not known to be safe is sent again.'));
  }

  private trouble(why: Failure): void {
    if (this.over) return;
    this.over = true;
    this.socket.destroy();
    this.wake();
    this.onTrouble(why);
  }

  private facts() {
    return { octetsWritten: this.octetsWritten, ageMs: this.ageMs };
  }
}
