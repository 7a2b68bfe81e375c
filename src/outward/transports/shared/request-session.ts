import type { Chunk, OpenContext, RejectedMessage, SendOutcome, Target, TransportSession } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, failure } from '../../../model/network-failure.js';
import { refusedFailure, tooLargeFailure } from './http-answer.js';
import type { HttpConnection } from './http-connection.js';
import type { Intake } from './intake.js';
import type { ReceiverRecord, Refused } from './receiver-record.js';

/** Requests that one chunk may cost in the search for refused events at a receiver that never took any: then it is the settings. */
const SEARCH_REQUESTS = 64;

/** Where taken chunks wait until the receiver says that it stored them. */
export interface Acknowledgements {
  /** Resolves when more may be sent. */
  room(): Promise<void>;
  /** Told as soon as the receiver gave it, before the next request. */
  given(receipt: number): void;
  add(chunk: number, receipts: readonly number[]): void;
  /** Whether everything was acknowledged. */
  readonly empty: boolean;
  drained(limitMs: number): Promise<void>;
  stop(): void;
}

type Delivered = { type: 'delivered'; receipts: number[]; rejected: RejectedMessage[]; requests: number } | { type: 'failed'; failure: Failure };

/**
 * A chunk is one request, answered before the next one goes out: so the order stays, and the answer says what became of each event. Where a receiver finds
 * the request too large it is halved; where it refuses some events the others are sent without them.
 */
export class RequestSession implements TransportSession {
  private over: Failure | 'closed' | null = null;
  private sending: Promise<unknown> | null = null;
  private sendReported = false;
  private readonly onAbort = () => this.fail(cancelledFailure('send', { host: this.target.host, port: this.target.port }));

  constructor(
    private readonly target: Target,
    private readonly context: OpenContext,
    private readonly connection: HttpConnection,
    private readonly intake: Intake,
    private readonly record: ReceiverRecord,
    private readonly acknowledgements?: (fail: (why: Failure) => void) => Acknowledgements,
  ) {
    this.waiting = acknowledgements?.((why) => this.fail(why));
    context.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  private readonly waiting: Acknowledgements | undefined;

  async send(chunk: Chunk): Promise<SendOutcome> {
    await this.waiting?.room();
    if (this.over !== null) return this.refusal();
    // An indexer answers for its own receipts only, so the connection stays while some are open.
    if (this.waiting?.empty ?? true) this.connection.renewIfDue();
    const startedAt = performance.now();
    const delivering = this.deliver(chunk);
    this.sending = delivering;
    const outcome = await delivering;
    if (this.sending === delivering) this.sending = null;
    if (this.over !== null) return this.refusal();
    if (outcome.type === 'failed') {
      this.fail(outcome.failure);
      return outcome;
    }
    this.reportSend(chunk, outcome, performance.now() - startedAt);
    if (this.waiting && outcome.receipts.length > 0) this.waiting.add(chunk.number, outcome.receipts);
    else if (this.waiting && !this.waiting.empty) this.waiting.add(chunk.number, []);
    else this.context.listener.safe(chunk.number, 'accepted');
    if (this.isOver()) return this.refusal();
    return outcome.rejected.length > 0 ? { type: 'taken', rejected: outcome.rejected } : { type: 'taken' };
  }

  async close(graceMs: number): Promise<void> {
    if (this.over !== null) return;
    const startedAt = performance.now();
    if (this.sending !== null) await within(graceMs, this.sending);
    if (!this.isOver()) await this.waiting?.drained(Math.max(0, graceMs - (performance.now() - startedAt)));
    if (this.isOver()) return;
    this.end('closed');
    this.context.onStage?.({ stage: 'close', ok: true, ms: performance.now() - startedAt, detail: 'closed between two requests' });
  }

  private async deliver({ buffers, events: held }: Chunk): Promise<Delivered> {
    const parts = this.partsOf(buffers);
    const receipts: number[] = [];
    const refused: Array<RejectedMessage & { status: number }> = [];
    let taken = 0;
    let requests = 0;
    let searched = 0;
    // At a receiver that never took any, a search that goes on and on means the settings.
    const isEndless = () => taken === 0 && ++searched >= SEARCH_REQUESTS && !this.record.hasTaken;
    for (let indices = parts.shift(); indices !== undefined; indices = parts.shift()) {
      const events = indices.flatMap((index) => buffers[index] ?? []);
      const request = this.intake.request(events);
      requests++;
      const outcome = await this.connection.exchange(request);
      if (outcome.type === 'failed') return outcome;
      if (this.isOver()) return this.cancelled();
      const verdict = this.intake.judge(outcome.answer, events.length);
      const [only = -1] = indices;
      switch (verdict.type) {
        case 'failed':
          return verdict;
        case 'taken':
          taken += indices.length;
          if (verdict.receipt !== undefined) {
            receipts.push(verdict.receipt);
            this.waiting?.given(verdict.receipt);
            if (this.isOver()) return this.cancelled();
          }
          break;
        case 'taken-but':
          taken += indices.length - verdict.refused.length;
          for (const { index, status, reason } of verdict.refused) refused.push({ index: indices[index] ?? only, code: 'refused-by-receiver', reason, status });
          break;
        case 'too-large':
          if (indices.length === 1) refused.push({ index: only, code: 'message-too-long', reason: verdict.reason, status: verdict.status });
          else {
            this.record.foundTooLarge(bytesOf(events), performance.now());
            parts.unshift(...halves(indices));
          }
          if (isEndless()) return this.tookNone(verdict);
          break;
        case 'refused-one':
        case 'refused':
          if (indices.length === 1) refused.push({ index: only, code: 'refused-by-receiver', reason: verdict.reason, status: verdict.status });
          else parts.unshift(...(verdict.type === 'refused-one' ? around(indices, verdict.index) : halves(indices)));
          if (isEndless()) return this.tookNone(verdict);
          break;
      }
    }
    const rejected = refused.sort((a, b) => a.index - b.index).map(({ index, code, reason }) => ({ index, code, reason }));
    const [first] = rejected;
    if (taken > 0) this.record.took();
    else if (first) {
      const type = first.code === 'message-too-long' ? 'too-large' : 'refused';
      // The parts of one event are no different events.
      const differing = refused.slice(0, held).map(({ index, status }): Refused => ({ event: buffers[index] ?? Buffer.of(), status }));
      if (!this.record.mayGiveUp(differing)) return this.tookNone({ type, reason: first.reason });
      // Who finds everything too large has said nothing about sizes.
      if (type === 'too-large') this.record.forgetLimit();
    }
    return { type: 'delivered', receipts, rejected, requests };
  }

  private tookNone({ type, reason }: { type: 'too-large' | 'refused' | 'refused-one'; reason: string }): Delivered {
    const { connection: { name }, record } = this;
    if (type !== 'too-large') return { type: 'failed', failure: refusedFailure(name, reason, record.hasGivenUp) };
    record.forgetLimit();
    return { type: 'failed', failure: tooLargeFailure(name, reason, record.hasGivenUp) };
  }

  /** The indices in runs that fit what the receiver was found to take. */
  private partsOf(buffers: readonly Uint8Array[]): number[][] {
    const limit = this.record.bodyLimit(performance.now());
    const parts: number[][] = [];
    let bytes = 0;
    buffers.forEach((buffer, index) => {
      if (index === 0 || bytes + buffer.byteLength > limit) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)?.push(index);
      bytes += buffer.byteLength;
    });
    return parts;
  }

  private reportSend(chunk: Chunk, { requests, rejected }: Extract<Delivered, { type: 'delivered' }>, ms: number): void {
    if (this.sendReported) return;
    this.sendReported = true;
    this.context.onStage?.({ stage: 'send', ok: rejected.length === 0, ms, detail: rejected[0]?.reason ?? `${chunk.events} events, ${chunk.bytes} octets, taken by the receiver in ${requests} requests` });
  }

  private fail(why: Failure): void {
    if (this.over !== null) return;
    this.end(why);
    this.context.onStage?.({ stage: why.stage, ok: false, ms: 0, detail: why.cause });
    this.context.listener.failed(why);
  }

  private end(how: Failure | 'closed'): void {
    this.over = how;
    this.waiting?.stop();
    this.connection.close();
    this.context.signal?.removeEventListener('abort', this.onAbort);
  }

  private cancelled(): Delivered {
    return { type: 'failed', failure: cancelledFailure('send', { host: this.target.host, port: this.target.port }) };
  }

  private isOver(): boolean {
    return this.over !== null;
  }

  private refusal(): SendOutcome {
    if (this.over !== null && this.over !== 'closed') return { type: 'failed', failure: this.over };
    return { type: 'failed', failure: failure('cancelled', 'send', 'the session was closed', 'Nothing to repair: it was asked to stop.') };
  }
}

function halves(indices: readonly number[]): [number[], number[]] {
  const middle = Math.ceil(indices.length / 2);
  return [indices.slice(0, middle), indices.slice(middle)];
}

/** The one that was named by itself, between those before and after it. A number that is none of theirs names nobody: then it is searched for. */
function around(indices: readonly number[], named: number): number[][] {
  const one = indices[named];
  if (one === undefined) return halves(indices);
  return [indices.slice(0, named), [one], indices.slice(named + 1)].filter((part) => part.length > 0);
}

function bytesOf(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
}

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => { timer = setTimeout(resolve, limitMs); })]);
  clearTimeout(timer);
}
