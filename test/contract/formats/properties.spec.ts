import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import type { JsonValue } from '../../../src/model/json.js';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { leastOctets } from '../../support/least-octets.js';
import { parseRecord } from '../../support/parsers/record.js';
import { SAMPLE_TYPES, sampleEvent } from '../../support/sample-events.js';
import { oneRecord } from '../../support/one-record.js';

const RUNS = Number(process.env.TIDEGATE_TEST_PROPERTY_RUNS ?? 60);

/** Any UTF-16, lone surrogates included, with what breaks formats more often than chance would have it. */
const unit = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) },
  { weight: 3, arbitrary: fc.constantFrom('\\', '=', '|', '"', ']', '[', '\n', '\r', '\u0000', '\u001b', '\u0085', '\u2028', '\ufeff', ' ', '😀', 'ü', 'CEF:0|', '\\n', '\ud83d', '\ude00', '" ', '<13>1 ') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) },
);
const text = fc.oneof(fc.array(unit, { maxLength: 40 }), fc.array(unit, { minLength: 300, maxLength: 1500 })).map((units) => units.join(''));
const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, text, fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 6 }) as fc.Arbitrary<JsonValue>, fc.dictionary(text, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonValue>),
})).value;
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const object = fc.record({ kind: fc.oneof(text, fc.constantFrom('account', 'user', 'request')), id: text, name: optional(text), detail: optional(json) });
const event: fc.Arbitrary<AuditEvent> = fc.record({
  type: fc.constantFrom(...SAMPLE_TYPES), id: fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/), occurredAt: fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
  tenantId: optional(text), actor: fc.record({ kind: fc.constantFrom('user' as const, 'system' as const), id: optional(text), name: optional(text), ip: optional(fc.oneof(text, fc.ipV4(), fc.ipV6())) }),
  subject: object, objects: fc.array(object, { maxLength: 5 }), outcome: fc.constantFrom('success' as const, 'failure' as const, 'unknown' as const), reason: optional(text), correlationId: optional(text),
  severity: fc.double({ min: -2, max: 12 }), message: text,
  attributes: fc.record({ domain: text, request: text, items: fc.array(text, { maxLength: 300 }), count: fc.integer(), days: fc.integer(), dueDate: fc.oneof(text, fc.constant('2025-03-18T00:00:00Z')), action: text, other: json }, { requiredKeys: [] }),
  changes: fc.array(fc.record({ field: fc.oneof(text, fc.constant('state')), old: json, new: json }, { requiredKeys: ['field'] }), { maxLength: 4 }),
}).map((parts) => ({ ...sampleEvent(parts.type), ...parts }));

const cases = FORMATS.flatMap((format) => format.headers.map((header) => ({ format, header, name: `${format.outputType} behind ${header}` })));

describe.each(cases)('$name, any event', ({ format, header }) => {
  it('is one valid record within the limit, with its own id, type and sequence', () => {
    fc.assert(fc.property(event, fc.integer({ min: Math.max(512, leastOctets(format.outputType)), max: 6000 }), fc.nat(), (each, maxBytes, offset) => {
      const sequence = `0.${offset}`;
      const rendered = oneRecord(format.compile(formatSettings({ outputType: format.outputType, header, maxBytes })).render(each, sequence));
      const octets = Buffer.from(rendered.text);
      expect(octets.length).toBeLessThanOrEqual(maxBytes);
      expect(parseRecord(octets, format.outputType, header)).toMatchObject({ id: each.id, type: each.type, sequence, saysShortened: rendered.shortened });
    }), { numRuns: RUNS });
  });

  it('looks the same at every rendering', () => {
    const renderer = format.compile(formatSettings({ outputType: format.outputType, header }));
    fc.assert(fc.property(fc.array(event, { maxLength: 4 }), (events) => {
      const first = events.map((each) => renderer.render(each, '0.1'));
      expect([...events].reverse().map((each) => renderer.render(each, '0.1')).reverse()).toEqual(first);
    }), { numRuns: Math.ceil(RUNS / 10) });
  });
});
