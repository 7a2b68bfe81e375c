import { Global, Module } from '@nestjs/common';
import { AuditNotifications } from './audit-notifications.js';
import { ChannelSending } from './channel-sending.js';
import { NotificationChannelsController } from './channels.controller.js';
import { ChannelsService } from './channels.service.js';
import { NotificationDispatcher } from './notification-dispatcher.js';
import { NotificationPlanner } from './notification-planner.js';
import { NotificationsController } from './notifications.controller.js';
import { Notifier } from './notifier.js';
import { NotifyJob } from './notify.job.js';

/** Mail and webhook to administrators. Needs DocumentStore, SETTINGS, CLOCK, LOG, SECRETS, DIALER, AuditModule and JobsModule (all global). */
@Global()
@Module({
  controllers: [NotificationChannelsController, NotificationsController],
  providers: [Notifier, AuditNotifications, ChannelsService, ChannelSending, NotificationPlanner, NotificationDispatcher, NotifyJob],
  exports: [Notifier],
})
export class NotifyModule {}
