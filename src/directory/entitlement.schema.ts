import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** A group or other value that accounts of an application can hold. */
export interface EntitlementDocument extends WithAuditOutbox {
  _id: string;
  applicationId: string;
  attribute: string;
  value: string;
  /** `attribute` and `value` folded to one case: type and value are compared ignoring case. */
  key: string;
  displayName: string | null;
  ownerId: string | null;
  requestable: boolean;
  state: 'enabled' | 'disabled';
  createdAt: Date;
  updatedAt: Date;
}

export const entitlementSchema = new Schema<EntitlementDocument>(
  {
    _id: String, applicationId: { type: String, required: true }, attribute: { type: String, required: true }, value: { type: String, required: true }, key: { type: String, required: true }, displayName: { type: String, default: null },
    ownerId: { type: String, default: null }, requestable: { type: Boolean, default: true }, state: { type: String, default: 'enabled' }, createdAt: Date, updatedAt: Date, ...auditOutboxField,
  },
  { collection: 'entitlements', versionKey: false },
);
entitlementSchema.index({ applicationId: 1, key: 1 }, { unique: true });
indexAuditOutbox(entitlementSchema);
