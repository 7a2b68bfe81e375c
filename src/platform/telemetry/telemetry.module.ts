import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Settings } from '../../config/settings.js';
import { LOG } from '../../contracts/log.js';
import { METRICS } from '../../contracts/metrics.js';
import { AuditModule } from '../audit/audit.module.js';
import { StoredSettingsModule } from '../settings/stored-settings.module.js';
import { HealthRegistry } from './health-registry.js';
import { HealthController } from './health.controller.js';
import { LogLevelsController } from './log-levels.controller.js';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { OwnHealthChecks } from './own-health-checks.js';
import { PinoLog } from './pino-log.js';
import { PrometheusMetrics } from './prometheus-metrics.js';
import { StoredLogLevels } from './stored-log-levels.js';

/** Log, metrics and health for everybody. Needs CLOCK; finds DocumentStore and EVENT_LOG by itself where there are any. */
@Global()
@Module({})
export class TelemetryModule {
  /** `log` is the one that `main` made before the application; a new one when absent. */
  static forRoot(settings: Pick<Settings, 'log' | 'metrics'>, log: PinoLog = PinoLog.create(settings)): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [AuditModule, StoredSettingsModule],
      controllers: [HealthController, LogLevelsController, settings.metrics.public ? PublicMetricsController : MetricsController],
      providers: [{ provide: LOG, useValue: log }, { provide: PinoLog, useValue: log }, PrometheusMetrics, { provide: METRICS, useExisting: PrometheusMetrics }, HealthRegistry, OwnHealthChecks, StoredLogLevels],
      exports: [LOG, PinoLog, METRICS, HealthRegistry],
    };
  }
}
