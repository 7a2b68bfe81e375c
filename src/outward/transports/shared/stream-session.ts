import type { Chunk, OpenContext, SendOutcome, Target, TransportSession } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, failure, type Peer } from '../../../model/network-failure.js';
import { SettleQueue } from './settle-queue.js';
import { StreamLink } from './stream-link.js';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Chunks handed to the socket that the operating system has not taken: one on its way and one behind it keep the link busy with bounded memory. */
const CHUNKS_IN_SOCKET = 1;

/** A stream session over one connection: a chunk is safe when the quiet period after its flush passed without a failure. */
export class StreamSession implements TransportSession {
  private readonly settled: SettleQueue;
  private readonly link: StreamLink;
  private over: Failure | 'closed' | null = null;
  private sendReported = false;
  private readonly onAbort = () => this.fail(cancelledFailure('send', this.peer));

  constructor(private readonly target: Target, private readonly context: OpenContext, private readonly peer: Peer, socket: Socket | TLSSocket) {
    this.settled = new SettleQueue((upToChunk, evidence) => context.listener.safe(upToChunk, evidence));
    this.link = new StreamLink(socket, peer, target.sendTimeoutMs, (why) => this.fail(why));
    context.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  async send(chunk: Chunk): Promise<SendOutcome> {
    await this.link.room(CHUNKS_IN_SOCKET);
    if (this.over !== null) return this.refusal();
    const startedAt = performance.now();
    this.link.write(chunk.buffers, () => {
      this.settled.add(chunk.number, 'sent', this.target.settleMs);
      this.reportSend(chunk, startedAt);
    });
    await this.link.room(CHUNKS_IN_SOCKET);
    return this.over === null ? { type: 'taken' } : this.refusal();
  }

  async close(graceMs: number): Promise<void> {
    if (this.over !== null) return;
    const startedAt = performance.now();
    const grace = setTimeout(() => this.link.wake(), graceMs);
    while (this.link.pendingWrites > 0 && this.over === null && performance.now() - startedAt < graceMs) await this.link.progress();
    clearTimeout(grace);
    await this.settled.drained(graceMs - (performance.now() - startedAt));
    if (this.over !== null) return;
    const answer = await this.link.farewell(Math.max(0, Math.min(1000, graceMs - (performance.now() - startedAt))));
    if (this.over !== null) return;
    this.end('closed');
    this.context.onStage?.({ stage: 'close', ok: true, ms: performance.now() - startedAt, detail: answer === 'clean' ? 'the receiver closed too' : 'the receiver did not answer the close' });
  }

  private reportSend(chunk: Chunk, startedAt: number): void {
    if (this.sendReported) return;
    this.sendReported = true;
    this.context.onStage?.({ stage: 'send', ok: true, ms: performance.now() - startedAt, detail: `${chunk.events} events, ${chunk.bytes} octets` });
  }

  private fail(why: Failure): void {
    if (this.over !== null) return;
    this.end(why);
    this.context.onStage?.({ stage: why.stage, ok: false, ms: 0, detail: why.cause });
    this.context.listener.failed(why);
  }

  private end(how: Failure | 'closed'): void {
    this.over = how;
    this.settled.stop();
    this.context.signal?.removeEventListener('abort', this.onAbort);
    this.link.destroy();
  }

  private refusal(): SendOutcome {
    if (this.over !== null && this.over !== 'closed') return { type: 'failed', failure: this.over };
    return { type: 'failed', failure: failure('cancelled', 'send', 'the session was closed', 'Nothing to repair: it was asked to stop.') };
  }
}
