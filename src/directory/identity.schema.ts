import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** A person or service behind accounts; what `identityinfo` scores. */
export interface IdentityDocument extends WithAuditOutbox {
  _id: string;
  name: string;
  nameKey: string;
  displayName: string;
  email: string | null;
  managerId: string | null;
  /** Assigned and detected roles. */
  roles: string[];
  /** Requests submitted by, and requests that target, this identity. */
  requestsSubmitted: number;
  requestsTargeting: number;
  lastLoginAt: Date | null;
  modifiedAt: Date | null;
  /** Never acted upon by an alert (administrators, service accounts). */
  isProtected: boolean;
  createdAt: Date;
}

export const identitySchema = new Schema<IdentityDocument>(
  {
    _id: String, name: { type: String, required: true }, nameKey: { type: String, required: true }, displayName: { type: String, required: true }, email: { type: String, default: null }, managerId: { type: String, default: null },
    roles: { type: [String], default: [] }, requestsSubmitted: { type: Number, default: 0 }, requestsTargeting: { type: Number, default: 0 }, lastLoginAt: { type: Date, default: null }, modifiedAt: { type: Date, default: null },
    isProtected: { type: Boolean, default: false }, createdAt: Date, ...auditOutboxField,
  },
  { collection: 'identities', versionKey: false },
);
identitySchema.index({ nameKey: 1 }, { unique: true });
identitySchema.index({ managerId: 1 });
indexAuditOutbox(identitySchema);
