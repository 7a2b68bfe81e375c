import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { LogMark } from '../../contracts/event-log.js';
import { duplicateWrites, isDuplicateWrite } from '../../platform/documents/duplicate-writes.js';
import type { LedgerSource } from '../evidence/ledger-store.js';
import { markText, readMark, type CursorDocument } from './cursor.schema.js';
import type { LanePartition } from './lane-partition.js';

/** A cursor that moved only past events which the integration does not want needs no haste: reading them again sends nothing. */
export const FILTERED_SAVE_MS = 30_000;

export interface SavedCursor {
  position: number;
  /** Name of its log, where it is known. */
  log?: string;
  mark?: LogMark;
  resets: number;
}

/** Cursors as documents, moved forward only: `$max` keeps a process that wakes up late from moving one back. Only `reset` does, when the log was replaced. */
export class CursorStore {
  /** Name of the log that is read: saved cursors belong to it. */
  log: string | undefined;
  private readonly savedAt = new WeakMap<LanePartition, number>();

  constructor(
    private readonly model: Model<CursorDocument>,
    private readonly clock: Clock,
    /** Takes the rows of what the cursors are about to pass; a row is stored before its cursor. */
    private readonly ledger: { write(sources: readonly LedgerSource[]): Promise<void> },
    private readonly filteredSaveMs = FILTERED_SAVE_MS,
  ) {}

  /** By `<integration id>:<partition>`. */
  async load(integrationIds: readonly string[]): Promise<Map<string, SavedCursor>> {
    if (integrationIds.length === 0) return new Map();
    const documents = await this.model.find({ integrationId: { $in: [...integrationIds] } }).lean();
    return new Map(documents.map(({ _id, position, log, mark, resets = 0 }) => {
      const read = readMark(mark);
      return [_id, { position, resets, ...(log === undefined ? {} : { log }), ...(read ? { mark: read } : {}) }];
    }));
  }

  /** Saves those that moved. `all` also those that only passed filtered events. @throws when the document store refuses; the next call tries again. */
  async save(partitions: Iterable<LanePartition>, all = false): Promise<number> {
    const now = this.clock.now();
    const due = [...partitions].filter((owned) => {
      if (owned.cursor <= owned.savedCursor || !owned.recognised || owned.overtaken) return false;
      return all || owned.savedCursor < 0 || owned.resolvedSinceSave || Math.abs(now - (this.savedAt.get(owned) ?? 0)) >= this.filteredSaveMs;
    });
    if (due.length === 0) return 0;
    const positions = due.map((owned) => owned.cursor);
    for (const owned of due) owned.resolvedSinceSave = false;
    const refused = new Set<LanePartition>();
    try {
      // Reads what it writes before its first wait: rows and positions belong together.
      await this.ledger.write(due);
      await this.model.bulkWrite(
        due.map((owned, at) => ({
          updateOne: {
            filter: { _id: cursorId(owned.lane.integration.id, owned.partition), resets: storedResets(owned.resets) },
            update: {
              $max: { position: positions[at] ?? 0, ...(owned.mark ? { mark: markText(owned.mark) } : {}) },
              $set: { updatedAt: new Date(now), ...(this.log === undefined ? {} : { log: this.log }) },
              $setOnInsert: { integrationId: owned.lane.integration.id, partition: owned.partition },
            },
            upsert: true,
          },
        })),
        { ordered: false, throwOnValidationError: true },
      );
    } catch (error) {
      const taken = duplicateWrites(error);
      due.forEach((owned, at) => {
        if (taken?.has(at) ?? true) refused.add(owned);
      });
      for (const owned of refused) owned.resolvedSinceSave = true;
      if (taken === undefined) throw error;
      await this.findOvertaken(refused);
    }
    due.forEach((owned, at) => {
      if (refused.has(owned)) return;
      owned.savedCursor = Math.max(owned.savedCursor, positions[at] ?? 0);
      this.savedAt.set(owned, now);
    });
    return due.length - refused.size;
  }

  /**
   * Sets a cursor back (or makes it) because its log was replaced.
   * @param known how often it had been set back when that was found
   * @returns what is stored now, by us or by who was faster
   */
  async reset(integrationId: string, partition: number, known: number, position: number, log: string): Promise<SavedCursor> {
    const _id = cursorId(integrationId, partition);
    const now = new Date(this.clock.now());
    const update = { $set: { position, log, resets: known + 1, resetAt: now, updatedAt: now, integrationId, partition }, $unset: { mark: 1 as const } };
    try {
      await this.model.updateOne({ _id, resets: storedResets(known) }, update, { upsert: true });
    } catch (error) {
      if (!isDuplicateWrite(error)) throw error;
    }
    return (await this.load([integrationId])).get(_id) ?? { position, log, resets: known + 1 };
  }

  /** Those that were refused because somebody set them back; the others only met another writer's first document, and are saved at the next turn. */
  private async findOvertaken(refused: ReadonlySet<LanePartition>): Promise<void> {
    const stored = await this.load([...new Set([...refused].map((owned) => owned.lane.integration.id))]);
    for (const owned of refused) owned.overtaken = (stored.get(cursorId(owned.lane.integration.id, owned.partition))?.resets ?? 0) > owned.resets;
  }

  async forget(integrationId: string): Promise<void> {
    await this.model.deleteMany({ integrationId });
  }
}

export function cursorId(integrationId: string, partition: number): string {
  return `${integrationId}:${partition}`;
}

/** Documents that were never set back do not have the field. */
const storedResets = (resets: number) => (resets === 0 ? { $exists: false } : resets);
