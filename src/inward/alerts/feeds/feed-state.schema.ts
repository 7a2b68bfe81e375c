import { Schema } from 'mongoose';

/** How far a feed is numbered. One document a feed; every change is conditional on `version`, so that of several processes one wins each step. */
export interface FeedStateDocument {
  /** `audit-events`, `syslog-events` */
  _id: string;
  version: number;
  /** Places that were given and perhaps not yet written to their documents: written (again) before any other is given. */
  pending: Array<{ id: string; created: number; number: number }>;
  /** Last `created` (ms since 1970) and number that were given. */
  lastCreated: number;
  lastNumber: number;
  /** The feed is shown up to here and no further. */
  shownCreated: number;
  /** Of documents whose place is not before this (ms since 1970) the feed's own retention has taken none. Stored before anything goes, and only ever grows; missing while nothing went. */
  intactFrom?: number;
}

export const feedStateSchema = new Schema<FeedStateDocument>(
  {
    _id: String, version: { type: Number, required: true }, pending: { type: [new Schema({ id: String, created: Number, number: Number }, { _id: false })], default: [] },
    lastCreated: { type: Number, required: true }, lastNumber: { type: Number, required: true }, shownCreated: { type: Number, required: true }, intactFrom: Number,
  },
  { collection: 'feed_states', versionKey: false },
);
