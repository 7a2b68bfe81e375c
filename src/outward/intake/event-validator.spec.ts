import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import fc from 'fast-check';
import { eventTypeOf, type EventType } from '../../model/event-types.js';
import type { JsonObject } from '../../model/json.js';
import { schemaOfType } from './event-schemas.js';
import { EventValidator } from './event-validator.js';

const type = eventTypeOf('audit.user.update') as EventType;
/** The library as it comes, without our short cuts. */
function asItComes(allErrors: boolean) {
  const ajv = new Ajv2020({ strict: true, allErrors, ownProperties: true, unicodeRegExp: true });
  ajvFormats.default(ajv);
  return ajv.compile(schemaOfType(type));
}
const event = (more: JsonObject): JsonObject => ({ type: type.id, subject: { kind: 'user', id: 'u-1' }, ...more });

const digits = (most: number) => fc.integer({ min: 0, max: most }).map((number) => String(number).padStart(2, '0'));
const time = fc.oneof(
  fc.tuple(fc.constantFrom('2024', '2025', '1900', '0000', '25'), digits(13), digits(32), fc.constantFrom('T', 't', ' ', ''), digits(25), digits(61), digits(61), fc.constantFrom('', '.1', '.123', '.123456', '.'), fc.constantFrom('Z', 'z', '', '+02:00', '-24:00', '+0200'))
    .map(([year, month, day, t, hour, minute, second, fraction, zone]) => `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('2024-02-29T00:00:00Z', '2025-02-29T00:00:00Z', '2016-12-31T23:59:60Z', '2025-01-31T23:59:59.999Z', '2025-01-01T00:00:00Z\n', '2025-01-01T24:00:00Z'),
  fc.string(),
);
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.string(), fc.constantFrom('::', '::1', '1.2.3.4\n', 'fe80::1%eth0', '::ffff:192.0.2.1', ':'));

describe('EventValidator', () => {
  for (const everyFault of [false, true]) {
    it(`finds the same times and addresses valid as the library does${everyFault ? ', naming every fault' : ''}`, () => {
      const validator = new EventValidator(everyFault);
      const library = asItComes(everyFault);
      fc.assert(fc.property(time, address, (occurredAt, ip) => {
        for (const sent of [event({ occurredAt }), event({ actor: { kind: 'user', ip } }), event({ occurredAt, actor: { kind: 'user', ip } })]) expect([sent, validator.faultsOf(type, sent).length === 0]).toEqual([sent, library(sent)]);
      }), { numRuns: 2000 });
    });
  }
  it('names a wrong address once, in a batch and alone', () => {
    for (const everyFault of [false, true]) expect(new EventValidator(everyFault).faultsOf(type, event({ actor: { kind: 'user', ip: 'x' } }))).toEqual([{ pointer: '/actor/ip', reason: 'must be an IPv4 or IPv6 address' }]);
  });
});
