import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { CLOSED_STATES, GIVEN_BACK_BY, type MitigationOperation } from '../../../model/alert.js';
import type { Principal } from '../../../platform/access/rights.js';
import { withAudit } from '../../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../../platform/audit/audit.relay.js';
import { actorOf, newAuditRecord } from '../../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { alertSchema, type AlertDocument, type AlertUndo } from '../../alerts/alert.schema.js';
import { MitigationSettings } from '../../alerts/mitigation-settings.service.js';
import { alertName } from '../alert-audit.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from '../mitigation-target.schema.js';
import { NOT_POSSIBLE } from './undo-planner.js';
import { UndoWake } from './undo-wake.js';

export type UndoOrderOutcome =
  /** `repeated`: it was ordered before, and is under way or complete; nothing was done now. */
  | { type: 'ordered'; alert: AlertDocument; repeated: boolean }
  | { type: 'not-found' }
  | { type: 'not-closed'; state: AlertDocument['state'] }
  /** The alert changed nothing, or only what cannot be given back. */
  | { type: 'nothing-to-undo' | 'not-possible'; reason: string }
  | { type: 'dry-run' };

const MOST_TRIES = 5;

/** Takes orders to undo what closed alerts did; one order at a time counts, whoever comes second gets the same answer. The processor carries it out. */
@Injectable()
export class UndoOrders {
  private readonly alerts: Model<AlertDocument>;
  private readonly targets: Model<MitigationTargetDocument>;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock, private readonly policy: MitigationSettings, private readonly relay: AuditRelay, private readonly wake: UndoWake) {
    this.alerts = store.model<AlertDocument>('alert', alertSchema);
    this.targets = store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
    relay.watch(this.alerts, { removeWhenEmpty: true });
  }

  /** The same order again is answered as the first. After one that ended in part an order goes on with what failed, and with `evenIfChanged` also with what was left as it is. */
  async order(id: string, principal: Principal, { comment = null, evenIfChanged = false }: { comment?: string | null; evenIfChanged?: boolean }): Promise<UndoOrderOutcome> {
    for (let tries = 1; ; tries += 1) {
      const alert = await this.alerts.findOne({ _id: id, state: { $ne: 'purged' } }).lean<AlertDocument>();
      if (!alert) return { type: 'not-found' };
      if (!CLOSED_STATES.includes(alert.state)) return { type: 'not-closed', state: alert.state };
      const before = alert.undo ?? null;
      if (before && !goesOn(before, evenIfChanged)) return { type: 'ordered', alert, repeated: true };
      if ((await this.policy.get()).dryRun) return { type: 'dry-run' };
      const refusal = await this.refusal(alert);
      if (refusal) return refusal;
      const undo = this.orderOf(principal, before, comment, evenIfChanged);
      const record = newAuditRecord(
        {
          type: 'audit.alert.undo', actor: undo.by, subject: { kind: 'alert', id, name: alertName(alert) }, correlationId: id, ...(comment === null ? {} : { reason: comment }),
          attributes: { alertType: alert.type, application: alert.application, state: alert.state, round: undo.round, evenIfChanged },
        },
        this.clock,
      );
      // Only onto the order that was read: of two that come at the same time one counts.
      const unchanged = before ? { 'undo.round': before.round, 'undo.dueAt': null } : { undo: { $exists: false } };
      const after = await this.alerts.findOneAndUpdate({ _id: id, state: alert.state, ...unchanged }, withAudit<AlertDocument>({ $set: { undo } }, record), { returnDocument: 'after' }).lean<AlertDocument>();
      if (!after) {
        if (tries >= MOST_TRIES) throw new Error(`the alert ${id} had ${MOST_TRIES} other writers at the same time`);
        continue;
      }
      this.relay.wake();
      this.wake.wake();
      return { type: 'ordered', alert: after, repeated: false };
    }
  }

  /** When nothing at all can be given back, that is said at once. */
  private async refusal(alert: AlertDocument): Promise<UndoOrderOutcome | undefined> {
    if (!alert.planToken || alert.targets.done === 0) return { type: 'nothing-to-undo', reason: 'The alert changed nothing, so there is nothing to give back.' };
    const done = { alertId: alert._id, planToken: alert.planToken, state: 'done' as const };
    const can = await this.targets.exists({ ...done, operation: { $in: operations((back) => back !== null) } });
    if (can) return undefined;
    const example = await this.targets.findOne({ ...done, operation: { $in: operations((back) => back === null) } }, { operation: 1 }).lean<{ operation: MitigationOperation }>();
    return { type: 'not-possible', reason: (example && NOT_POSSIBLE[example.operation]?.reason) ?? 'What it did cannot be given back.' };
  }

  private orderOf(principal: Principal, before: AlertUndo | null, comment: string | null, evenIfChanged: boolean): AlertUndo {
    const at = new Date(this.clock.now());
    return {
      state: 'ordered', by: actorOf(principal), at, comment, evenIfChanged, round: (before?.round ?? 0) + 1, dueAt: at, leaseToken: null, attempts: 0, planned: false, planToken: null, reasonCode: null, reason: null, closedAt: null,
      targets: { planned: 0, done: 0, skipped: 0, failed: 0, notConfirmed: 0 },
    };
  }
}

/** Whether an order after one that ended has something to do that the one before had not: targets that failed, or those that were left as they are. */
function goesOn({ dueAt, state, targets, evenIfChanged }: AlertUndo, now: boolean): boolean {
  if (dueAt !== null || state === 'succeeded') return false;
  return targets.failed + targets.notConfirmed > 0 || (now && !evenIfChanged);
}

function operations(which: (back: (typeof GIVEN_BACK_BY)[MitigationOperation]) => boolean): MitigationOperation[] {
  return (Object.keys(GIVEN_BACK_BY) as MitigationOperation[]).filter((operation) => which(GIVEN_BACK_BY[operation]));
}
