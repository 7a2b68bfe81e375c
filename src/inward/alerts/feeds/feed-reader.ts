import type { Model, QueryFilter } from 'mongoose';
import type { DayCountDocument } from './day-count.schema.js';
import { type CountedFeed, DayCounters, type FeedRange, type FeedRun, placedFrom, type WantedTypes } from './day-counters.js';
import type { InFeed } from './feed-sequencer.js';

export interface FeedPage<T> {
  items: T[];
  total: number;
}

/** Pages of a feed, with the number of all that match. Neither a total nor a page far behind costs more than days that are not whole. */
export class FeedReader<T extends InFeed> {
  private readonly counters: DayCounters<T>;

  constructor(counters: Model<DayCountDocument>, private readonly feed: CountedFeed<T>) {
    this.counters = new DayCounters(counters, feed);
  }

  /** `skip` documents of the range are left out, then at most `limit` are read. */
  async page(range: FeedRange, skip: number, limit: number, wanted?: WantedTypes): Promise<FeedPage<T>> {
    const runs = await this.counters.runsOf(range, wanted);
    const start = startOf(runs, skip);
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    if (!start) return { items: [], total };
    const inRange = placedFrom<T>(start.from, range.to);
    if (wanted && 'only' in wanted && wanted.only.length > 1) return { items: await this.merged(inRange, wanted.only, start.skip, limit), total };
    const types = wanted === undefined ? {} : 'only' in wanted ? { type: wanted.only[0] } : wanted.allBut.length > 0 ? { type: { $nin: wanted.allBut } } : {};
    const items = await this.feed.documents.find({ ...inRange, ...types }).sort({ feedCreated: 1 }).skip(start.skip).limit(limit).lean<T[]>();
    return { items, total };
  }

  /** No index has several types in one order: each is asked for its places, and the page is what they are together. */
  private async merged(inRange: QueryFilter<T>, types: readonly string[], skip: number, limit: number): Promise<T[]> {
    const places = await Promise.all(types.map((type) => this.feed.documents.find({ ...inRange, type }, { feedCreated: 1 }).sort({ feedCreated: 1 }).limit(skip + limit).lean<Array<InFeed & { _id: string }>>()));
    const wanted = places.flat().sort(byPlace).slice(skip, skip + limit);
    return (await this.feed.documents.find({ _id: { $in: wanted.map(({ _id }) => _id) } } as QueryFilter<T>).lean<T[]>()).sort(byPlace);
  }

  /** Keeps the counters of whole days ready, so that no reader waits for them. */
  keepCounters(range: FeedRange): Promise<void> {
    return this.counters.keep(range);
  }
}

function byPlace(left: InFeed, right: InFeed): number {
  return (left.feedCreated ?? 0) - (right.feedCreated ?? 0);
}

/** Where the document after the first `skip` lies: the run, and how many of it are left out. Undefined when there are no more than those. */
export function startOf(runs: readonly FeedRun[], skip: number): { from: number; skip: number } | undefined {
  let left = skip;
  for (const { from, count } of runs) {
    if (left < count) return { from, skip: left };
    left -= count;
  }
  return undefined;
}
