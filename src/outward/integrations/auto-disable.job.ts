import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { connectionSection } from '../../model/integration.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { disabledNotification } from '../engine/engine-notifications.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from '../engine/integration-status.schema.js';
import { BacklogService } from './backlog.service.js';
import { isLive } from './integration-status.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
import { IntegrationsService } from './integrations.service.js';

export const AUTO_DISABLE_JOB = 'integration-auto-disable';
const HOUR_MS = 3_600_000;
const DEFAULT_HOURS = connectionSection.parse({}).disableAfterHours;

/**
 * Disables integrations that did nothing but fail for `connection.disableAfterHours`, and tells administrators. Their events wait in the log; the positions are kept
 * with the integration. One replica does it, and a change that an administrator makes meanwhile wins.
 */
@Injectable()
export class AutoDisableJob {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly statuses: Model<IntegrationStatusDocument>;
  private readonly log: Log;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly service: IntegrationsService,
    private readonly backlog: BacklogService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) settings: Pick<Settings, 'engine'>,
    @Inject(LOG) log: Log,
  ) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.statuses = store.model<IntegrationStatusDocument>('integration-status', integrationStatusSchema);
    this.log = log.child('integrations');
    jobs.register({ name: AUTO_DISABLE_JOB, intervalMs: settings.engine.watchIntervalMs, run: (signal) => this.run(signal) });
  }

  async run(signal: AbortSignal): Promise<Record<string, number>> {
    const counts = { disabled: 0, settled: 0 };
    const integrations = await this.integrations.find({ deleted: false }, { auditOutbox: 0 }).lean<IntegrationDocument[]>();
    for (const integration of integrations) {
      if (signal.aborted) return counts;
      if (integration.skippedRuns && integration.skippedRuns.length > 0) {
        // The process that left them out ended before the ledger had them.
        await this.service.settleSkipped(integration);
        counts.settled++;
      }
      if (integration.enabled && (await this.disableIfDue(integration))) counts.disabled++;
    }
    return counts;
  }

  private async disableIfDue(integration: IntegrationDocument): Promise<boolean> {
    const { _id: id, name, version } = integration;
    const hours = integration.connection.disableAfterHours ?? DEFAULT_HOURS;
    if (hours <= 0) return false;
    const failing = failsSince(integration, await this.statuses.find({ integrationId: id }).lean<IntegrationStatusDocument[]>(), this.clock.now());
    if (!failing || this.clock.now() - failing.since < hours * HOUR_MS) return false;
    const events = await this.backlog.events(integration);
    const since = new Date(failing.since).toISOString();
    const notification = disabledNotification({ id, name, version }, { since, hours, cause: failing.cause, fix: failing.fix, events });
    const disabled = await this.service.disableFailing(id, version, `nothing but failures since ${since} (connection.disableAfterHours is ${hours}): ${failing.cause}`, notification);
    if (disabled) this.log.error({ integration: name, integrationId: id, since, cause: failing.cause, fix: failing.fix, waiting: events }, 'integration was disabled after it failed for long; its events wait in the log');
    return disabled;
  }
}

/**
 * Since when an integration did nothing but fail, by what its engines that live say; undefined while any of them delivers. One with other settings than the
 * stored ones does not count: they were changed, and get their time.
 */
export function failsSince(integration: Pick<IntegrationDocument, 'version' | 'enginePool'>, statuses: readonly IntegrationStatusDocument[], now: number): { since: number; cause: string; fix: string } | undefined {
  const live = statuses.filter(({ version, enginePool, updatedAt }) => version === integration.version && enginePool === integration.enginePool && isLive(updatedAt, now));
  const failing = live.filter(({ consecutiveFailures, failingSince, lastFailure }) => consecutiveFailures > 0 && failingSince !== null && lastFailure !== null);
  const first = failing.sort((a, b) => (a.failingSince?.getTime() ?? 0) - (b.failingSince?.getTime() ?? 0))[0];
  if (!first?.failingSince || !first.lastFailure) return undefined;
  const lastDeliveredAt = Math.max(0, ...statuses.map((status) => status.lastDeliveredAt?.getTime() ?? 0));
  const since = Math.max(first.failingSince.getTime(), lastDeliveredAt);
  return { since, cause: first.lastFailure.cause, fix: first.lastFailure.fix };
}
