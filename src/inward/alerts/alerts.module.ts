import { Global, Module } from '@nestjs/common';
import { ProcessorWake } from '../processor/processor-wake.js';
import { AlertDoor } from './alert-door.service.js';
import { MitigationSettingsController } from './mitigation-settings.controller.js';
import { MitigationSettings } from './mitigation-settings.service.js';
import { SiemAlertsController } from './siem-alerts.controller.js';
import { SiemServiceAccount } from './siem-service-account.js';
import { StoredSettings } from './stored-settings.js';

/** The SIEM's door. Needs DocumentStore, SETTINGS, CLOCK, LOG, METRICS, AuditModule, AccessModule and DirectoryModule (all global). */
@Global()
@Module({
  controllers: [SiemAlertsController, MitigationSettingsController],
  providers: [StoredSettings, MitigationSettings, ProcessorWake, AlertDoor, SiemServiceAccount],
  exports: [MitigationSettings, StoredSettings, ProcessorWake],
})
export class AlertsModule {}
