import { Inject, Injectable, Optional } from '@nestjs/common';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { METRICS, noMetrics } from '../../contracts/metrics.js';
import type { Counter, Metrics } from '../../contracts/metrics.js';
import type { Principal } from '../../platform/access/rights.js';
import { MitigationSettings } from './mitigation-settings.service.js';

const WINDOW_MS = 60_000;

/**
 * How many alerts a client posts within a minute (`mitigation.alertsPerMinute`), whatever becomes of them. A window of whole minutes in the memory of this process alone: it guards
 * the document store against a client that runs wild, so around the turn of a minute a client may post twice as much, and as often as that at each process with the role `api`.
 */
@Injectable()
export class PostRate {
  private readonly log: Log;
  private readonly refused: Counter;
  private window = 0;
  private readonly posts = new Map<string, number>();

  constructor(private readonly settings: MitigationSettings, @Inject(CLOCK) private readonly clock: Clock, @Inject(LOG) log: Log, @Optional() @Inject(METRICS) metrics: Metrics = noMetrics) {
    this.log = log.child('alerts');
    this.refused = metrics.counter({ name: 'tidegate_alerts_over_rate_total', help: 'Posts of alerts that were refused because their client had posted mitigation.alertsPerMinute within the minute' });
  }

  /** Counts a post. Answers in how many whole seconds the client may post again, or undefined when it may now. @throws when the document store does not answer */
  async secondsToWait({ id, name }: Pick<Principal, 'id' | 'name'>): Promise<number | undefined> {
    const { alertsPerMinute } = await this.settings.get();
    const now = this.clock.now();
    const window = Math.floor(now / WINDOW_MS);
    if (window !== this.window) {
      this.window = window;
      this.posts.clear();
    }
    const posts = (this.posts.get(id) ?? 0) + 1;
    this.posts.set(id, posts);
    if (alertsPerMinute === 0 || posts <= alertsPerMinute) return undefined;
    this.refused.add();
    if (posts === alertsPerMinute + 1) this.log.warn({ client: name, alertsPerMinute }, 'a client posts more alerts than mitigation.alertsPerMinute; the rest of this minute is refused with 429');
    return Math.ceil(((window + 1) * WINDOW_MS - now) / 1000);
  }
}
