import { Module } from '@nestjs/common';
import { AutoDisableJob } from './auto-disable.job.js';
import { IntegrationsModule } from './integrations.module.js';

/** Scheduled work that looks after integrations, in whichever process gets its lease. */
@Module({ imports: [IntegrationsModule], providers: [AutoDisableJob] })
export class IntegrationWatchModule {}
