import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { rowsAt } from './ledger-lookup.js';
import type { FoundRow } from './ledger-tiles.js';
import { ledgerPageSchema, type LedgerPageDocument } from './ledger.schema.js';
import { replaySchema, type ReplayDocument } from './replay.schema.js';

/** What replays brought, in pages as those of the live stream but apart from them: nothing of it counts for heartbeats and receipts. The writer of a page (`engineId`) is the replay. */
export const replayLedgerSchema = (ledgerPageSchema.clone()).set('collection', 'replay_ledger');

/** A row of a replay that covers a position, and for which positions the replay was asked. */
export interface ReplayedRow {
  replayId: string;
  row: FoundRow;
}

/** Reads what replays brought to an integration. */
@Injectable()
export class ReplayLedger {
  private readonly pages: Model<LedgerPageDocument>;
  private readonly replays: Model<ReplayDocument>;

  constructor(store: DocumentStore) {
    this.pages = store.model<LedgerPageDocument>('replay-ledger-page', replayLedgerSchema);
    this.replays = store.model<ReplayDocument>('replay', replaySchema);
  }

  /**
   * Rows of replays that were asked for this event and delivered something, the best first, of what was written since a time. Whether the filter let the event pass is the caller's to ask.
   * @param eventId null when it is not known: then a replay by ids says nothing of it
   */
  async at(integrationId: string, partition: number, offset: number, eventId: string | null, since: number): Promise<ReplayedRow[]> {
    const rows = (await rowsAt(this.pages, integrationId, partition, offset, since)).filter(({ outcome, delivered }) => outcome === 'delivered' && delivered > 0);
    if (rows.length === 0) return [];
    const position = `${partition}.${offset}`;
    const asked = await this.replays
      .find({ _id: { $in: [...new Set(rows.map(({ engineId }) => engineId))] }, $and: [{ $or: [{ positions: null }, { positions: position }] }, { $or: [{ ids: null }, ...(eventId === null ? [] : [{ ids: eventId }])] }] }, { _id: 1 })
      .lean<Array<Pick<ReplayDocument, '_id'>>>();
    const known = new Set(asked.map(({ _id }) => _id));
    return rows.filter(({ engineId }) => known.has(engineId)).map((row) => ({ replayId: row.engineId, row }));
  }
}
