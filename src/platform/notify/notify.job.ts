import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { JobsService } from '../jobs/jobs.service.js';
import { AuditNotifications } from './audit-notifications.js';
import { Notifier } from './notifier.js';

const JOB = 'notify';

/** The scheduled work behind notifications; one replica does it at a time, at once when something is told in its process. */
@Injectable()
export class NotifyJob {
  constructor(
    jobs: JobsService,
    relay: AuditRelay,
    notifier: Notifier,
    private readonly fromAudit: AuditNotifications,
    @Inject(SETTINGS) settings: Pick<Settings, 'notify'>,
  ) {
    const wake = () => void jobs.wake(JOB).catch(() => undefined);
    jobs.register({ name: JOB, intervalMs: settings.notify.intervalMs, runAtStart: true, run: (signal) => this.run(signal) });
    relay.onNotifications(wake);
    notifier.onNotification(wake);
  }

  private async run(signal: AbortSignal): Promise<Record<string, number>> {
    return { taken: await this.fromAudit.take(signal) };
  }
}
