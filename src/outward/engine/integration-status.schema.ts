import { Schema } from 'mongoose';
import type { Evidence } from '../../contracts/transport.js';
import type { Failure } from '../../model/failure.js';
import type { BreakerState } from './breaker.js';

/**
 * idle = nothing to send; streaming = with the shared reader; catching-up = reads for itself; retrying = the last try failed, waits; fault = a person must act (tried again slowly);
 * disabled = switched off.
 */
export type DeliveryState = 'idle' | 'streaming' | 'catching-up' | 'retrying' | 'fault' | 'disabled';

/** What one engine knows of one integration, written with its heartbeat. Counters grow since `countersSince` (the engine's start). */
export interface IntegrationStatusDocument {
  /** `<integration id>:<engine id>` */
  _id: string;
  integrationId: string;
  engineId: string;
  enginePool: string;
  /** Of the settings that it delivers by. */
  version: number;
  state: DeliveryState;
  breaker: BreakerState;
  /** It was told as down and not yet as recovered. */
  down: boolean;
  /** Since when nothing but failures came; null while it works. */
  failingSince: Date | null;
  since: Date;
  /** Delivered, by what the transport reported as safe. */
  delivered: number;
  deliveredBytes: number;
  filtered: number;
  rejected: number;
  /** Events sent again after a failure. */
  repeated: number;
  /** Gone from the log before they could be sent: removed by retention, or `vanished`. */
  lost: number;
  /** Of the lost ones: those that the log does not hold although retention did not remove them. */
  vanished: number;
  /** Events that wait, all partitions this engine owns. */
  backlog: number;
  evidence: Evidence | null;
  lastDeliveredAt: Date | null;
  lastFailure: (Failure & { at: Date }) | null;
  consecutiveFailures: number;
  nextTryAt: Date | null;
  positions: Array<{ partition: number; position: number; next: number }>;
  countersSince: Date;
  updatedAt: Date;
}

export const integrationStatusSchema = new Schema<IntegrationStatusDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, engineId: { type: String, required: true }, enginePool: String, version: Number, state: String, since: Date,
    breaker: { type: String, default: 'closed' }, down: { type: Boolean, default: false }, failingSince: { type: Date, default: null },
    delivered: Number, deliveredBytes: Number, filtered: Number, rejected: Number, repeated: Number, lost: Number, vanished: { type: Number, default: 0 }, backlog: Number, evidence: { type: String, default: null },
    lastDeliveredAt: { type: Date, default: null }, lastFailure: { type: Schema.Types.Mixed, default: null }, consecutiveFailures: Number, nextTryAt: { type: Date, default: null },
    positions: { type: [new Schema({ partition: Number, position: Number, next: Number }, { _id: false })], default: [] }, countersSince: Date, updatedAt: { type: Date, required: true },
  },
  { collection: 'integration_status', versionKey: false, minimize: false },
);
integrationStatusSchema.index({ integrationId: 1 });
integrationStatusSchema.index({ updatedAt: 1 }, { expireAfterSeconds: 7 * 86_400 });
