import { Schema } from 'mongoose';
import type { AlertAction, AlertLevel, AlertState, AlertType } from '../../model/alert.js';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../../platform/audit/audit-outbox.js';

/** An alert of a SIEM: stored as `new` before the answer, acted upon by the processor, kept until purged. */
export interface AlertDocument extends WithAuditOutbox {
  /** 32 hex characters; what the SIEM gets as `details`. */
  _id: string;
  type: AlertType;
  application: string;
  nativeId: string | null;
  groupName: string | null;
  groupType: string | null;
  action: AlertAction;
  level: AlertLevel;
  /** Smaller is sooner; LEVEL_RANK, moved by ageing at claim time. */
  levelRank: number;
  /** Tri-state: null = not said, the global setting decides. */
  useWorkflow: boolean | null;
  /** The client's `date`, ms; never used for purge or windows. */
  alertDate: Date;
  receivedAt: Date;
  /** Who posted it. */
  postedBy: string;
  sourceIp: string | null;
  /** `<who posted>\n<Idempotency-Key>`; absent when none was sent (the index is sparse). */
  idempotencyKey?: string;
  /** SHA-256 of type, application, account, group, action: equal open alerts in the window are merged. */
  mergeKey: string;
  /** How often it was posted (merged repeats included). */
  posts: number;
  /** Correlation id of a mitigation that came back, and how often (loop guard). */
  correlationId: string | null;
  state: AlertState;
  /** Code and sentence of the end, or of the last try. */
  reasonCode: string | null;
  reason: string | null;
  attempts: number;
  /** Not before: back-off between tries. */
  dueAt: Date;
  /** The lease: who works on it, until when. Every write of the worker is conditional on the token. */
  leaseToken: string | null;
  leaseOwner: string | null;
  leaseUntil: Date | null;
  /** Owner of the account, found at the first try. */
  identityId: string | null;
  identityName: string | null;
  /** Targets by state. */
  targets: { planned: number; done: number; skipped: number; failed: number; notConfirmed: number };
  /** Whether all targets were planned (stored as documents of their own). */
  planned: boolean;
  campaignId: string | null;
  requestId: string | null;
  startedAt: Date | null;
  closedAt: Date | null;
}

export const alertSchema = new Schema<AlertDocument>(
  {
    _id: String,
    type: { type: String, required: true }, application: { type: String, required: true }, nativeId: { type: String, default: null }, groupName: { type: String, default: null }, groupType: { type: String, default: null },
    action: { type: String, required: true }, level: { type: String, required: true }, levelRank: { type: Number, required: true }, useWorkflow: { type: Boolean, default: null },
    alertDate: { type: Date, required: true }, receivedAt: { type: Date, required: true }, postedBy: { type: String, required: true }, sourceIp: { type: String, default: null },
    idempotencyKey: { type: String }, mergeKey: { type: String, required: true }, posts: { type: Number, default: 1 }, correlationId: { type: String, default: null },
    state: { type: String, required: true }, reasonCode: { type: String, default: null }, reason: { type: String, default: null }, attempts: { type: Number, default: 0 }, dueAt: { type: Date, required: true },
    leaseToken: { type: String, default: null }, leaseOwner: { type: String, default: null }, leaseUntil: { type: Date, default: null },
    identityId: { type: String, default: null }, identityName: { type: String, default: null },
    targets: { type: new Schema({ planned: Number, done: Number, skipped: Number, failed: Number, notConfirmed: Number }, { _id: false }), default: () => ({ planned: 0, done: 0, skipped: 0, failed: 0, notConfirmed: 0 }) },
    planned: { type: Boolean, default: false }, campaignId: { type: String, default: null }, requestId: { type: String, default: null }, startedAt: { type: Date, default: null }, closedAt: { type: Date, default: null },
    ...auditOutboxField,
  },
  { collection: 'alerts', versionKey: false },
);
// The claim: due alerts by rank, then in the order they came.
alertSchema.index({ state: 1, levelRank: 1, receivedAt: 1 });
alertSchema.index({ state: 1, leaseUntil: 1 });
alertSchema.index({ mergeKey: 1, receivedAt: -1 });
alertSchema.index({ idempotencyKey: 1 }, { unique: true, sparse: true });
alertSchema.index({ receivedAt: -1 });
alertSchema.index({ closedAt: 1 }, { sparse: true });
alertSchema.index({ identityId: 1, receivedAt: -1 });
alertSchema.index({ application: 1, receivedAt: -1 });
indexAuditOutbox(alertSchema);
