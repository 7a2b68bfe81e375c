import { describe, expect, it } from '@jest/globals';
import { version } from 'uuid';
import { actorOf, newAuditRecord, systemActor } from './new-audit-record.js';

const clock = { now: () => Date.parse('2026-03-01T10:00:00Z') };
const act = { type: 'audit.door.lock', actor: systemActor('janitor'), subject: { kind: 'door', id: 'd-1' } };

describe('newAuditRecord', () => {
  it('completes id, time and outcome', () => {
    const record = newAuditRecord(act, clock);
    expect(record).toEqual({ ...act, id: expect.any(String), occurredAt: '2026-03-01T10:00:00.000Z', outcome: 'success', actor: { kind: 'system', id: 'tidegate:janitor', name: 'janitor' } });
    expect(version(record.id)).toBe(7);
  });

  it('gives ids that sort in the order of the acts, also within a millisecond', () => {
    const ids = Array.from({ length: 500 }, () => newAuditRecord(act, clock).id);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(500);
    expect(newAuditRecord(act, { now: () => clock.now() + 1 }).id > (ids.at(-1) ?? '')).toBe(true);
  });

  it('is plain JSON without undefined, and has one form of time', () => {
    const record = newAuditRecord({ ...act, actor: actorOf({ id: 'u-1', name: 'ann' }), reason: undefined, attributes: { ip: undefined as never }, occurredAt: '2026-03-01T12:00:00+02:00' }, clock);
    expect(Object.keys(record)).not.toContain('reason');
    expect(record.attributes).toEqual({});
    expect(Object.keys(record.actor)).toEqual(['kind', 'id', 'name']);
    expect(record.occurredAt).toBe('2026-03-01T10:00:00.000Z');
  });

  it('refuses a type that the event log would refuse later', () => {
    expect(() => newAuditRecord({ ...act, type: 'door.lock' }, clock)).toThrow('is no event type');
    expect(() => newAuditRecord({ ...act, type: 'audit.door.lock-and-throw-away' }, clock)).toThrow('at most 10');
  });
});
