import { Schema } from 'mongoose';
import type { InFeed } from './feed-sequencer.js';

/** A line of the service log at warn or above, kept for the syslog-events feed. */
export interface LogEventDocument extends InFeed {
  /** UUIDv7 without dashes: lines of one process sort in the order in which they were said. */
  _id: string;
  happenedAt: Date;
  /** WARN or ERROR. */
  eventLevel: string;
  /** The part of the service that speaks. */
  part: string;
  message: string;
  /** The facts of the line as JSON, and the stack when there is one. */
  facts: string;
  stacktrace: string | null;
  username: string;
  server: string;
  thread: string;
}

export const logEventSchema = new Schema<LogEventDocument>(
  {
    _id: String, happenedAt: { type: Date, required: true }, eventLevel: { type: String, required: true }, part: { type: String, default: '' }, message: { type: String, default: '' }, facts: { type: String, default: '{}' },
    stacktrace: { type: String, default: null }, username: { type: String, required: true }, server: { type: String, required: true }, thread: { type: String, required: true },
    feedCreated: { type: Number, default: null }, feedNumber: { type: Number, default: null },
  },
  { collection: 'log_events', versionKey: false },
);
logEventSchema.index({ feedCreated: 1, happenedAt: 1, _id: 1 });
logEventSchema.index({ feedNumber: 1 });
