import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { CLOSED_STATES, LEVEL_RANK, type AlertLevel } from '../../model/alert.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { alertSchema, type AlertDocument } from '../alerts/alert.schema.js';
import { MitigationSettings } from '../alerts/mitigation-settings.service.js';
import { alertRecord } from './alert-audit.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from './mitigation-target.schema.js';
import { TargetStore } from './target-store.js';

/** Alerts purged in one go. */
const BATCH = 200;
const LEVELS: readonly AlertLevel[] = ['high', 'medium', 'low'];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Lets waiting alerts age, frees leases of processes that are gone, and takes closed alerts away after their time. Each under the lease of its job, and each
 * harmless when done twice.
 */
@Injectable()
export class AlertJanitor {
  private readonly alerts: Model<AlertDocument>;
  private readonly targets: TargetStore;

  constructor(
    store: DocumentStore,
    @Inject(SETTINGS) settings: Pick<Settings, 'processor' | 'roles'>,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly policy: MitigationSettings,
    private readonly relay: AuditRelay,
    jobs: JobsService,
  ) {
    this.alerts = store.model<AlertDocument>('alert', alertSchema);
    this.targets = new TargetStore(store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema), clock);
    if (!settings.roles.includes('mitigation')) return;
    jobs.register({ name: 'alert-janitor', intervalMs: settings.processor.janitorIntervalMs, run: async () => ({ leasesFreed: await this.freeLeases(), aged: await this.age() }) });
    jobs.register({ name: 'alert-purge', intervalMs: 3_600_000, runAtStart: true, run: async (signal) => ({ purged: await this.purge(signal) }) });
  }

  /** An alert that waited `ageingMinutes` counts one level higher, twice as long two: within a level the oldest comes first, so low alerts never starve. */
  async age(): Promise<number> {
    const { ageingMinutes, prioritizeByLevel } = await this.policy.get();
    if (ageingMinutes === 0 || !prioritizeByLevel) return 0;
    let aged = 0;
    for (let rank = LEVEL_RANK.low; rank > LEVEL_RANK.high; rank -= 1) {
      for (const level of LEVELS) {
        // From its own rank down to `rank - 1` takes so many steps.
        const steps = LEVEL_RANK[level] - rank + 1;
        if (steps < 1) continue;
        const before = new Date(this.clock.now() - steps * ageingMinutes * MINUTE_MS);
        aged += (await this.alerts.updateMany({ state: { $in: ['new', 'processing'] }, level, levelRank: rank, receivedAt: { $lte: before } }, { $set: { levelRank: rank - 1 } })).modifiedCount;
      }
    }
    return aged;
  }

  /** A lease that ran out stays due by itself; the name of its dead owner goes, so that nobody looks for it there. */
  async freeLeases(): Promise<number> {
    const now = new Date(this.clock.now());
    return (await this.alerts.updateMany({ state: 'processing', leaseToken: { $ne: null }, leaseUntil: { $lte: now } }, { $set: { leaseToken: null, leaseOwner: null } })).modifiedCount;
  }

  /** By the time an alert was closed, never an open one nor one whose undo is under way. It stays as a mark until its targets are gone and its record has left as an event. */
  async purge(signal: AbortSignal): Promise<number> {
    await this.clear(signal);
    const { purgeByDays } = await this.policy.get();
    if (purgeByDays === 0) return 0;
    const now = new Date(this.clock.now());
    const old = { state: { $in: [...CLOSED_STATES] }, closedAt: { $lte: new Date(now.getTime() - purgeByDays * DAY_MS) }, 'undo.dueAt': null };
    let purged = 0;
    while (!signal.aborted) {
      const batch = await this.alerts.find(old, { auditOutbox: 0 }).sort({ closedAt: 1 }).limit(BATCH).lean<AlertDocument[]>();
      if (batch.length === 0) break;
      const writes = batch.map((alert) => ({
        updateOne: {
          filter: { _id: alert._id, ...old },
          update: withAudit<AlertDocument>({ $set: { state: 'purged' }, $unset: { idempotencyKeys: '' } }, alertRecord('purged', alert, { outcome: 'success', attributes: { state: alert.state, count: alert.targets.done } }, this.clock)),
        },
      }));
      purged += (await this.alerts.bulkWrite(writes, { ordered: false })).modifiedCount;
      this.relay.wake();
      await this.clear(signal);
    }
    return purged;
  }

  /** The targets of purged alerts first, then the leave to take the alert itself away: what a crash left half done is found at the next purge, for the alert is still there. */
  private async clear(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const purged = await this.alerts.find({ state: 'purged', deletedAt: null }, { _id: 1 }).limit(BATCH).lean<Array<{ _id: string }>>();
      if (purged.length === 0) return;
      const ids = purged.map(({ _id }) => _id);
      await this.targets.remove(ids);
      await this.alerts.updateMany({ _id: { $in: ids } }, { $set: { deletedAt: new Date(this.clock.now()) } });
    }
  }
}
