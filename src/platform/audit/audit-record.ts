import type { Actor, EventObject, FieldChange, Outcome } from '../../model/audit-event.js';
import type { JsonObject } from '../../model/json.js';
import type { Notification } from '../../model/notification.js';

/**
 * An act of Tidegate itself or through it. It is stored in one write with the act: in `auditOutbox` of the document that the act changes
 * (or, where no document changes, directly in `audit_records`). The relay moves it to `audit_records` and appends it to the event log under its id; a crash in between repeats, never forgets.
 */
export interface AuditRecord {
  /** UUIDv7; also the event's id. */
  id: string;
  /** `audit.{object}.{verb}`, or a reserved type of the catalogue (`siem.state.changed`, `mitigation.alert.received`). */
  type: string;
  occurredAt: string;
  actor: Actor;
  subject: EventObject;
  objects?: EventObject[];
  outcome: Outcome;
  reason?: string;
  correlationId?: string;
  severity?: number;
  attributes?: JsonObject;
  /** Secrets masked by the one who writes it. */
  changes?: FieldChange[];
  /** What administrators must be told of the act: stored in one write with it, so that neither is ever there without the other. Taken over by platform/notify; no part of the event. */
  notification?: Notification;
}
