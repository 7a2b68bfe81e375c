import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** A person or service behind accounts; what `identityinfo` scores. */
export interface IdentityDocument extends WithAuditOutbox {
  _id: string;
  name: string;
  nameKey: string;
  searchKey: string;
  displayName: string;
  email: string | null;
  /** `email` folded to one case, for the correlation of accounts; several identities may share one, and then none is found by it. */
  emailKey: string | null;
  managerId: string | null;
  /** Assigned and detected roles. */
  roles: string[];
  /** Requests submitted by, and requests that target, this identity. */
  requestsSubmitted: number;
  requestsTargeting: number;
  lastLoginAt: Date | null;
  /** When the identity itself changed, as its source or we say; what the confidence score counts from. */
  modifiedAt: Date | null;
  /** Never acted upon by an alert (administrators, service accounts). */
  isProtected: boolean;
  /** Counts the changes; the ETag. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
  deleted: boolean;
  /** Set with `deleted`; the audit relay takes the mark away. */
  deletedAt: Date | null;
}

export const identitySchema = new Schema<IdentityDocument>(
  {
    _id: String, name: { type: String, required: true }, nameKey: { type: String, required: true }, searchKey: { type: String, required: true }, displayName: { type: String, required: true }, email: { type: String, default: null },
    emailKey: { type: String, default: null }, managerId: { type: String, default: null }, roles: { type: [String], default: [] }, requestsSubmitted: { type: Number, default: 0 }, requestsTargeting: { type: Number, default: 0 },
    lastLoginAt: { type: Date, default: null }, modifiedAt: { type: Date, default: null }, isProtected: { type: Boolean, default: false }, version: { type: Number, default: 1 }, createdAt: Date, updatedAt: Date,
    deleted: { type: Boolean, default: false }, deletedAt: { type: Date, default: null }, ...auditOutboxField,
  },
  { collection: 'identities', versionKey: false },
);
identitySchema.index({ nameKey: 1 }, { unique: true, partialFilterExpression: { deleted: false } });
identitySchema.index({ deleted: 1, nameKey: 1 });
identitySchema.index({ managerId: 1 });
identitySchema.index({ emailKey: 1 });
indexAuditOutbox(identitySchema);
