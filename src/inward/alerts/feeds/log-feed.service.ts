import { Inject, Injectable } from '@nestjs/common';
import type { Model, mongo, QueryFilter } from 'mongoose';
import { SETTINGS } from '../../../config/settings.js';
import type { Settings } from '../../../config/settings.js';
import { CLOCK } from '../../../contracts/clock.js';
import type { Clock } from '../../../contracts/clock.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import { dayCountSchema, type DayCountDocument } from './day-count.schema.js';
import { feedRange, type FeedQuery } from './feed-query.js';
import { FeedReader, type FeedPage } from './feed-reader.js';
import { FeedSequencer } from './feed-sequencer.js';
import { feedStateSchema, type FeedStateDocument } from './feed-state.schema.js';
import { logEventSchema, type LogEventDocument } from './log-event.schema.js';
import { LogEventSink } from './log-event-sink.js';
import { syslogEventElement, type SyslogEventElement } from './syslog-event-element.js';

const NAME = 'syslog-events';
const PLACED_BY_REQUEST = 5000;
const REMOVE_BATCH = 500;

/** Lines of our service log at warn and above as the syslog-events feed. */
@Injectable()
export class LogFeed {
  private readonly events: Model<LogEventDocument>;
  private readonly states: Model<FeedStateDocument>;
  private readonly sequencer: FeedSequencer;
  private readonly reader: FeedReader<LogEventDocument>;

  constructor(store: DocumentStore, private readonly sink: LogEventSink, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>, @Inject(CLOCK) private readonly clock: Clock) {
    this.events = store.model<LogEventDocument>('log-event', logEventSchema);
    this.states = store.model<FeedStateDocument>('feed-state', feedStateSchema);
    const source = {
      name: NAME,
      collection: this.events.collection as unknown as mongo.Collection,
      unplaced: async (limit: number) => {
        const found = await this.events.find({ feedCreated: null }, { happenedAt: 1 }).sort({ happenedAt: 1, _id: 1 }).limit(limit).lean<Array<{ _id: string; happenedAt: Date }>>();
        return found.map(({ _id, happenedAt }) => ({ id: _id, happenedAtMs: happenedAt.getTime() }));
      },
    };
    this.sequencer = new FeedSequencer(this.states, source, clock);
    this.reader = new FeedReader(store.model<DayCountDocument>('day-count', dayCountSchema), { name: NAME, documents: this.events, typed: false });
  }

  /** Places what waits, at most `most`, and keeps the day counters. @returns how many events got their place */
  async advance(most = PLACED_BY_REQUEST): Promise<number> {
    const { placed, shownCreated } = await this.sequencer.advance(most);
    await this.reader.keepCounters(await this.range({ after: undefined, before: undefined }, shownCreated));
    return placed;
  }

  /** `quickKey` replaces both times; the order of the numbers is that of `created`. */
  async page({ startIndex, after, before }: FeedQuery, pageSize: number, quickKey: number | undefined): Promise<FeedPage<SyslogEventElement>> {
    await this.sink.flush();
    const { shownCreated } = await this.sequencer.advance(PLACED_BY_REQUEST);
    const bounds = quickKey === undefined ? { after, before } : { after: await this.createdBefore(quickKey), before: undefined };
    const { items, total } = await this.reader.page(await this.range(bounds, shownCreated), (startIndex - 1) * pageSize, pageSize);
    return { items: items.map(syslogEventElement), total };
  }

  /** Takes away what is too old or too much; only what was in the feed, the oldest first. */
  async removeOld(signal: AbortSignal): Promise<number> {
    let removed = 0;
    const newest = await this.events.findOne({ feedNumber: { $ne: null } }, { feedNumber: 1 }).sort({ feedNumber: -1 }).lean<{ feedNumber: number } | null>();
    const [old, beyond]: QueryFilter<LogEventDocument>[] = [{ feedCreated: { $gt: 0, $lt: this.retainedFrom() } }, { feedNumber: { $gt: 0, $lte: (newest?.feedNumber ?? 0) - this.settings.siem.logEvents } }];
    // Both orders are the same; each filter has the one of its index.
    for (const [filter, order] of [[old, { feedCreated: 1 }], [beyond, { feedNumber: 1 }]] as const) {
      while (!signal.aborted) {
        const gone = await this.events.find(filter, { feedCreated: 1 }).sort(order).limit(REMOVE_BATCH).lean<Array<{ _id: string; feedCreated: number }>>();
        const last = gone.at(-1);
        if (!last) break;
        await this.states.updateOne({ _id: NAME }, { $max: { intactFrom: last.feedCreated + 1 } });
        removed += (await this.events.deleteMany({ _id: { $in: gone.map(({ _id }) => _id) } })).deletedCount;
      }
    }
    return removed;
  }

  /** Below the first event after the number; above everything when there is none. */
  private async createdBefore(quickKey: number): Promise<number> {
    const next = await this.events.findOne({ feedNumber: { $gt: quickKey } }, { feedCreated: 1 }).sort({ feedNumber: 1 }).lean<{ feedCreated: number } | null>();
    return next ? next.feedCreated - 1 : Infinity;
  }

  private async range(bounds: Pick<FeedQuery, 'after' | 'before'>, shownCreated: number) {
    const state = await this.states.findById(NAME, { intactFrom: 1 }).lean<Pick<FeedStateDocument, 'intactFrom'> | null>();
    return { ...feedRange(bounds, this.retainedFrom(), shownCreated), intactFrom: state?.intactFrom ?? 0 };
  }

  private retainedFrom(): number {
    return this.clock.now() - this.settings.siem.feedRetentionDays * 86_400_000;
  }
}
