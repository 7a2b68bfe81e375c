import type { Clock } from '../../contracts/clock.js';
import type { Connector } from '../../contracts/connector.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { DirectoryService } from '../../directory/directory.service.js';
import type { Actor } from '../../model/audit-event.js';
import type { Settings } from '../../config/settings.js';
import type { Reason } from '../actions/mitigation-action.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { TargetEnd } from './alert-audit.js';
import type { AlertLease } from './alert-lease.js';
import type { MitigationTargetDocument } from './mitigation-target.schema.js';
import type { PlanName, TargetStore } from './target-store.js';
import { TargetWorker, type TargetProgress } from './target-worker.js';

export interface TargetWalkOptions {
  targets: TargetStore;
  directory: DirectoryService;
  connectorOf: (application: ApplicationDocument) => Connector | undefined;
  settings: Settings['processor'];
  clock: Clock;
  /** Aborts when the process stops: no further target is begun. */
  stopping: AbortSignal;
  /** One that was read a moment ago. */
  knownApplication?: ApplicationDocument;
  /** In whose name. */
  actor: Actor;
  /** The record of a target's end, stored with it. */
  recordOf?: (target: MitigationTargetDocument, end: TargetEnd) => AuditRecord | undefined;
  /** Asked before each target: why the walk ends here. */
  interrupted?: () => Promise<Reason | undefined>;
  /** Asked before a target is begun for the first time: why it is left out. */
  leftOut?: (target: MitigationTargetDocument) => Promise<Reason | undefined>;
}

/** Gives every open target of a plan its try, in the order of the plan, several at a time, a page in memory. */
export class TargetWalk {
  /** Targets that were brought to an end. */
  progress = 0;
  private faultsInARow = 0;

  constructor(private readonly plan: PlanName, private readonly lease: AlertLease, private readonly options: TargetWalkOptions) {}

  /** Answers why it ended early; undefined when all had their try, or when a system had too many faults in a row. @throws LeaseLost */
  async walk(): Promise<Reason | 'stopping' | undefined> {
    const { targets, settings } = this.options;
    const worker = new TargetWorker({ ...this.options, store: targets, lease: this.lease, callTimeoutMs: settings.callTimeoutMs, systemOf: this.systems() });
    const act = async (target: MitigationTargetDocument) => {
      const result: TargetProgress = await worker.act(target);
      if (result === 'later') this.faultsInARow += 1;
      else {
        this.faultsInARow = 0;
        this.progress += 1;
      }
    };
    let last = -1;
    for (;;) {
      const page = await targets.open(this.plan, this.lease, last, settings.planTargets);
      const why = await inOrder(page, settings.targetsAtOnce, act, () => this.ended());
      if (why === 'faults') return undefined;
      if (why) return why;
      last = page.at(-1)?.number ?? last;
      if (page.length < settings.planTargets) return undefined;
    }
  }

  private async ended(): Promise<Reason | 'stopping' | 'faults' | undefined> {
    const { stopping, settings, interrupted } = this.options;
    if (stopping.aborted) return 'stopping';
    if (this.faultsInARow >= settings.faultsInARow) return 'faults';
    return interrupted?.();
  }

  /** Applications and connectors, looked up once a walk. */
  private systems(): (applicationId: string) => Promise<{ application: ApplicationDocument; connector: Connector } | undefined> {
    const { directory, connectorOf, knownApplication } = this.options;
    const known = new Map<string, Promise<{ application: ApplicationDocument; connector: Connector } | undefined>>();
    const systemOf = (application: ApplicationDocument | null) => {
      const connector = application ? connectorOf(application) : undefined;
      return application && connector ? { application, connector } : undefined;
    };
    if (knownApplication) known.set(knownApplication._id, Promise.resolve(systemOf(knownApplication)));
    return (applicationId) => {
      const before = known.get(applicationId);
      if (before) return before;
      const found = directory.applicationById(applicationId).then(systemOf);
      known.set(applicationId, found);
      return found;
    };
  }
}

/**
 * Several at a time, begun in order; a change of what may be asked for ends before what follows it begins. The first error ends it after those that are under way,
 * so that nothing goes on behind the back of whoever asked.
 */
async function inOrder<Why>(page: readonly MitigationTargetDocument[], atOnce: number, act: (target: MitigationTargetDocument) => Promise<void>, ended: () => Promise<Why | undefined>): Promise<Why | undefined> {
  const active = new Set<Promise<void>>();
  const errors: unknown[] = [];
  let why: Why | undefined;
  for (const target of page) {
    why = await ended();
    if (why !== undefined || errors.length > 0) break;
    const one: Promise<void> = act(target)
      .catch((error: unknown) => void errors.push(error))
      .finally(() => active.delete(one));
    active.add(one);
    if (target.operation === 'make-not-requestable') await one;
    else if (active.size >= atOnce) await Promise.race(active);
  }
  await Promise.all(active);
  if (errors.length > 0) throw errors[0];
  return why;
}
