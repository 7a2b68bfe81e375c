import type { Rendered } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import type { StoredEvent } from '../../../model/event-envelope.js';
import { PLAIN_TIMESTAMP } from '../../../model/plain-timestamp.js';
import { safeToken } from './clean-text.js';

/** What every format needs of an event, checked and safe in every place of every format. */
export interface EventFacts {
  /** `[A-Za-z0-9._-]`, at most 40 octets. */
  id: string;
  /** The type id: `[A-Za-z0-9._-]`, at most 32 octets (RFC 5424, 6.2.7). */
  type: string;
  /** `<partition>.<offset>`, or null for what never lay in the log. */
  sequence: string | null;
  /** The id of the replay that sends it again (`attributes.replay`), else null. */
  replay: string | null;
  /** When it occurred, in milliseconds since 1970. */
  epochMs: number;
  /** The same as RFC 3339 in UTC with milliseconds. */
  timestamp: string;
  /** CEF scale, a whole number 0..10. */
  severity: number;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * @returns null when `occurredAt` is no time: such an event can never be rendered.
 * @throws TypeError when a member that every event has is missing: somebody else wrote it into the log.
 */
export function factsOf(event: AuditEvent, sequence: string | null): EventFacts | null {
  checkShape(event);
  let timestamp = event.occurredAt;
  let epochMs: number;
  if (PLAIN_TIMESTAMP.test(timestamp)) epochMs = epochOfPlain(timestamp);
  else {
    epochMs = Date.parse(timestamp);
    if (Number.isNaN(epochMs) || !TIMESTAMP.test(timestamp)) return null;
    timestamp = new Date(epochMs).toISOString();
    if (timestamp.length !== 24) return null;
  }
  return { id: safeToken(event.id, 40), type: safeToken(event.type, 32), sequence, replay: replayOf(event), epochMs, timestamp, severity: wholeSeverity(event.severity) };
}

/** A text of another form is none of ours. */
function replayOf({ attributes: { replay } }: AuditEvent): string | null {
  return typeof replay === 'string' && /^[A-Za-z0-9._-]{1,40}$/.test(replay) ? replay : null;
}

/** Of an event that was checked when it was stored, as it lies in the log: no replay marked it. */
export function factsOfStored({ id, type, occurredAt, severity, sequence }: StoredEvent): EventFacts {
  return { id, type, sequence, replay: null, epochMs: epochOfPlain(occurredAt), timestamp: occurredAt, severity };
}

function checkShape(event: AuditEvent): void {
  const { id, type, occurredAt, actor, subject, objects, outcome, severity, message, attributes, changes } = event;
  const texts = typeof id === 'string' && typeof type === 'string' && typeof occurredAt === 'string' && typeof outcome === 'string' && typeof message === 'string' && typeof severity === 'number';
  if (!texts) throw new TypeError('id, type, occurredAt, outcome, message or severity is missing or of the wrong kind');
  const structures = isObject(actor) && isObject(subject) && isObject(attributes) && Array.isArray(objects) && Array.isArray(changes);
  if (!structures) throw new TypeError('actor, subject, attributes, objects or changes is missing or of the wrong kind');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

let lastHour = '';
let lastHourMs = 0;

/** `Date.parse` of a checked timestamp costs as much as all else here; events come in the order of time, so the hour is mostly the last one. */
function epochOfPlain(timestamp: string): number {
  const hour = timestamp.slice(0, 13);
  if (hour !== lastHour) {
    lastHourMs = Date.parse(`${hour}:00:00.000Z`);
    lastHour = hour;
  }
  const minutes = digits(timestamp, 14);
  const seconds = digits(timestamp, 17);
  return lastHourMs + (minutes * 60 + seconds) * 1000 + (timestamp.charCodeAt(20) - 0x30) * 100 + digits(timestamp, 21);
}

function digits(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

function wholeSeverity(severity: number): number {
  const whole = Math.round(severity);
  return whole >= 0 ? Math.min(whole, 10) : 0;
}

/** CEF 0-1 informational, 2-3 notice, 4-6 warning, 7-8 error, 9-10 critical (RFC 5424, 6.2.1), by index. */
export const SYSLOG_SEVERITY: readonly number[] = [6, 6, 5, 5, 4, 4, 4, 3, 3, 2, 2];

export function tooLong(octets: number, maxBytes: number): Rendered {
  return { type: 'reject', code: 'message-too-long', reason: `the message has ${octets} octets, the limit of the integration is ${maxBytes}` };
}

export function noTime(event: AuditEvent): Rendered {
  return { type: 'reject', code: 'not-renderable', reason: `occurredAt is not an RFC 3339 time: ${JSON.stringify(event.occurredAt)?.slice(0, 60) ?? 'missing'}` };
}

/** An event in the log that is not built as an event should be (written there by somebody else): parked with what went wrong. */
export function notRenderable(error: unknown): Rendered {
  return { type: 'reject', code: 'not-renderable', reason: `the event is not as events are: ${error instanceof Error ? error.message : 'unknown'}` };
}
