import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { JobsService } from '../jobs/jobs.service.js';
import { AuditNotifications } from './audit-notifications.js';
import { ChannelsService } from './channels.service.js';
import { NotificationDispatcher } from './notification-dispatcher.js';
import { NotificationPlanner } from './notification-planner.js';
import { Notifier } from './notifier.js';

export const NOTIFY_JOB = 'notify';
/** How long another replica, or the next start, waits for a process that was killed. */
const LEASE_MS = 10_000;
/** While a channel takes its time, the others are looked after so often. */
const TURN_MS = 250;

/** The scheduled work behind notifications: take over, plan, send, give up. One replica does it at a time, at once when something is told in its process. */
@Injectable()
export class NotifyJob {
  constructor(
    jobs: JobsService,
    relay: AuditRelay,
    notifier: Notifier,
    private readonly fromAudit: AuditNotifications,
    private readonly channels: ChannelsService,
    private readonly planner: NotificationPlanner,
    private readonly dispatcher: NotificationDispatcher,
    @Inject(SETTINGS) settings: Pick<Settings, 'notify'>,
  ) {
    const wake = () => void jobs.wake(NOTIFY_JOB).catch(() => undefined);
    jobs.register({ name: NOTIFY_JOB, intervalMs: settings.notify.intervalMs, runAtStart: true, leaseMs: LEASE_MS, run: (signal) => this.run(signal) });
    relay.onNotifications(wake);
    notifier.onNotification(wake);
  }

  /** Ends when nothing is due now. Each channel is served beside the others: one that does not answer holds back none. */
  async run(signal: AbortSignal): Promise<Record<string, number>> {
    const counts = { taken: 0, sending: 0, held: 0, merged: 0, unrouted: 0, sent: 0, failed: 0, givenUp: 0 };
    const serving = new Map<string, Promise<void>>();
    const faults: unknown[] = [];
    do {
      counts.taken += await this.fromAudit.take(signal);
      const channels = await this.channels.list();
      const planned = await this.planner.plan(channels);
      for (const name of ['sending', 'held', 'merged', 'unrouted'] as const) counts[name] += planned[name];
      counts.givenUp += await this.dispatcher.giveUp(new Map(channels.map((channel) => [channel.document._id, channel])), signal);
      for (const channel of channels) {
        const id = channel.document._id;
        if (serving.has(id) || signal.aborted || !(await this.dispatcher.isDue(channel))) continue;
        serving.set(id, this.dispatcher.serve(channel, signal, counts).catch((error: unknown) => void faults.push(error)).finally(() => serving.delete(id)));
      }
      if (serving.size > 0) await Promise.race([...serving.values(), pause(TURN_MS)]);
    } while (serving.size > 0 && !signal.aborted && faults.length === 0);
    await Promise.all(serving.values());
    if (faults.length > 0) throw faults[0];
    return counts;
  }
}
