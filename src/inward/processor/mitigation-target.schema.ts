import { Schema } from 'mongoose';
import type { TargetOperation, TargetState } from '../../model/alert.js';
import { auditOutboxField, indexAuditOutbox, type MayHaveAuditOutbox } from '../../platform/audit/audit-outbox.js';

/**
 * One thing that an alert acts upon, as a document of its own, so that 50,000 fit. Intent is stored before the connector is called, the outcome after, both
 * conditional on the alert's lease token; on take-over a target with intent and no outcome is read back from the system first, never repeated blindly.
 */
export interface MitigationTargetDocument extends MayHaveAuditOutbox {
  /** `<alert id>:<number>`, of an undo `<alert id>:undo<round>:<number>` */
  _id: string;
  alertId: string;
  number: number;
  /** Token under which the plan was made; only targets of the alert's own `planToken`, or of its undo's, count. */
  planToken: string;
  /** Of an undo: which target of the alert it gives back, and in which round. */
  undoOf?: number | null;
  undoRound?: number | null;
  applicationId: string;
  /** Its name. */
  application: string;
  nativeId: string | null;
  accountId: string | null;
  identityId: string | null;
  operation: TargetOperation;
  /** Of the operations on an entitlement. */
  entitlement: { attribute: string; value: string } | null;
  state: TargetState;
  /** The alert's lease token under which the last write was made. */
  leaseToken: string | null;
  intentAt: Date | null;
  outcomeAt: Date | null;
  /** Nothing had to be changed. */
  alreadySo: boolean;
  code: string | null;
  reason: string | null;
  /** What the change alone may not settle, for example that a role grants the entitlement again. */
  caution?: string | null;
  attempts: number;
}

export const mitigationTargetSchema = new Schema<MitigationTargetDocument>(
  {
    _id: String, alertId: { type: String, required: true }, number: { type: Number, required: true }, planToken: { type: String, required: true }, undoOf: { type: Number, default: undefined }, undoRound: { type: Number, default: undefined }, applicationId: { type: String, required: true }, application: { type: String, required: true }, nativeId: { type: String, default: null }, accountId: { type: String, default: null },
    identityId: { type: String, default: null }, operation: { type: String, required: true }, entitlement: { type: new Schema({ attribute: String, value: String }, { _id: false }), default: null }, state: { type: String, required: true },
    leaseToken: { type: String, default: null }, intentAt: { type: Date, default: null }, outcomeAt: { type: Date, default: null }, alreadySo: { type: Boolean, default: false }, code: { type: String, default: null },
    reason: { type: String, default: null }, caution: { type: String, default: undefined }, attempts: { type: Number, default: 0 },
    auditOutbox: { ...auditOutboxField.auditOutbox, default: undefined },
  },
  { collection: 'mitigation_targets', versionKey: false },
);
mitigationTargetSchema.index({ alertId: 1, state: 1, number: 1 });
// The walk over the open targets of an alert, page by page.
mitigationTargetSchema.index({ alertId: 1, number: 1 });
// Whether another alert acted upon the same account: an undo asks.
mitigationTargetSchema.index({ accountId: 1 });
indexAuditOutbox(mitigationTargetSchema);
