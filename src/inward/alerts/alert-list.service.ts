import { Injectable } from '@nestjs/common';
import type { Model, QueryFilter } from 'mongoose';
import { ALERT_STATES, CLOSED_STATES, type AlertState, type TargetState } from '../../model/alert.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from '../processor/mitigation-target.schema.js';
import { alertSchema, type AlertDocument } from './alert.schema.js';
import type { AlertQuery } from './alerts.controller.js';

/** Reads alerts and their targets; a purged alert is there no more. */
@Injectable()
export class AlertListService {
  private readonly alerts: Model<AlertDocument>;
  private readonly allTargets: Model<MitigationTargetDocument>;

  constructor(store: DocumentStore) {
    this.alerts = store.model<AlertDocument>('alert', alertSchema);
    this.allTargets = store.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
  }

  async list(query: AlertQuery): Promise<{ items: AlertDocument[]; total: number; totals: Record<string, number> }> {
    const others = conditionsOf(query);
    const filter = { $and: [{ state: { $in: statesOf(query.state) } }, others] };
    const direction = query.sort === 'newest' ? -1 : 1;
    const [items, byState] = await Promise.all([
      this.alerts.find(filter, { auditOutbox: 0 }).sort({ receivedAt: direction, _id: direction }).skip((query.page - 1) * query.pageSize).limit(query.pageSize).lean<AlertDocument[]>(),
      Promise.all(LISTED.map(async (state) => [state, await this.alerts.countDocuments({ $and: [{ state }, others] })] as const)),
    ]);
    const totals = Object.fromEntries(byState);
    return { items, total: statesOf(query.state).reduce((sum, state) => sum + (totals[state] ?? 0), 0), totals };
  }

  async get(id: string): Promise<AlertDocument | null> {
    return this.alerts.findOne({ _id: id, state: { $ne: 'purged' } }, { auditOutbox: 0 }).lean<AlertDocument | null>();
  }

  /** In the order in which they were planned. */
  async targets(alert: AlertDocument, { targetsOf, targetState, page, pageSize }: { targetsOf: 'alert' | 'undo'; targetState?: TargetState; page: number; pageSize: number }): Promise<{ items: MitigationTargetDocument[]; total: number }> {
    // Targets of a plan that was given up half-way do not count.
    const planToken = (targetsOf === 'undo' ? alert.undo?.planToken : alert.planToken) ?? '';
    const filter: QueryFilter<MitigationTargetDocument> = { alertId: alert._id, planToken, ...(targetState === undefined ? {} : { state: targetState }) };
    const [items, total] = await Promise.all([
      this.allTargets.find(filter).sort({ number: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<MitigationTargetDocument[]>(),
      this.allTargets.countDocuments(filter),
    ]);
    return { items, total };
  }
}

const LISTED = ALERT_STATES.filter((state) => state !== 'purged');

function statesOf(state: AlertQuery['state']): readonly AlertState[] {
  switch (state) {
    case 'all':
      return LISTED;
    case 'open':
      return ['new', 'processing', 'waiting'];
    case 'closed':
      return CLOSED_STATES;
    case 'purged':
      return [];
    default:
      return [state];
  }
}

function conditionsOf({ type, level, application, nativeId, identityId, search, from, to }: AlertQuery): QueryFilter<AlertDocument> {
  const contains = search === undefined ? undefined : { $regex: search.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), $options: 'i' };
  return {
    ...(type === undefined ? {} : { type }),
    ...(level === undefined ? {} : { level }),
    ...(application === undefined ? {} : { application }),
    ...(nativeId === undefined ? {} : { nativeId }),
    ...(identityId === undefined ? {} : { identityId }),
    ...(from === undefined && to === undefined ? {} : { receivedAt: { ...(from && { $gte: from }), ...(to && { $lt: to }) } }),
    ...(contains === undefined ? {} : { $or: ['_id', 'application', 'nativeId', 'groupName', 'identityName'].map((field) => ({ [field]: contains })) }),
  };
}
