import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../audit/audit-outbox.js';
import type { ChannelFailure } from './channel-sender.js';
import type { ChannelSettings } from './channel-settings.js';

/** How a channel did of late; written by the sender, no part of the version. */
export interface ChannelHealth {
  consecutiveFailures: number;
  /** Nothing is tried on it before; null when it works. */
  nextTryAt: Date | null;
  lastSentAt: Date | null;
  lastFailure: (ChannelFailure & { at: Date }) | null;
}

/** A channel as it lies in the store: the secrets in its section are sealed (channel-secrets.ts). */
export type ChannelDocument = ChannelSettings & WithAuditOutbox & {
  _id: string;
  /** Lower-cased name: unique among those that are not deleted. */
  nameKey: string;
  /** Grows by one with each change: the ETag. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
  deleted: boolean;
  deletedAt: Date | null;
  health: ChannelHealth;
};

export const NO_HEALTH: ChannelHealth = { consecutiveFailures: 0, nextTryAt: null, lastSentAt: null, lastFailure: null };

export const channelDocumentSchema = new Schema<ChannelDocument>(
  {
    _id: String, name: { type: String, required: true }, nameKey: { type: String, required: true }, type: { type: String, required: true }, enabled: { type: Boolean, required: true },
    kinds: { type: [String], default: [] }, leastSeverity: { type: String, required: true },
    // Shape and limits are written once, in channel-settings.ts; only what passed it is stored.
    section: { type: Schema.Types.Mixed, required: true },
    version: { type: Number, required: true }, createdAt: { type: Date, required: true }, updatedAt: { type: Date, required: true }, deleted: { type: Boolean, required: true }, deletedAt: { type: Date, default: null },
    health: { type: Schema.Types.Mixed, required: true },
    ...auditOutboxField,
  },
  // `type` is a field here, not mongoose's word for a type.
  { collection: 'notification_channels', versionKey: false, minimize: false },
);
channelDocumentSchema.index({ nameKey: 1 }, { unique: true, partialFilterExpression: { deleted: false } });
channelDocumentSchema.index({ deleted: 1, nameKey: 1 });
indexAuditOutbox(channelDocumentSchema);
