import { Schema } from 'mongoose';

/**
 * How many documents of a feed have their place within one day. Made once, of a day that lies wholly below what the sequencer shows, and never changed: nothing can be added to such a
 * day any more. Every process counts the same, so it does not matter who stores it.
 */
export interface DayCountDocument {
  /** `<feed>/<day>` */
  _id: string;
  feed: string;
  /** Days since 1970, UTC. */
  day: number;
  total: number;
  /** The same by type; empty for a feed without types. */
  types: Array<{ type: string; count: number }>;
}

export const dayCountSchema = new Schema<DayCountDocument>(
  { _id: String, feed: { type: String, required: true }, day: { type: Number, required: true }, total: { type: Number, required: true }, types: { type: [new Schema({ type: { type: String }, count: Number }, { _id: false })], default: [] } },
  { collection: 'feed_day_counts', versionKey: false },
);
dayCountSchema.index({ feed: 1, day: 1 });
