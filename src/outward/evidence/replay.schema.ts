import { Schema } from 'mongoose';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../../platform/audit/audit-outbox.js';

/**
 * new = waits for an engine of the pool; running = an engine sends; done = everything was sent or is accounted for; cancelled = an administrator stopped it;
 * failed = it cannot go on (the integration is gone, the event log was replaced).
 */
export type ReplayState = 'new' | 'running' | 'done' | 'cancelled' | 'failed';

/** A run of positions of one partition that is sent again, and how far that is. */
export interface ReplayPart {
  partition: number;
  /** Everything before it is sent, not wanted or missing. */
  at: number;
  end: number;
  /** How often the cursor of the integration had been set back, and a record of the log as it was (`markText`): they tell whether it is still the same log. */
  resets?: number;
  mark?: string;
}

/** Events that one integration gets again, beside its live stream. API and engines meet only here; claimed with a lease, so another engine goes on after a crash. */
export interface ReplayDocument extends WithAuditOutbox {
  _id: string;
  integrationId: string;
  integrationName: string;
  pool: string;
  /** Who asked, or which part of the service. */
  requestedBy: string;
  /** Why: administrator, dead-letters, receipt. */
  cause: 'administrator' | 'dead-letters' | 'receipt';
  parts: ReplayPart[];
  /** Name of the event log that the positions belong to; missing in documents of versions that did not know it. */
  log?: string;
  /** Only these positions `<partition>.<offset>`, when given. */
  positions: string[] | null;
  /** Only events with these ids, when given. */
  ids: string[] | null;
  eventsPerSecond: number;
  state: ReplayState;
  engineId: string | null;
  leaseToken: string | null;
  leaseUntil: Date | null;
  /** Sent again and safe; left out by the filter; became dead letters (again); not in the log any more. */
  sent: number;
  filtered: number;
  rejected: number;
  missing: number;
  /** What holds it up, in plain words. */
  problem: string | null;
  createdAt: Date;
  endedAt: Date | null;
  expiresAt: Date | null;
}

export const replaySchema = new Schema<ReplayDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, integrationName: String, pool: { type: String, required: true }, requestedBy: String, cause: { type: String, required: true },
    parts: { type: [new Schema<ReplayPart>({ partition: Number, at: Number, end: Number, resets: Number, mark: String }, { _id: false })], default: [] }, log: String, positions: { type: [String], default: null }, ids: { type: [String], default: null },
    eventsPerSecond: { type: Number, required: true }, state: { type: String, required: true }, engineId: { type: String, default: null }, leaseToken: { type: String, default: null }, leaseUntil: { type: Date, default: null },
    sent: { type: Number, default: 0 }, filtered: { type: Number, default: 0 }, rejected: { type: Number, default: 0 }, missing: { type: Number, default: 0 }, problem: { type: String, default: null },
    createdAt: { type: Date, required: true }, endedAt: { type: Date, default: null }, expiresAt: { type: Date, default: null },
    ...auditOutboxField,
  },
  { collection: 'replays', versionKey: false, minimize: false },
);
replaySchema.index({ pool: 1, state: 1, createdAt: 1 });
replaySchema.index({ integrationId: 1, createdAt: -1 });
replaySchema.index({ createdAt: -1 });
replaySchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });
indexAuditOutbox(replaySchema);
