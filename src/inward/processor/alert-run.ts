import type { CampaignDocument, NewCampaign } from '../../certification/campaign.schema.js';
import type { Clock } from '../../contracts/clock.js';
import type { Connector } from '../../contracts/connector.js';
import type { Log } from '../../contracts/log.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { DirectoryService } from '../../directory/directory.service.js';
import type { IdentityDocument } from '../../directory/identity.schema.js';
import { ALERT_TYPES, type AlertState } from '../../model/alert.js';
import type { Actor } from '../../model/audit-event.js';
import type { Settings } from '../../config/settings.js';
import type { Reason } from '../actions/mitigation-action.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { Mitigation } from '../alerts/mitigation-settings.service.js';
import { accountRecord, alertRecord, failedNotification, heldNotification, MITIGATION_ACTOR, type AlertVerb, type TargetEnd } from './alert-audit.js';
import type { AlertLease } from './alert-lease.js';
import type { AlertPlanner } from './alert-planner.js';
import type { AlertQueue } from './alert-queue.js';
import { conclusionOf } from './conclusion.js';
import type { MitigationTargetDocument } from './mitigation-target.schema.js';
import { retryDelayMs } from './retry-delay.js';
import type { TargetStore } from './target-store.js';
import { TargetWalk } from './target-walk.js';

export interface AlertRunOptions {
  queue: AlertQueue;
  targets: TargetStore;
  planner: AlertPlanner;
  directory: DirectoryService;
  connectorOf: (application: ApplicationDocument) => Connector | undefined;
  campaigns: { open(campaign: NewCampaign, actor: Actor): Promise<CampaignDocument> };
  policy: () => Promise<Mitigation>;
  settings: Settings['processor'];
  clock: Clock;
  log: Log;
  /** Aborts when the process stops: no further target is begun. */
  stopping: AbortSignal;
}

/** How a run left the alert: closed or held in a state, to be tried again, or given back because the process stops. */
export type RunEnd = { type: 'left'; state: AlertState } | { type: 'retry' } | { type: 'given-back' };

/** Work on one alert under one lease: plan, act, close. Every write is conditional on the lease; whoever lost it writes nothing. */
export class AlertRun {
  private progress = 0;
  /** As the plan has read it. */
  private application: ApplicationDocument | undefined;

  constructor(private alert: AlertDocument, private readonly lease: AlertLease, private readonly options: AlertRunOptions) {}

  /** @throws LeaseLost, or what the document store throws: then the next owner goes on from what is stored. */
  async run(): Promise<RunEnd> {
    const policy = await this.options.policy();
    if (policy.killSwitch) return this.hold(KILL_SWITCH, 0);
    if (!this.alert.planned) {
      const ended = await this.plan(policy);
      if (ended) return ended;
    } else {
      await this.options.targets.stamp(this.alert, this.lease);
    }
    const stop = this.alert.attempts > policy.maxAttempts ? undefined : await this.walk();
    return this.conclude(stop, policy);
  }

  /** Something unexpected: the try counts, and the next one comes later. @throws LeaseLost */
  async fail(error: unknown): Promise<RunEnd> {
    const reason = error instanceof Error ? error.message : String(error);
    const { maxAttempts } = await this.options.policy();
    const fault = { code: 'unexpected', reason: `An unexpected fault: ${reason}`.slice(0, 1000) };
    if (this.alert.attempts < maxAttempts) return this.retryLater(fault);
    if (!this.alert.planned) return this.close('failed', fault);
    return this.giveUp(fault);
  }

  private async plan(policy: Mitigation): Promise<RunEnd | undefined> {
    const { targets, planner, queue, clock } = this.options;
    // At the first try there is nothing that an earlier owner could have left.
    if (this.alert.attempts > 1 || this.alert.approval) await targets.forgetUnfinished(this.alert._id, this.lease);
    if (this.alert.attempts > policy.maxAttempts) return this.close('failed', { code: 'attempts-exhausted', reason: `It was given up after ${policy.maxAttempts} tries; each process that worked on it ended early.` });
    const plan = await planner.plan(this.alert, this.lease, policy);
    switch (plan.type) {
      case 'rejected':
      case 'failed':
        return this.close(plan.type, plan);
      case 'waiting':
        return this.hold(plan, plan.count);
      case 'retry':
        return this.alert.attempts < policy.maxAttempts ? this.retryLater(plan) : this.close('failed', plan);
      case 'certification':
        return this.certify(plan, policy);
      case 'planned': {
        const facts = {
          planned: true, planToken: this.lease.token, identityId: plan.identity?._id ?? null, identityName: plan.identity?.name ?? null, startedAt: this.alert.startedAt ?? new Date(clock.now()),
          targets: { planned: plan.total, done: 0, skipped: plan.skipped, failed: 0, notConfirmed: 0 },
        };
        this.alert = { ...this.alert, ...facts };
        this.application = plan.application;
        if (policy.dryRun) {
          await targets.giveUp(this.alert, this.lease, { state: 'skipped', ...DRY_RUN });
          return this.close('rejected', { ...DRY_RUN, reason: `${DRY_RUN.reason} It would have acted upon ${plan.total - plan.skipped} targets.` });
        }
        await queue.write(this.alert._id, this.lease, { $set: facts });
        return undefined;
      }
    }
  }

  /** The campaign is recorded, and nobody is asked: the alert says so and fails, that the SIEM does not take a review for begun that is not. */
  private async certify({ identity, campaign }: { identity: IdentityDocument | null; campaign: NewCampaign }, { dryRun }: Mitigation): Promise<RunEnd> {
    this.alert = { ...this.alert, identityId: identity?._id ?? null, identityName: identity?.name ?? null };
    if (dryRun) return this.close('rejected', { ...DRY_RUN, reason: `${DRY_RUN.reason} It would have opened "${campaign.name}" for ${campaign.reviewer.name}.` });
    await this.lease.ensure();
    const { _id } = await this.options.campaigns.open(campaign, MITIGATION_ACTOR);
    this.alert = { ...this.alert, campaignId: _id };
    return this.close('failed', { code: 'campaigns-not-available', reason: `"${campaign.name}" is recorded for ${campaign.reviewer.name} as ${_id} and was not started: campaigns are not available in this version.` });
  }

  private async walk(): Promise<Reason | 'stopping' | undefined> {
    const { policy } = this.options;
    const walk = new TargetWalk(this.alert, this.lease, { ...this.options, actor: MITIGATION_ACTOR, knownApplication: this.application, recordOf: this.recordOf, interrupted: async () => ((await policy()).killSwitch ? KILL_SWITCH : undefined) });
    try {
      return await walk.walk();
    } finally {
      this.progress += walk.progress;
    }
  }

  private async conclude(stop: Reason | 'stopping' | undefined, policy: Mitigation): Promise<RunEnd> {
    const { targets } = this.options;
    const { open, ...counts } = await targets.counts(this.alert);
    if (open === 0) {
      const example = counts.failed + counts.notConfirmed > 0 ? await targets.example(this.alert, ['failed', 'not-confirmed']) : counts.done === 0 && counts.skipped > 0 ? await targets.example(this.alert, ['skipped']) : null;
      const cautions = counts.done > 0 && ALERT_TYPES[this.alert.type].operation === 'remove' ? await targets.cautions(this.alert) : null;
      const { state, code, reason } = conclusionOf(counts, example, cautions);
      return this.close(state, { code, reason }, counts);
    }
    if (stop === 'stopping') return this.giveBack();
    if (stop) return this.hold(stop, open);
    const example = await targets.example(this.alert, ['planned', 'intent']);
    const fault = { code: example?.code ?? 'attempts-exhausted', reason: example?.reason ?? 'Each process that worked on it ended early.' };
    // Tries count since something was last achieved: a slow system is not given up while it makes progress.
    if (this.progress > 0 || this.alert.attempts < policy.maxAttempts) return this.retryLater(fault);
    return this.giveUp(fault);
  }

  private async giveUp(fault: Reason): Promise<RunEnd> {
    const { targets } = this.options;
    await targets.giveUp(this.alert, this.lease, { state: 'failed', ...fault }, this.recordOf);
    const { open: _none, ...counts } = await targets.counts(this.alert);
    const { state } = conclusionOf(counts, null);
    return this.close(state, { code: fault.code, reason: `It was given up after ${this.alert.attempts} tries. ${fault.reason}` }, counts);
  }

  private async retryLater({ code, reason }: Reason): Promise<RunEnd> {
    const { queue, settings, clock, log } = this.options;
    const waitMs = retryDelayMs(this.alert.attempts, settings.retryInitialMs, settings.retryMaxMs, Math.random());
    const dueAt = new Date(clock.now() + waitMs);
    await queue.write(this.alert._id, this.lease, { $set: { leaseToken: null, leaseOwner: null, leaseUntil: dueAt, dueAt, reasonCode: code, reason, ...(this.progress > 0 ? { attempts: 0 } : {}) } });
    log.warn({ ...this.facts(), code, reason, nextTryInMs: waitMs }, 'an alert is tried again later');
    return { type: 'retry' };
  }

  /** An orderly stop is no try. */
  private async giveBack(): Promise<RunEnd> {
    const { queue, clock } = this.options;
    await queue.write(this.alert._id, this.lease, { $set: { leaseToken: null, leaseOwner: null, leaseUntil: new Date(clock.now()), ...(this.progress > 0 ? { attempts: 0 } : {}) }, ...(this.progress > 0 ? {} : { $inc: { attempts: -1 } }) });
    return { type: 'given-back' };
  }

  private async hold({ code, reason }: Reason, count: number): Promise<RunEnd> {
    const { queue, clock, log } = this.options;
    const record = alertRecord('waiting', this.alert, { outcome: 'unknown', code, reason, attributes: { count }, notification: heldNotification(this.alert, { code, reason }, clock.now()) }, clock);
    await queue.write(this.alert._id, this.lease, { $set: { state: 'waiting', reasonCode: code, reason, attempts: 0, leaseToken: null, leaseOwner: null, leaseUntil: null } }, record);
    log.warn({ ...this.facts(), code, reason, count }, 'an alert waits for an approver');
    return { type: 'left', state: 'waiting' };
  }

  private async close(state: 'succeeded' | 'partially-failed' | 'failed' | 'rejected', { code, reason }: { code: string | null; reason: string | null }, counts?: AlertDocument['targets']): Promise<RunEnd> {
    const { queue, targets, clock, log } = this.options;
    const finalCounts = counts ?? (this.alert.planned ? await this.closedCounts(targets) : this.alert.targets);
    const now = new Date(clock.now());
    const { done, skipped, failed, notConfirmed } = finalCounts;
    const record = alertRecord(VERBS[state], this.alert, { outcome: state === 'succeeded' ? 'success' : 'failure', code, reason, attributes: { state, count: done, skipped, failed, notConfirmed }, ...(VERBS[state] === 'failed' ? { notification: failedNotification(this.alert, { code, reason }) } : {}) }, clock);
    const set = {
      state, reasonCode: code, reason, closedAt: now, targets: finalCounts, startedAt: this.alert.startedAt ?? now, planned: this.alert.planned, planToken: this.alert.planToken, identityId: this.alert.identityId,
      identityName: this.alert.identityName, campaignId: this.alert.campaignId, leaseToken: null, leaseOwner: null, leaseUntil: null,
    };
    await queue.write(this.alert._id, this.lease, { $set: set }, record);
    const facts = { ...this.facts(), state, code, done, skipped, failed, notConfirmed, ms: now.getTime() - this.alert.receivedAt.getTime() };
    if (state === 'succeeded') log.info(facts, 'an alert was mitigated');
    else log.warn({ ...facts, reason }, `an alert ended as ${state}`);
    return { type: 'left', state };
  }

  private readonly recordOf = (target: MitigationTargetDocument, end: TargetEnd) => accountRecord(this.alert, target, end, this.options.clock);

  private async closedCounts(targets: TargetStore): Promise<AlertDocument['targets']> {
    const { open: _open, ...counts } = await targets.counts(this.alert);
    return counts;
  }

  private facts(): object {
    const { _id, type, application, nativeId, level, attempts } = this.alert;
    return { alertId: _id, type, application, nativeId, level, attempts };
  }
}

const KILL_SWITCH: Reason = { code: 'kill-switch', reason: 'The kill switch is on; release or reject it when it is off.' };
const DRY_RUN: Reason = { code: 'dry-run', reason: 'Dry run: nothing was changed.' };
const VERBS: Record<'succeeded' | 'partially-failed' | 'failed' | 'rejected', AlertVerb> = { succeeded: 'processed', 'partially-failed': 'failed', failed: 'failed', rejected: 'rejected' };
