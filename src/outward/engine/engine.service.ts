import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { CLOCK, type Clock } from '../../contracts/clock.js';
import { DIALER, type Dialer } from '../../contracts/dialer.js';
import { EVENT_LOG, type EventLog, type OwnedPartition, type PartitionRange, type PoolHandler, type PoolMember } from '../../contracts/event-log.js';
import { LOG, type Log } from '../../contracts/log.js';
import { METRICS, type Metrics } from '../../contracts/metrics.js';
import type { Integration } from '../../model/integration.js';
import { AuditService } from '../../platform/audit/audit.service.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { deliveryPathOf } from '../delivery/delivery-path.js';
import { machineHostname } from '../delivery/shape.js';
import { LogReplacements } from '../../platform/event-log/log-replacements.js';
import { FilterVersions } from '../evidence/filter-versions.js';
import { LedgerStore } from '../evidence/ledger-store.js';
import { ledgerPageSchema, type LedgerPageDocument } from '../evidence/ledger.schema.js';
import { replayLedgerSchema } from '../evidence/replay-ledger.js';
import { replaySchema, type ReplayDocument } from '../evidence/replay.schema.js';
import { ForeignRecords } from '../intake/foreign-records.js';
import { IntegrationRepository, type EngineIntegration } from '../integrations/integration-repository.js';
import { ChangeQueue } from './change-queue.js';
import { CommandRunner } from './command-runner.js';
import { CursorStore, cursorId, FILTERED_SAVE_MS } from './cursor-store.js';
import { cursorSchema, type CursorDocument } from './cursor.schema.js';
import { DeadLetterStore, type DeadLetterSink } from './dead-letter-store.js';
import { deadLetterSchema, type DeadLetterDocument } from './dead-letter.schema.js';
import { engineCommandSchema, type EngineCommandDocument } from './engine-command.schema.js';
import { EngineWake } from './engine-wake.js';
import { healthNotification } from './engine-notifications.js';
import type { FeedContext } from './feed-context.js';
import { engineSchema, type EngineDocument } from './engine.schema.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from './integration-status.schema.js';
import type { LanePartition } from './lane-partition.js';
import { LogPlaces, type Misplaced, type Place, type Places } from './log-places.js';
import { LogWatch } from './log-watch.js';
import { Lane, type HealthChange, type LaneFigures, type LaneOptions } from './lane.js';
import { Lanes } from './lanes.js';
import { ReachStore } from './reach-store.js';
import { reachSchema, type ReachDocument } from './reach.schema.js';
import { ReadTroubles } from './read-troubles.js';
import { ReplayRunner } from './replay-runner.js';
import { LostPositions } from './lost-positions.js';
import { SharedFeed } from './shared-feed.js';
import { Signal, within } from './signal.js';
import { StatusWriter } from './status-writer.js';

/** Version that engines register with. */
export const ENGINE_VERSION = '0.1.0';

/**
 * The engine of one pool in this process: owns partitions, keeps a lane for each enabled integration of the pool, watches their documents,
 * saves cursors and tells how it goes. It meets the API in documents only.
 */
@Injectable()
export class EngineService implements OnApplicationBootstrap, BeforeApplicationShutdown, PoolHandler {
  readonly id: string;
  private readonly pool: string;
  private readonly machineHostname = machineHostname();
  private readonly lanes: Lanes;
  private readonly feeds = new Map<number, SharedFeed>();
  private readonly cursors: CursorStore;
  private readonly filterVersions: FilterVersions;
  private readonly engines: Model<EngineDocument>;
  private readonly commands: CommandRunner;
  private readonly status: StatusWriter;
  private readonly reach: ReachStore;
  private readonly replays: ReplayRunner;
  private readonly feedContext: FeedContext;
  private readonly deadLetters: DeadLetterStore;
  private readonly losses: LostPositions;
  private readonly places: LogPlaces;
  private readonly watch: LogWatch;
  private readonly turn = new Signal();
  private readonly log: Log;
  private readonly startedAt: number;
  private member: PoolMember | undefined;
  private ranges = new Map<number, PartitionRange>();
  private stopping = false;
  private ended: Promise<void> | undefined;
  private lastCommitAt = 0;
  private lastBeat = { at: 0, delivered: 0, cpu: process.cpuUsage() };
  private readonly changes: ChangeQueue;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(EVENT_LOG) private readonly eventLog: EventLog,
    @Inject(DIALER) private readonly dialer: Dialer,
    @Inject(LOG) log: Log,
    private readonly integrations: IntegrationRepository,
    private readonly audit: AuditService,
    private readonly engineWake: EngineWake,
    foreign: ForeignRecords,
    replacements: LogReplacements,
    store: DocumentStore,
    @Optional() @Inject(METRICS) metrics?: Metrics,
  ) {
    this.log = log.child('engine');
    this.changes = new ChangeQueue(this.log);
    this.id = settings.engine.id ?? `${this.machineHostname.split('.')[0] ?? 'engine'}-${process.pid}-${randomUUID().slice(0, 6)}`;
    this.pool = settings.engine.pool;
    this.startedAt = clock.now();
    const ledger = new LedgerStore(store.model<LedgerPageDocument>('ledger-page', ledgerPageSchema), clock, this.id, settings.evidence.ledgerDays);
    this.cursors = new CursorStore(store.model<CursorDocument>('cursor', cursorSchema), clock, ledger, Math.min(FILTERED_SAVE_MS, 30 * settings.engine.commitIntervalMs));
    this.filterVersions = new FilterVersions(store);
    this.engines = store.model<EngineDocument>('engine', engineSchema);
    this.deadLetters = new DeadLetterStore(store.model<DeadLetterDocument>('dead-letter', deadLetterSchema), clock, this.log, settings.evidence.deadLetterBytes);
    this.status = new StatusWriter(store.model<IntegrationStatusDocument>('integration-status', integrationStatusSchema), clock, this.id, this.pool, this.startedAt);
    this.reach = new ReachStore(store.model<ReachDocument>('integration-reach', reachSchema), clock);
    this.commands = new CommandRunner({
      model: store.model<EngineCommandDocument>('engine-command', engineCommandSchema),
      engineId: this.id, pool: this.pool, machineHostname: this.machineHostname, integrations, dialer, clock, log: this.log, timeoutMs: settings.engine.testTimeoutMs,
      reached: (integration, rung) => this.reach.found(integration, rung, 'test'),
    });
    this.losses = new LostPositions({ eventLog, audit, clock, log: this.log, ...(metrics ? { metrics } : {}) });
    this.places = new LogPlaces({ eventLog, cursors: this.cursors, audit, replaced: () => replacements.remember(clock.now()), clock, log: this.log, confirmMs: settings.engine.heartbeatMs });
    this.watch = new LogWatch({ eventLog, log: this.log, restart: (owned, why) => this.restart(owned, why) });
    this.lanes = new Lanes({
      pool: this.pool,
      integrations,
      cursors: this.cursors,
      places: (integrations) => this.places.of(integrations),
      clock,
      log: this.log,
      stopGraceMs: settings.engine.stopGraceMs,
      start: (integration, places, former) => this.startLane(integration, places, former),
      serially: (change) => this.changes.serially('starting deliveries', change),
      persist: (act) => this.persist(act),
      recall: (missing) => this.status.recall(missing),
      forgetStatus: (id) => this.status.remove(id),
      ended: () => this.turn.notify(),
    });
    this.feedContext = {
      eventLog,
      deadLetters: this.deadLetters,
      readForeign: (record) => foreign.read(record),
      readOptions: { maxBytes: settings.engine.batchBytes, maxRecords: settings.engine.batchEvents },
      reading: new ReadTroubles({ record: (record) => this.persist(() => this.audit.record(record)), clock, log: this.log }),
      engineId: this.id,
      passGap: (owned, to, missing, abandoned) => this.losses.pass(owned, to, missing, () => this.stopping || abandoned()),
    };
    const replayPages = store.model<LedgerPageDocument>('replay-ledger-page', replayLedgerSchema);
    this.replays = new ReplayRunner({
      replays: store.model<ReplayDocument>('replay', replaySchema), deadLetters: store.model<DeadLetterDocument>('dead-letter', deadLetterSchema), engineId: this.id, pool: this.pool, integrations,
      context: this.feedContext, eventLog, clock, log: this.log, cursors: this.cursors,
      ledger: (replayId) => new LedgerStore(replayPages, clock, replayId, settings.evidence.ledgerDays),
      // Its failures are told in the replay; the health of the integration is that of its live stream.
      lane: (integration, refused) => this.buildLane(integration, deliveryPathOf(integration, this.machineHostname), () => undefined, undefined, {
        park: (...args) => this.deadLetters.park(...args),
        store: (letters, abandoned) => {
          for (const { partition, offset } of letters) refused(`${partition}.${offset}`);
          return this.deadLetters.store(letters, abandoned);
        },
      }),
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.roles.includes('engine')) return;
    this.ended = this.run();
    await Promise.resolve();
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (!this.ended) return;
    this.stopping = true;
    this.turn.notify();
    await this.ended;
  }

  /** Looks at its documents at each heartbeat, at once when woken; what fails is tried again at the next turn. */
  private async run(): Promise<void> {
    const stopListening = this.engineWake.onWake(() => this.turn.notify());
    const { heartbeatMs } = this.settings.engine;
    while (!this.stopping) {
      await this.attempt('looking for changed integrations', () => this.lanes.follow());
      if (!this.member && this.lanes.known) await this.attempt('joining the pool', async () => void (this.member = await this.eventLog.join(this.pool, this, this.feedContext.readOptions)));
      await this.attempt('running commands', () => this.commands.takeAll());
      await this.attempt('running replays', () => this.replays.turn());
      await this.attempt('looking at the log', () => this.lookAtLog());
      await this.attempt('saving cursors', () => this.saveCursors(false));
      await this.attempt('writing the status', () => this.status.write(this.lanes.running.values(), this.ranges));
      await this.attempt('writing what receivers prove', () => this.reach.follow(this.lanes.running.values()));
      await this.attempt('writing the heartbeat', () => this.beat());
      if (!this.stopping) await this.turn.wait(heartbeatMs);
    }
    stopListening();
    await this.stop();
  }

  private async stop(): Promise<void> {
    const { stopGraceMs } = this.settings.engine;
    // Lanes first, so that what is in flight is proven while the partitions are still owned.
    await this.lanes.stop();
    await within(stopGraceMs, this.watch.settle([...this.lanes.running.values()].flatMap((lane) => [...lane.partitions.values()])));
    await this.attempt('saving cursors', () => this.saveCursors(true));
    await this.attempt('leaving the pool', async () => this.member?.leave());
    await Promise.all([...this.feeds.values()].map((feed) => feed.stop()));
    await this.attempt('stopping replays', () => this.replays.stop(stopGraceMs));
    await this.commands.stop(stopGraceMs);
    await this.attempt('writing the status', () => this.status.write(this.lanes.running.values(), this.ranges));
    await this.attempt('writing what receivers prove', () => this.reach.follow(this.lanes.running.values()));
    await this.attempt('signing off', () => this.engines.deleteOne({ _id: this.id }));
  }

  // --- integrations ---

  private buildLane(integration: EngineIntegration, path: LaneOptions['path'], onHealth: LaneOptions['onHealth'], former?: LaneFigures, deadLetters: DeadLetterSink = this.deadLetters): Lane {
    return new Lane({
      integration,
      path,
      former,
      dialer: this.dialer,
      deadLetters,
      clock: this.clock,
      random: Math.random,
      log: this.log,
      queueBytes: this.settings.engine.queueBytes,
      inFlightBytes: this.settings.engine.inFlightBytes,
      faultRetryMs: this.settings.engine.faultRetryMs,
      faultRetryMaxMs: this.settings.engine.faultRetryMaxMs,
      onHealth,
    });
  }

  private startLane(integration: EngineIntegration, places: Places, former: LaneFigures | undefined): Lane {
    const path = deliveryPathOf(integration, this.machineHostname);
    const lane = this.buildLane(integration, path, (change) => void this.attempt('telling a change of state', () => this.tellHealth(integration, change)), former);
    for (const feed of this.feeds.values()) this.addPartition(lane, feed, places.get(cursorId(integration.id, feed.partition)));
    void this.attempt('remembering a filter', () => this.persist(() => this.filterVersions.remember(integration, this.clock.now())));
    const facts = { integration: integration.name, integrationId: integration.id, version: integration.version };
    if ('cause' in path) this.log.error({ ...facts, cause: path.cause, fix: path.fix }, 'delivery cannot start; its events wait in the log');
    else this.log.info({ ...facts, protocol: integration.protocol, outputType: integration.outputType, partitions: this.feeds.size }, 'delivery starts');
    return lane;
  }

  private addPartition(lane: Lane, feed: SharedFeed, place: Place | undefined): void {
    if (place) lane.add(feed, place.position, place.saved, { mark: place.mark, resets: place.resets, recognised: false });
    this.turn.notify();
  }

  // --- partitions (called by the event log) ---

  async startAt(partition: number, range: PartitionRange): Promise<number> {
    this.ranges.set(partition, range);
    const places = await this.runningPlaces(partition);
    // Those that are furthest set the pace; those far before them catch up for themselves.
    return places.length === 0 ? range.next : Math.max(range.first, Math.min(range.next, SharedFeed.startOf(places.map(({ position }) => position))));
  }

  assigned(owned: OwnedPartition): Promise<void> {
    const { partition } = owned;
    return this.changes.take(partition, async () => {
      const range = this.ranges.get(partition);
      const places = await this.persist(() => this.runningPlaces(partition));
      const position = places.length === 0 ? (range?.next ?? 0) : Math.max(range?.first ?? 0, SharedFeed.startOf(places.map((place) => place.position)));
      owned.reader.seek(position);
      const feed = new SharedFeed(owned, position, this.feedContext);
      this.feeds.set(partition, feed);
      // Those that stand where it begins or beyond go with the shared reader from there on; then those before it.
      const inOrder = [...places].sort((a, b) => Number(a.position < position) - Number(b.position < position) || a.position - b.position);
      for (const { lane, place } of inOrder) if (this.lanes.running.get(lane.integration.id) === lane) this.addPartition(lane, feed, place);
    });
  }

  private async runningPlaces(partition: number): Promise<Array<{ lane: Lane; position: number; place: Place | undefined }>> {
    const lanes = [...this.lanes.running.values()];
    const places = await this.places.of(lanes.map(({ integration }) => integration));
    return lanes.map((lane) => {
      const place = places.get(cursorId(lane.integration.id, partition));
      return { lane, place, position: place?.position ?? 0 };
    });
  }

  /** The log is another one than these cursors belong to: they begin anew with what it holds, in the order of its events. */
  private restart(misplaced: readonly LanePartition[], why: Misplaced): Promise<void> {
    return this.changes.serially('beginning anew in a replaced log', async () => {
      const byLane = new Map<Lane, LanePartition[]>();
      for (const owned of misplaced) if (owned.lane.partitions.get(owned.partition) === owned) byLane.set(owned.lane, [...(byLane.get(owned.lane) ?? []), owned]);
      for (const { partition } of misplaced) {
        const shared = this.feeds.get(partition);
        // What was seen last is of the log that is gone: it must not be asked for in the new one.
        if (shared) shared.lastMark = undefined;
        this.watch.forget(partition);
      }
      await Promise.all([...byLane].map(async ([lane, all]) => {
        await Promise.all(all.map((owned) => lane.remove(owned.partition, 0)));
        const places = await this.persist(() => this.places.reset(lane.integration, all.map(({ partition, resets, cursor }) => ({ partition, resets, position: cursor, why }))));
        for (const { partition, feed } of all) {
          const shared = this.feeds.get(partition);
          if (shared && shared === feed && this.lanes.running.get(lane.integration.id) === lane) this.addPartition(lane, shared, places.get(partition));
        }
      }));
    });
  }

  /** Partitions are given up side by side, so that all of them have the whole grace. */
  revoked(partition: number, graceMs: number): Promise<void> {
    return this.changes.giveUp(partition, () => this.giveUp(partition, graceMs));
  }

  private async giveUp(partition: number, graceMs: number): Promise<void> {
    const feed = this.feeds.get(partition);
    if (!feed) return;
    // At once: a lane that starts meanwhile must not get it.
    this.feeds.delete(partition);
    this.watch.forget(partition);
    const giveUpAt = performance.now() + graceMs;
    const lanes = [...this.lanes.running.values()];
    const [removed] = await Promise.all([
      Promise.all(lanes.map((lane) => lane.remove(partition, graceMs))),
      // Those that are ending send the last of it.
      within(graceMs, this.lanes.left()),
    ]);
    await feed.stop();
    const given = removed.filter((owned) => owned !== undefined);
    await within(giveUpAt - performance.now(), this.watch.settle(given));
    await this.attempt('saving cursors', () => this.cursors.save(given, true));
  }

  // --- what is done at each turn ---

  private async lookAtLog(): Promise<void> {
    const cursors = new Map([...this.lanes.running.values()].flatMap((lane) => [...lane.partitions.values()]).map((owned) => [owned, owned.cursor]));
    const ranges = await this.eventLog.ranges();
    await this.watch.compare(ranges, cursors);
    this.watch.look(this.lanes.running.values(), this.feeds.values());
    for (const range of ranges) {
      this.ranges.set(range.partition, range);
      for (const lane of this.lanes.running.values()) {
        const owned = lane.partitions.get(range.partition);
        if (owned) await this.losses.passWaiting(owned, range.first, () => true);
      }
    }
  }

  private async saveCursors(all: boolean): Promise<void> {
    const now = this.clock.now();
    if (!all && Math.abs(now - this.lastCommitAt) < this.settings.engine.commitIntervalMs - this.settings.engine.heartbeatMs / 2) return;
    this.lastCommitAt = now;
    await this.cursors.save(
      [...this.lanes.running.values()].flatMap((lane) => [...lane.partitions.values()]),
      all,
    );
    for (const feed of this.feeds.values()) {
      let least = Number.POSITIVE_INFINITY;
      for (const lane of this.lanes.running.values()) least = Math.min(least, lane.partitions.get(feed.partition)?.cursor ?? Number.POSITIVE_INFINITY);
      if (Number.isFinite(least)) await feed.owned.commit(least);
    }
  }

  private async beat(): Promise<void> {
    const now = this.clock.now();
    const delivered = [...this.lanes.running.values()].reduce((sum, lane) => sum + lane.counters.delivered, 0);
    const seconds = Math.max(0.001, (now - this.lastBeat.at) / 1000);
    const used = process.cpuUsage(this.lastBeat.cpu);
    const document: Omit<EngineDocument, '_id'> = {
      pool: this.pool,
      host: this.machineHostname,
      pid: process.pid,
      version: ENGINE_VERSION,
      startedAt: new Date(this.startedAt),
      heartbeatAt: new Date(now),
      partitions: [...this.feeds.keys()].sort((a, b) => a - b),
      integrations: this.lanes.running.size,
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: Math.round((used.user + used.system) / 10_000 / seconds),
      eventsPerSecond: Math.max(0, Math.round((delivered - this.lastBeat.delivered) / seconds)),
    };
    this.lastBeat = { at: now, delivered, cpu: process.cpuUsage() };
    await this.engines.updateOne({ _id: this.id }, { $set: document }, { upsert: true });
  }

  /** A change of state is told once, durably; it leaves as an event like any other audit record. */
  private async tellHealth(integration: Integration, change: HealthChange): Promise<void> {
    const facts = { integration: integration.name, integrationId: integration.id };
    if (change.to === 'down') this.log.error({ ...facts, code: change.failure.code, cause: change.failure.cause, fix: change.failure.fix, consecutiveFailures: change.consecutiveFailures }, 'integration is down; its events wait in the log');
    else this.log.info(facts, 'integration recovered');
    const subject = { kind: 'integration', id: integration.id, name: integration.name };
    const notification = healthNotification(integration, change, new Date(this.clock.now()).toISOString());
    const record = newAuditRecord(
      change.to === 'down'
        ? {
            type: 'siem.state.changed', actor: systemActor('engine'), subject, outcome: 'failure', reason: change.failure.cause,
            attributes: { code: change.failure.code, fix: change.failure.fix }, changes: [{ field: 'state', old: 'delivering', new: change.failure.needsPerson ? 'fault' : 'retrying' }], notification,
          }
        : { type: 'siem.state.changed', actor: systemActor('engine'), subject, outcome: 'success', reason: 'delivery goes on', changes: [{ field: 'state', old: 'retrying', new: 'delivering' }], notification },
      this.clock,
    );
    await this.persist(() => this.audit.record(record));
  }

  // --- order and repetition ---

  private async attempt(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.log.error({ err: error }, `${what} failed; it is tried again`);
    }
  }

  /** Repeats until it worked or the engine has stopped for long: what must not be forgotten. */
  private async persist<T>(act: () => Promise<T>): Promise<T> {
    const deadline = () => this.stopping && this.clock.now() > this.stoppedBy();
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        return await act();
      } catch (error) {
        this.log.error({ err: error, nextTryInMs: waitMs }, 'the document store refused; it is tried again');
        if (deadline()) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  private stopDeadline: number | undefined;
  private stoppedBy(): number {
    this.stopDeadline ??= this.clock.now() + this.settings.engine.stopGraceMs;
    return this.stopDeadline;
  }
}
