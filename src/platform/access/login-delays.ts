import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';

const ENTRIES = 10_000;

/**
 * Makes guessing slow: after some failures of one name from one address each further try must wait, twice as long each time. Another address is not held up, so nobody can
 * lock a user out from afar. Memory is bounded; the longest untouched goes first.
 */
@Injectable()
export class LoginDelays {
  private readonly tries = new Map<string, { failures: number; until: number }>();

  constructor(@Inject(SETTINGS) private readonly settings: Pick<Settings, 'access'>, @Inject(CLOCK) private readonly clock: Clock) {}

  /** Counts a try as failed before it is made, so that many at once count too. Milliseconds to wait when it may not be made now, else 0. */
  begin(nameKey: string, ip: string | undefined): number {
    const { failuresBeforeDelay, delayInitialMs, delayMaxMs } = this.settings.access;
    const key = `${nameKey}\0${ip ?? ''}`;
    const now = this.clock.now();
    const known = this.tries.get(key);
    if (known && known.until > now) return known.until - now;
    const forgotten = !known || now - known.until > 2 * delayMaxMs;
    const failures = (forgotten ? 0 : known.failures) + 1;
    const doublings = Math.min(failures - failuresBeforeDelay, 40);
    this.tries.delete(key);
    this.tries.set(key, { failures, until: doublings < 0 ? now : now + Math.min(delayMaxMs, delayInitialMs * 2 ** doublings) });
    const oldest = this.tries.size > ENTRIES ? this.tries.keys().next().value : undefined;
    if (oldest !== undefined) this.tries.delete(oldest);
    return 0;
  }

  /** The password was right: the failures before it are forgiven. */
  succeeded(nameKey: string, ip: string | undefined): void {
    this.tries.delete(`${nameKey}\0${ip ?? ''}`);
  }

  /** The try was not made after all. */
  withdraw(nameKey: string, ip: string | undefined): void {
    const known = this.tries.get(`${nameKey}\0${ip ?? ''}`);
    if (!known) return;
    known.failures -= 1;
    known.until = this.clock.now();
  }
}
