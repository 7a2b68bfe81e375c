import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, LogRecord, PartitionRange } from '../../contracts/event-log.js';
import type { KeptPosition } from '../../model/integration.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem } from '../../platform/http/problem.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { firstBatch } from '../delivery/first-batch.js';
import { standsAt } from '../../model/start-position.js';
import type { SkippedRun } from '../evidence/skipped-runs.js';
import type { IntegrationDocument } from './integration.schema.js';

/** So many events of a partition are read to know the size of the others. */
const SAMPLE_RECORDS = 200;
const SAMPLE_WAIT_MS = 500;

export const backlogView = z.object({
  integrationId: z.string(),
  began: z.boolean().meta({ description: 'Whether it was ever enabled: before that, nothing waits.' }),
  events: z.int().meta({ description: 'Positions of the event log that were not looked at yet, whatever its filter will leave out.' }),
  bytes: z.int().meta({ description: 'Their size in the event log.' }),
  bytesEstimated: z.boolean().meta({ description: 'Whether `bytes` was reckoned from the first events of each partition.' }),
  oldestAt: z.iso.datetime().nullable().meta({ description: 'When the oldest of them was accepted.' }),
  removedByRetention: z.int().meta({ description: 'Events that waited and that retention removed.' }),
});
export type BacklogView = z.output<typeof backlogView>;

/** Resume with all that waits, with nothing of it, or with what was accepted since a time. */
export type Resume = string;

export interface SkipPlan {
  resumePositions: Record<string, KeptPosition>;
  runs: Array<Omit<SkippedRun, 'at' | 'version'>>;
  skipped: number;
}

/** What waits in the event log for an integration, and where it may go on. */
@Injectable()
export class BacklogService {
  private readonly cursors: Model<CursorDocument>;

  constructor(store: DocumentStore, @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'positionAt' | 'openReader' | 'identity'>) {
    this.cursors = store.model<CursorDocument>('cursor', cursorSchema);
  }

  /** Where it stands in each partition; what is not known is left out. */
  async positions(document: Pick<IntegrationDocument, '_id' | 'startPositions' | 'startLog' | 'resumePositions'>): Promise<Record<string, KeptPosition>> {
    const cursors = await this.cursors.find({ integrationId: document._id }).lean<CursorDocument[]>();
    const known = new Map(cursors.map(({ partition, position, resets = 0, log }) => [partition, { position, resets, ...(log === undefined ? {} : { log }) }]));
    const partitions = new Set([...known.keys(), ...Object.keys({ ...document.startPositions, ...document.resumePositions }).map(Number)]);
    return Object.fromEntries([...partitions].flatMap((partition) => {
      const position = standsAt(document, partition, known.get(partition));
      return position === undefined ? [] : [[String(partition), position] as const];
    }));
  }

  /** @throws Problem 503 when the event log does not answer */
  async of(document: IntegrationDocument): Promise<BacklogView> {
    const answer: BacklogView = { integrationId: document._id, began: document.startPositions !== undefined, events: 0, bytes: 0, bytesEstimated: false, oldestAt: null, removedByRetention: 0 };
    if (!answer.began) return answer;
    let oldest = Number.POSITIVE_INFINITY;
    const waiting = await this.waiting(document);
    // Side by side: they share what reading costs before the first record.
    const samples = await Promise.all(waiting.map(async ({ partition, from, events }) => (events === 0 ? [] : this.sample(partition, from))));
    waiting.forEach(({ events, removed }, index) => {
      answer.removedByRetention += removed;
      answer.events += events;
      const sample = samples[index] ?? [];
      const bytes = sample.reduce((sum, { value }) => sum + value.byteLength, 0);
      answer.bytes += sample.length === 0 ? 0 : Math.round((bytes / sample.length) * events);
      answer.bytesEstimated ||= sample.length < events;
      oldest = Math.min(oldest, sample[0]?.timestamp ?? oldest);
    });
    return { ...answer, oldestAt: Number.isFinite(oldest) ? new Date(oldest).toISOString() : null };
  }

  /** How many events wait, without reading any. @throws Problem 503 when the event log does not answer */
  async events(document: IntegrationDocument): Promise<number> {
    return document.startPositions === undefined ? 0 : (await this.waiting(document)).reduce((sum, { events }) => sum + events, 0);
  }

  /** What going on with a part of it leaves out. @throws Problem 503 */
  async plan(document: IntegrationDocument, resume: Resume): Promise<SkipPlan> {
    const plan: SkipPlan = { resumePositions: await this.positions(document), runs: [], skipped: 0 };
    const log = await this.asked(() => this.eventLog.identity());
    for (const { partition, first, next } of await this.ranges()) {
      const stands = plan.resumePositions[String(partition)] ?? { position: first, resets: 0, log };
      const { position } = stands;
      if (position > next || (stands.log !== undefined && stands.log !== log)) throw logReplaced();
      const from = Math.max(position, first);
      const to = resume === 'skip' ? next : Math.min(next, await this.asked(() => this.eventLog.positionAt(partition, Date.parse(resume))));
      if (to <= from) continue;
      // What retention took before is no choice of the administrator: it is told as lost.
      if (position < first) plan.runs.push({ partition, first: position, end: first, outcome: 'lost' });
      plan.runs.push({ partition, first: from, end: to, outcome: 'skipped' });
      plan.skipped += to - from;
      plan.resumePositions[String(partition)] = { position: to, resets: stands.resets, log };
    }
    return plan;
  }

  private async waiting(document: IntegrationDocument): Promise<Array<{ partition: number; from: number; events: number; removed: number }>> {
    const positions = await this.positions(document);
    return (await this.ranges()).map(({ partition, first, next }) => {
      const position = positions[String(partition)]?.position ?? first;
      const from = Math.max(position, first);
      return { partition, from, events: Math.max(0, next - from), removed: Math.max(0, Math.min(first, next) - position) };
    });
  }

  private ranges(): Promise<PartitionRange[]> {
    return this.asked(() => this.eventLog.ranges());
  }

  private async sample(partition: number, from: number): Promise<readonly LogRecord[]> {
    return this.asked(async () => [...((await firstBatch(this.eventLog, partition, from, 'backlog', { maxRecords: SAMPLE_RECORDS, maxWaitMs: SAMPLE_WAIT_MS }))?.records ?? [])]);
  }

  private async asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new Problem(503, 'event-log-unavailable', `The event log does not answer (${error instanceof Error ? error.message : String(error)}), so it is not known what waits. Try again.`, { headers: { 'Retry-After': '5' } });
    }
  }
}

function logReplaced(): Problem {
  return new Problem(409, 'log-replaced', 'The event log was replaced since this integration stopped, so nobody can say what waits. Enable it with resume "all": it begins with the oldest event that the log holds.', { errors: [{ pointer: '/resume', message: 'the event log was replaced' }] });
}
