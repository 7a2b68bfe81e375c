import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { JobsService } from '../../../platform/jobs/jobs.service.js';
import { AuditFeed } from './audit-feed.service.js';
import { LogFeed } from './log-feed.service.js';

const JANITOR_MS = 600_000;
const MOST = 50_000;

/** Keeps the feeds numbered and their days counted while nobody asks, so that a first reader need not wait for it, and the log events within their limits. */
@Injectable()
export class FeedJobs {
  constructor(jobs: JobsService, audit: AuditFeed, log: LogFeed, @Inject(SETTINGS) settings: Pick<Settings, 'roles' | 'siem'>) {
    if (!settings.roles.includes('api')) return;
    jobs.register({
      name: 'siem-feeds',
      intervalMs: settings.siem.feedIntervalMs,
      // Placing is no event that a history of runs should keep.
      run: async () => {
        await audit.advance(MOST);
        await log.advance(MOST);
      },
    });
    jobs.register({ name: 'log-events-janitor', intervalMs: JANITOR_MS, run: async (signal) => ({ removed: await log.removeOld(signal) }) });
  }
}
