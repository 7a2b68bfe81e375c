import type { AuditEvent, EventObject, Outcome } from '../../model/audit-event.js';
import type { EventType } from '../../model/event-types.js';
import { messageOf } from '../../model/message-template.js';
import type { EventInput, SubjectInput } from './event-validator.js';

/** What an event is given that its producer cannot know. */
export interface Completion {
  id: string;
  occurredAt: string;
  receivedAt: string;
  /** The producer's own id when it could not be kept; goes to `attributes.producerId`. */
  producerId?: string;
}

/** The whole event from what was sent: each member that was left out gets the meaning that its type gives it. */
export function completeEvent(input: EventInput, type: EventType, { id, occurredAt, receivedAt, producerId }: Completion): AuditEvent {
  const { subject } = input;
  const attributes = input.attributes ?? {};
  const outcome = input.outcome ?? impliedOutcome(type, input);
  const event: AuditEvent = {
    id,
    type: type.id,
    occurredAt,
    receivedAt,
    tenantId: input.tenantId,
    actor: input.actor ?? { kind: 'system' },
    subject: hasKind(subject) ? subject : { ...subject, kind: type.subjectKind },
    objects: input.objects ?? [],
    outcome,
    reason: input.reason,
    correlationId: input.correlationId,
    severity: input.severity ?? (outcome === 'failure' ? (type.failureSeverity ?? type.severity) : type.severity),
    message: '',
    attributes: producerId === undefined ? attributes : { ...attributes, producerId },
    changes: input.changes ?? [],
  };
  event.message = input.message ?? messageOf(type, event);
  return event;
}

function hasKind(subject: SubjectInput): subject is SubjectInput & EventObject {
  return subject.kind !== undefined;
}

const FAILED_STATE = /^(failed|failure|error)$/i;

/** A type that tells an error, or a change to a failed state, is a failure without saying so. */
function impliedOutcome(type: EventType, input: EventInput): Outcome {
  if (type.id.endsWith('.error') || type.id === 'mitigation.alert.failed') return 'failure';
  if (type.changeField !== 'state' || type.failureSeverity === undefined) return 'success';
  const state = input.changes?.find((change) => change.field === 'state')?.new;
  return typeof state === 'string' && FAILED_STATE.test(state) ? 'failure' : 'success';
}
