import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { naiveRule, randomEvent, randomFilter } from '../../../test/support/random-filters.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { filterSection } from '../../model/event-filter.js';
import { sampleEvent } from '../../model/sample-events.js';
import { Picks } from '../engine/picks.js';
import { Routes, type Routed } from '../engine/routes.js';
import { EventBatch } from './event-batch.js';
import { compileFilter, filterVerdict, wantedOf, wants } from './event-filter.js';

const filter = (input: object) => filterSection.parse(input);
const rule = (...conditions: object[]) => ({ name: 'the rule', conditions });
const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({ ...sampleEvent('account.owner.changed'), ...more });
const wanted = (conditions: object[], more: Partial<AuditEvent> = {}) => filterVerdict({ filter: filter({ include: [rule(...conditions)] }) }, event(more)).wanted;

describe('a filter', () => {
  it('decides as a plain evaluator does, in the compiled form, in the verdict and by the routes of many lanes', () => {
    fc.assert(
      fc.property(fc.array(randomFilter, { minLength: 1, maxLength: 6 }), fc.array(randomEvent, { minLength: 1, maxLength: 8 }), fc.boolean(), (filters, events, late) => {
        const lanes = new Set<Routed>(filters.map((settings) => ({ filter: compileFilter(settings), shapeKey: 'one', picks: new Picks() })));
        const routes = new Routes(lanes);
        const batch = EventBatch.parse({ partition: 0, next: events.length, records: events.map((item, offset) => ({ partition: 0, offset, key: 'k', timestamp: 0, value: encodeEnvelope({ event: item, producer: 'p', source: 's' }) })) }, undefined, late ? 'kept' : 'at-once');
        for (let index = 0; index < batch.length; index++) routes.pick(batch, index);
        for (const [at, lane] of [...lanes].entries()) {
          const settings = filters[at] ?? filter({});
          const naive = events.map((item) => naiveRule(settings, item));
          const expected = naive.flatMap((by, index) => (by === null ? [index] : []));
          expect(events.map((item) => filterVerdict({ filter: settings }, item)).map((verdict) => (verdict.wanted ? null : verdict.rule))).toEqual(naive);
          expect(events.flatMap((item, index) => (wants(lane.filter, item) ? [index] : []))).toEqual(expected);
          expect(lane.picks.take()).toEqual(expected);
          // JSON has no undefined: what the log gives back decides the same.
          expect(wantedOf(lane.filter, batch)).toEqual(expected);
        }
      }),
      { numRuns: 400, seed: 20261128 },
    );
  });

  it('names the rule that filters, and why', () => {
    const settings = { filter: filter({ types: ['account.*'], severityMin: 4, outcomes: ['success'], exclude: [{ name: 'no backups', conditions: [{ field: 'subject.name', operator: 'matches', value: 'svc-*' }] }], include: [{ name: 'corp', conditions: [{ field: 'tenantId', operator: 'equals', value: 'corp' }] }] }) };
    const verdict = (more: Partial<AuditEvent>) => filterVerdict(settings, event({ severity: 5, subject: { kind: 'account', id: '1', name: 'ann' }, ...more }));
    expect(verdict({ type: 'user.synced.created' })).toEqual({ wanted: false, rule: 'filter.types', reason: 'the type user.synced.created is not among account.*' });
    expect(verdict({ severity: 3 })).toEqual({ wanted: false, rule: 'filter.severityMin', reason: 'severity 3 is below 4' });
    expect(verdict({ outcome: 'failure' })).toMatchObject({ rule: 'filter.outcomes' });
    expect(verdict({ subject: { kind: 'account', id: '1', name: 'svc-backup' } })).toEqual({ wanted: false, rule: 'no backups', reason: 'it fits the exclude rule "no backups"' });
    expect(verdict({ tenantId: 'other' })).toEqual({ wanted: false, rule: 'filter.include', reason: 'it fits none of the include rules "corp"' });
    expect(verdict({ tenantId: 'corp' })).toEqual({ wanted: true });
  });

  it.each([
    [[{ field: 'changes[owner].new', operator: 'equals', value: 'bob.ortiz' }], true],
    [[{ field: 'changes[state].new', operator: 'exists' }], false],
    [[{ field: 'objects.name', operator: 'in', values: ['nobody', 'carla.diaz'] }], true],
    [[{ field: 'actor.name', operator: 'equals', value: 'ANN.KELLER' }], false],
    [[{ field: 'actor.name', operator: 'equals', value: 'ANN.KELLER', ignoreCase: true }], true],
    [[{ field: 'attributes.none', operator: 'not-equals', value: 'x' }], true],
    [[{ field: 'severity', operator: 'greater-than', value: 2 }, { field: 'severity', operator: 'less-than', value: '5' }], true],
    [[{ field: 'occurredAt', operator: 'less-than', value: '2026-01-01T00:00:00+02:00' }], true],
    [[{ field: 'occurredAt', operator: 'greater-than', value: 5 }], false],
    [[{ field: 'subject.name', operator: 'matches', value: '*back*p' }], true],
    [[{ field: 'subject.name', operator: 'matches', value: 'backup' }], false],
  ])('takes %j: %s', (conditions, expected) => {
    expect(wanted(conditions, { severity: 3 })).toBe(expected);
  });

  it('never throws for an event that somebody wrote into the log without its members', () => {
    const broken = { type: 'account.owner.changed' } as unknown as AuditEvent;
    for (const field of ['actor.name', 'subject.id', 'objects.name', 'changes[a].new', 'severity', 'attributes.*']) expect(filterVerdict({ filter: filter({ include: [rule({ field, operator: 'equals', value: 'x' })] }) }, broken).wanted).toBe(false);
    expect(filterVerdict({ filter: filter({ severityMin: 3 }) }, broken).wanted).toBe(true);
  });

  it('is not slowed down by a hostile pattern', () => {
    const begun = performance.now();
    expect(wanted([{ field: 'message', operator: 'matches', value: '*a'.repeat(400) + '*b' }], { message: 'a'.repeat(100_000) })).toBe(false);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('routes', () => {
  /** A batch with the event at one index. */
  const source = (item: AuditEvent, index: number) => ({ types: new Array<string>(index + 1).fill(item.type), event: () => item });
  const lane = (input: object, shapeKey = 'one'): Routed => ({ filter: compileFilter(filter(input)), shapeKey, picks: new Picks() });

  it('ask only the lanes that need the value of the event', () => {
    let asked = 0;
    const lanes = Array.from({ length: 1000 }, (_, index) => {
      const one = lane({ include: [{ name: 'tenant', conditions: [{ field: 'tenantId', operator: 'equals', value: `t-${index}` }, { field: 'severity', operator: 'less-than', value: 11 }] }] });
      return { ...one, filter: { ...one.filter, test: (item: AuditEvent) => (asked++, one.filter.test?.(item) ?? true) } };
    });
    const routes = new Routes(new Set(lanes));
    for (let index = 0; index < 3000; index++) routes.pick(source(event({ tenantId: `t-${index % 1000}` }), index), index);
    expect(asked).toBe(3000);
    expect(lanes.map(({ picks }) => picks.take())).toEqual(lanes.map((_, index) => [index, index + 1000, index + 2000]));
  });

  it('give an event once to a lane that needs two of its values', () => {
    const both = lane({ include: [{ name: 'members', conditions: [{ field: 'objects.name', operator: 'in', values: ['bob.ortiz', 'carla.diaz'] }] }] });
    new Routes(new Set([both])).pick(source(event(), 7), 7);
    expect(both.picks.take()).toEqual([7]);
  });

  it('tell whether an event is wanted, and whether in one shape', () => {
    const tenant = { include: [{ name: 'tenant', conditions: [{ field: 'tenantId', operator: 'equals', value: 't-1' }] }] };
    const [one, same, other] = [lane(tenant), lane({ ...tenant, types: ['account.provisioned'] }), lane({ types: ['account.secret.changed'] }, 'another')];
    const routes = new Routes(new Set([one, same, other]));
    const told = (more: Partial<AuditEvent>, index: number) => ({ ...routes.pick(source(event({ tenantId: 't-1', ...more }), index), index) });
    expect(told({ type: 'account.provisioned' }, 0)).toEqual({ first: one, oneShape: true });
    expect(told({ type: 'account.provisioned', tenantId: 't-2' }, 1)).toEqual({ first: undefined, oneShape: true });
    expect(told({ type: 'account.secret.changed' }, 2)).toMatchObject({ oneShape: false });
    expect(told({ type: 'account.secret.changed', tenantId: 't-2' }, 3)).toEqual({ first: other, oneShape: true });
  });

  it('follow the set of lanes', () => {
    const lanes = new Set<Routed>();
    const routes = new Routes(lanes);
    routes.pick(source(event(), 0), 0);
    const late = lane({});
    lanes.add(late);
    routes.clear();
    routes.pick(source(event(), 1), 1);
    expect(late.picks.take()).toEqual([1]);
  });
});
