import { Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { JobHistory } from './job-history.js';
import { JobMetrics } from './job-metrics.js';
import { JobsController } from './jobs.controller.js';
import { JobsService } from './jobs.service.js';
import { Leases } from './leases.js';

/** Scheduled work and leases for everybody. Needs DocumentStore, SETTINGS, CLOCK and LOG. */
@Global()
@Module({ imports: [ScheduleModule.forRoot()], controllers: [JobsController], providers: [Leases, JobHistory, JobsService, JobMetrics], exports: [Leases, JobHistory, JobsService] })
export class JobsModule {}
