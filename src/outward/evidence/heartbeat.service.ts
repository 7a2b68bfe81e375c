import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import { EVENT_SINK } from '../../contracts/event-sink.js';
import type { EventSink, OwnEvent } from '../../contracts/event-sink.js';
import { connectionSection, type KeptPosition } from '../../model/integration.js';
import { systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { JobsService } from '../../platform/jobs/jobs.service.js';
import { HEARTBEAT_TYPE } from '../delivery/event-filter.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { BacklogService } from '../integrations/backlog.service.js';
import { IntegrationStatusService } from '../integrations/integration-status.service.js';
import { integrationDocumentSchema, type IntegrationDocument } from '../integrations/integration.schema.js';
import type { PartitionPart } from './heartbeat-message.js';
import { heartbeatParts } from './heartbeat-parts.js';
import { heartbeatSchema, type HeartbeatDocument } from './heartbeat.schema.js';
import { LedgerLookup } from './ledger-lookup.js';

const DEFAULT_SECONDS = connectionSection.parse({}).heartbeatSeconds;

/**
 * Tells each receiver in its own stream how the stream goes, so that a SIEM can tell quiet, late and broken apart: nothing sent and nothing waiting is quiet, a
 * backlog is late, no heartbeat is broken. Made from the delivery ledger, by one replica.
 */
@Injectable()
export class HeartbeatService {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly heartbeats: Model<HeartbeatDocument>;
  private readonly cursors: Model<CursorDocument>;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly ledger: LedgerLookup,
    private readonly backlog: BacklogService,
    private readonly status: IntegrationStatusService,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges'>,
    @Inject(EVENT_SINK) private readonly sink: EventSink,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) settings: Pick<Settings, 'evidence'>,
  ) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.heartbeats = store.model<HeartbeatDocument>('heartbeat', heartbeatSchema);
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
    jobs.register({ name: 'heartbeats', intervalMs: settings.evidence.heartbeatLookMs, run: (signal) => this.run(signal) });
  }

  async run(signal: AbortSignal): Promise<{ sent: number }> {
    const counts = { sent: 0 };
    let failed: Error | undefined;
    const enabled = await this.integrations.find({ deleted: false, enabled: true }, { auditOutbox: 0 }).lean<IntegrationDocument[]>();
    const states = new Map((await this.heartbeats.find({ _id: { $in: enabled.map(({ _id }) => _id) } }).lean<HeartbeatDocument[]>()).map((state) => [state._id, state]));
    for (const integration of enabled) {
      if (signal.aborted) return counts;
      try {
        if (await this.beat(integration, states.get(integration._id))) counts.sent++;
      } catch (error) {
        // The heartbeat of one must not silence those of the others.
        failed ??= error instanceof Error ? error : new Error(String(error));
      }
    }
    if (failed) throw failed;
    return counts;
  }

  private async beat(integration: IntegrationDocument, state: HeartbeatDocument | undefined): Promise<boolean> {
    const seconds = integration.connection.heartbeatSeconds ?? DEFAULT_SECONDS;
    if (state?.pending) return this.send(integration._id, state.number, [state.pending].flat());
    const now = this.clock.now();
    if (seconds === 0 || (state && Math.abs(now - state.at.getTime()) < seconds * 1000)) return false;
    // What was left out is not in the ledger yet.
    if (integration.skippedRuns && integration.skippedRuns.length > 0) return false;
    const positions = await this.backlog.positions(integration);
    const number = (state?.number ?? 0) + 1;
    const told = Object.entries(positions).map(([partition, { position, resets }]) => ({ partition: Number(partition), position, resets }));
    if (!state) {
      // The first look only marks where counting begins: what came before has no interval.
      await this.heartbeats.updateOne({ _id: integration._id }, { $setOnInsert: { number: 0, at: new Date(now), told, pending: null } }, { upsert: true });
      return false;
    }
    const pending = await this.events(integration, state, positions, number, seconds, now);
    if (!pending) return false;
    // Only onto the state that was read: of two replicas that held the lease for a moment, one makes this number.
    const stored = await this.heartbeats.updateOne({ _id: integration._id, number: state.number, pending: null }, { $set: { number, at: new Date(now), told, pending } });
    return stored.matchedCount === 1 && (await this.send(integration._id, number, pending));
  }

  private async send(id: string, number: number, events: readonly OwnEvent[]): Promise<boolean> {
    const outcomes = await this.sink.publish(events);
    // All parts come again, under their ids: those that are in the log already are recognised. Refused can only be what another process has changed by hand; it must not block those that follow.
    if (outcomes.length < events.length || outcomes.some(({ type }) => type === 'retry')) return false;
    await this.heartbeats.updateOne({ _id: id, number }, { $set: { pending: null } });
    return outcomes.every(({ type }) => type === 'accepted');
  }

  /** Undefined when the log was replaced just now: it is looked again. */
  private async events(integration: IntegrationDocument, state: HeartbeatDocument, positions: Record<string, KeptPosition>, number: number, seconds: number, now: number): Promise<OwnEvent[] | undefined> {
    const ranges = new Map((await this.eventLog.ranges()).map((range) => [range.partition, range]));
    const types = new Map<string, number>();
    const parts: PartitionPart[] = [];
    // Rows from before the log was replaced tell of other events.
    const cursors = new Map((await this.cursors.find({ integrationId: integration._id }).lean<CursorDocument[]>()).map((cursor) => [cursor.partition, cursor]));
    for (const [key, { position: to, resets }] of Object.entries(positions)) {
      const partition = Number(key);
      const cursor = cursors.get(partition);
      if (cursor && (cursor.resets ?? 0) !== resets) return undefined;
      const before = state.told.find((one) => one.partition === partition && one.resets === resets);
      const first = ranges.get(partition)?.first;
      const from = Math.min(to, before?.position ?? (resets > 0 ? first : integration.startPositions?.[key]) ?? first ?? to);
      parts.push(await this.part(integration._id, partition, from, to, Math.max(0, (ranges.get(partition)?.next ?? to) - to), types, cursor?.resetAt?.getTime() ?? 0));
    }
    const { state: health, lastFailure } = await this.status.summary(integration);
    const lastError = lastFailure ? `${lastFailure.at} ${lastFailure.code}: ${lastFailure.cause}` : null;
    const facts = { name: integration.name, state: health, lastError, types: [...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, count]) => ({ type, count })), partitions: parts.sort((a, b) => a.partition - b.partition) };
    return heartbeatParts(facts).map(({ message, partitions, types: counts }, index, { length }) => {
      const sum = (field: 'sent' | 'filtered' | 'rejected' | 'lost' | 'skipped' | 'unrecorded' | 'backlog') => partitions.reduce((total, one) => total + one[field], 0);
      return {
        id: `heartbeat-${integration._id}-${number}${length > 1 ? `-${index + 1}` : ''}`, type: HEARTBEAT_TYPE, occurredAt: new Date(now).toISOString(), actor: systemActor('evidence'),
        subject: { kind: 'integration', id: integration._id, name: integration.name },
        message,
        ...(lastError === null ? {} : { reason: lastError }),
        attributes: {
          count: sum('sent'), number, part: index + 1, parts: length, intervalSeconds: seconds, since: state.at.toISOString(), state: health, sent: sum('sent'), filtered: sum('filtered'), rejected: sum('rejected'),
          lost: sum('lost'), skipped: sum('skipped'), unrecorded: sum('unrecorded'), backlog: sum('backlog'), lastError,
          types: counts.map((one) => ({ ...one })), partitions: partitions.map((one) => ({ ...one })),
        },
      };
    });
  }

  private async part(id: string, partition: number, from: number, to: number, backlog: number, types: Map<string, number>, since: number): Promise<PartitionPart> {
    const part: PartitionPart = { partition, from, to, sent: 0, filtered: 0, rejected: 0, lost: 0, skipped: 0, unrecorded: 0, backlog, exact: true };
    for await (const { first, end, row, sent, rejected, lost, skipped, types: counts, exact } of this.ledger.tiles(id, partition, from, to, since)) {
      if (row) part.filtered += end - first - sent - rejected - lost - skipped;
      else part.unrecorded += end - first;
      part.sent += sent;
      part.rejected += rejected;
      part.lost += lost;
      part.skipped += skipped;
      part.exact &&= exact;
      for (const { type, count } of counts) types.set(type, (types.get(type) ?? 0) + count);
    }
    return part;
  }
}
