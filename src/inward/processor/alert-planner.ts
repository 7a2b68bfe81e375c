import type { Clock } from '../../contracts/clock.js';
import type { Connector } from '../../contracts/connector.js';
import type { NewCampaign } from '../../certification/campaign.schema.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { DirectoryService } from '../../directory/directory.service.js';
import type { IdentityDocument } from '../../directory/identity.schema.js';
import { ALERT_TYPES } from '../../model/alert.js';
import { MITIGATION_ACTIONS } from '../actions/index.js';
import type { PlannedTarget, Reason } from '../actions/mitigation-action.js';
import { PlanContext } from '../actions/plan-context.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { Mitigation } from '../alerts/mitigation-settings.service.js';
import type { AccountBudget } from './account-budget.js';
import type { AlertLease } from './alert-lease.js';
import { releasedFrom } from './released-from.js';
import type { TargetStore } from './target-store.js';

export type PlanResult =
  | { type: 'planned'; application: ApplicationDocument; identity: IdentityDocument | null; total: number; skipped: number }
  /** Nothing is to be changed; a review is to be opened. */
  | { type: 'certification'; identity: IdentityDocument | null; campaign: NewCampaign }
  /** Held for an approver. */
  | ({ type: 'waiting'; count: number } & Reason)
  | ({ type: 'rejected' } & Reason)
  | ({ type: 'failed' } & Reason)
  | ({ type: 'retry' } & Reason);

export interface AlertPlannerOptions {
  directory: DirectoryService;
  connectorOf: (application: ApplicationDocument) => Connector | undefined;
  targets: TargetStore;
  budget: AccountBudget;
  clock: Clock;
  callTimeoutMs: number;
  planTargets: number;
}

/** What holds an alert until it is released from it. */
const DEFERRED = 'requests-not-available';
const ABOVE_FAN_OUT = 'fan-out-above-limit';
const ABOVE_BUDGET = 'budget-spent';

/** Finds out what an alert acts upon and stores it, batch by batch; then the guards decide whether it may go on by itself. Nothing is changed yet. */
export class AlertPlanner {
  constructor(private readonly options: AlertPlannerOptions) {}

  async plan(alert: AlertDocument, lease: AlertLease, policy: Mitigation): Promise<PlanResult> {
    const { directory, connectorOf, callTimeoutMs } = this.options;
    const application = await directory.applicationByName(alert.application);
    if (!application) return { type: 'rejected', code: 'unknown-application', reason: `There is no application "${alert.application}".` };
    const context = new PlanContext({ directory, connectorOf, application, protectedNames: policy.protectedIdentities, callTimeoutMs });
    const plan = await MITIGATION_ACTIONS[alert.type].plan(alert, context);
    if (plan.type !== 'targets') return plan;
    // Contract D6: the alert's own word, else the setting. A certification is no provisioning.
    const deferred = (alert.useWorkflow ?? policy.deferProvisioning) && !ALERT_TYPES[alert.type].certification;
    const released = releasedFrom(alert);
    if (deferred && !released.has(DEFERRED) && !policy.dryRun) return { type: 'waiting', count: 0, code: DEFERRED, reason: `It is to go through the workflow "${policy.provisioningWorkflow}", and requests are not available in this version; release or reject it.` };
    const stored = await this.store(alert, lease, plan.targets, released.has(ABOVE_FAN_OUT) || policy.dryRun ? Number.POSITIVE_INFINITY : policy.maxFanOut);
    const refusal = await this.guard(alert, stored, policy);
    if (refusal) {
      await this.options.targets.forgetOwn(alert._id, lease);
      return refusal;
    }
    return { type: 'planned', application, identity: plan.identity, total: stored.total, skipped: stored.skipped };
  }

  /** Targets beyond the limit are counted and not stored: then nothing of the plan is used. */
  private async store(alert: AlertDocument, lease: AlertLease, targets: AsyncIterable<PlannedTarget> | Iterable<PlannedTarget>, limit: number): Promise<StoredPlan> {
    const plan: StoredPlan = { total: 0, skipped: 0, accounts: new Map() };
    let batch: PlannedTarget[] = [];
    let stored = 0;
    let lastAccount: string | undefined;
    const flush = async () => {
      if (batch.length === 0) return;
      await lease.ensure();
      await this.options.targets.insert(alert._id, lease, stored, batch);
      stored += batch.length;
      batch = [];
    };
    for await (const target of targets) {
      plan.total += 1;
      if (target.skip) plan.skipped += 1;
      else if (target.account && target.account._id !== lastAccount) {
        lastAccount = target.account._id;
        plan.accounts.set(target.application._id, (plan.accounts.get(target.application._id) ?? 0) + 1);
      }
      if (plan.total - plan.skipped > limit) continue;
      batch.push(target);
      if (batch.length >= this.options.planTargets) await flush();
    }
    await flush();
    return plan;
  }

  private async guard(alert: AlertDocument, { total, skipped, accounts }: StoredPlan, policy: Mitigation): Promise<PlanResult | undefined> {
    if (policy.dryRun) return undefined;
    const count = total - skipped;
    const released = releasedFrom(alert);
    if (!released.has(ABOVE_FAN_OUT) && count > policy.maxFanOut) return { type: 'waiting', count, code: ABOVE_FAN_OUT, reason: `It would act upon ${count} targets, more than ${policy.maxFanOut}; release or reject it.` };
    // Who let so many targets pass has let their accounts pass, too.
    const approved = released.has(ABOVE_FAN_OUT) || released.has(ABOVE_BUDGET);
    const budget = await this.options.budget.reserve(alert._id, alert.postedBy, accounts, policy.accountsPerHour, approved);
    if (budget.type === 'within') return undefined;
    return { type: 'waiting', count, code: ABOVE_BUDGET, reason: `With it the alerts of ${alert.postedBy} would change ${budget.accounts} accounts of one application within an hour, more than ${policy.accountsPerHour}; release or reject it.` };
  }
}

interface StoredPlan {
  total: number;
  skipped: number;
  /** Accounts to be changed, by application. */
  accounts: Map<string, number>;
}
