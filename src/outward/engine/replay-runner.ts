import { randomUUID } from 'node:crypto';
import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { EventLog } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import type { LedgerStore } from '../evidence/ledger-store.js';
import type { ReplayDocument } from '../evidence/replay.schema.js';
import type { EngineIntegration, IntegrationRepository } from '../integrations/integration-repository.js';
import { readMark } from './cursor.schema.js';
import { cursorId, type CursorStore } from './cursor-store.js';
import type { DeadLetterDocument } from './dead-letter.schema.js';
import type { FeedContext } from './feed-context.js';
import type { Lane } from './lane.js';
import { ReplayRun, type ReplayProgress } from './replay-run.js';

/** Replays of one engine at the same time; more wait. */
const MOST_AT_ONCE = 4;
/** Those whose receivers are down count apart. */
const MOST_CLAIMED = 32;
const MOST_LOOKED_AT = 1000;
const LEASE_MS = 15_000;
/** A broker that just took over may not know its end yet: another log is believed when it is found again after this. */
const CONFIRM_MS = 1000;
/** How long a replay that ended is remembered. */
const REMEMBERED_MS = 30 * 86_400_000;

export interface ReplayRunnerOptions {
  replays: Model<ReplayDocument>;
  deadLetters: Model<DeadLetterDocument>;
  engineId: string;
  pool: string;
  integrations: IntegrationRepository;
  context: FeedContext;
  eventLog: Pick<EventLog, 'ranges' | 'identity' | 'recognise'>;
  clock: Clock;
  log: Log;
  cursors: Pick<CursorStore, 'load'>;
  lane(integration: EngineIntegration, refused: (position: string) => void): Lane;
  /** Remembers what a replay brought. */
  ledger(replayId: string): Pick<LedgerStore, 'write'>;
}

interface Running {
  ledger: Pick<LedgerStore, 'write'>;
  document: ReplayDocument;
  token: string;
  run: ReplayRun;
  resetsOf: (partition: number) => number;
}

/** Takes the replays of its pool, each by one engine at a time with a lease, tells their progress at each turn, and goes on where another engine stopped. */
export class ReplayRunner {
  private readonly running = new Map<string, Running>();
  /** Replays whose log was found to be another one, and when first. */
  private readonly suspects = new Map<string, number>();

  constructor(private readonly options: ReplayRunnerOptions) {}

  /** @throws when the document store refuses; the next turn tries again */
  async turn(): Promise<void> {
    for (const running of [...this.running.values()]) {
      try {
        await this.tell(running);
      } catch (error) {
        // One that cannot be told must not cost the others their leases.
        this.options.log.error({ replayId: running.document._id, err: error }, 'the progress of a replay could not be written; it is tried again');
      }
    }
    await this.take();
  }

  /** Lets go of everything: another engine goes on from what was told last. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([...this.running.values()].map(({ run }) => run.stop(graceMs)));
    for (const running of [...this.running.values()]) await this.save(running, { state: 'new', engineId: null, leaseToken: null, leaseUntil: null });
    this.running.clear();
  }

  private async take(): Promise<void> {
    const { replays, pool, clock } = this.options;
    const now = new Date(clock.now());
    const free = { pool, $or: [{ state: 'new' as const }, { state: 'running' as const, leaseUntil: { $lt: now } }] };
    const waiting = await replays.find(free, { positions: 0, ids: 0, auditOutbox: 0 }).sort({ createdAt: 1 }).limit(MOST_LOOKED_AT).lean<ReplayDocument[]>();
    const held = new Set<string>();
    for (const document of waiting) {
      // One whose receiver is down sends nothing: it does not keep others from theirs.
      const sending = [...this.running.values()].filter(({ run }) => !run.failing).length;
      if (sending >= MOST_AT_ONCE || this.running.size >= MOST_CLAIMED) return;
      if (this.running.has(document._id) || held.has(document.integrationId)) continue;
      const integration = await this.options.integrations.get(document.integrationId);
      if (!integration) await this.end(document._id, { state: document.state }, 'failed', 'the integration was deleted', document);
      else if (integration.enginePool !== pool) await replays.updateOne({ _id: document._id, ...free }, { $set: { pool: integration.enginePool } });
      else if (!integration.enabled) {
        held.add(document.integrationId);
        await this.hold(document, 'the integration is disabled; the replay begins when it is enabled');
      }
      else if (!(await this.failOfOtherLog(document, { state: document.state }, true))) await this.claim(document, free, integration);
    }
  }

  /** Ends a replay whose positions belong to a log that was replaced. @returns whether it must not go on (now) */
  private async failOfOtherLog(document: ReplayDocument, condition: Partial<ReplayDocument>, deep: boolean): Promise<boolean> {
    const why = await this.otherLog(document, deep);
    if (!why) {
      this.suspects.delete(document._id);
      return false;
    }
    const since = this.suspects.get(document._id) ?? performance.now();
    this.suspects.set(document._id, since);
    if (performance.now() - since < CONFIRM_MS) return true;
    this.suspects.delete(document._id);
    await this.end(document._id, condition, 'failed', `the event log was replaced since the replay was asked for (${why}), so its positions hold other events now; ask for it again`, document);
    return true;
  }

  /** @param deep also by what only changes while no engine looks */
  private async otherLog({ integrationId, log, parts }: ReplayDocument, deep: boolean): Promise<string | undefined> {
    const { eventLog } = this.options;
    if (deep && log !== undefined && log !== (await eventLog.identity())) return 'it has another name';
    const cursors = await this.options.cursors.load([integrationId]);
    const ranges = new Map((await eventLog.ranges()).map((range) => [range.partition, range]));
    for (const { partition, at, end, resets, mark } of parts) {
      if (at >= end) continue;
      if (resets !== undefined && (cursors.get(cursorId(integrationId, partition))?.resets ?? 0) > resets) return 'the positions of the integration were set back';
      if (end > (ranges.get(partition)?.next ?? 0)) return `partition ${partition} ends before position ${end}`;
      const record = deep ? readMark(mark) : undefined;
      if (record && (await eventLog.recognise(partition, record)) === 'other') return 'another record lies where the last delivered one lay';
    }
    return undefined;
  }

  private async hold(document: ReplayDocument, problem: string): Promise<void> {
    if (document.problem !== problem) await this.options.replays.updateOne({ _id: document._id, state: document.state }, { $set: { problem } });
  }

  private async claim(document: ReplayDocument, free: object, integration: EngineIntegration): Promise<void> {
    const { replays, engineId, clock, log } = this.options;
    const token = randomUUID();
    const claimed = await replays
      .findOneAndUpdate({ _id: document._id, ...free }, { $set: { state: 'running', engineId, leaseToken: token, leaseUntil: new Date(clock.now() + LEASE_MS), problem: null } }, { returnDocument: 'after' })
      .lean<ReplayDocument>();
    if (!claimed) return;
    const missing = await this.startBehind(claimed);
    log.info({ integration: integration.name, replayId: claimed._id, parts: claimed.parts.length, missing }, 'a replay begins');
    const cursors = await this.options.cursors.load([claimed.integrationId]);
    const resetsOf = (partition: number) => cursors.get(cursorId(claimed.integrationId, partition))?.resets ?? 0;
    this.running.set(claimed._id, { ledger: this.options.ledger(claimed._id), document: claimed, token, resetsOf, run: new ReplayRun(claimed, integration, { ...this.options, resetsOf }) });
  }

  /** Positions before the oldest event of the log are gone: they count as missing, and the replay begins after them. */
  private async startBehind(document: ReplayDocument): Promise<number> {
    const ranges = new Map((await this.options.eventLog.ranges()).map((range) => [range.partition, range]));
    let missing = 0;
    for (const part of document.parts) {
      const first = Math.min(part.end, ranges.get(part.partition)?.first ?? part.end);
      if (first <= part.at) continue;
      const asked = document.positions?.filter((position) => {
        const [partition = -1, offset = -1] = position.split('.').map(Number);
        return partition === part.partition && offset >= part.at && offset < first;
      }).length;
      missing += asked ?? (document.ids ? 0 : first - part.at);
      part.at = first;
    }
    document.missing += missing;
    return missing;
  }

  private async tell(running: Running): Promise<void> {
    const { document, run } = running;
    const integration = await this.options.integrations.get(document.integrationId);
    // A log that does not answer is no reason to let the lease go.
    if (await this.failOfOtherLog({ ...document, ...run.progress }, { leaseToken: running.token }, false).catch(() => false)) {
      // At once, also when it is not sure yet: none of another log is sent, and nothing is said of its dead letters.
      this.running.delete(document._id);
      await run.stop(0);
      await this.options.replays.updateOne({ _id: document._id, leaseToken: running.token, state: 'running' }, { $set: { state: 'new', engineId: null, leaseToken: null, leaseUntil: null } });
      return;
    }
    const progress = await this.save(running, { leaseUntil: new Date(this.options.clock.now() + LEASE_MS) });
    if (!progress) {
      // Cancelled, or another engine has it since this one was held up.
      this.running.delete(document._id);
      await run.stop(0);
      return;
    }
    if (progress.done) {
      this.running.delete(document._id);
      await run.stop(0);
      await this.end(document._id, { leaseToken: running.token }, 'done', null, { ...document, ...progress });
      return;
    }
    if (integration && integration.enabled && integration.version === run.integration.version) return;
    // Other settings: it goes on with them, from where it is.
    this.running.delete(document._id);
    await run.stop(500);
    await this.save(running, { state: 'new', engineId: null, leaseToken: null, leaseUntil: null });
  }

  /** Writes how far it is, under the lease. What was brought to the receiver after all is told in its dead letters first. Null when the lease is not ours any more. */
  private async save({ document, token, run, resetsOf, ledger }: Running, more: Partial<ReplayDocument>): Promise<ReplayProgress | null> {
    const { progress } = run;
    const { done: _done, resolved, ...told } = progress;
    await ledger.write(run.ledgerSources);
    if (resolved.length > 0) {
      await this.markLetters(document, resolved, resetsOf);
      run.forget(resolved);
    }
    const written = await this.options.replays.updateOne({ _id: document._id, leaseToken: token, state: 'running' }, { $set: { ...told, ...more } });
    return written.matchedCount === 1 ? progress : null;
  }

  private async markLetters(document: ReplayDocument, positions: readonly string[], resetsOf: (partition: number) => number): Promise<void> {
    const { deadLetters, clock } = this.options;
    const byPartition = new Map<number, number[]>();
    for (const position of positions) {
      const [partition = -1, offset = -1] = position.split('.').map(Number);
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), offset]);
    }
    for (const [partition, offsets] of byPartition) {
      for (let at = 0; at < offsets.length; at += 500) {
        const resets = resetsOf(partition);
        const _id = { $in: offsets.slice(at, at + 500).map((offset) => `${document.integrationId}:${partition}.${offset}${resets > 0 ? `:${resets}` : ''}`) };
        await deadLetters.updateMany({ _id }, { $set: { replayedAt: new Date(clock.now()), replayId: document._id } });
      }
    }
  }

  private async end(id: string, condition: Partial<ReplayDocument>, state: 'done' | 'failed', problem: string | null, { integrationId, integrationName, sent, filtered, rejected, missing }: ReplayDocument): Promise<void> {
    const { replays, clock, log } = this.options;
    const endedAt = new Date(clock.now());
    const record = newAuditRecord(
      {
        type: 'audit.integration.replayed', actor: systemActor('engine'), subject: { kind: 'integration', id: integrationId, name: integrationName }, correlationId: id,
        outcome: state === 'done' && missing === 0 && rejected === 0 ? 'success' : 'failure', attributes: { replayId: id, sent, filtered, rejected, missing },
        ...(problem === null ? {} : { reason: problem }),
      },
      clock,
    );
    const set = { state, problem, endedAt, leaseToken: null, leaseUntil: null, expiresAt: new Date(endedAt.getTime() + REMEMBERED_MS) };
    await replays.updateOne({ _id: id, ...condition }, withAudit<ReplayDocument>({ $set: set }, record));
    log.info({ replayId: id, integration: integrationName, state, sent, filtered, rejected, missing, problem }, 'a replay ended');
  }
}
