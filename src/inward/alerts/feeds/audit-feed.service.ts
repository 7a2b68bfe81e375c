import { Inject, Injectable } from '@nestjs/common';
import type { Model, mongo } from 'mongoose';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import { AuditService } from '../../../platform/audit/audit.service.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { AuditActions, typesOf } from './audit-actions.js';
import { auditEventElement, type AuditEventElement } from './audit-event-element.js';
import { dayCountSchema, type DayCountDocument } from './day-count.schema.js';
import type { WantedTypes } from './day-counters.js';
import { feedRange, type FeedQuery } from './feed-query.js';
import { FeedReader, type FeedPage } from './feed-reader.js';
import { FeedSequencer } from './feed-sequencer.js';
import { feedStateSchema, type FeedStateDocument } from './feed-state.schema.js';

const NAME = 'audit-events';
/** Placed by one request at most; the rest by the next and by the job. */
const PLACED_BY_REQUEST = 5000;
const SEEN_MS = 60_000;

/** Our audit records as the audit-events feed: each once, in an order that never changes, for as long as the feed's retention says; the records themselves are kept longer. */
@Injectable()
export class AuditFeed {
  private readonly records: Model<AuditRecordDocument>;
  private readonly sequencer: FeedSequencer;
  private readonly reader: FeedReader<AuditRecordDocument>;
  private seen: { at: number; types: Promise<string[]> } | undefined;

  constructor(store: DocumentStore, private readonly actions: AuditActions, private readonly audit: AuditService, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>, @Inject(CLOCK) private readonly clock: Clock) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    const source = {
      name: NAME,
      collection: this.records.collection as unknown as mongo.Collection,
      unplaced: async (limit: number) => {
        const found = await this.records.find({ feedCreated: null }, { occurredAt: 1 }).sort({ occurredAt: 1, _id: 1 }).limit(limit).lean<Array<{ _id: string; occurredAt: string }>>();
        return found.map(({ _id, occurredAt }) => ({ id: _id, happenedAtMs: Date.parse(occurredAt) }));
      },
    };
    this.sequencer = new FeedSequencer(store.model<FeedStateDocument>('feed-state', feedStateSchema), source, clock);
    this.reader = new FeedReader(store.model<DayCountDocument>('day-count', dayCountSchema), { name: NAME, documents: this.records, typed: true });
  }

  /** Places what waits, at most `most`, and keeps the day counters. @returns how many records got their place */
  async advance(most = PLACED_BY_REQUEST): Promise<number> {
    const { placed, shownCreated } = await this.sequencer.advance(most);
    await this.reader.keepCounters(await this.range({ after: undefined, before: undefined }, shownCreated));
    return placed;
  }

  async page(query: FeedQuery, pageSize: number, action: string | undefined): Promise<FeedPage<AuditEventElement>> {
    const { shownCreated } = await this.sequencer.advance(PLACED_BY_REQUEST);
    const hidden = await this.actions.hiddenTypes();
    const wanted: WantedTypes = action === undefined ? { allBut: hidden } : { only: typesOf(action).filter((type) => !hidden.includes(type)) };
    const { items, total } = await this.reader.page(await this.range(query, shownCreated), (query.startIndex - 1) * pageSize, pageSize, wanted);
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

  private async range(query: Pick<FeedQuery, 'after' | 'before'>, shownCreated: number) {
    return { ...feedRange(query, this.clock.now() - this.settings.siem.feedRetentionDays * 86_400_000, shownCreated), intactFrom: await this.audit.intactFrom() };
  }
}
