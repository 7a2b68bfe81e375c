import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox, type WithRemovalMark } from '../audit/audit-outbox.js';

/** Somebody, or some machine, that may ask for something. Grows by one `version` with each change. */
export interface UserDocument extends WithAuditOutbox, WithRemovalMark {
  _id: string;
  /** As written by who created it. */
  name: string;
  /** The name for comparison (see `nameKey`), unique; freed by a removal. */
  key: string;
  /** Argon2id in PHC form; empty once removed. */
  passwordHash: string;
  passwordChangedAt: Date;
  roles: string[];
  /** Single rights beside those of the roles. */
  rights: string[];
  disabled: boolean;
  /** A made password that was not yet handed to a person: since when. */
  handover: { since: Date } | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export const userSchema = new Schema<UserDocument>(
  {
    _id: String, name: { type: String, required: true }, key: { type: String, required: true }, passwordHash: String, passwordChangedAt: { type: Date, required: true },
    roles: { type: [String], default: [] }, rights: { type: [String], default: [] }, disabled: { type: Boolean, default: false }, handover: { type: Schema.Types.Mixed, default: null },
    version: { type: Number, required: true }, createdAt: { type: Date, required: true }, updatedAt: { type: Date, required: true }, deletedAt: { type: Date, default: null }, ...auditOutboxField,
  },
  { collection: 'users', versionKey: false, minimize: false },
);
userSchema.index({ key: 1 }, { unique: true });
indexAuditOutbox(userSchema);

/** A name as compared: upper and lower case, and different compositions of the same letters (Unicode NFKC), are one name. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
