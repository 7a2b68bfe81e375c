import { v7 as uuidV7 } from 'uuid';
import type { Clock } from '../../contracts/clock.js';
import type { Actor } from '../../model/audit-event.js';
import { eventTypeOf } from '../../model/event-types.js';
import { completeNotification } from '../../model/notification.js';
import type { Principal } from '../access/rights.js';
import type { AuditRecord } from './audit-record.js';

/** What the one who acts says; id, time and outcome (`success` unless said) are completed. */
export type NewAuditRecord = Pick<AuditRecord, 'type' | 'actor' | 'subject'> & Partial<Omit<AuditRecord, 'id' | 'type' | 'actor' | 'subject'>>;

/**
 * A record with an id of its own (UUIDv7, RFC 9562 5.7: records of one process sort by their making) and the time of the clock.
 * @throws TypeError when the type is neither in the catalogue nor `audit.{object}.{verb}`: the event log would refuse it later.
 */
export function newAuditRecord(act: NewAuditRecord, clock: Clock): AuditRecord {
  if (!eventTypeOf(act.type)) throw new TypeError(`"${act.type}" is no event type; use one of the catalogue or audit.{object}.{verb} (object at most 15, verb at most 10 of a-z, 0-9, -)`);
  const now = clock.now();
  // One form of time, in UTC with milliseconds: it sorts as text.
  const occurredAt = new Date(act.occurredAt ?? now).toISOString();
  const notification = act.notification && completeNotification({ occurredAt, ...act.notification }, now);
  const record: AuditRecord = { outcome: 'success', ...act, ...(notification ? { notification } : {}), occurredAt, id: nextId(now) };
  // Pure JSON from here on: the document driver would turn `undefined` into null.
  return JSON.parse(JSON.stringify(record)) as AuditRecord;
}

/** The person or service account behind a request. */
export function actorOf(principal: Pick<Principal, 'id' | 'name' | 'ip'>): Actor {
  return { kind: 'user', id: principal.id, name: principal.name, ...(principal.ip === undefined ? {} : { ip: principal.ip }) };
}

/** A job, a sync or another part of the service without a person behind it; `part` is a lower-case word, for example `engine`. */
export function systemActor(part: string): Actor {
  return { kind: 'system', id: `tidegate:${part}`, name: part };
}

const SEQUENCE_SPAN = 2 ** 31;
let last = { msecs: -1, seq: 0 };

/** Within one millisecond the sequence counts up, so that records sort in the order of their acts. */
function nextId(now: number): string {
  last = { msecs: now, seq: now === last.msecs ? last.seq + 1 : Math.floor(Math.random() * (SEQUENCE_SPAN / 2)) };
  return uuidV7(last);
}
