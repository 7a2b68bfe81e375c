import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { LOG } from '../../../contracts/log.js';
import type { Log } from '../../../contracts/log.js';
import { ConnectorRegistry } from '../../../directory/connector-registry.js';
import { DirectoryModels } from '../../../directory/directory-models.js';
import { DirectoryService } from '../../../directory/directory.service.js';
import { AuditRelay } from '../../../platform/audit/audit.relay.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { JobsService } from '../../../platform/jobs/jobs.service.js';
import { alertSchema, type AlertDocument } from '../../alerts/alert.schema.js';
import { MitigationSettings } from '../../alerts/mitigation-settings.service.js';
import { AlertLease, LeaseLost } from '../alert-lease.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from '../mitigation-target.schema.js';
import { TargetStore } from '../target-store.js';
import { SinceThen } from './since-then.js';
import { UndoPlanner } from './undo-planner.js';
import { UndoQueue, type ClaimedUndo } from './undo-queue.js';
import { UndoRun, type UndoRunOptions } from './undo-run.js';
import { UndoWake } from './undo-wake.js';

const INTERVAL_MS = 5000;

/** Takes due undo orders, one after the other: at each tick of its job, and when one is ordered in this process. Any number of replicas do so. */
@Injectable()
export class UndoService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly queue: UndoQueue;
  private readonly options: UndoRunOptions;
  private readonly stop = new AbortController();
  private readonly log: Log;
  private running: Promise<void> | undefined;
  private again = false;
  private started = false;
  private stopListening: (() => void) | undefined;

  constructor(
    store: DocumentStore,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'processor' | 'roles'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
    policy: MitigationSettings,
    directory: DirectoryService,
    models: DirectoryModels,
    connectors: ConnectorRegistry,
    private readonly relay: AuditRelay,
    private readonly undoWake: UndoWake,
    jobs: JobsService,
  ) {
    this.log = log.child('mitigation');
    const targets = store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
    const since = new SinceThen(store.model<AuditRecordDocument>('audit-record', auditRecordSchema), targets, models);
    this.queue = new UndoQueue(store.model<AlertDocument>('alert', alertSchema), clock, settings.processor.leaseMs);
    this.options = {
      queue: this.queue, targets: new TargetStore(targets, clock), since, planner: new UndoPlanner({ targets, since, clock, planTargets: settings.processor.planTargets }), directory,
      connectorOf: (application) => connectors.known(application), policy: () => policy.get(), settings: settings.processor, clock, log: this.log, stopping: this.stop.signal,
    };
    if (settings.roles.includes('mitigation')) jobs.register({ name: 'mitigation-undo', intervalMs: INTERVAL_MS, perReplica: true, runAtStart: true, run: () => Promise.resolve(this.wake()) });
  }

  onApplicationBootstrap(): void {
    if (!this.settings.roles.includes('mitigation')) return;
    this.started = true;
    this.stopListening?.();
    this.stopListening = this.undoWake.onWake(() => this.wake());
    this.wake();
  }

  /** Targets under way are waited for, at most `processor.stopGraceMs`. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening?.();
    this.stop.abort();
    let grace: NodeJS.Timeout | undefined;
    await Promise.race([this.running, new Promise<void>((resolve) => (grace = setTimeout(resolve, this.settings.processor.stopGraceMs)))]);
    clearTimeout(grace);
  }

  /** Until nothing is due; for tests. */
  async settled(): Promise<void> {
    while (this.running) await this.running;
  }

  private wake(): void {
    if (!this.started || this.stop.signal.aborted) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.loop()
      .catch((error: unknown) => this.log.error({ err: error }, 'undo orders could not be claimed; it is tried again at the next turn'))
      .finally(() => {
        this.running = undefined;
        if (this.again) this.wake();
      });
  }

  private async loop(): Promise<void> {
    this.again = false;
    while (!this.stop.signal.aborted) {
      const claimed = await this.queue.claim();
      if (!claimed) return;
      await this.work(claimed);
    }
  }

  /** Never throws. */
  private async work({ alert, undo, token, claimedAt }: ClaimedUndo): Promise<void> {
    const { leaseMs, callTimeoutMs } = this.settings.processor;
    const lease = new AlertLease({ alertId: alert._id, token, claimedAt, leaseMs, marginMs: callTimeoutMs + leaseMs / 10, clock: this.clock, renew: (until) => this.queue.renew(alert._id, token, until) });
    lease.keep();
    const run = new UndoRun(alert, undo, lease, this.options);
    try {
      await run.run().catch((error: unknown) => {
        if (error instanceof LeaseLost) throw error;
        this.log.error({ alertId: alert._id, err: error }, 'an undo met an unexpected fault');
        return run.fail(error);
      });
      this.relay.wake();
    } catch (error) {
      if (error instanceof LeaseLost) this.log.warn({ alertId: alert._id }, 'the lease of an undo was lost; another process goes on with it');
      else this.log.error({ alertId: alert._id, err: error }, 'how an undo stands could not be stored; it is taken up again when its lease ends');
    } finally {
      await lease.end();
    }
  }
}
