import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../audit/audit-outbox.js';

/** Settings that administrators change while the service runs; what is not in `values` has the default of the file. */
export interface SettingsDocument extends WithAuditOutbox {
  /** `mitigation`, `alert-clients`, `audit-actions`, `log-levels` */
  _id: string;
  values: Record<string, unknown>;
  version: number;
  updatedAt: Date;
}

export const settingsDocumentSchema = new Schema<SettingsDocument>(
  { _id: String, values: { type: Schema.Types.Mixed, default: {} }, version: { type: Number, required: true }, updatedAt: { type: Date, required: true }, ...auditOutboxField },
  { collection: 'settings', versionKey: false, minimize: false },
);
indexAuditOutbox(settingsDocumentSchema);
