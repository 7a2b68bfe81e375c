import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { Notifier } from '../../platform/notify/notifier.js';
import { retentionNotification } from '../engine/engine-notifications.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
import { RetentionRiskService } from './retention-risk.service.js';

export const RETENTION_WARNING_JOB = 'integration-retention-warning';

/**
 * Tells administrators of events that retention will remove before an integration got them, enabled or disabled, while there is time to do something: once a day (UTC) for each.
 * One replica does it. An event log that does not answer fails the run; the next one looks again.
 */
@Injectable()
export class RetentionWarningJob {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly log: Log;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly risk: RetentionRiskService,
    private readonly notifier: Notifier,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) settings: Pick<Settings, 'engine'>,
    @Inject(LOG) log: Log,
  ) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.log = log.child('integrations');
    jobs.register({ name: RETENTION_WARNING_JOB, intervalMs: settings.engine.watchIntervalMs, run: (signal) => this.run(signal) });
  }

  async run(signal: AbortSignal): Promise<{ told: number }> {
    const counts = { told: 0 };
    const integrations = (await this.integrations.find({ deleted: false }, { auditOutbox: 0 }).lean<IntegrationDocument[]>()).filter(({ startPositions }) => startPositions !== undefined);
    if (integrations.length === 0) return counts;
    const edge = await this.risk.edge();
    for (const integration of integrations) {
      if (signal.aborted) return counts;
      const risk = await this.risk.of(integration, edge);
      if (!risk) continue;
      const { _id: id, name, enabled } = integration;
      const { told } = await this.notifier.notify(retentionNotification({ id, name, enabled }, risk, this.clock.now()));
      if (!told) continue;
      counts.told++;
      this.log.error({ integration: name, integrationId: id, events: risk.events, limits: risk.limits, enabled }, 'retention will soon remove events that wait for the integration');
    }
    return counts;
  }
}
