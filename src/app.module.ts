import { Module, type DynamicModule } from '@nestjs/common';
import { CertificationModule } from './certification/certification.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { LogEventsModule } from './inward/alerts/feeds/log-events.module.js';
import { AlertsModule } from './inward/alerts/alerts.module.js';
import { AlertDecisionsModule } from './inward/processor/alert-decisions.module.js';
import { ProcessorModule } from './inward/processor/processor.module.js';
import { EngineModule } from './outward/engine/engine.module.js';
import { EvidenceModule } from './outward/evidence/evidence.module.js';
import { IntakeModule } from './outward/intake/intake.module.js';
import { IntegrationWatchModule } from './outward/integrations/integration-watch.module.js';
import { IntegrationsModule } from './outward/integrations/integrations.module.js';
import { AccessModule } from './platform/access/access.module.js';
import { AuditModule } from './platform/audit/audit.module.js';
import { DocumentsModule } from './platform/documents/documents.module.js';
import { EventLogModule } from './platform/event-log/event-log.module.js';
import { JobsModule } from './platform/jobs/jobs.module.js';
import { NetworkModule } from './platform/network/network.module.js';
import { NotifyModule } from './platform/notify/notify.module.js';
import { SecretsModule } from './platform/secrets/secrets.module.js';
import type { PinoLog } from './platform/telemetry/pino-log.js';
import { TelemetryModule } from './platform/telemetry/telemetry.module.js';

type Modules = NonNullable<DynamicModule['imports']>;

/** The composition root: the only file that picks implementations. Stores follow from the settings, modules from the roles of this process. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings, log: PinoLog): DynamicModule {
    return { module: AppModule, imports: [...ground(settings, log), ...wings(settings)] };
  }
}

/**
 * What every process stands on. Scheduled work, the audit relay among it, runs in whichever process gets its lease; so each of them can append events (IntakeModule).
 * Which routes are served is decided at the listener: without the role `api` only health and metrics (platform/http/served-paths.ts).
 */
function ground(settings: Settings, log: PinoLog): Modules {
  return [
    ConfigModule.forRoot(settings),
    TelemetryModule.forRoot(settings, log),
    SecretsModule,
    NetworkModule,
    DocumentsModule,
    EventLogModule,
    JobsModule,
    AuditModule,
    NotifyModule,
    AccessModule.forRoot(),
    IntakeModule,
    LogEventsModule,
  ];
}

function wings({ roles }: Settings): Modules {
  const modules: Modules = [];
  if (roles.includes('api')) modules.push(IntegrationsModule, EvidenceModule, AlertsModule, AlertDecisionsModule, CertificationModule);
  if (roles.includes('engine')) modules.push(EngineModule);
  if (roles.includes('api') || roles.includes('engine')) modules.push(IntegrationWatchModule);
  if (roles.includes('mitigation')) modules.push(ProcessorModule);
  return modules;
}
