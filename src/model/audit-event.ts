import type { JsonObject, JsonValue } from './json.js';

/** Who did it. `system` is a job, a sync or a service without a person behind it. */
export interface Actor {
  kind: 'user' | 'system';
  id?: string;
  name?: string;
  /** IPv4 or IPv6 address the act came from. */
  ip?: string;
}

/** The thing an event is about, or one that took part in it. `kind` is a lower-case word: account, user, group, domain, request, template, worker, integration ... */
export interface EventObject {
  kind: string;
  id: string;
  name?: string;
  [detail: string]: JsonValue | undefined;
}

/** One field of the subject that changed. Values are text, number, boolean, null or lists of them. */
export interface FieldChange {
  field: string;
  old?: JsonValue;
  new?: JsonValue;
}

export type Outcome = 'success' | 'failure' | 'unknown';

/**
 * An event that Tidegate accepted: complete, masked and well-formed (no lone surrogates). Times are RFC 3339 in UTC with milliseconds.
 * `severity` is the CEF scale 0..10. The `sequence` that receivers see is not part of it: it is the log position, known only when read.
 */
export interface AuditEvent {
  id: string;
  type: string;
  occurredAt: string;
  receivedAt: string;
  tenantId?: string;
  actor: Actor;
  subject: EventObject;
  objects: EventObject[];
  outcome: Outcome;
  reason?: string;
  correlationId?: string;
  severity: number;
  message: string;
  attributes: JsonObject;
  changes: FieldChange[];
}

/** An event with what only the envelope knows: who brought it in and from which source (CloudEvents `source`). */
export interface EnvelopedEvent {
  event: AuditEvent;
  /** Name of the principal that posted it; `tidegate` for our own. */
  producer: string;
  /** CloudEvents `source`, a URI reference. */
  source: string;
}

/** What an id must look like to be kept as the producer sent it; any other gets one of ours. 40 octets fit CEF `externalId`. */
export const EVENT_ID_PATTERN = /^[A-Za-z0-9._-]{1,40}$/;

/** The log position as receivers see it: equal for every integration and on every resend. */
export function sequenceOf(partition: number, offset: number): string {
  return `${partition}.${offset}`;
}
