import type { Evidence } from '../../../contracts/transport.js';
import { afterPoll, Bell } from './bell.js';

/** What a receiver read or acknowledged is safe only after so long without any failure: one that crashes loses what it held in memory a moment ago. */
export const REWIND_MS = 200;

interface Waiting {
  upToChunk: number;
  evidence: Evidence;
  dueAt: number;
}

/**
 * Chunks that become safe when a quiet time has passed without a failure. After the timer the event loop polls before anything is called safe:
 * when the process was busy for longer than the quiet time, an error of the socket may still lie unread, and it must win.
 */
export class SettleQueue {
  private readonly waiting: Waiting[] = [];
  private readonly changed = new Bell();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly safe: (upToChunk: number, evidence: Evidence) => void) {}

  /** Everything up to this chunk is safe `quietMs` from now. Chunk numbers only grow; a shorter wait behind a longer one waits for it. */
  add(upToChunk: number, evidence: Evidence, quietMs: number): void {
    if (this.stopped) return;
    const last = this.waiting[this.waiting.length - 1];
    this.waiting.push({ upToChunk, evidence, dueAt: Math.max(performance.now() + quietMs, last?.dueAt ?? 0) });
    this.arm();
  }

  /** Resolves when nothing waits any more, the queue was stopped, or the time is over. */
  async drained(limitMs: number): Promise<void> {
    const giveUpAt = performance.now() + limitMs;
    while (this.waiting.length > 0 && !this.stopped && performance.now() < giveUpAt) await this.changed.next(giveUpAt - performance.now());
  }

  /** After a failure nothing that waits may become safe. */
  stop(): void {
    this.stopped = true;
    this.waiting.length = 0;
    clearTimeout(this.timer);
    this.changed.ring();
  }

  private arm(): void {
    const first = this.waiting[0];
    if (this.timer !== undefined || first === undefined) return;
    this.timer = setTimeout(() => void afterPoll().then(() => this.release()), Math.max(0, first.dueAt - performance.now()));
  }

  private release(): void {
    if (this.stopped) return;
    this.timer = undefined;
    const now = performance.now();
    let ready: Waiting | undefined;
    for (let first = this.waiting[0]; first !== undefined && first.dueAt <= now; first = this.waiting[0]) {
      // One rung is not told under the name of another.
      if (ready !== undefined && ready.evidence !== first.evidence) this.safe(ready.upToChunk, ready.evidence);
      ready = this.waiting.shift();
    }
    if (ready !== undefined) this.safe(ready.upToChunk, ready.evidence);
    this.arm();
    this.changed.ring();
  }
}
