import type { Evidence } from '../../../contracts/transport.js';

interface Waiting {
  upToChunk: number;
  evidence: Evidence;
  dueAt: number;
}

/**
 * Chunks that become safe when a quiet time has passed without a failure. After the timer one turn of the event loop goes by before anything is called safe:
 * when the process was busy for longer than the quiet time, an error of the socket may still lie unread, and it must win.
 */
export class SettleQueue {
  private readonly waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private emptied: (() => void)[] = [];

  constructor(private readonly safe: (upToChunk: number, evidence: Evidence) => void) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Everything up to this chunk is safe `quietMs` from now. Chunk numbers and due times only grow; a shorter wait behind a longer one waits for it. */
  add(upToChunk: number, evidence: Evidence, quietMs: number): void {
    if (this.stopped) return;
    const last = this.waiting[this.waiting.length - 1];
    this.waiting.push({ upToChunk, evidence, dueAt: Math.max(performance.now() + quietMs, last?.dueAt ?? 0) });
    this.arm();
  }

  /** Resolves when nothing waits any more, the queue was stopped, or the time is over. */
  async drained(limitMs: number): Promise<void> {
    if (this.isEmpty || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.emptied.push(() => { clearTimeout(timer); resolve(); });
    });
  }

  /** After a failure nothing that waits may become safe. */
  stop(): void {
    this.stopped = true;
    this.waiting.length = 0;
    clearTimeout(this.timer);
    this.tellEmptied();
  }

  private arm(): void {
    const first = this.waiting[0];
    if (this.timer !== undefined || first === undefined || this.stopped) return;
    this.timer = setTimeout(() => setImmediate(() => this.release()), Math.max(0, first.dueAt - performance.now()));
  }

  private release(): void {
    this.timer = undefined;
    if (this.stopped) return;
    const now = performance.now();
    let ready: Waiting | undefined;
    for (let first = this.waiting[0]; first !== undefined && first.dueAt <= now; first = this.waiting[0]) {
      // A weaker proof must not be told under the name of a stronger one.
      if (ready !== undefined && ready.evidence !== first.evidence) this.safe(ready.upToChunk, ready.evidence);
      ready = this.waiting.shift();
    }
    if (ready !== undefined) this.safe(ready.upToChunk, ready.evidence);
    if (this.isEmpty) this.tellEmptied();
    else this.arm();
  }

  private tellEmptied(): void {
    const told = this.emptied;
    this.emptied = [];
    for (const tell of told) tell();
  }
}
