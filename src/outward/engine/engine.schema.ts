import { Schema } from 'mongoose';

/** An engine that lives: registered with its pool, renewed by heartbeat each second; older than 10 s counts as gone. */
export interface EngineDocument {
  _id: string;
  pool: string;
  host: string;
  pid: number;
  version: string;
  startedAt: Date;
  heartbeatAt: Date;
  partitions: number[];
  integrations: number;
  rssBytes: number;
  cpuPercent: number;
  eventsPerSecond: number;
}

export const engineSchema = new Schema<EngineDocument>(
  {
    _id: String, pool: { type: String, required: true }, host: String, pid: Number, version: String, startedAt: Date, heartbeatAt: { type: Date, required: true }, partitions: [Number], integrations: Number,
    rssBytes: Number, cpuPercent: Number, eventsPerSecond: Number,
  },
  { collection: 'engines', versionKey: false },
);
engineSchema.index({ pool: 1, heartbeatAt: -1 });
engineSchema.index({ heartbeatAt: 1 }, { expireAfterSeconds: 86_400 });
