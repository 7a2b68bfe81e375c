import { Schema } from 'mongoose';
import type { LedgerRow } from './ledger-row.js';

/** A row as stored: `at` as a date. */
export type StoredRow = Omit<LedgerRow, 'at'> & { at: Date };

/**
 * A page of the delivery ledger: some rows of one integration in one partition, written by one engine. Rows are added at the end and never changed; a page that is
 * full is followed by the next one. Pages overlap only where a crash, a rebalance or a rewind made an engine deliver something twice.
 */
export interface LedgerPageDocument {
  /** `<engine id>@<its process>:<integration id>:<partition>:<number of the page>` */
  _id: string;
  integrationId: string;
  partition: number;
  engineId: string;
  /** Least position of its rows, and the position after the largest. */
  first: number;
  end: number;
  /** When its first row was written, and when its last one became safe. */
  from: Date;
  to: Date;
  /** Rows so far; what a repeated write is recognised by. */
  count: number;
  rows: StoredRow[];
  /** When it is forgotten. */
  expiresAt: Date;
}

const row = new Schema<StoredRow>(
  {
    first: Number, end: Number, at: Date, outcome: String, evidence: { type: String, default: null }, attempts: Number, delivered: Number, rejected: Number, bytes: Number,
    types: { type: [new Schema({ type: { type: String }, count: { type: Number } }, { _id: false })], default: [] }, version: Number, lostBy: String,
  },
  { _id: false },
);

export const ledgerPageSchema = new Schema<LedgerPageDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, partition: { type: Number, required: true }, engineId: { type: String, required: true }, first: { type: Number, required: true },
    end: { type: Number, required: true }, from: { type: Date, required: true }, to: { type: Date, required: true }, count: { type: Number, required: true }, rows: { type: [row], default: [] },
    expiresAt: { type: Date, required: true },
  },
  { collection: 'delivery_ledger', versionKey: false, minimize: false },
);
// Look-up of a position: the pages that begin at or before it, the latest first.
ledgerPageSchema.index({ integrationId: 1, partition: 1, first: -1 });
ledgerPageSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });

/** What an integration wanted at a version: by which rule an event was left out is answered with the filter of that time. */
export interface FilterVersionDocument {
  /** `<integration id>:<version>` */
  _id: string;
  integrationId: string;
  version: number;
  filter: Record<string, unknown>;
  since: Date;
}

export const filterVersionSchema = new Schema<FilterVersionDocument>(
  { _id: String, integrationId: { type: String, required: true }, version: { type: Number, required: true }, filter: { type: Schema.Types.Mixed, required: true }, since: { type: Date, required: true } },
  { collection: 'integration_filters', versionKey: false, minimize: false },
);
filterVersionSchema.index({ integrationId: 1, version: 1 });
