import { Schema } from 'mongoose';
import { auditRecordFields } from './audit-outbox.js';
import type { AuditRecord } from './audit-record.js';

/**
 * An act, kept. Append-only: after the insert only the four export fields and the place in the feed change, once, and the notification goes when it is in the outbox of platform/notify.
 * Waits for the event log while `exportedAt` and `refusedAt` are null.
 */
export interface AuditRecordDocument extends Omit<AuditRecord, 'id'> {
  /** The record's id, also the event's. */
  _id: string;
  /** When it came into this collection. */
  recordedAt: Date;
  /** When the event log had it durably. */
  exportedAt: Date | null;
  /** Its place in the event log `<partition>.<offset>`, as receivers see it. */
  sequence: string | null;
  /** When the event log refused it for good, and why: needs a person. */
  refusedAt: Date | null;
  refusedReason: string | null;
  /** Its place in the audit-events feed (ms since 1970, and number), given once by the feed; null until then. */
  feedCreated: number | null;
  feedNumber: number | null;
}

export const auditRecordSchema = new Schema<AuditRecordDocument>(
  {
    _id: String, ...auditRecordFields, recordedAt: { type: Date, required: true },
    exportedAt: { type: Date, default: null }, sequence: { type: String, default: null }, refusedAt: { type: Date, default: null }, refusedReason: { type: String, default: null },
    feedCreated: { type: Number, default: null }, feedNumber: { type: Number, default: null },
  },
  { collection: 'audit_records', versionKey: false, minimize: false },
);
auditRecordSchema.index({ exportedAt: 1, refusedAt: 1, occurredAt: 1, _id: 1 });
auditRecordSchema.index({ occurredAt: -1, _id: -1 });
auditRecordSchema.index({ feedCreated: 1, occurredAt: 1, _id: 1 });
auditRecordSchema.index({ type: 1, feedCreated: 1 });
auditRecordSchema.index({ type: 1, occurredAt: -1 });
auditRecordSchema.index({ 'actor.id': 1, occurredAt: -1 });
auditRecordSchema.index({ 'actor.name': 1, occurredAt: -1 });
auditRecordSchema.index({ 'subject.id': 1, occurredAt: -1 });
auditRecordSchema.index({ 'subject.name': 1, occurredAt: -1 });
auditRecordSchema.index({ correlationId: 1, occurredAt: -1 }, { sparse: true });
auditRecordSchema.index({ 'notification.key': 1 }, { sparse: true });

/** A record as it enters the collection. */
export function toDocument({ id, ...act }: AuditRecord, recordedAt: Date): AuditRecordDocument {
  const record = JSON.parse(JSON.stringify(act)) as typeof act;
  return { _id: id, ...record, recordedAt, exportedAt: null, sequence: null, refusedAt: null, refusedReason: null, feedCreated: null, feedNumber: null };
}

/** The act as it was written, without what administrators are told of it. */
export function toRecord({ _id, recordedAt: _1, exportedAt: _2, sequence: _3, refusedAt: _4, refusedReason: _5, feedCreated: _6, feedNumber: _7, notification: _8, ...record }: AuditRecordDocument): AuditRecord {
  return { id: _id, ...record };
}
