import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatSettings } from '../../../test/support/format-settings.js';
import { hostileEvent, HOSTILE_TEXTS } from '../../../test/support/hostile-events.js';
import { randomEvent } from '../../../test/support/random-events.js';
import type { FormatSettings } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { decodeEvent, encodeEnvelope, storedEventOf } from '../../model/event-envelope.js';
import { SAMPLE_TYPES, sampleEvent } from '../../model/sample-events.js';
import { formatFor } from '../formats/index.js';
import { EventBatch } from './event-batch.js';
import { Rendering } from './rendering.js';
import type { Shape } from './shape.js';

const HEADERS = ['none', 'rfc5424', 'rfc3164'] as const;
const FRAMINGS = ['none', 'newline', 'octet-counting'] as const;
/** The members in the order in which the intake writes them; those that are not there stay away. */
const completed = ({ id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes }: AuditEvent): AuditEvent => ({
  id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes,
});
const batchOf = (events: readonly AuditEvent[], late: boolean, external = false): EventBatch =>
  EventBatch.parse({ partition: 7, next: events.length, records: events.map((event, offset) => ({ partition: 7, offset, key: 'k', timestamp: 0, external, value: encodeEnvelope({ event, producer: 'p', source: '/s' }) })) }, undefined, late ? 'kept' : 'at-once');

/** What is sent of each event: octets, or why there are none. */
function sent(batch: EventBatch, format: FormatSettings, framing: Shape['framing']): Array<string | object> {
  const rendering = new Rendering(batch, { key: 'x', format, framing }, formatFor('json').compile(format));
  return Array.from({ length: batch.length }, (_, index) => {
    const measured = rendering.measure(index);
    return typeof measured === 'number' ? rendering.bytes(index).toString('latin1') : measured;
  });
}

function expectSame(events: readonly AuditEvent[], maxBytes: number): void {
  for (const header of HEADERS) {
    for (const framing of FRAMINGS) {
      const format = formatSettings({ outputType: 'json', header, maxBytes });
      expect(sent(batchOf(events, true), format, framing)).toEqual(sent(batchOf(events, false), format, framing));
    }
  }
}

describe('an event that is sent as it lies in the log', () => {
  it.each(SAMPLE_TYPES)('is octet for octet what rendering makes of it: %s', (type) => {
    const event = completed({ ...sampleEvent(type), id: 'e-1' });
    expect(storedEventOf(encodeEnvelope({ event, producer: 'p', source: '/s' }))).toMatchObject({ id: 'e-1', type, occurredAt: event.occurredAt, severity: event.severity });
    expectSame([event], 8096);
    expectSame([event], 300);
  });

  it('is the same with any text, in any member', () => {
    expectSame(Object.values(HOSTILE_TEXTS).map((text) => completed(hostileEvent('account.provisioned', text))), 8096);
  });

  it('is the same for random events', () => {
    fc.assert(fc.property(fc.array(randomEvent(20), { minLength: 1, maxLength: 5 }), fc.constantFrom(400, 1000, 8096), (events, maxBytes) => expectSame(events.flatMap((event) => [completed(event), completed({ ...event, severity: Math.abs(Math.round(event.severity)) % 11 })]), maxBytes)), { numRuns: 20 });
    const plain = fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 60 }), type: fc.constantFrom(...SAMPLE_TYPES), severity: fc.integer({ min: 0, max: 10 }) });
    let marked = 0;
    fc.assert(fc.property(fc.array(plain, { minLength: 1, maxLength: 5 }), (parts) => {
      const events = parts.map(({ text, type, severity }, at) => completed({ ...sampleEvent(type), id: `e-${at}`, severity, message: text, reason: text, attributes: { [text]: text } }));
      marked += events.filter((event) => storedEventOf(encodeEnvelope({ event, producer: 'p', source: '/s' }))).length;
      expectSame(events, 8096);
    }), { numRuns: 60 });
    expect(marked).toBeGreaterThan(50);
  });

  it.each([0, 9, 10, 2 ** 31 - 1, 2 ** 31, 21_474_836_479, 21_474_836_480, 1e15, Number.MAX_SAFE_INTEGER])('bears its sequence wherever it lies: %d', (offset) => {
    const value = encodeEnvelope({ event: completed({ ...sampleEvent('account.provisioned'), id: 'e-1' }), producer: 'p', source: '/s' });
    const batch = EventBatch.parse({ partition: 12, next: offset, records: [{ partition: 12, offset, key: 'k', timestamp: 0, value }] }, undefined, 'kept');
    expect(batch.stored(0)?.sequence).toBe(`12.${offset}`);
    const [text] = sent(batch, formatSettings({ outputType: 'json', header: 'none' }), 'newline');
    expect(JSON.parse(text as string)).toMatchObject({ id: 'e-1', sequence: `12.${offset}`, type: 'account.provisioned' });
  });

  it('is not parsed unless somebody asks, and then it is the event', () => {
    const event = completed({ ...sampleEvent('account.provisioned'), id: 'e-1' });
    const batch = batchOf([event], true);
    expect(batch.stored(0)?.id).toBe('e-1');
    expect(batch.types).toEqual(['account.provisioned']);
    expect(batch.event(0)).toEqual(JSON.parse(JSON.stringify(event)));
    expect(batch.events()).toEqual([batch.event(0)]);
    expect(batch.mapped((each) => ({ ...each, severity: 9 })).stored(0)).toBeUndefined();
  });

  it('is kept for who asks next, or forgotten, as it was asked for', () => {
    const records = [{ partition: 7, offset: 0, key: 'k', timestamp: 0, value: encodeEnvelope({ event: completed({ ...sampleEvent('account.provisioned'), id: 'e-1' }), producer: 'p', source: '/s' }) }];
    for (const [parsing, same] of [['kept', true], ['forgotten', false], ['at-once', true]] as const) {
      const batch = EventBatch.parse({ partition: 7, next: 1, records }, undefined, parsing);
      expect(batch.event(0) === batch.event(0)).toBe(same);
      expect(batch.event(0)).toEqual(batch.event(0));
    }
  });

  it('is dropped where it can be had again, and only there', () => {
    const record = { partition: 7, offset: 0, key: 'k', timestamp: 0, value: encodeEnvelope({ event: completed({ ...sampleEvent('account.provisioned'), id: 'e-1' }), producer: 'p', source: '/s' }) };
    for (const [parsing, spare] of [['kept', true], ['forgotten', false], ['at-once', false]] as const) {
      const batch = EventBatch.parse({ partition: 7, next: 1, records: [record] }, undefined, parsing);
      expect(batch.isSpare(0)).toBe(false);
      const before = batch.event(0);
      expect(batch.isSpare(0)).toBe(spare);
      batch.forget(0);
      expect(batch.isSpare(0)).toBe(false);
      expect(batch.event(0)).toEqual(before);
    }
  });

  it('is read where it lies, in the midst of other octets', () => {
    const value = encodeEnvelope({ event: completed({ ...sampleEvent('account.provisioned'), id: 'e-1' }), producer: 'p', source: '/s' });
    const source = Buffer.concat([Buffer.from('{"before":1}'), value, Buffer.from('{"behind":1}')]);
    const record = { partition: 7, offset: 0, key: 'k', timestamp: 0, value, source, valueAt: 12, valueEnd: 12 + value.length };
    const [alone, within] = [[{ partition: 7, offset: 0, key: 'k', timestamp: 0, value }], [record]].map((records) => EventBatch.parse({ partition: 7, next: 1, records }, undefined, 'kept'));
    const format = formatSettings({ outputType: 'json' });
    expect(within?.event(0)).toEqual(alone?.event(0));
    expect(within && sent(within, format, 'newline')).toEqual(alone && sent(alone, format, 'newline'));
    expect(within?.size(0)).toBe(value.length);
  });

  it('bears the mark only where it is written as it is sent', () => {
    const event = completed({ ...sampleEvent('account.provisioned'), id: 'e-1' });
    const marked = (more: Partial<AuditEvent>) => storedEventOf(encodeEnvelope({ event: { ...event, ...more }, producer: 'p', source: '/s' })) !== undefined;
    expect(marked({})).toBe(true);
    expect(marked({ occurredAt: '2026-01-31T10:00:00.000Z' })).toBe(true);
    expect(marked({ occurredAt: '2026-02-30T10:00:00.000Z' })).toBe(false);
    expect(marked({ occurredAt: '2026-01-31T10:00:00+01:00' })).toBe(false);
    expect(marked({ id: 'with a space' })).toBe(false);
    expect(marked({ type: 'a'.repeat(33) })).toBe(false);
    expect(marked({ severity: 2.5 })).toBe(false);
    expect(marked({ severity: 11 })).toBe(false);
    expect(marked({ message: 'CEF:0|forged' })).toBe(true);
    expect(marked({ message: 'a\u0085b' })).toBe(true);
    expect(marked({ message: 'a\ud800b' })).toBe(false);
    const { id, ...rest } = event;
    expect(storedEventOf(encodeEnvelope({ event: { ...rest, id }, producer: 'p', source: '/s' }))).toBeUndefined();
    expect(storedEventOf(encodeEnvelope({ event: { ...event, more: 1 } as AuditEvent, producer: 'p', source: '/s' }))).toBeUndefined();
  });

  it('cannot be forged by a text, nor taken from a record that somebody else wrote', () => {
    const mark = ',"tidegatejson":"05.0021.03.20","data":{"id":"forged","type":"forged","occurredAt":"2026-01-31T10:00:00.000Z"';
    const event = completed({ ...sampleEvent('account.provisioned'), id: 'e-1', message: mark });
    const record = encodeEnvelope({ event, producer: mark, source: mark });
    expect(storedEventOf(record)?.id).toBe('e-1');
    expect(decodeEvent(record)).toEqual(JSON.parse(JSON.stringify(event)));
    expect(batchOf([event], true, true).unreadable).toHaveLength(1);
  });

  it('that cannot be read after all is a dead letter, not a stop', () => {
    const record = encodeEnvelope({ event: completed({ ...sampleEvent('account.provisioned'), id: 'e-1' }), producer: 'p', source: '/s' });
    const broken = Buffer.from(record.toString('utf8').replace('"actor":', '"actor";'));
    const batch = EventBatch.parse({ partition: 0, next: 1, records: [{ partition: 0, offset: 0, key: 'k', timestamp: 0, value: broken }] }, undefined, 'kept');
    const format = formatSettings({ outputType: 'cef' });
    expect(new Rendering(batch, { key: 'x', format, framing: 'newline' }, formatFor('cef').compile(format)).measure(0)).toMatchObject({ code: 'not-renderable' });
    expect(EventBatch.parse({ partition: 0, next: 1, records: [{ partition: 0, offset: 0, key: 'k', timestamp: 0, value: broken }] }).unreadable).toHaveLength(1);
  });
});
