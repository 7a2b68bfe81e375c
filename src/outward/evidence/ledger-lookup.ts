import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { DocumentStore } from '../../platform/documents/document-store.js';
import type { LedgerRow } from './ledger-row.js';
import { ledgerPageSchema, type LedgerPageDocument } from './ledger.schema.js';

/** Pages overlap only where something was delivered twice; so many back are looked at. */
const PAGES_BACK = 20;
const PAGES_A_READ = 200;

export interface FoundRow extends LedgerRow {
  engineId: string;
}

/** Reads the delivery ledger. */
@Injectable()
export class LedgerLookup {
  private readonly model: Model<LedgerPageDocument>;

  constructor(store: DocumentStore) {
    this.model = store.model<LedgerPageDocument>('ledger-page', ledgerPageSchema);
  }

  /** What became of a position, of what was written since a time: lost or skipped beats delivered, the first delivery beats a repeated one. */
  async at(integrationId: string, partition: number, offset: number, since = 0): Promise<FoundRow | undefined> {
    const pages = await this.model.find({ integrationId, partition, first: { $lte: offset }, to: { $gte: new Date(since) } }).sort({ first: -1 }).limit(PAGES_BACK).lean<LedgerPageDocument[]>();
    const rows = pages.flatMap((page) => rowsOf(page)).filter((row) => row.first <= offset && offset < row.end && row.at >= since);
    const byTime = rows.sort((a, b) => a.at - b.at);
    return byTime.find((row) => row.outcome === 'lost' || row.outcome === 'skipped') ?? byTime.find((row) => row.outcome === 'delivered') ?? byTime[0];
  }

  /** All rows that touch the positions from `first` to before `end`, in the order of their first position. */
  async *between(integrationId: string, partition: number, first: number, end: number): AsyncGenerator<FoundRow> {
    // A page that begins before `first` may reach into the range.
    const before = await this.model.find({ integrationId, partition, first: { $lt: first }, end: { $gt: first } }).sort({ first: -1 }).limit(PAGES_BACK).lean<LedgerPageDocument[]>();
    for (const page of before.reverse()) yield* touching(page, first, end);
    let after: { first: number; _id: string } | undefined;
    for (;;) {
      const bounds = after ? { $or: [{ first: { $gt: after.first, $lt: end } }, { first: after.first, _id: { $gt: after._id } }] } : { first: { $gte: first, $lt: end } };
      const pages: LedgerPageDocument[] = await this.model.find({ integrationId, partition, ...bounds }).sort({ first: 1, _id: 1 }).limit(PAGES_A_READ).lean<LedgerPageDocument[]>();
      for (const page of pages) yield* touching(page, first, end);
      const last = pages[pages.length - 1];
      if (!last || pages.length < PAGES_A_READ) return;
      after = last;
    }
  }
}

function* touching(page: LedgerPageDocument, first: number, end: number): Generator<FoundRow> {
  for (const row of rowsOf(page)) if (row.first < end && row.end > first) yield row;
}

function rowsOf(page: LedgerPageDocument): FoundRow[] {
  return page.rows.map((row) => ({ ...row, at: row.at.getTime(), engineId: page.engineId }));
}
