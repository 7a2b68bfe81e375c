import { z } from 'zod';
import type { SessionListener } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { failure } from '../../../model/network-failure.js';
import { Bell } from '../shared/bell.js';
import type { HttpAnswer, HttpConnection } from '../shared/http-connection.js';
import type { Acknowledgements } from '../shared/request-session.js';
import { judgeHec, withoutCode } from './hec-answer.js';

/** Receipts that may be open; beyond it no more is sent. Splunk keeps a bounded number by channel, too. */
const MOST_OPEN = 1000;

const ackAnswer = z.object({ acks: z.record(z.string(), z.boolean()) });

export interface AckPollerOptions {
  connection: HttpConnection;
  path: string;
  headers: Readonly<Record<string, string>>;
  pollMs: number;
  /** A receipt that stays open for so long counts as lost: everything from its chunk on is sent again. */
  timeoutMs: number;
  listener: SessionListener;
  fail: (why: Failure) => void;
}

interface Entry {
  chunk: number;
  open: Set<number>;
  addedAt: number;
}

/** Asks the indexer which receipts it stored, and calls chunks safe in their order. */
export class AckPoller implements Acknowledgements {
  private readonly entries: Entry[] = [];
  private readonly changed = new Bell();
  private openReceipts = 0;
  private highest = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: AckPollerOptions) {}

  get empty(): boolean {
    return this.entries.length === 0;
  }

  async room(): Promise<void> {
    while (!this.stopped && this.openReceipts >= MOST_OPEN) await this.changed.next();
  }

  /** One indexer counts upwards in a channel: a lower number, or one again, is of another that knows nothing of the open ones, or of the same after a restart. Its yes would be taken for theirs. */
  given(receipt: number): void {
    if (this.stopped) return;
    if (receipt > this.highest) this.highest = receipt;
    else this.options.fail(failure('acknowledgement-missing', 'send', `${this.options.connection.name} counts its receipts anew: another indexer answers, or it was restarted`, 'Behind a balancer the sessions must be sticky, so that one indexer gets the events and the questions after them. What was not acknowledged is sent again.'));
  }

  add(chunk: number, receipts: readonly number[]): void {
    if (this.stopped) return;
    const open = new Set(receipts);
    this.entries.push({ chunk, open, addedAt: performance.now() });
    this.openReceipts += open.size;
    this.arm();
  }

  async drained(limitMs: number): Promise<void> {
    const giveUpAt = performance.now() + limitMs;
    while (!this.empty && !this.stopped && performance.now() < giveUpAt) await this.changed.next(giveUpAt - performance.now());
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.entries.length = 0;
    this.changed.ring();
  }

  private arm(): void {
    if (this.timer !== undefined || this.stopped || this.empty) return;
    this.timer = setTimeout(() => {
      void this.poll().finally(() => {
        this.timer = undefined;
        this.arm();
      });
    }, this.options.pollMs);
  }

  private async poll(): Promise<void> {
    const { connection, path, headers, timeoutMs, fail } = this.options;
    const ids = this.entries.flatMap(({ open }) => [...open]);
    if (ids.length > 0) {
      const outcome = await connection.exchange({ path, headers, body: Buffer.from(JSON.stringify({ acks: ids })) });
      if (this.stopped) return;
      if (outcome.type === 'failed') return fail(outcome.failure);
      const { answer } = outcome;
      const acks = answer.status >= 200 && answer.status <= 299 ? readAcks(answer.text) : null;
      if (acks === null) return fail(refusalOf(answer, connection.name, path));
      for (const entry of this.entries) for (const id of entry.open) if (acks[String(id)] === true && entry.open.delete(id)) this.openReceipts--;
    }
    this.tellSafe();
    const [oldest] = this.entries;
    if (oldest && performance.now() - oldest.addedAt >= timeoutMs) {
      fail(failure('acknowledgement-missing', 'send', `${connection.name} did not acknowledge within ${timeoutMs} ms what it had accepted`, 'Look at the indexing queues of the receiver; behind a balancer its sessions must be sticky. What was not acknowledged is sent again.'));
    }
  }

  private tellSafe(): void {
    let upTo: number | undefined;
    for (let first = this.entries[0]; first !== undefined && first.open.size === 0; first = this.entries[0]) {
      upTo = first.chunk;
      this.entries.shift();
    }
    if (upTo !== undefined) this.options.listener.safe(upTo, 'stored');
    this.changed.ring();
  }
}

/** Whatever it says in place of an answer, its channels may be gone with what they knew. */
function refusalOf(answer: HttpAnswer, name: string, path: string): Failure {
  const verdict = judgeHec(answer, name, path, false);
  return verdict.type === 'failed' ? verdict.failure : withoutCode(answer, name, path);
}

function readAcks(text: string): Record<string, boolean> | null {
  try {
    const read = ackAnswer.safeParse(JSON.parse(text));
    return read.success ? read.data.acks : null;
  } catch {
    return null;
  }
}
