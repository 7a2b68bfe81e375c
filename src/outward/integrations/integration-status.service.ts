import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { engineSchema, type EngineDocument } from '../engine/engine.schema.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from '../engine/integration-status.schema.js';
import { engineView, engineViewOf } from './engine-view.js';
import { reachSchema, type ReachDocument } from '../engine/reach.schema.js';
import { isLive, mergeStatus, statusView, type StatusView } from './integration-status.js';
import type { IntegrationDocument } from './integration.schema.js';
import { reachViewOf } from './reach-view.js';
import { RetentionRiskService, retentionRiskView } from './retention-risk.service.js';

const positionView = z.object({
  partition: z.int(), position: z.int().meta({ description: 'Everything before it is resolved: delivered, filtered or a stored dead letter.' }),
  resets: z.int().meta({ description: 'How often it was set back to the oldest event because the event log was replaced.' }), resetAt: z.iso.datetime().nullable(),
  updatedAt: z.iso.datetime(),
});
export const positionsView = z.array(positionView);
export type PositionView = z.output<typeof positionView>;

export const fullStatusView = statusView.extend({
  integrationId: z.string(),
  enginePool: z.string(),
  deadLetters: z.int(),
  positions: positionsView,
  resets: z.int().meta({ description: 'How often a position was set back because the event log was replaced, all partitions. Each is an event siem.state.changed with the code log-replaced.' }),
  retention: retentionRiskView.nullable().meta({ description: 'Events that wait for it and that retention will remove soon (engine.retentionWarningHours), as it is now; null when there are none.' }),
  pool: z.array(engineView).meta({ description: 'Engines of the pool.' }),
  byEngine: z.array(statusView.omit({ reachable: true }).extend({ engineId: z.string(), positions: z.array(z.object({ partition: z.int(), position: z.int(), next: z.int() })) })),
});
export type FullStatusView = z.output<typeof fullStatusView>;

type Subject = Pick<IntegrationDocument, '_id' | 'enabled' | 'enginePool' | 'protocol' | 'serverUrl' | 'port' | 'connection'>;

/** Reads what the engines write about integrations and themselves. */
@Injectable()
export class IntegrationStatusService {
  private readonly statuses: Model<IntegrationStatusDocument>;
  private readonly engines: Model<EngineDocument>;
  private readonly cursors: Model<CursorDocument>;
  private readonly deadLetters: Model<DeadLetterDocument>;
  private readonly reaches: Model<ReachDocument>;

  constructor(store: DocumentStore, private readonly risk: RetentionRiskService, @Inject(CLOCK) private readonly clock: Clock) {
    this.statuses = store.model<IntegrationStatusDocument>('integration-status', integrationStatusSchema);
    this.engines = store.model<EngineDocument>('engine', engineSchema);
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
    this.deadLetters = store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
    this.reaches = store.model<ReachDocument>('integration-reach', reachSchema);
  }

  /** Summaries by integration id; three reads, however many integrations. */
  async summaries(integrations: readonly Subject[]): Promise<Map<string, StatusView>> {
    if (integrations.length === 0) return new Map();
    const [documents, engines, reaches] = await Promise.all([
      this.statuses.find({ integrationId: { $in: integrations.map(({ _id }) => _id) } }).lean<IntegrationStatusDocument[]>(),
      this.engines.find({ pool: { $in: [...new Set(integrations.map(({ enginePool }) => enginePool))] } }).lean<EngineDocument[]>(),
      this.reaches.find({ _id: { $in: integrations.map(({ _id }) => _id) } }).lean<ReachDocument[]>(),
    ]);
    const reachOf = new Map(reaches.map((reach) => [reach._id, reach]));
    const byIntegration = new Map<string, IntegrationStatusDocument[]>();
    for (const document of documents) byIntegration.set(document.integrationId, [...(byIntegration.get(document.integrationId) ?? []), document]);
    const now = this.clock.now();
    return new Map(integrations.map((integration) => [integration._id, mergeStatus(integration, byIntegration.get(integration._id) ?? [], engines, now, reachViewOf(integration, reachOf.get(integration._id)))]));
  }

  async summary(integration: Subject): Promise<StatusView> {
    const summary = (await this.summaries([integration])).get(integration._id);
    return summary ?? mergeStatus(integration, [], [], this.clock.now());
  }

  async full(integration: IntegrationDocument): Promise<FullStatusView> {
    const [documents, engines, positions, deadLetters, retention, reach] = await Promise.all([
      this.statuses.find({ integrationId: integration._id }).lean<IntegrationStatusDocument[]>(),
      this.engines.find({ pool: integration.enginePool }).sort({ _id: 1 }).lean<EngineDocument[]>(),
      this.positions(integration._id),
      this.deadLetters.countDocuments({ integrationId: integration._id }),
      this.risk.view(integration),
      this.reaches.findOne({ _id: integration._id }).lean<ReachDocument>(),
    ]);
    const now = this.clock.now();
    return {
      integrationId: integration._id,
      enginePool: integration.enginePool,
      ...mergeStatus(integration, documents, engines, now, reachViewOf(integration, reach)),
      deadLetters,
      positions,
      resets: positions.reduce((sum, { resets }) => sum + resets, 0),
      retention,
      pool: engines.map((engine) => engineViewOf(engine, now)),
      byEngine: documents.map((document) => ({ engineId: document.engineId, ...ofEngine(mergeStatus({ ...integration, enginePool: document.enginePool }, [document], engines, now)), positions: document.positions.map(({ partition, position, next }) => ({ partition, position, next })) })),
    };
  }

  /** How far an integration is in each partition. */
  async positions(integrationId: string): Promise<PositionView[]> {
    const cursors = await this.cursors.find({ integrationId }).sort({ partition: 1 }).lean<CursorDocument[]>();
    return cursors.map(({ partition, position, resets = 0, resetAt, updatedAt }) => ({ partition, position, resets, resetAt: resetAt?.toISOString() ?? null, updatedAt: updatedAt.toISOString() }));
  }

  /** The cursors of an integration that is deleted, and what its receiver proved; an engine that still holds it does the same with the cursors when it lets go. */
  async forgetPositions(integrationId: string): Promise<void> {
    await this.cursors.deleteMany({ integrationId });
    await this.reaches.deleteOne({ _id: integrationId });
  }

  /** Whether an engine that lives still speaks of it: it holds its cursors in memory, or is about to let go. */
  async isHeld(integrationId: string): Promise<boolean> {
    const newest = await this.statuses.findOne({ integrationId }).sort({ updatedAt: -1 }).lean<IntegrationStatusDocument>();
    return newest !== null && isLive(newest.updatedAt, this.clock.now());
  }

  /** An engine of the pool that lives, if any. */
  async liveEngine(pool: string): Promise<EngineDocument | undefined> {
    const newest = await this.engines.findOne({ pool }).sort({ heartbeatAt: -1 }).lean<EngineDocument>();
    return newest && isLive(newest.heartbeatAt, this.clock.now()) ? newest : undefined;
  }
}

/** What the receiver reaches is no matter of one engine. */
function ofEngine({ reachable: _all, ...status }: StatusView): Omit<StatusView, 'reachable'> {
  return status;
}
