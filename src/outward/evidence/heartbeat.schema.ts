import { Schema } from 'mongoose';
import type { OwnEvent } from '../../contracts/event-sink.js';

/** How far the heartbeats of an integration are. The event is stored before it is sent: a crash in between sends the same one again, under the same id. */
export interface HeartbeatDocument {
  /** Id of the integration. */
  _id: string;
  /** Of the last heartbeat. */
  number: number;
  at: Date;
  /** Position after what the heartbeats have told, by partition, with the number of times that the log was replaced. */
  told: Array<{ partition: number; position: number; resets: number }>;
  /** Made and not yet known to be in the event log: its parts. Documents of before there were parts have the one event itself. */
  pending: OwnEvent[] | OwnEvent | null;
}

export const heartbeatSchema = new Schema<HeartbeatDocument>(
  {
    _id: String, number: { type: Number, required: true }, at: { type: Date, required: true },
    told: { type: [new Schema({ partition: Number, position: Number, resets: Number }, { _id: false })], default: [] },
    pending: { type: Schema.Types.Mixed, default: null },
  },
  { collection: 'heartbeats', versionKey: false, minimize: false },
);
