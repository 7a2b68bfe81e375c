import { Global, Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { AuditController } from './audit.controller.js';
import { AuditRelay } from './audit.relay.js';
import { AuditService } from './audit.service.js';

/** Every act becomes an audit record, and so an event. */
@Global()
@Module({ imports: [JobsModule], controllers: [AuditController], providers: [AuditService, AuditRelay], exports: [AuditService, AuditRelay] })
export class AuditModule {}
