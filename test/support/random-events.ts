import fc from 'fast-check';
import type { AuditEvent } from '../../src/model/audit-event.js';
import type { JsonValue } from '../../src/model/json.js';
import { SAMPLE_TYPES, sampleEvent } from './sample-events.js';

/** Any UTF-16, lone surrogates included, with what breaks formats more often than chance would have it. */
const unit = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) },
  { weight: 3, arbitrary: fc.constantFrom('\\', '=', '|', '"', ']', '[', '\n', '\r', '\u0000', '\u001b', '\u0085', '\u2028', '\ufeff', ' ', '\t', '^', ',', '😀', 'ü', 'CEF:0|', 'LEEF:1.0|', '\\n', '\ud83d', '\ude00', '" ', '<13>1 ') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) },
);

/** @param longShare how many of a hundred texts (to a tenth) are long ones, of 300 to 1,500 units: with the size named, because lengths are else those near the least */
function textOf(longShare: number): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 1000 - Math.round(longShare * 10), arbitrary: fc.array(unit, { maxLength: longShare > 10 ? 40 : 10 }) },
    { weight: Math.round(longShare * 10), arbitrary: fc.array(unit, { minLength: 300, maxLength: 1500, size: 'max' }) },
  ).map((units) => units.join(''));
}

/** Events as hostile as they can be and still have the shape of events. */
export function randomEvent(longShare: number): fc.Arbitrary<AuditEvent> {
  const text = textOf(longShare);
  const json = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, text, fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 6 }) as fc.Arbitrary<JsonValue>, fc.dictionary(text, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonValue>),
  })).value;
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
  const object = fc.record({ kind: fc.oneof(text, fc.constantFrom('account', 'user', 'group', 'request', 'domain')), id: text, name: optional(text), detail: optional(json) });
  const names = fc.oneof({ weight: longShare > 10 ? 9 : 29, arbitrary: fc.array(text, { maxLength: 6 }) }, { weight: 1, arbitrary: fc.array(text, { maxLength: longShare > 10 ? 300 : 60, size: 'max' }) });
  return fc.record({
    type: fc.constantFrom(...SAMPLE_TYPES), id: fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/), occurredAt: fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
    tenantId: optional(text), actor: fc.record({ kind: fc.constantFrom('user' as const, 'system' as const), id: optional(text), name: optional(text), ip: optional(fc.oneof(text, fc.ipV4(), fc.ipV6())) }),
    subject: object, objects: fc.array(object, { maxLength: 5 }), outcome: fc.constantFrom('success' as const, 'failure' as const, 'unknown' as const), reason: optional(text), correlationId: optional(text),
    severity: fc.double({ min: -2, max: 12, noNaN: true }), message: text,
    attributes: fc.record({
      domain: text, request: text, items: names, added: names, approvers: names, count: fc.integer(), days: fc.oneof(fc.integer(), text), dueDate: fc.oneof(text, fc.constant('2025-03-18T00:00:00Z')), action: fc.oneof(text, json), errorCode: text, replay: fc.oneof(fc.uuid(), json), other: json, 'dotted.name': json,
    }, { requiredKeys: [] }),
    changes: fc.array(fc.record({ field: fc.oneof(text, fc.constantFrom('state', 'owner')), old: json, new: json }, { requiredKeys: ['field'] }), { maxLength: 4 }),
  }).map((parts) => ({ ...sampleEvent(parts.type), ...parts }));
}
