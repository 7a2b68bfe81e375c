/** Why a wait was cut short. */
export type Ended = 'timeout' | 'cancelled';

/** One time limit and one abort signal over several steps. `dispose` frees both; a step that lost the race must clean up after itself (`onEnd`). */
export class TimeLimit {
  ended: Ended | null = null;
  private readonly listeners = new Set<(ended: Ended) => void>();
  private timer: NodeJS.Timeout;
  private startedAt = performance.now();
  private readonly onAbort = () => this.end('cancelled');

  /** @param limitMs milliseconds for all steps together */
  constructor(readonly limitMs: number, private readonly signal?: AbortSignal) {
    this.timer = setTimeout(() => this.end('timeout'), limitMs);
    if (signal?.aborted) this.end('cancelled');
    else signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Calls back once when the limit or the signal ends the work (at once when it already has). Returns the way to take it back. */
  onEnd(listener: (ended: Ended) => void): () => void {
    if (this.ended) {
      listener(this.ended);
      return () => {};
    }
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The promise's own end, or how the limit cut it short. A late rejection is swallowed. */
  race<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown } | { ended: Ended }> {
    return new Promise((resolve) => {
      const forget = this.onEnd((ended) => resolve({ ended }));
      promise.then(
        (value) => { forget(); resolve({ value }); },
        (error: unknown) => { forget(); resolve({ error }); },
      );
    });
  }

  /** Stands still while our own work is waited for; the signal ends it all the same. */
  async pausedFor<T>(work: Promise<T>): Promise<T> {
    const leftMs = this.limitMs - this.elapsedMs;
    clearTimeout(this.timer);
    try {
      return await work;
    } finally {
      this.startedAt = performance.now() - (this.limitMs - leftMs);
      if (!this.ended) this.timer = setTimeout(() => this.end('timeout'), Math.max(0, leftMs));
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener('abort', this.onAbort);
    this.listeners.clear();
  }

  private end(ended: Ended): void {
    if (this.ended) return;
    this.ended = ended;
    for (const listener of [...this.listeners]) listener(ended);
    this.listeners.clear();
  }
}
