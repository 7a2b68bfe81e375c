import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Model } from 'mongoose';
import { Campaigns } from '../../certification/campaigns.service.js';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import { ConnectorRegistry } from '../../directory/connector-registry.js';
import { DirectoryService } from '../../directory/directory.service.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { alertSchema, type AlertDocument } from '../alerts/alert.schema.js';
import { MitigationSettings } from '../alerts/mitigation-settings.service.js';
import { AccountBudget } from './account-budget.js';
import { AlertLease, LeaseLost } from './alert-lease.js';
import { AlertPlanner } from './alert-planner.js';
import { AlertQueue, type ClaimedAlert } from './alert-queue.js';
import { AlertRun, type AlertRunOptions, type RunEnd } from './alert-run.js';
import { mitigationBudgetSchema, type MitigationBudgetDocument } from './mitigation-budget.schema.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from './mitigation-target.schema.js';
import { ProcessorWake } from './processor-wake.js';
import { TargetStore } from './target-store.js';

export const PROCESSOR_JOB = 'mitigation';
const INTERVAL_CHECK_MS = 1000;
const MOST_CLAIMS_TOGETHER = 8;

/** What became of alerts in this process since it was last asked. */
interface Counts {
  [count: string]: number;
  succeeded: number;
  failed: number;
  rejected: number;
  waiting: number;
  retried: number;
  leasesLost: number;
}

/**
 * Takes due alerts and acts, several at a time. Any number of replicas do so: the atomic claim of each alert decides who has it. It looks at each tick of its job,
 * when an alert is stored in this process, and whenever it has finished one.
 */
@Injectable()
export class ProcessorService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly queue: AlertQueue;
  private readonly runOptions: AlertRunOptions;
  private readonly settings: Settings['processor'];
  private readonly active = new Set<Promise<void>>();
  private readonly stop = new AbortController();
  private readonly log: Log;
  private counts = noCounts();
  private started = false;
  private filling: Promise<void> | undefined;
  private again = false;
  private stopListening: (() => void) | undefined;
  private intervalCheck: NodeJS.Timeout | undefined;

  constructor(
    store: DocumentStore,
    @Inject(SETTINGS) private readonly all: Pick<Settings, 'processor' | 'mitigation' | 'roles'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
    private readonly policy: MitigationSettings,
    directory: DirectoryService,
    connectors: ConnectorRegistry,
    campaigns: Campaigns,
    private readonly relay: AuditRelay,
    private readonly processorWake: ProcessorWake,
    private readonly jobs: JobsService,
  ) {
    const settings = all.processor;
    this.settings = settings;
    this.log = log.child('mitigation');
    const alerts: Model<AlertDocument> = store.model<AlertDocument>('alert', alertSchema);
    relay.watch(alerts, { removeWhenEmpty: true });
    const targetModel = store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
    relay.watch(targetModel);
    const targets = new TargetStore(targetModel, clock);
    const budget = new AccountBudget(store.model<MitigationBudgetDocument>('mitigation-budget', mitigationBudgetSchema), clock);
    const connectorOf = (application: ApplicationDocument) => connectors.known(application);
    this.queue = new AlertQueue(alerts, clock, settings.leaseMs);
    this.runOptions = {
      queue: this.queue, targets, directory, connectorOf, campaigns, settings, clock, log: this.log, stopping: this.stop.signal, policy: () => this.policy.get(),
      planner: new AlertPlanner({ directory, connectorOf, targets, budget, clock, callTimeoutMs: settings.callTimeoutMs, planTargets: settings.planTargets }),
    };
    if (all.roles.includes('mitigation')) jobs.register({ name: PROCESSOR_JOB, intervalMs: all.mitigation.intervalMs, perReplica: true, runAtStart: true, run: () => Promise.resolve(this.tick()) });
  }

  onApplicationBootstrap(): void {
    if (!this.all.roles.includes('mitigation')) return;
    this.started = true;
    this.stopListening?.();
    clearInterval(this.intervalCheck);
    this.stopListening = this.processorWake.onWake(() => this.wake());
    this.intervalCheck = setInterval(() => void this.followInterval(), INTERVAL_CHECK_MS);
    this.intervalCheck.unref();
    this.wake();
  }

  /** Targets under way are waited for, at most `processor.stopGraceMs`; the rest is given back and goes on in another process, or in this one after its start. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening?.();
    clearInterval(this.intervalCheck);
    this.stop.abort();
    let grace: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (grace = setTimeout(resolve, this.settings.stopGraceMs)));
    await Promise.race([Promise.all([this.filling, ...this.active]).then(() => Promise.all(this.active)), late]);
    clearTimeout(grace);
  }

  /** Looks for due alerts now. Never throws, never waits. */
  wake(): void {
    if (!this.started || this.stop.signal.aborted) return;
    if (this.filling) {
      this.again = true;
      return;
    }
    this.filling = this.fill()
      .catch((error: unknown) => this.log.error({ err: error }, 'alerts could not be claimed; it is tried again at the next turn'))
      .finally(() => {
        this.filling = undefined;
        if (this.again) this.wake();
      });
  }

  /** Until nothing is due and nothing is under way; for tests and benchmarks. */
  async settled(): Promise<void> {
    while (this.filling || this.active.size > 0) await Promise.all([this.filling, ...this.active]);
  }

  /** An administrator may change the interval in any process, and a long one must not delay its own end. */
  private async followInterval(): Promise<void> {
    try {
      const { intervalMs } = await this.policy.get();
      if (!this.stop.signal.aborted) this.jobs.reschedule(PROCESSOR_JOB, intervalMs);
    } catch {
      // The documents are away: the interval stays as it is, and whoever reads them says so.
    }
  }

  private tick(): Counts {
    this.wake();
    const { counts } = this;
    this.counts = noCounts();
    return counts;
  }

  /** One claim first; while there is work several at a time, for each waits for the disk and those that come together share a flush. */
  private async fill(): Promise<void> {
    this.again = false;
    let together = 1;
    while (!this.stop.signal.aborted) {
      const wanted = Math.min(together, this.settings.alertsAtOnce - this.active.size);
      if (wanted < 1) return;
      const { prioritizeByLevel } = await this.policy.get();
      const claims = await Promise.allSettled(Array.from({ length: wanted }, () => this.queue.claim(prioritizeByLevel)));
      const claimed = claims.flatMap((claim) => (claim.status === 'fulfilled' && claim.value ? [claim.value] : []));
      for (const each of claimed) this.begin(each);
      // What was claimed is worked on, whatever became of the others.
      const failed = claims.find((claim) => claim.status === 'rejected');
      if (failed) throw failed.reason;
      if (claimed.length < wanted) return;
      together = Math.min(together * 2, MOST_CLAIMS_TOGETHER);
    }
  }

  private begin(claimed: ClaimedAlert): void {
    const work: Promise<void> = this.work(claimed).finally(() => {
      this.active.delete(work);
      this.wake();
    });
    this.active.add(work);
  }

  /** One alert; what goes wrong with it touches no other. Never throws. */
  private async work({ alert, token, claimedAt }: ClaimedAlert): Promise<void> {
    const { leaseMs, callTimeoutMs } = this.settings;
    const lease = new AlertLease({ alertId: alert._id, token, claimedAt, leaseMs, marginMs: callTimeoutMs + leaseMs / 10, clock: this.clock, renew: (until) => this.queue.renew(alert._id, token, until) });
    lease.keep();
    const run = new AlertRun(alert, lease, this.runOptions);
    try {
      this.count(await run.run().catch((error: unknown) => this.afterError(error, run, alert)));
      this.relay.wake();
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.counts.leasesLost += 1;
        this.log.warn({ alertId: alert._id, type: alert.type }, 'the lease of an alert was lost; another process goes on with it');
      } else {
        this.log.error({ alertId: alert._id, type: alert.type, err: error }, 'how an alert stands could not be stored; it is taken up again when its lease ends');
      }
    } finally {
      await lease.end();
    }
  }

  private afterError(error: unknown, run: AlertRun, alert: AlertDocument): Promise<RunEnd> {
    if (error instanceof LeaseLost) throw error;
    this.log.error({ alertId: alert._id, type: alert.type, attempts: alert.attempts, err: error }, 'an alert met an unexpected fault');
    return run.fail(error);
  }

  private count(end: RunEnd): void {
    if (end.type === 'retry') this.counts.retried += 1;
    if (end.type !== 'left') return;
    if (end.state === 'succeeded' || end.state === 'rejected' || end.state === 'waiting') this.counts[end.state] += 1;
    else this.counts.failed += 1;
  }
}

function noCounts(): Counts {
  return { succeeded: 0, failed: 0, rejected: 0, waiting: 0, retried: 0, leasesLost: 0 };
}
