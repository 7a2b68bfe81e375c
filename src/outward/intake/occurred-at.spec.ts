import { describe, expect, it } from '@jest/globals';
import { readOccurredAt } from './occurred-at.js';

const now = Date.parse('2025-03-04T05:06:07.890Z');
const read = (text: string) => readOccurredAt(text, now, 24);

describe('the time of an event', () => {
  it.each([
    ['2025-03-04T05:06:07.890Z', '2025-03-04T05:06:07.890Z'],
    ['2025-03-04T05:06:07+02:00', '2025-03-04T03:06:07.000Z'],
    ['2025-03-04T00:30:00-05:30', '2025-03-04T06:00:00.000Z'],
    ['2025-03-04T05:06:07.123456789Z', '2025-03-04T05:06:07.123Z'],
    ['2025-03-04t05:06:07z', '2025-03-04T05:06:07.000Z'],
    ['2025-03-04 05:06:07+0100', '2025-03-04T04:06:07.000Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.999Z'],
    ['2017-01-01T00:59:60.5+01:00', '2016-12-31T23:59:59.999Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ])('keeps the instant of %s', (text, utc) => {
    expect(read(text)).toEqual({ type: 'time', ms: Date.parse(utc), text: utc });
  });

  it('takes a clock that is ahead by less than the setting, and refuses one beyond it with the cause', () => {
    expect(read('2025-03-05T05:06:07Z').type).toBe('time');
    expect(read('2025-03-05T05:06:08Z')).toEqual({ type: 'refused', reason: expect.stringContaining('24 hours in the future') });
    expect(read('9999-12-31T23:59:59Z').type).toBe('refused');
  });

  it.each([['0001-01-01T00:00:00Z', '1970'], ['1969-12-31T23:59:59Z', '1970'], ['soon', 'RFC 3339']])('refuses %s', (text, reason) => {
    expect(read(text)).toEqual({ type: 'refused', reason: expect.stringContaining(reason) });
  });
});
