import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { CursorDocument } from './cursor.schema.js';
import type { LedgerSource } from '../evidence/ledger-store.js';
import type { LanePartition } from './lane-partition.js';

/** A cursor that moved only past events which the integration does not want needs no haste: reading them again sends nothing. */
const FILTERED_SAVE_MS = 30_000;

/** Cursors as documents, moved forward only: `$max` keeps a process that wakes up late from moving one back. */
export class CursorStore {
  private readonly savedAt = new WeakMap<LanePartition, number>();

  constructor(
    private readonly model: Model<CursorDocument>,
    private readonly clock: Clock,
    /** Takes the rows of what the cursors are about to pass; a row is stored before its cursor. */
    private readonly ledger: { write(sources: readonly LedgerSource[]): Promise<void> },
  ) {}

  /** Positions by `<integration id>:<partition>`. */
  async load(integrationIds: readonly string[]): Promise<Map<string, number>> {
    if (integrationIds.length === 0) return new Map();
    const documents = await this.model.find({ integrationId: { $in: [...integrationIds] } }).lean();
    return new Map(documents.map((document) => [document._id, document.position]));
  }

  /** Saves those that moved. `all` also those that only passed filtered events. @throws when the document store refuses; the next call tries again. */
  async save(partitions: Iterable<LanePartition>, all = false): Promise<number> {
    const now = this.clock.now();
    const due = [...partitions].filter((owned) => {
      if (owned.cursor <= owned.savedCursor) return false;
      return all || owned.savedCursor < 0 || owned.resolvedSinceSave || Math.abs(now - (this.savedAt.get(owned) ?? 0)) >= FILTERED_SAVE_MS;
    });
    if (due.length === 0) return 0;
    const positions = due.map((owned) => owned.cursor);
    for (const owned of due) owned.resolvedSinceSave = false;
    try {
      // Reads what it writes before its first wait: rows and positions belong together.
      await this.ledger.write(due);
      await this.model.bulkWrite(
        due.map((owned, at) => ({
          updateOne: {
            filter: { _id: cursorId(owned.lane.integration.id, owned.partition) },
            update: { $max: { position: positions[at] ?? 0 }, $set: { updatedAt: new Date(now) }, $setOnInsert: { integrationId: owned.lane.integration.id, partition: owned.partition } },
            upsert: true,
          },
        })),
        { ordered: false, throwOnValidationError: true },
      );
    } catch (error) {
      for (const owned of due) owned.resolvedSinceSave = true;
      throw error;
    }
    due.forEach((owned, at) => {
      owned.savedCursor = Math.max(owned.savedCursor, positions[at] ?? 0);
      this.savedAt.set(owned, now);
    });
    return due.length;
  }

  async forget(integrationId: string): Promise<void> {
    await this.model.deleteMany({ integrationId });
  }
}

export function cursorId(integrationId: string, partition: number): string {
  return `${integrationId}:${partition}`;
}
