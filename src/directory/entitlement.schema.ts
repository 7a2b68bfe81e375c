import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

export const ENTITLEMENT_STATES = ['enabled', 'disabled'] as const;
export type EntitlementState = (typeof ENTITLEMENT_STATES)[number];

/** A group or other value that accounts of an application can hold. */
export interface EntitlementDocument extends WithAuditOutbox {
  _id: string;
  applicationId: string;
  attribute: string;
  value: string;
  /** `attribute` and `value` folded to one case: type and value are compared ignoring case. */
  key: string;
  searchKey: string;
  displayName: string | null;
  ownerId: string | null;
  /** Whether people may ask for it. */
  requestable: boolean;
  state: EntitlementState;
  /** Counts the changes; the ETag. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
  deleted: boolean;
  /** Set with `deleted`; the audit relay takes the mark away. */
  deletedAt: Date | null;
}

export const entitlementSchema = new Schema<EntitlementDocument>(
  {
    _id: String, applicationId: { type: String, required: true }, attribute: { type: String, required: true }, value: { type: String, required: true }, key: { type: String, required: true }, searchKey: { type: String, required: true },
    displayName: { type: String, default: null }, ownerId: { type: String, default: null }, requestable: { type: Boolean, default: true }, state: { type: String, default: 'enabled' }, version: { type: Number, default: 1 },
    createdAt: Date, updatedAt: Date, deleted: { type: Boolean, default: false }, deletedAt: { type: Date, default: null }, ...auditOutboxField,
  },
  { collection: 'entitlements', versionKey: false },
);
entitlementSchema.index({ applicationId: 1, key: 1 }, { unique: true, partialFilterExpression: { deleted: false } });
entitlementSchema.index({ deleted: 1, key: 1 });
entitlementSchema.index({ ownerId: 1 });
indexAuditOutbox(entitlementSchema);
