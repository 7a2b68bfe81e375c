import { Schema, type UpdateQuery } from 'mongoose';
import type { AuditRecord } from './audit-record.js';

/** What a document with an outbox holds; part of the document's interface. */
export interface WithAuditOutbox {
  /** Acts on this document that the relay has not moved yet, oldest first. Empty again within moments. */
  auditOutbox: AuditRecord[];
}

/** A document of which only some have acts to tell. */
export interface MayHaveAuditOutbox {
  auditOutbox?: AuditRecord[];
}

/** What a document holds that is removed with a record of its removal. */
export interface WithRemovalMark {
  /** Set with the last outbox entry; null or absent while the document lives. The document itself goes after a grace time (`audit.removedGraceHours`). */
  deletedAt?: Date | null;
}

/** An audit record inside another document or as a document: the same fields. */
export const auditRecordFields = {
  type: { type: String, required: true },
  occurredAt: { type: String, required: true },
  actor: { type: Schema.Types.Mixed, required: true },
  subject: { type: Schema.Types.Mixed, required: true },
  objects: { type: [Schema.Types.Mixed], default: undefined },
  outcome: { type: String, required: true },
  reason: String,
  correlationId: String,
  severity: Number,
  attributes: { type: Schema.Types.Mixed, default: undefined },
  changes: { type: [Schema.Types.Mixed], default: undefined },
  notification: { type: Schema.Types.Mixed, default: undefined },
} as const;

const outboxEntrySchema = new Schema<AuditRecord>({ id: { type: String, required: true }, ...auditRecordFields }, { _id: false, minimize: false });

/** Spread into a schema's definition: `new Schema({ ..., ...auditOutboxField })`. */
export const auditOutboxField = { auditOutbox: { type: [outboxEntrySchema], default: [] } };

/** Declares the indexes by which the relay finds waiting entries and, for schemas with `deletedAt`, removed documents. */
export function indexAuditOutbox<T>(schema: Schema<T>): void {
  schema.index({ 'auditOutbox.id': 1 }, { sparse: true });
  if (schema.path('deletedAt')) schema.index({ deletedAt: 1 }, { sparse: true });
}

/** The update with the records of the act in it: one write, so neither is ever there without the other. */
export function withAudit<T>(update: UpdateQuery<T>, ...records: readonly AuditRecord[]): UpdateQuery<T> {
  const push: Record<string, unknown> = { ...(update.$push), auditOutbox: { $each: records } };
  return { ...update, $push: push };
}
