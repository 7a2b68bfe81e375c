import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../platform/audit/audit-record.schema.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { retentionNotification } from '../engine/engine-notifications.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
import { RetentionRiskService, type RetentionRisk } from './retention-risk.service.js';

export const RETENTION_WARNING_JOB = 'integration-retention-warning';

/**
 * Tells of events that retention will remove before an integration got them, enabled or disabled, while there is time to do something: once a day (UTC) for each. Administrators
 * are told, and the other integrations get it as an event.
 * One replica does it. An event log that does not answer fails the run; the next one looks again.
 */
@Injectable()
export class RetentionWarningJob {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly records: Model<AuditRecordDocument>;
  private readonly log: Log;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly risk: RetentionRiskService,
    private readonly audit: AuditService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) settings: Pick<Settings, 'engine'>,
    @Inject(LOG) log: Log,
  ) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
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
      const record = warningRecord({ id, name, enabled }, risk, this.clock);
      if (await this.records.exists({ _id: record.id })) continue;
      await this.audit.record(record);
      counts.told++;
      this.log.error({ integration: name, integrationId: id, events: risk.events, limits: risk.limits, enabled }, 'retention will soon remove events that wait for the integration');
    }
    return counts;
  }
}

/** The same on the same day (UTC). */
function warningRecord(integration: { id: string; name: string; enabled: boolean }, risk: RetentionRisk, clock: Clock): AuditRecord {
  const { id, name, enabled } = integration;
  const notification = retentionNotification(integration, risk, clock.now());
  const before = risk.before === null ? null : new Date(risk.before).toISOString();
  const record = newAuditRecord(
    {
      type: 'siem.retention.warning', actor: systemActor('watch'), subject: { kind: 'integration', id, name }, outcome: 'failure',
      reason: `retention will soon remove ${risk.events} events that were not read`, attributes: { count: risk.events, limits: risk.limits.join(', '), enabled, before }, notification,
    },
    clock,
  );
  record.id = createHash('sha256').update(notification.key).digest('hex').slice(0, 40);
  return record;
}
