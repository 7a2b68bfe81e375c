import { Global, Module } from '@nestjs/common';
import { DirectoryModule } from '../../directory/directory.module.js';
import { StoredSettingsModule } from '../../platform/settings/stored-settings.module.js';
import { ProcessorWake } from '../processor/processor-wake.js';
import { UndoWake } from '../processor/undo/undo-wake.js';
import { AlertClients } from './alert-clients.js';
import { AlertClientsController } from './alert-clients.controller.js';
import { AlertDoor } from './alert-door.service.js';
import { AlertListService } from './alert-list.service.js';
import { AlertsController } from './alerts.controller.js';
import { AuditActionsController } from './audit-actions.controller.js';
import { AuditActions } from './feeds/audit-actions.js';
import { AuditFeed } from './feeds/audit-feed.service.js';
import { FeedJobs } from './feeds/feed-jobs.js';
import { LogEventsModule } from './feeds/log-events.module.js';
import { LogFeed } from './feeds/log-feed.service.js';
import { IdentityInfoService } from './identity-info.service.js';
import { MitigationSettingsController } from './mitigation-settings.controller.js';
import { MitigationSettings } from './mitigation-settings.service.js';
import { PostRate } from './post-rate.js';
import { SiemAlertsController } from './siem-alerts.controller.js';
import { SiemFeedsController } from './siem-feeds.controller.js';
import { SiemInformationController } from './siem-information.controller.js';
import { SiemOtherPathsController } from './siem-other-paths.controller.js';
import { SiemServiceAccount } from './siem-service-account.js';
import { TaskResultsController } from './task-results/task-results.controller.js';

/**
 * The SIEM's door, and alerts for administrators. Needs DocumentStore, SETTINGS, CLOCK, LOG, JobsModule, AuditModule and AccessModule (all global). Global itself: the processor asks
 * for MitigationSettings and listens to ProcessorWake and UndoWake.
 */
@Global()
@Module({
  imports: [DirectoryModule, LogEventsModule, StoredSettingsModule],
  controllers: [SiemAlertsController, SiemInformationController, SiemFeedsController, TaskResultsController, AlertsController, MitigationSettingsController, AlertClientsController, AuditActionsController, SiemOtherPathsController],
  providers: [MitigationSettings, AlertClients, PostRate, ProcessorWake, UndoWake, AlertDoor, AlertListService, IdentityInfoService, AuditActions, AuditFeed, LogFeed, FeedJobs, SiemServiceAccount],
  exports: [MitigationSettings, ProcessorWake, UndoWake],
})
export class AlertsModule {}
