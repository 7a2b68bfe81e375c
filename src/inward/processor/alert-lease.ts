import type { Clock } from '../../contracts/clock.js';

/** Another process has the alert, or may have it by now: stop at once and touch nothing. */
export class LeaseLost extends Error {
  constructor(readonly alertId: string) {
    super(`the lease of alert ${alertId} is lost`);
  }
}

export interface AlertLeaseOptions {
  alertId: string;
  /** Random for each claim: every write in the name of this lease is conditional on it. */
  token: string;
  /** When the claim was asked for, ms: the lease counts from then, never from the answer. */
  claimedAt: number;
  leaseMs: number;
  /** No call to a connected system begins with less than this left. */
  marginMs: number;
  clock: Clock;
  /** False: the alert no longer has this token. Throws when the documents cannot be reached. */
  renew(until: Date): Promise<boolean>;
}

/**
 * The right to work on one alert. It is prolonged by a timer, and asked before each call: a process that was held up (SIGSTOP, a long pause of the machine) beyond
 * its lease finds that out by the clock and by the document before it does anything.
 */
export class AlertLease {
  private readonly abort = new AbortController();
  private until: number;
  private timer: NodeJS.Timeout | undefined;
  private renewal: Promise<void> | undefined;

  constructor(private readonly options: AlertLeaseOptions) {
    this.until = options.claimedAt + options.leaseMs;
  }

  get token(): string {
    return this.options.token;
  }

  /** Aborts when it is lost. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  keep(): void {
    this.timer = setInterval(() => void this.prolong().catch(() => undefined), Math.max(10, this.options.leaseMs / 3));
    this.timer.unref();
  }

  /** Ends the prolonging; the lease itself is given back by the write that ends the work. */
  async end(): Promise<void> {
    clearInterval(this.timer);
    await this.renewal?.catch(() => undefined);
  }

  /** Answers when there is time enough for a call. @throws LeaseLost */
  async ensure(): Promise<void> {
    if (this.hasTime()) return;
    if (!this.signal.aborted) await this.prolong().catch(() => undefined);
    if (!this.hasTime()) throw this.lose();
  }

  /** A conditional write matched nothing. */
  lose(): LeaseLost {
    const error = new LeaseLost(this.options.alertId);
    this.abort.abort(error);
    return error;
  }

  private hasTime(): boolean {
    return !this.signal.aborted && this.options.clock.now() < this.until - this.options.marginMs;
  }

  private prolong(): Promise<void> {
    this.renewal ??= this.renewOnce().finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async renewOnce(): Promise<void> {
    const until = this.options.clock.now() + this.options.leaseMs;
    if (await this.options.renew(new Date(until))) this.until = until;
    else this.lose();
  }
}
