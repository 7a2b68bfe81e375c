import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { formatSettings } from '../../support/format-settings.js';
import { leastOctets } from '../../support/least-octets.js';
import { parseRecord } from '../../support/parsers/record.js';
import { randomEvent } from '../../support/random-events.js';
import { oneRecord } from '../../support/one-record.js';

const RUNS = Number(process.env.TIDEGATE_TEST_PROPERTY_RUNS ?? 60);

const event = randomEvent(15);
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
