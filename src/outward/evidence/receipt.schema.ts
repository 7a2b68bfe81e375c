import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../../platform/audit/audit-outbox.js';

/**
 * found = the SIEM has all that was sent; replayed = it had fewer, and what was missing was sent again, once; missing = it still has fewer after that, and
 * administrators were told.
 */
export type ReceiptState = 'found' | 'replayed' | 'missing';

/** What a SIEM said of a run of positions that was delivered to it. */
export interface ReceiptDocument extends WithAuditOutbox {
  /** `<integration id>:<partition>:<from>-<to>`; of what was sent after the log was replaced, with `:<resets of the cursor>` behind it. */
  _id: string;
  integrationId: string;
  partition: number;
  /** First position. */
  from: number;
  /** Position after the last. */
  to: number;
  state: ReceiptState;
  /** Events that were sent in the run, as the ledger knows. */
  sent: number;
  /** Events that the SIEM has, by its last receipt. */
  found: number;
  /** Ids or positions that it named as missing, by its last receipt; at most 1,000 are kept. */
  missing: string[];
  replayId: string | null;
  receivedAt: Date;
  receivedFrom: string;
  expiresAt: Date;
}

export const receiptSchema = new Schema<ReceiptDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, partition: { type: Number, required: true }, from: { type: Number, required: true }, to: { type: Number, required: true },
    state: { type: String, required: true }, sent: { type: Number, required: true }, found: { type: Number, required: true }, missing: { type: [String], default: [] }, replayId: { type: String, default: null },
    receivedAt: { type: Date, required: true }, receivedFrom: String, expiresAt: { type: Date, required: true },
    ...auditOutboxField,
  },
  { collection: 'receipts', versionKey: false, minimize: false },
);
// Look-up of a position: the receipts that begin at or before it, the latest first.
receiptSchema.index({ integrationId: 1, partition: 1, from: -1 });
receiptSchema.index({ receivedAt: -1 });
receiptSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });
indexAuditOutbox(receiptSchema);
