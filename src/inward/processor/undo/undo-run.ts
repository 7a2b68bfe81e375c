import type { Clock } from '../../../contracts/clock.js';
import type { Log } from '../../../contracts/log.js';
import type { Settings } from '../../../config/settings.js';
import { newAuditRecord } from '../../../platform/audit/new-audit-record.js';
import type { AlertDocument, AlertUndo, TargetCounts } from '../../alerts/alert.schema.js';
import type { Mitigation } from '../../alerts/mitigation-settings.service.js';
import type { Reason } from '../../actions/mitigation-action.js';
import { alertName } from '../alert-audit.js';
import type { AlertLease } from '../alert-lease.js';
import type { MitigationTargetDocument } from '../mitigation-target.schema.js';
import { retryDelayMs } from '../retry-delay.js';
import type { PlanName, TargetStore } from '../target-store.js';
import { TargetWalk, type TargetWalkOptions } from '../target-walk.js';
import type { SinceThen } from './since-then.js';
import type { UndoPlanner } from './undo-planner.js';
import type { UndoQueue } from './undo-queue.js';

export interface UndoRunOptions extends Pick<TargetWalkOptions, 'directory' | 'connectorOf' | 'stopping'> {
  queue: UndoQueue;
  targets: TargetStore;
  planner: UndoPlanner;
  since: SinceThen;
  policy: () => Promise<Mitigation>;
  settings: Settings['processor'];
  clock: Clock;
  log: Log;
}

export type UndoEnd = 'succeeded' | 'partially-failed' | 'failed' | 'retry' | 'given-back';

/**
 * Work on one undo under one lease: plan, give back, close. As with an alert each target's intent is stored before the call and its outcome after, and whoever lost
 * the lease writes nothing; so two processes give back once.
 */
export class UndoRun {
  private progress = 0;

  constructor(private readonly alert: AlertDocument, private undo: AlertUndo, private readonly lease: AlertLease, private readonly options: UndoRunOptions) {}

  /** @throws LeaseLost, or what the document store throws: then the next owner goes on from what is stored. */
  async run(): Promise<UndoEnd> {
    const { planner, targets, queue } = this.options;
    if (this.undo.planned) {
      await targets.stamp(this.plan, this.lease);
    } else {
      const { planned, skipped } = await planner.plan(this.alert, this.undo, this.lease);
      const facts = { planned: true, planToken: this.lease.token, targets: { planned, skipped, done: 0, failed: 0, notConfirmed: 0 } };
      await queue.write(this.alert._id, this.lease, facts);
      this.undo = { ...this.undo, ...facts };
    }
    const { maxAttempts } = await this.options.policy();
    return this.conclude(this.undo.attempts > maxAttempts ? undefined : await this.walk(), maxAttempts);
  }

  /** Something unexpected: the try counts, and the next one comes later. @throws LeaseLost */
  async fail(error: unknown): Promise<UndoEnd> {
    const { maxAttempts } = await this.options.policy();
    const fault = { code: 'unexpected', reason: `An unexpected fault: ${error instanceof Error ? error.message : String(error)}`.slice(0, 1000) };
    return this.undo.attempts < maxAttempts ? this.retryLater(fault) : this.giveUp(fault);
  }

  private get plan(): PlanName {
    return { _id: this.alert._id, planToken: this.undo.planToken };
  }

  private async walk(): Promise<Reason | 'stopping' | undefined> {
    const walk = new TargetWalk(this.plan, this.lease, { ...this.options, actor: this.undo.by, leftOut: (target) => this.leftOut(target) });
    try {
      return await walk.walk();
    } finally {
      this.progress += walk.progress;
    }
  }

  /** Asked again with each try: what was free at the first may be taken at the next. */
  private async leftOut(target: MitigationTargetDocument): Promise<Reason | undefined> {
    const { since, targets } = this.options;
    const at = (await targets.outcomeTime(this.alert, target.undoOf ?? -1)) ?? this.alert.closedAt ?? this.undo.at;
    const done = { ...target, operation: INVERSE[target.operation] ?? target.operation, at };
    return this.undo.evenIfChanged ? since.isGone(done) : since.standsInTheWay(done);
  }

  private async conclude(stop: Reason | 'stopping' | undefined, maxAttempts: number): Promise<UndoEnd> {
    const { targets, queue, clock } = this.options;
    const { open, ...counts } = await targets.counts(this.plan);
    if (open === 0) return this.close(counts, await targets.example(this.plan, ['failed', 'not-confirmed', 'skipped']));
    if (stop === 'stopping') {
      // An orderly stop is no try.
      await queue.write(this.alert._id, this.lease, { leaseToken: null, dueAt: new Date(clock.now()), attempts: this.progress > 0 ? 0 : this.undo.attempts - 1 });
      return 'given-back';
    }
    const example = await targets.example(this.plan, ['planned', 'intent']);
    const fault = { code: example?.code ?? 'attempts-exhausted', reason: example?.reason ?? 'Each process that worked on it ended early.' };
    return this.progress > 0 || this.undo.attempts < maxAttempts ? this.retryLater(fault) : this.giveUp(fault);
  }

  private async giveUp(fault: Reason): Promise<UndoEnd> {
    const { targets } = this.options;
    await targets.giveUp(this.plan, this.lease, { state: 'failed', ...fault });
    const { open: _none, ...counts } = await targets.counts(this.plan);
    return this.close(counts, fault);
  }

  private async retryLater({ code, reason }: Reason): Promise<UndoEnd> {
    const { queue, settings, clock, log } = this.options;
    const waitMs = retryDelayMs(this.undo.attempts, settings.retryInitialMs, settings.retryMaxMs, Math.random());
    await queue.write(this.alert._id, this.lease, { leaseToken: null, dueAt: new Date(clock.now() + waitMs), reasonCode: code, reason, ...(this.progress > 0 ? { attempts: 0 } : {}) });
    log.warn({ alertId: this.alert._id, code, reason, nextTryInMs: waitMs }, 'an undo is tried again later');
    return 'retry';
  }

  private async close(counts: TargetCounts, example: { code: string | null; reason: string | null } | null): Promise<UndoEnd> {
    const { queue, clock, log } = this.options;
    const { planned, done } = counts;
    const state = done === planned ? 'succeeded' : done > 0 ? 'partially-failed' : 'failed';
    const code = state === 'succeeded' ? null : (example?.code ?? 'not-given-back');
    const reason = `${done} of ${planned} changes were given back.${state !== 'succeeded' && example?.reason ? ` For example not: ${example.reason}` : ''}`;
    const record = newAuditRecord(
      {
        type: 'audit.mitigation.undo', actor: this.undo.by, subject: { kind: 'alert', id: this.alert._id, name: alertName(this.alert) }, correlationId: this.alert._id, outcome: state === 'succeeded' ? 'success' : 'failure', reason,
        attributes: { state, count: done, skipped: counts.skipped, failed: counts.failed, notConfirmed: counts.notConfirmed, application: this.alert.application, ...(code === null ? {} : { code }) },
      },
      clock,
    );
    await queue.write(this.alert._id, this.lease, { state, reasonCode: code, reason, closedAt: new Date(clock.now()), targets: counts, leaseToken: null, dueAt: null }, record);
    log.info({ alertId: this.alert._id, state, code, ...counts }, 'an undo ended');
    return state;
  }
}

/** What was done, by what gives it back. */
const INVERSE: Partial<Record<string, MitigationTargetDocument['operation']>> = { enable: 'disable', 'add-entitlement': 'remove-entitlement', 'make-requestable': 'make-not-requestable' };
