import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** An account on an application; unique on application + native id (folded to one case). */
export interface AccountDocument extends WithAuditOutbox {
  _id: string;
  applicationId: string;
  nativeId: string;
  nativeIdKey: string;
  displayName: string | null;
  /** The correlated identity; null when none was found. */
  identityId: string | null;
  /** Identity ids of the account's owners, apart from the correlated identity. */
  owners: string[];
  disabled: boolean;
  passwordChangeRequired: boolean;
  entitlements: Array<{ attribute: string; value: string }>;
  attributes: Record<string, string | string[]>;
  renewalDue: Date | null;
  endOfLife: { at: Date; action: string } | null;
  /** Id of the secret in a vault, never the secret. */
  secretId: string | null;
  /** Removed in the connected system; kept for the history. */
  removedAt: Date | null;
  modifiedAt: Date | null;
  createdAt: Date;
}

export const accountSchema = new Schema<AccountDocument>(
  {
    _id: String, applicationId: { type: String, required: true }, nativeId: { type: String, required: true }, nativeIdKey: { type: String, required: true }, displayName: { type: String, default: null },
    identityId: { type: String, default: null }, owners: { type: [String], default: [] }, disabled: { type: Boolean, default: false }, passwordChangeRequired: { type: Boolean, default: false },
    entitlements: { type: [new Schema({ attribute: String, value: String }, { _id: false })], default: [] }, attributes: { type: Schema.Types.Mixed, default: {} }, renewalDue: { type: Date, default: null },
    endOfLife: { type: new Schema({ at: Date, action: String }, { _id: false }), default: null }, secretId: { type: String, default: null }, removedAt: { type: Date, default: null }, modifiedAt: { type: Date, default: null }, createdAt: Date,
    ...auditOutboxField,
  },
  { collection: 'accounts', versionKey: false, minimize: false },
);
accountSchema.index({ applicationId: 1, nativeIdKey: 1 }, { unique: true });
accountSchema.index({ nativeIdKey: 1 });
accountSchema.index({ identityId: 1 });
accountSchema.index({ applicationId: 1, 'entitlements.value': 1 });
indexAuditOutbox(accountSchema);
