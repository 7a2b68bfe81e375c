import { Schema } from 'mongoose';
import type { Failure, StageReport } from '../../model/failure.js';

/** What the API asks of an engine of a pool; API and engines meet only here. Claimed once, with a lease; gone after `expiresAt`. */
export interface EngineCommandDocument {
  _id: string;
  kind: 'test';
  pool: string;
  integrationId: string;
  /** Who asked, for the audit. */
  requestedBy: string;
  state: 'new' | 'claimed' | 'done';
  engineId: string | null;
  claimedUntil: Date | null;
  createdAt: Date;
  expiresAt: Date;
  result: TestResult | null;
}

/** The answer of the Test button. */
export interface TestResult {
  ok: boolean;
  /** Engine that ran it. */
  engineId: string;
  /** Id of the test event, to look for in the SIEM. */
  eventId: string;
  stages: StageReport[];
  failure: Failure | null;
  /** What the success shows: sent, read ... */
  evidence: string | null;
  /** Plain words about what it cannot show. */
  caveat: string | null;
  /** As sent. */
  rendered: string | null;
  bytes: number;
  ms: number;
}

export const engineCommandSchema = new Schema<EngineCommandDocument>(
  {
    _id: String, kind: { type: String, required: true }, pool: { type: String, required: true }, integrationId: { type: String, required: true }, requestedBy: String, state: { type: String, required: true },
    engineId: { type: String, default: null }, claimedUntil: { type: Date, default: null }, createdAt: Date, expiresAt: { type: Date, required: true }, result: { type: Schema.Types.Mixed, default: null },
  },
  { collection: 'engine_commands', versionKey: false, minimize: false },
);
engineCommandSchema.index({ pool: 1, state: 1, createdAt: 1 });
engineCommandSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 60 });
