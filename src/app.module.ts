import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { EngineModule } from './outward/engine/engine.module.js';
import { IntakeModule } from './outward/intake/intake.module.js';
import { IntegrationsModule } from './outward/integrations/integrations.module.js';
import { AccessModule } from './platform/access/access.module.js';
import { AuditModule } from './platform/audit/audit.module.js';
import { DocumentsModule } from './platform/documents/documents.module.js';
import { EventLogModule } from './platform/event-log/event-log.module.js';
import { JobsModule } from './platform/jobs/jobs.module.js';
import { NetworkModule } from './platform/network/network.module.js';
import { SecretsModule } from './platform/secrets/secrets.module.js';
import type { PinoLog } from './platform/telemetry/pino-log.js';
import { TelemetryModule } from './platform/telemetry/telemetry.module.js';

/** The composition root: the only file that picks implementations. Which stores are used follows from the settings. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings, log: PinoLog): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(settings),
        TelemetryModule.forRoot(settings, log),
        SecretsModule,
        NetworkModule,
        DocumentsModule,
        EventLogModule,
        JobsModule,
        AuditModule,
        AccessModule.forRoot(),
        IntakeModule,
        IntegrationsModule,
        EngineModule,
      ],
    };
  }
}
