import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { FORMATS, formatFor } from '../../../src/outward/formats/index.js';
import { AUDIT_EVENTS } from '../../support/audit-events.js';
import { formatSettings } from '../../support/format-settings.js';
import { hostileEvents } from '../../support/hostile-events.js';
import { oneRecord } from '../../support/one-record.js';
import { parseRecord } from '../../support/parsers/record.js';
import { difference, projectionOf, receivedOf } from '../../support/projections/compare.js';
import { projectLeef } from '../../support/projections/pairs.js';
import { randomEvent } from '../../support/random-events.js';

const UNLIMITED = 64 * 1024 * 1024;
/** As the engine has it: read back from the log. */
const stored = (event: AuditEvent) => JSON.parse(JSON.stringify(event)) as AuditEvent;

describe.each(FORMATS.map(({ outputType }) => outputType))('%s', (outputType) => {
  it('says of audit records of every kind of object and verb what its projection says', () => {
    const header = outputType === 'syslog' ? 'rfc5424' : 'none';
    const renderer = formatFor(outputType).compile(formatSettings({ outputType, header, maxBytes: UNLIMITED }));
    for (const event of AUDIT_EVENTS.map(stored)) {
      const record = parseRecord(Buffer.from(oneRecord(renderer.render(event, '1.2')).text), outputType, header);
      expect([event.type, difference(projectionOf(outputType, event, '1.2'), receivedOf(outputType, record))]).toEqual([event.type, null]);
    }
  });
});

describe('LEEF 2.0', () => {
  it.each(['tab', '^', ';', '#', '~'])('parts its attributes by %s, which no value holds', (delimiter) => {
    const settings = formatSettings({ outputType: 'leef', header: 'none', maxBytes: UNLIMITED });
    const renderer = formatFor('leef').compile({ ...settings, leef: { ...settings.leef, version: '2.0', delimiter } });
    for (const event of [...hostileEvents(), ...fc.sample(randomEvent(3), { seed: 7, numRuns: 150 })].map(stored)) {
      const record = parseRecord(Buffer.from(oneRecord(renderer.render(event, '1.2')).text), 'leef', 'none');
      const expected = projectLeef(event, '1.2', settings.hostname, false, '2.0', delimiter === 'tab' ? '\t' : delimiter);
      expect([event.id, difference(expected, receivedOf('leef', record))]).toEqual([event.id, null]);
    }
  });
});
