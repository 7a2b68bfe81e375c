import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { tellings, tile, type FoundRow, type Tile } from './ledger-tiles.js';
import { ledgerPageSchema, type LedgerPageDocument } from './ledger.schema.js';

/** Pages overlap only where something was delivered twice; so many back are looked at. */
const PAGES_BACK = 20;
const PAGES_A_READ = 200;

/** Reads the delivery ledger. */
@Injectable()
export class LedgerLookup {
  private readonly model: Model<LedgerPageDocument>;

  constructor(store: DocumentStore) {
    this.model = store.model<LedgerPageDocument>('ledger-page', ledgerPageSchema);
  }

  /** What became of a position, of what was written since a time; the best telling first, more of them where it was resolved more than once. */
  async at(integrationId: string, partition: number, offset: number, since = 0): Promise<FoundRow[]> {
    return rowsAt(this.model, integrationId, partition, offset, since);
  }

  /** What became of the positions from `from` to before `to`, of what was written since a time: tiles in order that cover all of them, each position once. */
  async *tiles(integrationId: string, partition: number, from: number, to: number, since = 0): AsyncGenerator<Tile> {
    let at = from;
    let reach = from;
    let group: FoundRow[] = [];
    // Rows that overlap are laid out together; mostly that is one.
    for await (const row of this.between(integrationId, partition, from, to)) {
      if (row.at < since) continue;
      if (row.first >= reach) {
        const end = Math.min(to, Math.max(at, row.first));
        if (end > at) yield* tile(group, at, end);
        at = end;
        group = [];
      }
      group.push(row);
      reach = Math.max(reach, row.end);
    }
    if (at < to) yield* tile(group, at, to);
  }

  /** All rows that touch the positions from `first` to before `end`, in the order of their first position. */
  private async *between(integrationId: string, partition: number, first: number, end: number): AsyncGenerator<FoundRow> {
    let held: FoundRow[] = [];
    for await (const page of this.pages(integrationId, partition, first, end)) {
      const ready = held.filter((row) => row.first < page.first);
      held = held.filter((row) => row.first >= page.first);
      yield* ready.sort(byFirst);
      for (const row of rowsOf(page)) if (row.first < end && row.end > first) held.push(row);
    }
    yield* held.sort(byFirst);
  }

  private async *pages(integrationId: string, partition: number, first: number, end: number): AsyncGenerator<LedgerPageDocument> {
    if (first >= end) return;
    // A page that begins before `first` may reach into the range; by their ends alone, since no index knows them.
    const before = await this.model.find({ integrationId, partition, first: { $lt: first } }, { end: 1 }).sort({ first: -1 }).limit(PAGES_BACK).lean<Array<Pick<LedgerPageDocument, '_id' | 'end'>>>();
    const reaching = before.filter((page) => page.end > first).map(({ _id }) => _id);
    if (reaching.length > 0) yield* await this.model.find({ _id: { $in: reaching } }).sort({ first: 1 }).lean<LedgerPageDocument[]>();
    let after: { first: number; _id: string } | undefined;
    for (;;) {
      const bounds = after ? { $or: [{ first: { $gt: after.first, $lt: end } }, { first: after.first, _id: { $gt: after._id } }] } : { first: { $gte: first, $lt: end } };
      const pages: LedgerPageDocument[] = await this.model.find({ integrationId, partition, ...bounds }).sort({ first: 1, _id: 1 }).limit(PAGES_A_READ).lean<LedgerPageDocument[]>();
      yield* pages;
      const last = pages[pages.length - 1];
      if (!last || pages.length < PAGES_A_READ) return;
      after = last;
    }
  }
}

/** What the pages of a ledger say of a position, of what was written since a time; the best telling first. */
export async function rowsAt(model: Model<LedgerPageDocument>, integrationId: string, partition: number, offset: number, since: number): Promise<FoundRow[]> {
  const pages = await model.find({ integrationId, partition, first: { $lte: offset }, to: { $gte: new Date(since) } }).sort({ first: -1 }).limit(PAGES_BACK).lean<LedgerPageDocument[]>();
  return tellings(pages.flatMap((page) => rowsOf(page)).filter((row) => row.at >= since), offset);
}

function byFirst(a: FoundRow, b: FoundRow): number {
  return a.first - b.first;
}

function rowsOf({ _id, engineId, rows }: LedgerPageDocument): FoundRow[] {
  return rows.map((row) => ({ ...row, at: row.at.getTime(), engineId, writer: _id.slice(0, _id.indexOf(':')) }));
}
