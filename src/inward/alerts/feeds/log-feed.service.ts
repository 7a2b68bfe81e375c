import { Inject, Injectable } from '@nestjs/common';
import type { Model, mongo, QueryFilter } from 'mongoose';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import type { FeedPage } from './audit-feed.service.js';
import type { FeedQuery } from './feed-query.js';
import { FeedSequencer } from './feed-sequencer.js';
import { feedStateSchema, type FeedStateDocument } from './feed-state.schema.js';
import { logEventSchema, type LogEventDocument } from './log-event.schema.js';
import { LogEventSink } from './log-event-sink.js';
import { syslogEventElement, type SyslogEventElement } from './syslog-event-element.js';

const PLACED_BY_REQUEST = 5000;
const REMOVE_BATCH = 500;

/** Lines of our service log at warn and above as the syslog-events feed. */
@Injectable()
export class LogFeed {
  private readonly events: Model<LogEventDocument>;
  private readonly sequencer: FeedSequencer;

  constructor(store: DocumentStore, private readonly sink: LogEventSink, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>, @Inject(CLOCK) private readonly clock: Clock) {
    this.events = store.model<LogEventDocument>('log-event', logEventSchema);
    const source = {
      name: 'syslog-events',
      collection: this.events.collection as unknown as mongo.Collection,
      unplaced: async (limit: number) => {
        const found = await this.events.find({ feedCreated: null }, { happenedAt: 1 }).sort({ happenedAt: 1, _id: 1 }).limit(limit).lean<Array<{ _id: string; happenedAt: Date }>>();
        return found.map(({ _id, happenedAt }) => ({ id: _id, happenedAtMs: happenedAt.getTime() }));
      },
    };
    this.sequencer = new FeedSequencer(store.model<FeedStateDocument>('feed-state', feedStateSchema), source, clock);
  }

  /** @returns how many events got their place */
  async advance(most = PLACED_BY_REQUEST): Promise<number> {
    return (await this.sequencer.advance(most)).placed;
  }

  /** `quickKey` replaces both times; then the order is that of the numbers, which is the same. */
  async page({ startIndex, after, before }: FeedQuery, pageSize: number, quickKey: number | undefined): Promise<FeedPage<SyslogEventElement>> {
    await this.sink.flush();
    const { shownCreated } = await this.sequencer.advance(PLACED_BY_REQUEST);
    const shown = { $lte: shownCreated };
    const filter: QueryFilter<LogEventDocument> = quickKey === undefined ? { feedCreated: { $gt: after ?? 0, ...shown, ...(before === undefined ? {} : { $lt: before }) } } : { feedNumber: { $gt: quickKey }, feedCreated: { $gt: 0, ...shown } };
    const order: Record<string, 1> = quickKey === undefined ? { feedCreated: 1 } : { feedNumber: 1 };
    const [items, total] = await Promise.all([
      this.events.find(filter).sort(order).skip((startIndex - 1) * pageSize).limit(pageSize).lean<LogEventDocument[]>(),
      this.events.countDocuments(filter),
    ]);
    return { items: items.map(syslogEventElement), total };
  }

  /** Takes away what is too old or too much; only what was in the feed. */
  async removeOld(signal: AbortSignal): Promise<number> {
    const { logEventRetentionDays, logEvents } = this.settings.siem;
    let removed = 0;
    const newest = await this.events.findOne({ feedNumber: { $ne: null } }, { feedNumber: 1 }).sort({ feedNumber: -1 }).lean<{ feedNumber: number } | null>();
    const old = new Date(this.clock.now() - logEventRetentionDays * 86_400_000);
    const filters: QueryFilter<LogEventDocument>[] = [{ feedCreated: { $gt: 0, $lt: old.getTime() } }, { feedNumber: { $gt: 0, $lte: (newest?.feedNumber ?? 0) - logEvents } }];
    for (const filter of filters) {
      while (!signal.aborted) {
        const gone = await this.events.find(filter, { _id: 1 }).limit(REMOVE_BATCH).lean<Array<{ _id: string }>>();
        if (gone.length === 0) break;
        removed += (await this.events.deleteMany({ _id: { $in: gone.map(({ _id }) => _id) } })).deletedCount;
      }
    }
    return removed;
  }
}
