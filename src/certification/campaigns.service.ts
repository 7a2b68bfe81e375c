import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Actor, EventObject } from '../model/audit-event.js';
import { AuditRelay } from '../platform/audit/audit.relay.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import { DocumentStore } from '../platform/documents/document-store.js';
import { campaignSchema, type CampaignDocument, type NewCampaign } from './campaign.schema.js';

export interface CampaignQuery {
  alertId?: string;
  page: number;
  pageSize: number;
}

/** The campaigns that were asked for. This version records them; it asks no reviewer. */
@Injectable()
export class Campaigns {
  private readonly campaigns: Model<CampaignDocument>;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock, relay: AuditRelay) {
    this.campaigns = store.model<CampaignDocument>('campaign', campaignSchema);
    relay.watch(this.campaigns);
  }

  /** Records a campaign, with the record of the act in the same write. The same alert again, from a process that took it over, gets the one that is there. */
  async open(campaign: NewCampaign, actor: Actor): Promise<CampaignDocument> {
    const _id = campaignIdOf(campaign.alertId);
    const { kind, scope, reviewer, alertId } = campaign;
    const record = newAuditRecord(
      {
        type: 'audit.campaign.create', actor, subject: { kind: 'campaign', id: _id, name: campaign.name }, objects: objectsOf(scope), correlationId: alertId,
        attributes: { campaignKind: kind, state: 'not-started', reviewer: reviewer.name },
      },
      this.clock,
    );
    const fresh: CampaignDocument = { _id, ...campaign, state: 'not-started', createdAt: new Date(this.clock.now()), auditOutbox: [record] };
    await this.campaigns.updateOne({ _id }, { $setOnInsert: fresh }, { upsert: true });
    return (await this.get(_id)) ?? fresh;
  }

  async get(id: string): Promise<CampaignDocument | null> {
    return this.campaigns.findOne({ _id: id }, { auditOutbox: 0 }).lean<CampaignDocument | null>();
  }

  /** Newest first. */
  async list({ alertId, page, pageSize }: CampaignQuery): Promise<{ items: CampaignDocument[]; total: number }> {
    const filter = alertId === undefined ? {} : { alertId };
    const [items, total] = await Promise.all([
      this.campaigns.find(filter, { auditOutbox: 0 }).sort({ createdAt: -1, _id: -1 }).skip((page - 1) * pageSize).limit(pageSize).lean<CampaignDocument[]>(),
      this.campaigns.countDocuments(filter),
    ]);
    return { items, total };
  }
}

/** The same for each try of an alert, in whichever process. */
export function campaignIdOf(alertId: string): string {
  return `campaign-${alertId}`;
}

function objectsOf({ identity, application, entitlement }: NewCampaign['scope']): EventObject[] {
  return [
    ...(application ? [{ kind: 'application', ...application }] : []),
    ...(identity ? [{ kind: 'identity', ...identity }] : []),
    ...(entitlement ? [{ kind: 'entitlement', id: entitlement.value, name: entitlement.value, ...entitlement }] : []),
  ];
}
