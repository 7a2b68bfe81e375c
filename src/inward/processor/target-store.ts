import type { Model, QueryFilter } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { TargetState } from '../../model/alert.js';
import type { PlannedTarget } from '../actions/mitigation-action.js';
import type { AlertDocument, TargetCounts } from '../alerts/alert.schema.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { TargetEnd } from './alert-audit.js';
import type { AlertLease } from './alert-lease.js';
import type { MitigationTargetDocument } from './mitigation-target.schema.js';

export type { TargetCounts } from '../alerts/alert.schema.js';

/** A plan: whose, and under which token it was made. An alert has one, and its undo another. */
export type PlanName = Pick<AlertDocument, '_id' | 'planToken'>;

/** What a call to a connected system came to. */
export interface TargetOutcome {
  state: Extract<TargetState, 'done' | 'failed' | 'not-confirmed' | 'planned' | 'intent'>;
  alreadySo?: boolean;
  code?: string | null;
  reason?: string | null;
}

/** How those end that were never begun. */
export interface BegunNever {
  state: 'failed' | 'skipped';
  code: string;
  reason: string;
}

const FEW = 200;
const OPEN: TargetState[] = ['planned', 'intent'];

/** The targets of alerts; each write is conditional on the state before it and on the lease token, so a process that lost its lease changes none. */
export class TargetStore {
  constructor(private readonly targets: Model<MitigationTargetDocument>, private readonly clock: Clock) {}

  /** All of purged alerts. */
  async remove(alertIds: readonly string[]): Promise<void> {
    await this.targets.deleteMany({ alertId: { $in: [...alertIds] } });
  }

  /** The plan that this lease made and that is not going to be acted upon; a plan of another owner stays. */
  async forgetOwn(alertId: string, lease: AlertLease): Promise<void> {
    await this.targets.deleteMany({ alertId, planToken: lease.token });
  }

  /** What earlier owners left of plans that they did not finish: nothing of them was begun. */
  async forgetUnfinished(alertId: string, lease: AlertLease): Promise<void> {
    await this.targets.deleteMany({ alertId, planToken: { $ne: lease.token } });
  }

  async insert(alertId: string, lease: AlertLease, firstNumber: number, planned: readonly PlannedTarget[]): Promise<void> {
    const now = new Date(this.clock.now());
    await this.targets.insertMany(
      planned.map(({ application, account, operation, entitlement, skip, caution }, index): MitigationTargetDocument => {
        const number = firstNumber + index;
        return {
          _id: `${alertId}:${number}`, alertId, number, planToken: lease.token, applicationId: application._id, application: application.name, nativeId: account?.nativeId ?? null, accountId: account?._id ?? null,
          identityId: account?.identityId ?? null, operation, entitlement, state: skip ? 'skipped' : 'planned', leaseToken: lease.token, intentAt: null, outcomeAt: skip ? now : null, alreadySo: false,
          code: skip?.code ?? null, reason: skip?.reason ?? null, ...(caution === undefined ? {} : { caution }), attempts: 0,
        };
      }),
      { lean: true },
    );
  }

  /** Take-over: from here on only this lease may write the targets that are open. Comes before anything else the new owner does with them. */
  async stamp(plan: PlanName, lease: AlertLease): Promise<void> {
    await this.targets.updateMany({ ...planOf(plan), state: { $in: OPEN } }, { $set: { leaseToken: lease.token } });
  }

  /** Open targets after a number, in order; a page at a time, so that 50,000 never lie in memory. */
  async open(plan: PlanName, lease: AlertLease, afterNumber: number, limit: number): Promise<MitigationTargetDocument[]> {
    return this.targets
      .find({ ...planOf(plan), number: { $gt: afterNumber }, state: { $in: OPEN }, leaseToken: lease.token })
      .sort({ number: 1 })
      .limit(limit)
      .hint({ alertId: 1, number: 1 })
      .lean<MitigationTargetDocument[]>();
  }

  /** Stored before the connected system is called. @throws LeaseLost */
  async intend(target: MitigationTargetDocument, lease: AlertLease): Promise<void> {
    await this.write(target, target.state, lease, { $set: { state: 'intent', intentAt: new Date(this.clock.now()) }, $inc: { attempts: 1 } });
  }

  /** Left out on purpose, before it was begun. @throws LeaseLost */
  async leaveOut(target: MitigationTargetDocument, lease: AlertLease, { code, reason }: { code: string; reason: string }): Promise<void> {
    await this.write(target, 'planned', lease, { $set: { state: 'skipped', code, reason, outcomeAt: new Date(this.clock.now()) } });
  }

  /** Stored after, with the record of it in the same write. @throws LeaseLost */
  async conclude(target: MitigationTargetDocument, lease: AlertLease, { state, alreadySo = false, code = null, reason = null }: TargetOutcome, record?: AuditRecord): Promise<void> {
    const ended = state === 'planned' || state === 'intent' ? {} : { outcomeAt: new Date(this.clock.now()) };
    await this.write(target, 'intent', lease, { $set: { state, alreadySo, code, reason, ...ended }, ...(record ? { $push: { auditOutbox: record } } : {}) });
  }

  /** What is still open ends here: never begun = failed or skipped, begun = not confirmed. @param recordOf of a target that ends as failed or not confirmed */
  async giveUp(plan: PlanName, lease: AlertLease | undefined, begunNever: BegunNever, recordOf?: (target: MitigationTargetDocument, end: TargetEnd) => AuditRecord | undefined): Promise<void> {
    if (recordOf) await this.giveUpOneByOne(plan, lease, begunNever, recordOf);
    const outcomeAt = new Date(this.clock.now());
    const own: QueryFilter<MitigationTargetDocument> = lease ? { ...planOf(plan), leaseToken: lease.token } : planOf(plan);
    const { state, code, reason } = begunNever;
    // A code of the last try says more than the general one.
    await this.targets.updateMany({ ...own, state: 'planned', code: null }, { $set: { code, reason } });
    await this.targets.updateMany({ ...own, state: 'planned' }, { $set: { state, outcomeAt } });
    await this.targets.updateMany({ ...own, state: 'intent' }, { $set: { state: 'not-confirmed', outcomeAt } });
  }

  /** Each with its record; what has none is left to the others. A crash on the way leaves the rest open, and whoever takes over ends it. */
  private async giveUpOneByOne(plan: PlanName, lease: AlertLease | undefined, begunNever: BegunNever, recordOf: (target: MitigationTargetDocument, end: TargetEnd) => AuditRecord | undefined): Promise<void> {
    for (let last = -1; ; ) {
      const page = await this.targets.find({ ...planOf(plan), ...(lease ? { leaseToken: lease.token } : {}), state: { $in: OPEN }, number: { $gt: last } }).sort({ number: 1 }).limit(FEW).hint({ alertId: 1, number: 1 }).lean<MitigationTargetDocument[]>();
      const outcomeAt = new Date(this.clock.now());
      const writes = page.flatMap((target) => {
        const end = target.state === 'intent' ? { state: 'not-confirmed' as const, code: target.code, reason: target.reason } : { state: begunNever.state, code: target.code ?? begunNever.code, reason: target.reason ?? begunNever.reason };
        if (end.state === 'skipped') return [];
        const record = recordOf(target, { ...end, state: end.state });
        if (!record) return [];
        const filter = { _id: target._id, planToken: target.planToken, state: target.state, leaseToken: target.leaseToken };
        return [{ updateOne: { filter, update: { $set: { ...end, outcomeAt }, $push: { auditOutbox: record } } } }];
      });
      if (writes.length > 0) await this.targets.bulkWrite(writes);
      if (page.length < FEW) return;
      last = page.at(-1)?.number ?? last;
    }
  }

  async counts(plan: PlanName): Promise<TargetCounts & { open: number }> {
    if (!plan.planToken) return { planned: 0, done: 0, skipped: 0, failed: 0, notConfirmed: 0, open: 0 };
    // Few are read at once; of many each state is counted in its index, so that they never lie in memory.
    const few = await this.targets.find(planOf(plan), { state: 1 }).limit(FEW + 1).lean<Array<{ state: TargetState }>>();
    const count = (state: TargetState) => (few.length <= FEW ? Promise.resolve(few.filter((target) => target.state === state).length) : this.targets.countDocuments({ ...planOf(plan), state }));
    const [planned, intent, done, skipped, failed, notConfirmed] = await Promise.all([count('planned'), count('intent'), count('done'), count('skipped'), count('failed'), count('not-confirmed')]);
    const open = planned + intent;
    return { planned: open + done + skipped + failed + notConfirmed, done, skipped, failed, notConfirmed, open };
  }

  /** How many changes took place that alone may not settle it, and one of them. */
  async cautions(plan: PlanName): Promise<{ count: number; example: string } | null> {
    const changed = { ...planOf(plan), state: 'done' as const, alreadySo: false, caution: { $gt: '' } };
    const first = await this.targets.findOne(changed, { caution: 1 }).sort({ number: 1 }).lean<Pick<MitigationTargetDocument, 'caution'>>();
    return first?.caution ? { count: await this.targets.countDocuments(changed), example: first.caution } : null;
  }

  /** When a target of a plan was brought to its end. */
  async outcomeTime(plan: PlanName, number: number): Promise<Date | null> {
    return (await this.targets.findOne({ ...planOf(plan), number }, { outcomeAt: 1 }).lean<Pick<MitigationTargetDocument, 'outcomeAt'>>())?.outcomeAt ?? null;
  }

  /** An example of targets in a state, for the reason of the whole. */
  async example(plan: PlanName, states: TargetState[]): Promise<Pick<MitigationTargetDocument, 'code' | 'reason' | 'nativeId' | 'application'> | null> {
    return this.targets.findOne({ ...planOf(plan), state: { $in: states }, code: { $ne: null } }, { code: 1, reason: 1, nativeId: 1, application: 1 }).lean<MitigationTargetDocument>();
  }

  private async write(target: MitigationTargetDocument, from: TargetState, lease: AlertLease, update: Record<string, Record<string, unknown>>): Promise<void> {
    const { matchedCount } = await this.targets.updateOne({ _id: target._id, planToken: target.planToken, state: from, leaseToken: lease.token }, update);
    if (matchedCount === 0) throw lease.lose();
  }
}

function planOf({ _id, planToken }: PlanName): { alertId: string; planToken: string | null } {
  return { alertId: _id, planToken };
}
