import type { Model, QueryFilter } from 'mongoose';
import { duplicateWrites } from '../../../platform/documents/duplicate-writes.js';
import type { DayCountDocument } from './day-count.schema.js';
import type { InFeed } from './feed-sequencer.js';

/** A stretch of a feed (ms), from inclusive, to exclusive; `to` never above what the sequencer shows. */
export interface FeedRange {
  from: number;
  to: number;
  /** Of documents whose place is not before this retention has taken none. Read before anything is counted. */
  intactFrom: number;
}

/** Only these types, or all but these. */
export type WantedTypes = { only: readonly string[] } | { allBut: readonly string[] };

/** A part of a range and how many documents it has; it ends where the next begins. */
export interface FeedRun {
  from: number;
  count: number;
}

export interface CountedFeed<T> {
  name: string;
  documents: Model<T>;
  /** Whether documents have a `type` that readers choose by. */
  typed: boolean;
}

const DAY_MS = 86_400_000;
/** Days that are counted before their counters are stored. */
const TOGETHER = 32;

/**
 * Counts a feed by its days: whole days from their counters, which are made where they are missing, and only the rest by asking the documents. A counter is used while retention has not
 * reached its day (`intactFrom`), so it is right although it is never changed.
 */
export class DayCounters<T extends InFeed> {
  private kept = '';

  constructor(private readonly counters: Model<DayCountDocument>, private readonly feed: CountedFeed<T>) {}

  /** The runs of a range in their order: what lies before the first whole day, the days, what lies after the last. */
  async runsOf(range: FeedRange, wanted: WantedTypes = { allBut: [] }): Promise<FeedRun[]> {
    const { from, to } = range;
    if (from >= to) return [];
    const { first, end } = wholeDays(range);
    if (first >= end) return [{ from, count: await this.live(from, to, wanted) }];
    const [before, days, after] = await Promise.all([this.live(from, first * DAY_MS, wanted), this.daysOf(first, end), this.live(end * DAY_MS, to, wanted)]);
    return [{ from, count: before }, ...days.map((day) => ({ from: day.day * DAY_MS, count: countOf(day, wanted) })), { from: end * DAY_MS, count: after }];
  }

  /** Makes what counters the whole days of a range lack, and takes those away that retention has reached. Asks nothing while the days are the same as the last time. */
  async keep(range: FeedRange): Promise<void> {
    const { first, end } = wholeDays(range);
    const days = `${first}-${end}`;
    if (this.kept === days) return;
    if (first < end) await this.daysOf(first, end);
    await this.counters.deleteMany({ feed: this.feed.name, day: { $lt: first } });
    this.kept = days;
  }

  private async daysOf(first: number, end: number): Promise<DayCountDocument[]> {
    const days = await this.counters.find({ feed: this.feed.name, day: { $gte: first, $lt: end } }).sort({ day: 1 }).lean<DayCountDocument[]>();
    if (days.length === end - first) return days;
    // Days before the oldest document are empty and need no counter.
    const oldest = await this.feed.documents.findOne(placedFrom<T>(first * DAY_MS, end * DAY_MS), { feedCreated: 1 }).sort({ feedCreated: 1 }).lean<InFeed | null>();
    const known = new Set(days.map(({ day }) => day));
    const missing: number[] = [];
    for (let day = oldest?.feedCreated == null ? end : Math.floor(oldest.feedCreated / DAY_MS); day < end; day += 1) if (!known.has(day)) missing.push(day);
    const made: DayCountDocument[] = [];
    for (let at = 0; at < missing.length; at += TOGETHER) made.push(...(await this.make(missing.slice(at, at + TOGETHER))));
    return [...days, ...made].sort((left, right) => left.day - right.day);
  }

  private async make(days: readonly number[]): Promise<DayCountDocument[]> {
    const made: DayCountDocument[] = [];
    for (const day of days) made.push(await this.count(day));
    try {
      await this.counters.bulkWrite(made.map(({ _id, ...fields }) => ({ updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } })), { ordered: false });
    } catch (error) {
      // Another process stored the same at the same moment.
      if (!duplicateWrites(error)) throw error;
    }
    return made;
  }

  private async count(day: number): Promise<DayCountDocument> {
    const { name: feed, documents, typed } = this.feed;
    const [from, to] = [day * DAY_MS, (day + 1) * DAY_MS];
    const known = { _id: `${feed}/${day}`, feed, day };
    if (!typed) return { ...known, total: await this.live(from, to, { allBut: [] }), types: [] };
    const groups = await documents.aggregate<{ _id: string; count: number }>([{ $match: placedFrom<T>(from, to) }, { $group: { _id: '$type', count: { $sum: 1 } } }]);
    const types = groups.map(({ _id: type, count }) => ({ type, count })).sort((left, right) => (left.type < right.type ? -1 : 1));
    return { ...known, total: types.reduce((sum, { count }) => sum + count, 0), types };
  }

  /** By the documents; in a form that the indexes answer alone: no type is asked for what it is not. */
  private async live(from: number, to: number, wanted: WantedTypes): Promise<number> {
    if (from >= to) return 0;
    const range = placedFrom<T>(from, to);
    const count = (types?: readonly string[]) => (types?.length === 0 ? 0 : this.feed.documents.countDocuments(types ? { ...range, type: { $in: types } } : range));
    if ('only' in wanted) return count(wanted.only);
    const [all, unwanted] = await Promise.all([count(), count(wanted.allBut)]);
    return all - unwanted;
  }
}

/** Documents of a feed whose place lies in [from, to). */
export function placedFrom<T>(from: number, to: number): QueryFilter<T> {
  return { feedCreated: { $gte: from, $lt: to } };
}

/** Days that a counter may stand for: wholly within the range, and not reached by retention. */
function wholeDays({ from, to, intactFrom }: FeedRange): { first: number; end: number } {
  return { first: Math.ceil(Math.max(from, intactFrom) / DAY_MS), end: Math.floor(to / DAY_MS) };
}

function countOf({ total, types }: DayCountDocument, wanted: WantedTypes): number {
  const among = (names: readonly string[]) => types.reduce((sum, { type, count }) => (names.includes(type) ? sum + count : sum), 0);
  return 'only' in wanted ? among(wanted.only) : total - among(wanted.allBut);
}
