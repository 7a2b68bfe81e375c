import type { AuditEvent } from '../model/audit-event.js';

/** An event of our own: what is not given is completed (message from the template, receivedAt now). Its id is given, so a repeat is recognised. */
export type OwnEvent = Pick<AuditEvent, 'id' | 'type' | 'occurredAt' | 'actor' | 'subject'> & Partial<AuditEvent>;

export type SinkOutcome = { type: 'accepted'; partition: number; offset: number; duplicate: boolean } | { type: 'retry'; reason: string } | { type: 'refused'; reason: string };

/** Where our own records become events; `outward/intake` implements it with the right to the reserved types. Answers after the append is durable. */
export interface EventSink {
  publish(events: readonly OwnEvent[]): Promise<SinkOutcome[]>;
}
export const EVENT_SINK = Symbol('EventSink');
