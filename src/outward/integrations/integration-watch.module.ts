import { Module } from '@nestjs/common';
import { AutoDisableJob } from './auto-disable.job.js';
import { IntegrationsModule } from './integrations.module.js';
import { RetentionMetrics } from './retention-metrics.js';
import { RetentionWarningJob } from './retention-warning.job.js';

/** Scheduled work that looks after integrations, in whichever process gets its lease, and what monitoring sees of it. */
@Module({ imports: [IntegrationsModule], providers: [AutoDisableJob, RetentionWarningJob, RetentionMetrics] })
export class IntegrationWatchModule {}
