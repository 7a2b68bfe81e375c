import { randomUUID } from 'node:crypto';
import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { LedgerRow } from './ledger-row.js';
import type { LedgerRun } from './ledger-run.js';
import type { LedgerPageDocument, StoredRow } from './ledger.schema.js';

/** Rows of a page: adding one rewrites the page, so pages stay small. */
const ROWS_A_PAGE = 32;
const DAY_MS = 86_400_000;

/** One integration in one partition, as the ledger sees it. */
export interface LedgerSource {
  readonly ledger: LedgerRun;
  readonly partition: number;
  readonly integrationId: string;
}

interface Page {
  number: number;
  count: number;
  openedAt: number;
  /** A write of it has begun and is not known to be stored: it is repeated in the same page. */
  tried: boolean;
}

/** The delivery ledger, as one engine writes it. Rows are stored before the cursor passes them, so that what is before a cursor has its row. */
export class LedgerStore {
  private readonly pages = new WeakMap<LedgerSource, Page>();
  private lastPage = 0;
  /** Engines may keep their name over a restart; pages are numbered anew then. */
  private readonly process = randomUUID().slice(0, 8);

  constructor(private readonly model: Model<LedgerPageDocument>, private readonly clock: Clock, private readonly engineId: string, private readonly retentionDays: number) {}

  /** Stores all that the sources have. @throws when the document store refuses; the next call writes the same rows again, and each of them is stored once */
  async write(sources: readonly LedgerSource[]): Promise<void> {
    for (const { ledger } of sources) ledger.seal();
    // A second round only where a failed write was repeated: it leaves out what came after it.
    let left = sources;
    while (left.length > 0) {
      const repeated = left.filter(({ ledger }) => ledger.isRepeating);
      await this.writeOnce(left);
      left = repeated;
    }
  }

  private async writeOnce(sources: readonly LedgerSource[]): Promise<void> {
    const writes = sources.map((source) => ({ source, rows: source.ledger.pending() })).filter(({ rows }) => rows.length > 0);
    if (writes.length === 0) return;
    const pages = writes.map(({ source, rows }) => this.pageFor(source, rows.length));
    try {
      await this.model.bulkWrite(writes.map(({ source, rows }, at) => this.operation(source, rows, pages[at])), { ordered: false, throwOnValidationError: true });
    } catch (error) {
      // A page that is there already was stored by the try before, whose answer got lost.
      if (!onlyDuplicates(error)) throw error;
    }
    writes.forEach(({ source, rows }, at) => {
      const page = pages[at];
      if (page) {
        page.count += rows.length;
        page.tried = false;
      }
      source.ledger.stored(rows.length);
    });
  }

  /** The page that takes so many rows more; the same one again until they are stored. */
  private pageFor(source: LedgerSource, more: number): Page {
    const now = this.clock.now();
    let page = this.pages.get(source);
    // A page is left long before its time is over: rows must not be added to one that was forgotten.
    const takes = page && (page.tried || (page.count + more <= ROWS_A_PAGE && Math.abs(now - page.openedAt) < (this.retentionDays * DAY_MS) / 2));
    if (!page || !takes) {
      page = { number: ++this.lastPage, count: 0, openedAt: now, tried: false };
      this.pages.set(source, page);
    }
    page.tried = true;
    return page;
  }

  private operation({ integrationId, partition }: LedgerSource, rows: readonly LedgerRow[], page: Pick<Page, 'number' | 'count'> = { number: 0, count: 0 }) {
    const now = this.clock.now();
    const stored: StoredRow[] = rows.map((row) => ({ ...row, at: new Date(row.at) }));
    const first = Math.min(...rows.map((row) => row.first));
    const end = Math.max(...rows.map((row) => row.end));
    const to = new Date(Math.max(...rows.map((row) => row.at)));
    const expiresAt = new Date(now + this.retentionDays * DAY_MS);
    const _id = `${this.engineId}@${this.process}:${integrationId}:${partition}:${page.number}`;
    if (page.count === 0) return { insertOne: { document: { _id, integrationId, partition, engineId: this.engineId, first, end, from: new Date(now), to, count: stored.length, rows: stored, expiresAt } } };
    return { updateOne: { filter: { _id, count: page.count }, update: { $push: { rows: { $each: stored } }, $inc: { count: stored.length }, $min: { first }, $max: { end, to }, $set: { expiresAt } } } };
  }
}

function onlyDuplicates(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== 11000) return false;
  const writeErrors = 'writeErrors' in error && Array.isArray(error.writeErrors) ? (error.writeErrors as Array<{ code?: number }>) : [];
  return writeErrors.every(({ code }) => code === 11000);
}
