import { Global, Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { AuditJanitor } from './audit-janitor.js';
import { AuditController } from './audit.controller.js';
import { AuditMetrics } from './audit-metrics.js';
import { AuditRelay } from './audit.relay.js';
import { AuditService } from './audit.service.js';

/** Every act becomes an audit record, and so an event. Needs DocumentStore, SETTINGS, CLOCK and LOG; finds EVENT_SINK by itself where there is one. */
@Global()
@Module({ imports: [JobsModule], controllers: [AuditController], providers: [AuditService, AuditRelay, AuditJanitor, AuditMetrics], exports: [AuditService, AuditRelay] })
export class AuditModule {}
