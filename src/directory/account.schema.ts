import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** How many operation ids an account remembers. */
export const REMEMBERED_OPERATIONS = 50;

/** An account on an application; unique on application + native id (folded to one case). */
export interface AccountDocument extends WithAuditOutbox {
  _id: string;
  applicationId: string;
  nativeId: string;
  nativeIdKey: string;
  searchKey: string;
  displayName: string | null;
  /** The correlated identity; null when none was found. */
  identityId: string | null;
  /** Identity ids of the account's owners, apart from the correlated identity. */
  owners: string[];
  disabled: boolean;
  passwordChangeRequired: boolean;
  entitlements: Array<{ attribute: string; value: string }>;
  /** `entitlementKey` of each entitlement, in the same order. */
  entitlementKeys: string[];
  attributes: Record<string, string | string[]>;
  renewalDue: Date | null;
  endOfLife: { at: Date; action: string } | null;
  /** Id of the secret in a vault, never the secret. */
  secretId: string | null;
  /** Ids of the operations that were applied last, oldest first: each is applied at most once. */
  operations: string[];
  /** Removed in the connected system; kept for the history. An account that comes back under the same native id is the same document again. */
  removedAt: Date | null;
  /** Counts the changes; the ETag. Every write is conditional on it. */
  version: number;
  /** Last change of the account, as the connected system or we say. */
  modifiedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  /** The history is over: the audit relay takes the document away. */
  deletedAt: Date | null;
}

export const accountSchema = new Schema<AccountDocument>(
  {
    _id: String, applicationId: { type: String, required: true }, nativeId: { type: String, required: true }, nativeIdKey: { type: String, required: true }, searchKey: { type: String, required: true }, displayName: { type: String, default: null },
    identityId: { type: String, default: null }, owners: { type: [String], default: [] }, disabled: { type: Boolean, default: false }, passwordChangeRequired: { type: Boolean, default: false },
    entitlements: { type: [new Schema({ attribute: String, value: String }, { _id: false })], default: [] }, entitlementKeys: { type: [String], default: [] }, attributes: { type: Schema.Types.Mixed, default: {} },
    renewalDue: { type: Date, default: null }, endOfLife: { type: new Schema({ at: Date, action: String }, { _id: false }), default: null }, secretId: { type: String, default: null }, operations: { type: [String], default: [] },
    removedAt: { type: Date, default: null }, version: { type: Number, default: 1 }, modifiedAt: { type: Date, default: null }, createdAt: Date, updatedAt: Date, deletedAt: { type: Date, default: null },
    ...auditOutboxField,
  },
  { collection: 'accounts', versionKey: false, minimize: false },
);
accountSchema.index({ applicationId: 1, nativeIdKey: 1 }, { unique: true });
accountSchema.index({ applicationId: 1, _id: 1 });
accountSchema.index({ nativeIdKey: 1 });
accountSchema.index({ identityId: 1 });
accountSchema.index({ owners: 1 });
accountSchema.index({ applicationId: 1, entitlementKeys: 1 });
accountSchema.index({ removedAt: 1 });
indexAuditOutbox(accountSchema);
