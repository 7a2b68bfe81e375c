import { Schema } from 'mongoose';

/** What retention has reached of the audit records. One document. */
export interface AuditRetentionDocument {
  /** `audit-records` */
  _id: string;
  /** Of the records whose place in the audit-events feed (`feedCreated`) is not before this none was taken away (ms since 1970). Stored before anything goes, and only ever grows. */
  intactFrom: number;
}

export const AUDIT_RETENTION_ID = 'audit-records';

export const auditRetentionSchema = new Schema<AuditRetentionDocument>({ _id: String, intactFrom: { type: Number, required: true } }, { collection: 'audit_retention', versionKey: false });
