import type { Model, mongo } from 'mongoose';
import type { Clock } from '../../../contracts/clock.js';
import type { FeedStateDocument } from './feed-state.schema.js';

/** What a document of a feed holds: its place, null until it has one. Both only ever grow from one place to the next. */
export interface InFeed {
  /** Milliseconds since 1970; no two documents of a feed have the same. */
  feedCreated: number | null;
  /** From 1. */
  feedNumber: number | null;
}

/** A document that waits for its place, and when it happened (ms). */
export interface Unplaced {
  id: string;
  happenedAtMs: number;
}

export interface FeedSource {
  /** Name of the feed: id of its state. */
  name: string;
  collection: mongo.Collection;
  /** The next documents without a place, oldest first, at most `limit`. */
  unplaced(limit: number): Promise<Unplaced[]>;
}

const BATCH = 500;
const MOST_TRIES = 50;

/**
 * Gives each document of a growing collection its place in a feed: a strictly increasing `created` in milliseconds, and a number. A reader that goes on after the last `created` it
 * saw loses nothing and sees nothing twice, for a place once shown is never preceded by a new one.
 *
 * How that holds with any number of processes, each of which may be held up or killed at any moment: places are given in one conditional write of one document (the state, by
 * version), then written to their documents, then shown in a second conditional write. Nobody gives new places before the pending ones are written, and writing them again writes the same.
 */
export class FeedSequencer {
  constructor(private readonly states: Model<FeedStateDocument>, private readonly source: FeedSource, private readonly clock: Clock) {}

  /**
   * Places what waits, at most `most` documents. @returns up to where the feed may be shown (ms)
   * @throws when the document store does not answer; then nothing is lost
   */
  async advance(most: number): Promise<{ shownCreated: number; placed: number }> {
    let placed = 0;
    for (let lost = 0; lost < MOST_TRIES; ) {
      const state = await this.state();
      if (state.pending.length > 0) {
        await this.write(state.pending);
        const shown = await this.states.updateOne({ _id: state._id, version: state.version }, { $set: { version: state.version + 1, pending: [], shownCreated: state.lastCreated } });
        if (shown.matchedCount === 1) placed += state.pending.length;
        else lost += 1;
        continue;
      }
      if (placed >= most) return { shownCreated: state.shownCreated, placed };
      const waiting = await this.source.unplaced(BATCH);
      if (waiting.length === 0) return { shownCreated: state.shownCreated, placed };
      const pending = this.placesFor(waiting, state);
      const last = pending.at(-1);
      if (!last) return { shownCreated: state.shownCreated, placed };
      const given = await this.states.updateOne({ _id: state._id, version: state.version }, { $set: { version: state.version + 1, pending, lastCreated: last.created, lastNumber: last.number } });
      if (given.matchedCount === 0) lost += 1;
    }
    return { shownCreated: (await this.state()).shownCreated, placed };
  }

  /** The time when it happened, unless a place as late was given before; never ahead of our clock by more than ties force. */
  private placesFor(waiting: readonly Unplaced[], { lastCreated, lastNumber }: FeedStateDocument): FeedStateDocument['pending'] {
    const now = this.clock.now();
    let created = lastCreated;
    return waiting.map(({ id, happenedAtMs }, index) => {
      created = Math.max(created + 1, Math.min(happenedAtMs, now));
      return { id, created, number: lastNumber + index + 1 };
    });
  }

  /** Only onto documents without a place: one that was taken away meanwhile leaves a gap, one that has its place keeps it. */
  private async write(pending: FeedStateDocument['pending']): Promise<void> {
    await this.source.collection.bulkWrite(
      pending.map(({ id, created, number }) => ({ updateOne: { filter: { _id: id, feedCreated: null } as unknown as mongo.Filter<mongo.Document>, update: { $set: { feedCreated: created, feedNumber: number } } } })),
      { ordered: false },
    );
  }

  private async state(): Promise<FeedStateDocument> {
    const found = await this.states.findById(this.source.name).lean<FeedStateDocument | null>();
    if (found) return found;
    const first: FeedStateDocument = { _id: this.source.name, version: 1, pending: [], lastCreated: 0, lastNumber: 0, shownCreated: 0 };
    await this.states.collection.updateOne({ _id: this.source.name as never }, { $setOnInsert: { version: 1, pending: [], lastCreated: 0, lastNumber: 0, shownCreated: 0 } }, { upsert: true });
    return (await this.states.findById(this.source.name).lean<FeedStateDocument | null>()) ?? first;
  }
}
