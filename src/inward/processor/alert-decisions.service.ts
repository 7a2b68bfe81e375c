import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { Principal } from '../../platform/access/rights.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { actorOf, newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { alertSchema, type AlertDocument } from '../alerts/alert.schema.js';
import { accountRecord, alertName, alertRecord } from './alert-audit.js';
import { releasedFrom } from './released-from.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from './mitigation-target.schema.js';
import { ProcessorWake } from './processor-wake.js';
import { TargetStore } from './target-store.js';

/** `not-waiting`: somebody decided before, or it is not held. */
export type DecisionOutcome = { type: 'decided'; alert: AlertDocument } | { type: 'not-found' } | { type: 'not-waiting'; state: AlertDocument['state'] };

const NEVER_BEGUN = { state: 'skipped', code: 'rejected-by-approver', reason: 'The alert was rejected before it was acted upon.' } as const;

/** What an approver says about an alert that is held: one decision counts, whoever comes second is told. */
@Injectable()
export class AlertDecisions {
  private readonly alerts: Model<AlertDocument>;
  private readonly targets: TargetStore;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock, private readonly relay: AuditRelay, private readonly wake: ProcessorWake) {
    this.alerts = store.model<AlertDocument>('alert', alertSchema);
    const targets = store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
    this.targets = new TargetStore(targets, clock);
    relay.watch(this.alerts, { removeWhenEmpty: true });
    relay.watch(targets);
  }

  /**
   * It goes on without the guard that held it, and only that one: what the approver was not told of may hold it again. The kill switch, the protected list and sources of
   * identities always count.
   */
  async release(id: string, principal: Principal, comment: string | null): Promise<DecisionOutcome> {
    const alert = await this.waiting(id);
    if (alert.type !== 'decided') return alert;
    const now = new Date(this.clock.now());
    const { reasonCode: code } = alert.alert;
    const approval = { by: principal.name, at: now, code, codes: [...releasedFrom(alert.alert), ...(code === null ? [] : [code])] };
    const update = { $set: { state: 'new' as const, approval, dueAt: now, attempts: 0, reasonCode: null, reason: null } };
    return this.decide(alert.alert, withAudit<AlertDocument>(update, this.act('approve', alert.alert, principal, comment)));
  }

  /** It ends here; what was done before it was held stays done and is told. */
  async reject(id: string, principal: Principal, comment: string | null): Promise<DecisionOutcome> {
    const found = await this.waiting(id);
    if (found.type !== 'decided') return found;
    const { alert } = found;
    const { open, ...before } = await this.targets.counts(alert);
    const counts = { ...before, skipped: before.skipped + open };
    const state = counts.done > 0 ? ('partially-failed' as const) : ('rejected' as const);
    const reason = `${principal.name} rejected it${comment === null ? '' : `: ${comment}`}.`;
    const act = this.act('reject', alert, principal, comment);
    const record = alertRecord(state === 'rejected' ? 'rejected' : 'failed', alert, { actor: actorOf(principal), outcome: 'failure', code: NEVER_BEGUN.code, reason, attributes: { state, count: counts.done, heldFor: alert.reasonCode ?? '' } }, this.clock);
    const update = { $set: { state, reasonCode: NEVER_BEGUN.code, reason, closedAt: new Date(this.clock.now()), targets: counts } };
    const outcome = await this.decide(alert, withAudit<AlertDocument>(update, act, record));
    if (outcome.type === 'decided' && open > 0) await this.targets.giveUp(alert, undefined, NEVER_BEGUN, (target, end) => accountRecord(alert, target, end, this.clock));
    return outcome;
  }

  private async waiting(id: string): Promise<DecisionOutcome> {
    const alert = await this.alerts.findOne({ _id: id, state: { $ne: 'purged' } }).lean<AlertDocument>();
    if (!alert) return { type: 'not-found' };
    return alert.state === 'waiting' ? { type: 'decided', alert } : { type: 'not-waiting', state: alert.state };
  }

  private async decide({ _id }: AlertDocument, update: ReturnType<typeof withAudit<AlertDocument>>): Promise<DecisionOutcome> {
    const alert = await this.alerts.findOneAndUpdate({ _id, state: 'waiting' }, update, { returnDocument: 'after' }).lean<AlertDocument>();
    // Another approver was faster.
    if (!alert) {
      const now = await this.waiting(_id);
      return now.type === 'decided' ? { type: 'not-waiting', state: now.alert.state } : now;
    }
    this.relay.wake();
    this.wake.wake();
    return { type: 'decided', alert };
  }

  private act(verb: 'approve' | 'reject', alert: AlertDocument, principal: Principal, comment: string | null) {
    return newAuditRecord(
      {
        type: `audit.alert.${verb}`, actor: actorOf(principal), subject: { kind: 'alert', id: alert._id, name: alertName(alert) }, correlationId: alert._id,
        ...(comment === null ? {} : { reason: comment }), attributes: { heldFor: alert.reasonCode ?? '', alertType: alert.type, application: alert.application },
      },
      this.clock,
    );
  }
}
