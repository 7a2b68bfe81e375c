import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES, eventTypeOf } from '../../model/event-types.js';
import type { JsonObject } from '../../model/json.js';
import { sampleEvent } from '../../model/sample-events.js';
import { AUDIT_FAMILY, EVENT_TYPE_ENTRIES, eventTypeEntry } from './event-schemas.js';
import { EventValidator } from './event-validator.js';

const validator = new EventValidator(true);
const faultsOf = (event: JsonObject) => {
  const type = eventTypeOf(event.type as string);
  if (!type) throw new Error('unknown type');
  return validator.faultsOf(type, event);
};
const account = { type: 'account.provisioned', subject: { id: 'a' }, attributes: { domain: 'd' } };

describe('the schemas of the catalogue', () => {
  it('has one for each type and one for any audit record, and each compiles in strict mode', () => {
    expect(EVENT_TYPE_ENTRIES.length).toBe(EVENT_TYPES.length + 1);
    expect(EVENT_TYPE_ENTRIES.filter(({ reserved, group }) => !reserved && group !== 'audit').length).toBe(14);
    expect(eventTypeEntry(AUDIT_FAMILY)?.schema).toBe(eventTypeEntry('audit.printer.jam')?.schema);
    expect(eventTypeEntry('no.such.type')).toBeUndefined();
    for (const type of EVENT_TYPES) expect(() => validator.faultsOf(type, { type: type.id })).not.toThrow();
  });

  it.each(EVENT_TYPES.map(({ id }) => id))('takes the sample of %s, and names what is missing without its required members', (id) => {
    const { receivedAt: _set, ...event } = sampleEvent(id);
    expect(faultsOf(JSON.parse(JSON.stringify(event)) as JsonObject)).toEqual([]);
    const required = eventTypeOf(id)?.required ?? [];
    const pointers = faultsOf({ type: id, attributes: {} }).map(({ pointer }) => pointer);
    expect(pointers).toEqual(expect.arrayContaining(['/subject', ...required.map((name) => `/attributes/${name}`)]));
  });

  it('points at each fault and never repeats a value', () => {
    const faults = faultsOf({
      ...account, id: '', occurredAt: 'yesterday-hunter2', receivedAt: '2025-01-01T00:00:00Z', severity: 11, outcome: 'hunter2', 'a/b': 1, actor: { kind: 'robot', ip: 'hunter2', shoe: 1 }, subject: { kind: 'hunter2' }, changes: [{ old: 1 }],
      attributes: { request: 7 },
    });
    const at = Object.fromEntries(faults.map(({ pointer, reason }) => [pointer, reason]));
    expect(at).toMatchObject({
      '/id': expect.any(String), '/occurredAt': expect.stringContaining('RFC 3339'), '/receivedAt': expect.stringContaining('set by Tidegate'), '/severity': expect.stringContaining('10'), '/outcome': 'must be one of success, failure, unknown',
      '/a~1b': expect.stringContaining('attributes'), '/actor/kind': 'must be one of user, system', '/actor/ip': expect.stringContaining('IP'), '/actor/shoe': expect.stringContaining('unknown key'), '/subject/id': 'is missing', '/subject/kind': 'must be account',
      '/changes/0/field': 'is missing', '/attributes/domain': 'is missing', '/attributes/request': 'must be a string',
    });
    expect(JSON.stringify(faults)).not.toContain('hunter2');
    expect(faults).toHaveLength(Object.keys(at).length);
  });

  it.each(['2025-03-04T05:06:07', '2025-02-30T05:06:07Z', '2025-03-04', '1741064767', '2025-03-04T25:06:07Z'])('refuses the time %s', (occurredAt) => {
    expect(faultsOf({ ...account, occurredAt })).toEqual([{ pointer: '/occurredAt', reason: expect.stringContaining('RFC 3339') }]);
  });

  it('takes anything in attributes and in the details of objects', () => {
    expect(faultsOf({ ...account, attributes: { domain: 'd', own: { nested: [1, null] } }, subject: { id: 'a', shoeSize: 43 }, objects: [{ kind: 'thing', id: 't', x: [1] }] })).toEqual([]);
  });

  it('names at most twenty faults', () => {
    expect(faultsOf({ ...account, objects: Array.from({ length: 500 }, () => 1) }).length).toBe(20);
  });
});
