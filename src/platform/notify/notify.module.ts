import { Global, Module } from '@nestjs/common';
import { AuditNotifications } from './audit-notifications.js';
import { Notifier } from './notifier.js';
import { NotifyJob } from './notify.job.js';

/** Mail and webhook to administrators. Needs DocumentStore, SETTINGS, CLOCK, LOG, SECRETS, DIALER, AuditModule and JobsModule (all global). */
@Global()
@Module({ providers: [Notifier, AuditNotifications, NotifyJob], exports: [Notifier] })
export class NotifyModule {}
