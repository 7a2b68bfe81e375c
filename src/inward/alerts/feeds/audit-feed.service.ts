import { Inject, Injectable } from '@nestjs/common';
import type { Model, mongo, QueryFilter } from 'mongoose';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { AuditActions, typesOf } from './audit-actions.js';
import { auditEventElement, type AuditEventElement } from './audit-event-element.js';
import type { FeedQuery } from './feed-query.js';
import { FeedSequencer } from './feed-sequencer.js';
import { feedStateSchema, type FeedStateDocument } from './feed-state.schema.js';

export interface FeedPage<T> {
  items: T[];
  total: number;
}

/** Placed by one request at most; the rest by the next and by the job. */
const PLACED_BY_REQUEST = 5000;
const SEEN_MS = 60_000;

/** Our audit records as the audit-events feed: each once, in an order that never changes. */
@Injectable()
export class AuditFeed {
  private readonly records: Model<AuditRecordDocument>;
  private readonly sequencer: FeedSequencer;
  private seen: { at: number; types: Promise<string[]> } | undefined;

  constructor(store: DocumentStore, private readonly actions: AuditActions, @Inject(CLOCK) private readonly clock: Clock) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    const source = {
      name: 'audit-events',
      collection: this.records.collection as unknown as mongo.Collection,
      unplaced: async (limit: number) => {
        const found = await this.records.find({ feedCreated: null }, { occurredAt: 1 }).sort({ occurredAt: 1, _id: 1 }).limit(limit).lean<Array<{ _id: string; occurredAt: string }>>();
        return found.map(({ _id, occurredAt }) => ({ id: _id, happenedAtMs: Date.parse(occurredAt) }));
      },
    };
    this.sequencer = new FeedSequencer(store.model<FeedStateDocument>('feed-state', feedStateSchema), source, clock);
  }

  /** @returns how many records got their place */
  async advance(most = PLACED_BY_REQUEST): Promise<number> {
    return (await this.sequencer.advance(most)).placed;
  }

  async page({ startIndex, after, before }: FeedQuery, pageSize: number, action: string | undefined): Promise<FeedPage<AuditEventElement>> {
    const { shownCreated } = await this.sequencer.advance(PLACED_BY_REQUEST);
    const hidden = await this.actions.hiddenTypes();
    const wanted = action === undefined ? undefined : typesOf(action).filter((type) => !hidden.includes(type));
    const filter: QueryFilter<AuditRecordDocument> = {
      feedCreated: { $gt: after ?? 0, $lte: shownCreated, ...(before === undefined ? {} : { $lt: before }) },
      ...(wanted ? { type: { $in: wanted } } : hidden.length > 0 ? { type: { $nin: hidden } } : {}),
    };
    const [items, total] = await Promise.all([
      this.records.find(filter).sort({ feedCreated: 1 }).skip((startIndex - 1) * pageSize).limit(pageSize).lean<AuditRecordDocument[]>(),
      this.records.countDocuments(filter),
    ]);
    return { items: items.map((record) => auditEventElement(record, record.feedCreated ?? 0)), total };
  }

  /** Types that records have; at most a minute old. */
  async seenTypes(): Promise<string[]> {
    const now = this.clock.now();
    if (!this.seen || now - this.seen.at > SEEN_MS) {
      this.seen = { at: now, types: this.records.distinct('type').exec() };
      this.seen.types.catch(() => (this.seen = undefined));
    }
    return this.seen.types;
  }
}
