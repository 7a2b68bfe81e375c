import type { Model } from 'mongoose';
import type { Clock } from '../../../contracts/clock.js';
import { GIVEN_BACK_BY, type MitigationOperation } from '../../../model/alert.js';
import type { AlertDocument, AlertUndo } from '../../alerts/alert.schema.js';
import type { Reason } from '../../actions/mitigation-action.js';
import type { AlertLease } from '../alert-lease.js';
import type { MitigationTargetDocument } from '../mitigation-target.schema.js';
import type { SinceThen } from './since-then.js';

export interface UndoPlannerOptions {
  targets: Model<MitigationTargetDocument>;
  since: SinceThen;
  clock: Clock;
  planTargets: number;
}

/** Stores, page by page, what an undo has to give back: one target for each that the alert changed. Nothing is changed yet, and it may be repeated after a crash. */
export class UndoPlanner {
  constructor(private readonly options: UndoPlannerOptions) {}

  /** Answers how many there are and how many of them cannot be given back. @throws LeaseLost */
  async plan(alert: AlertDocument, { round }: Pick<AlertUndo, 'round'>, lease: AlertLease): Promise<{ planned: number; skipped: number }> {
    const { targets, since, planTargets } = this.options;
    // What an earlier owner of this round left; nothing of it was begun.
    await targets.deleteMany({ alertId: alert._id, undoRound: round, planToken: { $ne: lease.token } });
    const total = { planned: 0, skipped: 0 };
    let last = -1;
    for (;;) {
      const page = await targets
        .find({ alertId: alert._id, planToken: alert.planToken ?? '', number: { $gt: last } })
        .sort({ number: 1 })
        .limit(planTargets)
        .hint({ alertId: 1, number: 1 })
        .lean<MitigationTargetDocument[]>();
      const changed: MitigationTargetDocument[] = [];
      for (const target of page) if (target.state === 'done' && (await since.didIt(target))) changed.push(target);
      const before = await this.givenBackBefore(alert._id, round, changed);
      const batch = changed.map((target, index) => this.backOf(target, total.planned + index, round, lease, before.get(target.number)));
      await lease.ensure();
      if (batch.length > 0) await targets.insertMany(batch, { lean: true });
      total.planned += batch.length;
      total.skipped += batch.filter(({ state }) => state === 'skipped').length;
      last = page.at(-1)?.number ?? last;
      if (page.length < planTargets) return total;
    }
  }

  /** What an earlier round gave back stays given back. */
  private async givenBackBefore(alertId: string, round: number, changed: readonly MitigationTargetDocument[]): Promise<Map<number, MitigationTargetDocument>> {
    if (round === 1 || changed.length === 0) return new Map();
    const done = await this.options.targets.find({ alertId, state: 'done', undoRound: { $lt: round }, undoOf: { $in: changed.map(({ number }) => number) } }).lean<MitigationTargetDocument[]>();
    return new Map(done.map((target) => [target.undoOf ?? -1, target]));
  }

  private backOf(target: MitigationTargetDocument, number: number, round: number, lease: AlertLease, before: MitigationTargetDocument | undefined): MitigationTargetDocument {
    const own = { _id: `${target.alertId}:undo${round}:${number}`, number, planToken: lease.token, leaseToken: lease.token, undoOf: target.number, undoRound: round };
    if (before) return { ...before, ...own };
    const { alertId, applicationId, application, nativeId, accountId, identityId, entitlement } = target;
    const operation = GIVEN_BACK_BY[target.operation as MitigationOperation];
    const why = operation === null ? NOT_POSSIBLE[target.operation as MitigationOperation] : undefined;
    return {
      ...own, alertId, applicationId, application, nativeId, accountId, identityId, entitlement, operation: operation ?? target.operation, state: why ? 'skipped' : 'planned', intentAt: null,
      outcomeAt: why ? new Date(this.options.clock.now()) : null, alreadySo: false, code: why?.code ?? null, reason: why?.reason ?? null, attempts: 0,
    };
  }
}

/** Why an operation cannot be given back. */
export const NOT_POSSIBLE: Partial<Record<MitigationOperation, Reason>> = {
  delete: { code: 'cannot-be-given-back', reason: 'The account was deleted; a deleted account cannot be given back, make it anew.' },
  'force-password-change': { code: 'cannot-be-given-back', reason: 'A password change was forced; it cannot be taken back.' },
};
