import { describe, expect, it } from '@jest/globals';
import { EVENT_ID_PATTERN } from './audit-event.js';
import { eventTypeOf } from './event-types.js';
import { SAMPLE_TYPES, sampleEvent } from './sample-events.js';

describe('sampleEvent', () => {
  it.each(SAMPLE_TYPES)('has a realistic %s', (id) => {
    const event = sampleEvent(id);
    const type = eventTypeOf(id);
    expect(event.id).toMatch(EVENT_ID_PATTERN);
    expect(event.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(event.subject.kind).toBe(type?.subjectKind);
    for (const name of type?.required ?? []) expect(event.attributes).toHaveProperty(name);
    if (type?.changeField) expect(event.changes.map((change) => change.field)).toContain(type.changeField);
    expect(event.message).not.toMatch(/[{}]|unnamed|undefined/);
  });

  it('gives each type its own id and a copy that a caller may change', () => {
    expect(new Set(SAMPLE_TYPES.map((id) => sampleEvent(id).id)).size).toBe(SAMPLE_TYPES.length);
    sampleEvent('siem.test').actor.name = 'changed';
    expect(sampleEvent('siem.test').actor.name).toBe('admin');
  });

  it('makes an event of any audit type and refuses what the catalogue does not know', () => {
    expect(sampleEvent('audit.role.delete').subject.kind).toBe('role');
    expect(() => sampleEvent('no.such.type')).toThrow(RangeError);
  });
});
