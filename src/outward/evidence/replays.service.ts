import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog } from '../../contracts/event-log.js';
import type { Actor } from '../../model/audit-event.js';
import type { JsonObject } from '../../model/json.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import { newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { cursorSchema, readMark, type CursorDocument } from '../engine/cursor.schema.js';
import { EngineWake } from '../engine/engine-wake.js';
import { misplaced } from '../engine/log-places.js';
import { Problem } from '../../platform/http/problem.js';
import { replaySchema, type ReplayDocument, type ReplayPart } from './replay.schema.js';

/** Positions or ids that one replay may name; more are asked for by time, or in several replays. */
export const MOST_NAMED = 10_000;

/** What is to be sent again: named positions, or what lies between two times or in given runs, all of it or only certain ids. */
export interface ReplayRequest {
  positions?: readonly string[];
  from?: number;
  to?: number;
  parts?: ReadonlyArray<{ partition: number; first: number; end: number }>;
  ids?: readonly string[];
  eventsPerSecond?: number;
}

export interface ReplaySubject {
  id: string;
  name: string;
  enginePool: string;
}

/** Asks engines to send events again, and tells how far they are. */
@Injectable()
export class ReplaysService {
  private readonly replays: Model<ReplayDocument>;
  private readonly cursors: Model<CursorDocument>;

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly engineWake: EngineWake,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'positionAt' | 'identity' | 'recognise'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'evidence'>,
  ) {
    this.replays = store.model<ReplayDocument>('replay', replaySchema);
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
    this.relay.watch(this.replays);
  }

  /** Durable when it answers. @throws Problem 400 when nothing of it lies in the log, 503 when the log does not answer */
  async ask(subject: ReplaySubject, request: ReplayRequest, cause: ReplayDocument['cause'], actor: Actor): Promise<ReplayDocument> {
    const positions = request.positions && [...new Set(request.positions.map((position) => position.split('.').map(Number).join('.')))];
    const parts = await this.partsOf({ ...request, ...(positions ? { positions } : {}) });
    // Named and not in the log: not yet, or no such partition.
    const missing = positions?.filter((position) => {
      const [partition, offset = 0] = position.split('.').map(Number);
      return !parts.some((part) => part.partition === partition && offset < part.end);
    }).length ?? 0;
    if (parts.length === 0) throw new Problem(400, 'nothing-to-replay', 'The event log holds no event of what was asked for.');
    const { log, places } = await this.places(subject.id);
    const id = uuidV7();
    const facts: JsonObject = {
      replayId: id, cause, span: parts.reduce((sum, part) => sum + part.end - part.at, 0),
      ...(request.positions ? { positions: request.positions.length } : {}), ...(request.ids ? { ids: request.ids.length } : {}),
      ...(request.from === undefined ? {} : { from: new Date(request.from).toISOString() }), ...(request.to === undefined ? {} : { to: new Date(request.to).toISOString() }),
    };
    const record = newAuditRecord({ type: 'audit.integration.replay', actor, subject: { kind: 'integration', id: subject.id, name: subject.name }, correlationId: id, attributes: facts }, this.clock);
    const document: ReplayDocument = {
      _id: id, integrationId: subject.id, integrationName: subject.name, pool: subject.enginePool, requestedBy: actor.name ?? actor.id ?? actor.kind, cause, log,
      parts: parts.map((part) => ({ ...part, ...places.get(part.partition) })),
      positions: positions ?? null, ids: request.ids ? [...request.ids] : null,
      eventsPerSecond: request.eventsPerSecond ?? this.settings.evidence.replayEventsPerSecond,
      state: 'new', engineId: null, leaseToken: null, leaseUntil: null, sent: 0, filtered: 0, rejected: 0, missing, problem: null,
      createdAt: new Date(this.clock.now()), endedAt: null, expiresAt: null, auditOutbox: [record],
    };
    await this.replays.create(document);
    this.relay.wake();
    this.engineWake.wake();
    return document;
  }

  /**
   * How often the log was replaced under each partition of an integration, noticed by an engine or not yet, with a record that tells the log of now from a later one.
   * @throws Problem 503 when the log does not answer
   */
  async places(integrationId: string): Promise<{ log: string; places: Map<number, Pick<ReplayPart, 'resets' | 'mark'>> }> {
    const cursors = new Map((await this.cursors.find({ integrationId }).lean<CursorDocument[]>()).map((cursor) => [cursor.partition, cursor]));
    return this.asked(async () => {
      const log = await this.eventLog.identity();
      const places = (await this.eventLog.ranges()).map(async (range): Promise<[number, Pick<ReplayPart, 'resets' | 'mark'>]> => {
        const cursor = cursors.get(range.partition);
        if (!cursor) return [range.partition, { resets: 0 }];
        const { resets = 0 } = cursor;
        const mark = readMark(cursor.mark);
        const other = misplaced(cursor, range, log) !== undefined || (mark !== undefined && (await this.eventLog.recognise(range.partition, mark)) === 'other');
        // An engine will set the cursor back.
        return [range.partition, other ? { resets: resets + 1 } : { resets, ...(cursor.mark === undefined ? {} : { mark: cursor.mark }) }];
      });
      return { log, places: new Map(await Promise.all(places)) };
    });
  }

  async find(filter: { integrationId?: string; state?: ReplayDocument['state'] }, page: number, pageSize: number): Promise<{ items: ReplayDocument[]; total: number }> {
    const [items, total] = await Promise.all([this.replays.find(filter).sort({ createdAt: -1 }).skip((page - 1) * pageSize).limit(pageSize).lean<ReplayDocument[]>(), this.replays.countDocuments(filter)]);
    return { items, total };
  }

  /** Undefined when there is none (any more). */
  async look(id: string): Promise<ReplayDocument | undefined> {
    return (await this.replays.findOne({ _id: id }, { positions: 0, ids: 0, auditOutbox: 0 }).lean<ReplayDocument>()) ?? undefined;
  }

  /** @throws Problem 404 */
  async get(id: string): Promise<ReplayDocument> {
    const document = await this.replays.findOne({ _id: id }).lean<ReplayDocument>();
    if (!document) throw new Problem(404, 'replay-not-found', `There is no replay ${id.slice(0, 100).toWellFormed()}.`);
    return document;
  }

  /** The engine that runs it stops at its next turn. @throws Problem 404, 409 when it has ended */
  async cancel(id: string, actor: Actor): Promise<ReplayDocument> {
    const { integrationId, integrationName } = await this.get(id);
    const now = new Date(this.clock.now());
    const record = newAuditRecord({ type: 'audit.integration.replay', actor, subject: { kind: 'integration', id: integrationId, name: integrationName }, correlationId: id, attributes: { replayId: id, cancelled: true } }, this.clock);
    const set = { state: 'cancelled' as const, leaseToken: null, leaseUntil: null, endedAt: now, expiresAt: new Date(now.getTime() + 30 * 86_400_000) };
    const document = await this.replays.findOneAndUpdate({ _id: id, state: { $in: ['new', 'running'] } }, withAudit<ReplayDocument>({ $set: set }, record), { returnDocument: 'after' }).lean<ReplayDocument>();
    if (!document) throw new Problem(409, 'replay-ended', `The replay ${id} has ended; there is nothing to cancel.`);
    this.relay.wake();
    this.engineWake.wake();
    return document;
  }

  private async partsOf({ positions, from, to, parts }: ReplayRequest): Promise<ReplayPart[]> {
    const ranges = await this.asked(() => this.eventLog.ranges());
    const found: ReplayPart[] = [];
    for (const { partition, first, next } of ranges) {
      if (positions) {
        const offsets = positions.map((position) => position.split('.').map(Number)).filter(([at]) => at === partition).map(([, offset = 0]) => offset).filter((offset) => offset < next);
        if (offsets.length > 0) found.push({ partition, at: Math.min(...offsets), end: Math.max(...offsets) + 1 });
      } else if (parts) {
        const own = parts.filter((part) => part.partition === partition && part.first < Math.min(part.end, next) && part.end > first);
        if (own.length > 0) found.push({ partition, at: Math.min(...own.map((part) => part.first)), end: Math.min(next, Math.max(...own.map((part) => part.end))) });
      } else {
        const at = from === undefined ? first : Math.max(first, await this.eventLog.positionAt(partition, from));
        const end = to === undefined ? next : Math.min(next, await this.eventLog.positionAt(partition, to));
        if (at < end) found.push({ partition, at, end });
      }
    }
    return found;
  }

  private asked<T>(question: () => Promise<T>): Promise<T> {
    return question().catch((error: unknown) => {
      throw new Problem(503, 'event-log-unavailable', `The event log does not answer (${error instanceof Error ? error.message : String(error)}). Try again.`, { headers: { 'Retry-After': '5' } });
    });
  }
}
