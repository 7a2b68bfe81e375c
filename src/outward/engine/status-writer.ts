import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { PartitionRange } from '../../contracts/event-log.js';
import type { IntegrationStatusDocument } from './integration-status.schema.js';
import type { EngineIntegration } from '../integrations/integration-repository.js';
import type { Lane, LaneFigures } from './lane.js';

/** An unchanged status is written again after so long, so that readers can tell a live engine from a dead one. */
const REFRESH_MS = 5000;

/** Writes what this engine knows of its integrations, in one call a heartbeat. */
export class StatusWriter {
  private readonly written = new Map<string, { at: number; digest: string }>();

  constructor(
    private readonly model: Model<IntegrationStatusDocument>,
    private readonly clock: Clock,
    private readonly engineId: string,
    private readonly pool: string,
    private readonly startedAt: number,
  ) {}

  async write(lanes: Iterable<Lane>, ranges: ReadonlyMap<number, PartitionRange>): Promise<void> {
    const now = this.clock.now();
    const due: Array<{ id: string; digest: string; status: Omit<IntegrationStatusDocument, '_id'> }> = [];
    for (const lane of lanes) {
      const status = this.statusOf(lane, ranges, now);
      const { updatedAt: _time, ...rest } = status;
      const digest = JSON.stringify(rest);
      const id = `${lane.integration.id}:${this.engineId}`;
      const before = this.written.get(id);
      if (before && before.digest === digest && Math.abs(now - before.at) < REFRESH_MS) continue;
      due.push({ id, digest, status });
    }
    if (due.length === 0) return;
    await this.model.bulkWrite(
      due.map(({ id, status }) => ({ updateOne: { filter: { _id: id }, update: { $set: status }, upsert: true } })),
      { ordered: false },
    );
    for (const { id, digest } of due) this.written.set(id, { at: now, digest });
  }

  /** How it went with integrations when somebody last said so: an engine that starts tells the recovery of what went down before. Its counters begin at zero. */
  async recall(integrations: readonly EngineIntegration[]): Promise<Map<string, LaneFigures>> {
    const recalled = new Map<string, LaneFigures>();
    if (integrations.length === 0) return recalled;
    const documents = await this.model.find({ integrationId: { $in: integrations.map(({ id }) => id) } }).sort({ updatedAt: 1 }).lean<IntegrationStatusDocument[]>();
    const newest = new Map(documents.map((document) => [document.integrationId, document]));
    for (const { id, version } of integrations) {
      const document = newest.get(id);
      if (!document) continue;
      const { lastFailure, lastDeliveredAt, failingSince } = document;
      recalled.set(id, {
        counters: { delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0 },
        evidence: document.evidence,
        lastDeliveredAt: lastDeliveredAt?.getTime() ?? null,
        lastFailure: lastFailure ? { ...lastFailure, at: new Date(lastFailure.at).getTime() } : null,
        down: document.down ?? false,
        failingSince: document.version === version ? (failingSince?.getTime() ?? null) : null,
      });
    }
    return recalled;
  }

  async remove(integrationId: string): Promise<void> {
    const id = `${integrationId}:${this.engineId}`;
    this.written.delete(id);
    await this.model.deleteOne({ _id: id });
  }

  private statusOf(lane: Lane, ranges: ReadonlyMap<number, PartitionRange>, now: number): Omit<IntegrationStatusDocument, '_id'> {
    const positions = [...lane.partitions.values()].map((owned) => ({ partition: owned.partition, position: owned.cursor, next: Math.max(owned.cursor, ranges.get(owned.partition)?.next ?? owned.taken) }));
    const { lastFailure } = lane;
    return {
      integrationId: lane.integration.id,
      engineId: this.engineId,
      enginePool: this.pool,
      version: lane.integration.version,
      state: lane.state,
      breaker: lane.breakerState,
      down: lane.down,
      failingSince: lane.failingSince === null ? null : new Date(lane.failingSince),
      since: new Date(lane.since),
      ...lane.counters,
      backlog: positions.reduce((sum, { position, next }) => sum + next - position, 0),
      evidence: lane.evidence,
      lastDeliveredAt: lane.lastDeliveredAt === null ? null : new Date(lane.lastDeliveredAt),
      lastFailure: lastFailure ? { ...lastFailure, at: new Date(lastFailure.at) } : null,
      consecutiveFailures: lane.consecutiveFailures,
      nextTryAt: lane.nextTryAt === null ? null : new Date(lane.nextTryAt),
      positions,
      countersSince: new Date(this.startedAt),
      updatedAt: new Date(now),
    };
  }
}
