import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** A connected system as the directory knows it. */
export interface ApplicationDocument extends WithAuditOutbox {
  _id: string;
  /** As shown and as a SIEM writes it; unique (upper and lower case count as equal by `nameKey`). */
  name: string;
  nameKey: string;
  searchKey: string;
  /** Kind of system, for example `Active Directory - Direct`, `LDAP`, `Built-in`. */
  type: string;
  /** Connector that makes changes: `builtin`, later `ldap`, `active-directory`, `scim`. */
  connector: string;
  /** Identity id of the owner. */
  ownerId: string | null;
  /** Source of identities (HR): its accounts are never disabled or deleted by an alert. */
  authoritative: boolean;
  /** Account attributes whose values are entitlements, for example `memberOf`. */
  entitlementAttributes: string[];
  /** Whether a password change can be forced (the original: Active Directory only). */
  passwordChange: boolean;
  /** Counts the changes; the ETag. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
  deleted: boolean;
  /** Set with `deleted`; the audit relay takes the mark away. */
  deletedAt: Date | null;
}

export const applicationSchema = new Schema<ApplicationDocument>(
  {
    _id: String, name: { type: String, required: true }, nameKey: { type: String, required: true }, searchKey: { type: String, required: true }, type: { type: String, required: true }, connector: { type: String, required: true },
    ownerId: { type: String, default: null }, authoritative: { type: Boolean, default: false }, entitlementAttributes: { type: [String], default: [] }, passwordChange: { type: Boolean, default: false },
    version: { type: Number, default: 1 }, createdAt: Date, updatedAt: Date, deleted: { type: Boolean, default: false }, deletedAt: { type: Date, default: null }, ...auditOutboxField,
  },
  { collection: 'applications', versionKey: false },
);
applicationSchema.index({ nameKey: 1 }, { unique: true, partialFilterExpression: { deleted: false } });
applicationSchema.index({ deleted: 1, nameKey: 1 });
applicationSchema.index({ ownerId: 1 });
indexAuditOutbox(applicationSchema);
