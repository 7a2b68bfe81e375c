import { Inject, Injectable, Optional } from '@nestjs/common';
import { METRICS } from '../../contracts/metrics.js';
import type { Metrics } from '../../contracts/metrics.js';
import { JobsService } from './jobs.service.js';

/** Figures that show whether scheduled work goes well. */
@Injectable()
export class JobMetrics {
  constructor(jobs: JobsService, @Optional() @Inject(METRICS) metrics?: Metrics) {
    metrics?.gauge({
      name: 'tidegate_job_last_run_failed',
      help: '1 when the last run of the job did not succeed, else 0',
      labels: ['job'],
      collect: async (gauge) => {
        gauge.clear();
        for (const { _id, lastRun } of await jobs.list()) if (lastRun) gauge.set(lastRun.outcome === 'success' ? 0 : 1, { job: _id });
      },
    });
  }
}
