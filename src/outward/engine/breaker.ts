import type { Clock } from '../../contracts/clock.js';
import type { Failure } from '../../model/failure.js';
import { backoffMs } from './backoff.js';

/** closed = the stream is open; open = it waits after a failure and sends nothing; half-open = one small probe is out, the stream waits for its proof. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  clock: Clock;
  random: () => number;
  retryInitialMs: number;
  retryMaxMs: number;
  /** First wait, and longest one, while a person must act. */
  faultRetryMs: number;
  faultRetryMaxMs: number;
}

/** What is known from the time before: of a former lane, or of an engine that is gone. */
export interface BreakerPast {
  lastFailure: (Failure & { at: number }) | null;
  failingSince: number | null;
  /** It did not work when it was last heard of: a probe goes first. */
  unproven: boolean;
}

/**
 * The breaker of one lane. Each failure opens it; after a wait it lets one small probe through, and only what the receiver proves closes it. Waits double with
 * jitter; where a person must act (certificate, refused credentials, wrong framing) they are long from the first one on. Tries never end.
 */
export class Breaker {
  consecutiveFailures = 0;
  lastFailure: (Failure & { at: number }) | null;
  /** Since when nothing but failures came; null while it works. */
  failingSince: number | null;
  nextTryAt: number | null = null;
  private plannedWaitMs = 0;
  private faults = 0;
  private unproven: boolean;

  constructor(private readonly options: BreakerOptions, past: BreakerPast) {
    this.lastFailure = past.lastFailure;
    this.failingSince = past.failingSince;
    this.unproven = past.unproven;
  }

  get state(): BreakerState {
    if (this.nextTryAt !== null) return 'open';
    return this.consecutiveFailures > 0 || this.unproven ? 'half-open' : 'closed';
  }

  /** @returns how long it waits until the next try */
  fail(failure: Failure): number {
    const { clock, random, retryInitialMs, retryMaxMs, faultRetryMs, faultRetryMaxMs } = this.options;
    this.note(failure);
    this.faults = failure.needsPerson ? this.faults + 1 : 0;
    const retryMs = backoffMs(this.consecutiveFailures, retryInitialMs, retryMaxMs, random());
    const ownMs = failure.needsPerson ? Math.max(faultRetryMs, retryMs, backoffMs(this.faults, faultRetryMs, faultRetryMaxMs, random())) : retryMs;
    // As long as the receiver asked for, at least.
    const waitMs = Math.max(ownMs, failure.retryAfterMs ?? 0);
    this.plannedWaitMs = waitMs;
    this.nextTryAt = clock.now() + waitMs;
    return waitMs;
  }

  /** A failure that no try can mend: there is none until the settings change. */
  halt(failure: Failure): void {
    this.note(failure);
    this.nextTryAt = Number.POSITIVE_INFINITY;
  }

  /** What is left of the wait; 0 when it may be tried. More than was planned means that the clock was set back. */
  get waitMs(): number {
    if (this.nextTryAt === null) return 0;
    const waitMs = this.nextTryAt - this.options.clock.now();
    return waitMs > 0 && waitMs <= this.plannedWaitMs ? waitMs : 0;
  }

  /** The wait is over: half-open from now on. */
  try(): void {
    this.nextTryAt = null;
  }

  /** Something was proven to have arrived. @returns after how many failures */
  close(): number {
    const after = this.consecutiveFailures;
    this.consecutiveFailures = 0;
    this.faults = 0;
    this.failingSince = null;
    this.unproven = false;
    return after;
  }

  private note(failure: Failure): void {
    const now = this.options.clock.now();
    this.consecutiveFailures++;
    this.lastFailure = { ...failure, at: now };
    this.failingSince ??= now;
  }
}
