import { Schema } from 'mongoose';
import type { AlertAction, AlertLevel, AlertState, AlertType, UndoState } from '../../model/alert.js';
import type { Actor } from '../../model/audit-event.js';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../../platform/audit/audit-outbox.js';

/** How many targets ended how; `planned` counts all. */
export interface TargetCounts {
  planned: number;
  done: number;
  skipped: number;
  failed: number;
  notConfirmed: number;
}

/** An approver's order to give back what a closed alert did, and how it stands. It has a lease of its own; the alert's own state stays as it is. */
export interface AlertUndo {
  state: UndoState;
  by: Actor;
  at: Date;
  comment: string | null;
  /** Also where somebody else changed the same since. */
  evenIfChanged: boolean;
  /** Counts the orders: a later one goes on with what the one before could not give back. */
  round: number;
  /** When it is due, or until when its lease lasts; null once it is closed. */
  dueAt: Date | null;
  leaseToken: string | null;
  /** Tries since something was last achieved. */
  attempts: number;
  planned: boolean;
  /** Token under which its targets were planned, apart from those of the alert. */
  planToken: string | null;
  reasonCode: string | null;
  reason: string | null;
  closedAt: Date | null;
  targets: TargetCounts;
}

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
  /** Who posted it, merged repeats included; its budget counts. */
  postedBy: string;
  sourceIp: string | null;
  /** Each Idempotency-Key it was posted under (`<who posted>\n<key>`), with the SHA-256 of what was said; absent when none was sent (the index is sparse). */
  idempotencyKeys?: Array<{ key: string; requestHash: string }>;
  /** SHA-256 of type, application, account, group, action, useWorkflow: equal open alerts of one client in the window are merged. */
  mergeKey: string;
  /** How often it was posted (merged repeats included). */
  posts: number;
  /** Id of the alert whose mitigation caused this one (the SIEM sent it back as `correlation_id`), and how many such steps led here (loop guard). */
  correlationId: string | null;
  loopDepth: number;
  /** `purged` = removed by Purge By Days; the document goes a little later (`deletedAt`), lists leave it out. */
  state: AlertState;
  /** Code and sentence of the end, of what it waits for, or of the last try. */
  reasonCode: string | null;
  reason: string | null;
  /** Tries since something was last achieved. */
  attempts: number;
  /** Not before. A try that is to be repeated later stays `processing` without a token; `leaseUntil` is then when. */
  dueAt: Date;
  /** The lease: who works on it, until when. Every write of the worker is conditional on the token. */
  leaseToken: string | null;
  leaseOwner: string | null;
  leaseUntil: Date | null;
  /** Owner of the account, found at the first try. */
  identityId: string | null;
  identityName: string | null;
  /** Targets by state. */
  targets: TargetCounts;
  /** Whether all targets were planned (stored as documents of their own). */
  planned: boolean;
  /** Token under which the plan was made: targets of a plan that was given up half-way do not count. */
  planToken: string | null;
  /** Who released it last although a guard or the workflow held it, what held it then, and all that it was released from. */
  approval: { by: string; at: Date; code: string | null; codes?: string[] } | null;
  campaignId: string | null;
  requestId: string | null;
  startedAt: Date | null;
  closedAt: Date | null;
  undo?: AlertUndo | null;
  /** When it was purged and its targets were removed. */
  deletedAt?: Date | null;
}

const countsSchema = new Schema<TargetCounts>({ planned: Number, done: Number, skipped: Number, failed: Number, notConfirmed: Number }, { _id: false });
const noTargets = (): TargetCounts => ({ planned: 0, done: 0, skipped: 0, failed: 0, notConfirmed: 0 });
const undoSchema = new Schema<AlertUndo>(
  {
    state: String, by: Schema.Types.Mixed, at: Date, comment: String, evenIfChanged: Boolean, round: Number, dueAt: Date, leaseToken: String, attempts: Number, planned: Boolean, planToken: String,
    reasonCode: String, reason: String, closedAt: Date, targets: countsSchema,
  },
  { _id: false },
);

export const alertSchema = new Schema<AlertDocument>(
  {
    _id: String,
    type: { type: String, required: true }, application: { type: String, required: true }, nativeId: { type: String, default: null }, groupName: { type: String, default: null }, groupType: { type: String, default: null },
    action: { type: String, required: true }, level: { type: String, required: true }, levelRank: { type: Number, required: true }, useWorkflow: { type: Boolean, default: null },
    alertDate: { type: Date, required: true }, receivedAt: { type: Date, required: true }, postedBy: { type: String, required: true }, sourceIp: { type: String, default: null },
    idempotencyKeys: { type: [new Schema({ key: String, requestHash: String }, { _id: false })], default: undefined }, mergeKey: { type: String, required: true }, posts: { type: Number, default: 1 }, correlationId: { type: String, default: null }, loopDepth: { type: Number, default: 0 },
    state: { type: String, required: true }, reasonCode: { type: String, default: null }, reason: { type: String, default: null }, attempts: { type: Number, default: 0 }, dueAt: { type: Date, required: true },
    leaseToken: { type: String, default: null }, leaseOwner: { type: String, default: null }, leaseUntil: { type: Date, default: null },
    identityId: { type: String, default: null }, identityName: { type: String, default: null },
    targets: { type: countsSchema, default: noTargets },
    planned: { type: Boolean, default: false }, planToken: { type: String, default: null }, approval: { type: new Schema({ by: String, at: Date, code: String, codes: { type: [String], default: undefined } }, { _id: false }), default: null }, campaignId: { type: String, default: null }, requestId: { type: String, default: null }, startedAt: { type: Date, default: null }, closedAt: { type: Date, default: null },
    undo: { type: undoSchema, default: undefined },
    deletedAt: { type: Date, default: undefined },
    ...auditOutboxField,
  },
  { collection: 'alerts', versionKey: false },
);
// The claim: due alerts by rank, then in the order they came.
alertSchema.index({ state: 1, levelRank: 1, receivedAt: 1 });
alertSchema.index({ state: 1, receivedAt: 1 });
alertSchema.index({ state: 1, leaseUntil: 1 });
alertSchema.index({ mergeKey: 1, receivedAt: -1 });
alertSchema.index({ 'idempotencyKeys.key': 1 }, { unique: true, sparse: true });
alertSchema.index({ receivedAt: -1 });
alertSchema.index({ closedAt: 1 }, { sparse: true });
// The claim of undo orders.
alertSchema.index({ 'undo.dueAt': 1 }, { sparse: true });
alertSchema.index({ identityId: 1, receivedAt: -1 });
alertSchema.index({ application: 1, receivedAt: -1 });
indexAuditOutbox(alertSchema);
