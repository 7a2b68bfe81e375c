import type { Clock } from '../../contracts/clock.js';
import type { Log } from '../../contracts/log.js';
import type { EngineIntegration, IntegrationRepository } from '../integrations/integration-repository.js';
import type { CursorStore } from './cursor-store.js';
import type { Lane, LaneFigures } from './lane.js';
import type { Places } from './log-places.js';

/** Changes are found by their time; once in a while everything is looked at, so that a writer with a clock far behind is not missed for ever. */
const LOOK_AT_ALL_MS = 60_000;
/** A lane whose settings changed, or that is no longer wanted, gets so long for what is in flight: changes take hold within two seconds. */
const CHANGE_GRACE_MS = 1500;

export interface LanesOptions {
  pool: string;
  integrations: IntegrationRepository;
  cursors: Pick<CursorStore, 'save' | 'forget'>;
  /** Where integrations go on. @throws when the log or the document store does not answer */
  places(integrations: readonly EngineIntegration[]): Promise<Places>;
  clock: Clock;
  log: Log;
  stopGraceMs: number;
  /** Builds the lane and gives it its partitions. `places` say where it goes on, `former` are the figures of the lane before the change. Never throws for settings. */
  start(integration: EngineIntegration, places: Places, former: LaneFigures | undefined): Lane;
  /** One change of lanes or partitions at a time. */
  serially<T>(change: () => Promise<T>): Promise<T>;
  /** Repeats until it worked, or the engine has stopped for long. */
  persist<T>(act: () => Promise<T>): Promise<T>;
  /** What was said last of integrations that this engine did not have before, by id. */
  recall(integrations: readonly EngineIntegration[]): Promise<ReadonlyMap<string, LaneFigures>>;
  /** A lane that this engine no longer has, and that nobody starts again. */
  forgetStatus(integrationId: string): Promise<void>;
  /** A lane ended: there may be something to start. */
  ended(): void;
}

/**
 * The lanes of one engine: one for each enabled integration of its pool. `follow` makes them what the integrations say; a lane that ends does so beside
 * everything else, and the next one of the same integration starts only when its cursors are saved.
 */
export class Lanes {
  readonly running = new Map<string, Lane>();
  private readonly leaving = new Map<string, Promise<void>>();
  private readonly former = new Map<string, LaneFigures>();
  private wanted = new Map<string, EngineIntegration>();
  private deleted = new Set<string>();
  private since = 0;
  private lookedAtAllAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LanesOptions) {}

  /** Whether the integrations were read at least once. */
  get known(): boolean {
    return this.since > 0;
  }

  /** @throws when the document store refuses; the next call tries again and nothing is forgotten */
  async follow(): Promise<void> {
    await this.look();
    for (const [id, lane] of this.running) if (this.wanted.get(id)?.version !== lane.integration.version) this.drop(id, lane);
    const missing = [...this.wanted.values()].filter(({ id }) => !this.running.has(id) && !this.leaving.has(id));
    if (missing.length > 0) await this.options.serially(() => this.startAll(missing));
  }

  /** Stops every lane. What is in flight gets the grace of the settings; cursors of running lanes are saved by the caller. */
  async stop(): Promise<void> {
    await Promise.all([...[...this.running.values()].map((lane) => lane.stop(this.options.stopGraceMs)), this.left()]);
  }

  /** Ends when the lanes that are ending now are gone. */
  async left(): Promise<void> {
    await Promise.all(this.leaving.values());
  }

  private async look(): Promise<void> {
    const { integrations, clock, pool } = this.options;
    const all = Math.abs(clock.now() - this.lookedAtAllAt) >= LOOK_AT_ALL_MS;
    const changes = await integrations.changes(all ? 0 : this.since);
    const deleted = [...changes.deleted];
    if (all) {
      const there = new Set(changes.changed.map(({ id }) => id));
      // Asked one by one: a document that changed during the reading may be missing from the answer.
      for (const id of this.wanted.keys()) if (!there.has(id) && (await integrations.get(id)) === undefined) deleted.push(id);
      this.lookedAtAllAt = clock.now();
    }
    for (const integration of changes.changed) {
      if (integration.enabled && integration.enginePool === pool) this.wanted.set(integration.id, integration);
      else this.wanted.delete(integration.id);
    }
    for (const id of deleted) {
      this.wanted.delete(id);
      this.former.delete(id);
      // Those that run or are ending are forgotten at their end.
      if (!this.deleted.has(id) && !this.running.has(id) && !this.leaving.has(id)) await this.options.cursors.forget(id);
    }
    this.deleted = new Set(deleted);
    this.since = changes.asOf;
  }

  private async startAll(missing: readonly EngineIntegration[]): Promise<void> {
    const places = await this.options.places(missing);
    const recalled = await this.options.recall(missing.filter(({ id }) => !this.former.has(id)));
    for (const integration of missing) {
      this.running.set(integration.id, this.options.start(integration, places, this.former.get(integration.id) ?? recalled.get(integration.id)));
      this.former.delete(integration.id);
    }
  }

  private drop(id: string, lane: Lane): void {
    this.running.delete(id);
    const gone = this.end(id, lane)
      .catch((error: unknown) => this.options.log.error({ integration: lane.integration.name, err: error }, 'ending a delivery failed; the next one goes on from the last saved cursors'))
      .finally(() => {
        this.leaving.delete(id);
        this.options.ended();
      });
    this.leaving.set(id, gone);
  }

  private async end(id: string, lane: Lane): Promise<void> {
    const { options } = this;
    const { cursors, stopGraceMs, log } = options;
    await lane.stop(Math.min(stopGraceMs, CHANGE_GRACE_MS));
    const why = this.deleted.has(id) ? 'deleted' : this.wanted.has(id) ? 'changed' : 'not wanted here';
    // With new settings the time of uninterrupted failure begins anew.
    if (why === 'changed') this.former.set(id, { ...lane.figures, failingSince: null });
    log.info({ integration: lane.integration.name, integrationId: id, why, ...lane.counters }, 'delivery stopped');
    if (why === 'deleted') await options.persist(() => cursors.forget(id));
    else await options.persist(() => cursors.save(lane.partitions.values(), true));
    if (why !== 'changed') await options.forgetStatus(id);
  }
}
