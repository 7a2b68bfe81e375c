import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../audit/audit-outbox.js';

/** A token that was given for a name and password (RFC 6749, 4.4). The token itself is never stored. */
export interface AccessTokenDocument extends WithAuditOutbox {
  /** SHA-256 of the token in hexadecimal digits: 256 random bits need no salt. */
  _id: string;
  userId: string;
  userName: string;
  createdAt: Date;
  expiresAt: Date;
  revokedAt: Date | null;
  /** When the document goes. */
  purgeAt: Date;
}

export const accessTokenSchema = new Schema<AccessTokenDocument>(
  {
    _id: String, userId: { type: String, required: true }, userName: { type: String, required: true }, createdAt: { type: Date, required: true }, expiresAt: { type: Date, required: true },
    revokedAt: { type: Date, default: null }, purgeAt: { type: Date, required: true }, ...auditOutboxField,
  },
  { collection: 'access_tokens', versionKey: false },
);
accessTokenSchema.index({ userId: 1, createdAt: -1 });
accessTokenSchema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });
indexAuditOutbox(accessTokenSchema);
