import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../platform/audit/audit-outbox.js';

/** What is reviewed: somebody's access, who has an entitlement, or everybody's access to an application. */
export const CAMPAIGN_KINDS = ['identity', 'entitlement-owner', 'application-owner'] as const;
export type CampaignKind = (typeof CAMPAIGN_KINDS)[number];
/** `not-started`: recorded, and nobody was asked. */
export const CAMPAIGN_STATES = ['not-started'] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** A thing of the directory, and its name when the campaign was opened. */
export interface Named {
  id: string;
  name: string;
}

/** Data, not a rule to be run: what is not named here is not reviewed. */
export interface CampaignScope {
  /** Whose access; null: everybody's within the rest. */
  identity: Named | null;
  /** Null: on every application. */
  application: Named | null;
  /** Null: all that the accounts hold. */
  entitlement: { attribute: string; value: string } | null;
}

/** What is asked for; the rest is the register's. */
export interface NewCampaign {
  kind: CampaignKind;
  name: string;
  scope: CampaignScope;
  reviewer: Named;
  /** The alert that asked for it; one alert opens one campaign. */
  alertId: string;
  /** Name of who posted the alert. */
  requestedBy: string;
}

/** A review of access, as it was asked for. */
export interface CampaignDocument extends NewCampaign, WithAuditOutbox {
  _id: string;
  state: CampaignState;
  createdAt: Date;
}

const named = new Schema<Named>({ id: { type: String, required: true }, name: { type: String, required: true } }, { _id: false });
const entitlement = new Schema({ attribute: { type: String, required: true }, value: { type: String, required: true } }, { _id: false });

export const campaignSchema = new Schema<CampaignDocument>(
  {
    _id: String, kind: { type: String, required: true, enum: CAMPAIGN_KINDS }, name: { type: String, required: true }, state: { type: String, required: true, enum: CAMPAIGN_STATES },
    scope: { type: new Schema<CampaignScope>({ identity: { type: named, default: null }, application: { type: named, default: null }, entitlement: { type: entitlement, default: null } }, { _id: false }), required: true },
    reviewer: { type: named, required: true }, alertId: { type: String, required: true }, requestedBy: { type: String, required: true }, createdAt: { type: Date, required: true }, ...auditOutboxField,
  },
  { collection: 'campaigns', versionKey: false },
);
campaignSchema.index({ createdAt: -1, _id: -1 });
campaignSchema.index({ alertId: 1 });
indexAuditOutbox(campaignSchema);
