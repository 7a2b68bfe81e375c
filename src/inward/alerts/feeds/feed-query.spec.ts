import { describe, expect, it } from '@jest/globals';
import { pageSizeOf, quickKeyOf, readFeedQuery } from './feed-query.js';

const NOW = 1_700_000_000_000;
const read = (query: Record<string, unknown>) => readFeedQuery(query, NOW);

describe('the query of an event feed', () => {
  it.each([
    [{}, { startIndex: 1, count: 1000 }],
    [{ startIndex: '', count: '', startTime: '', endTime: '' }, { startIndex: 1, count: 1000 }],
    [{ startIndex: 'x', count: 'many' }, { startIndex: 1, count: 1000 }],
    [{ startIndex: '3', count: '50' }, { startIndex: 3, count: 50 }],
    [{ startTime: 'yesterday' }, { after: NOW - 86_400_000 }],
    [{ endTime: 'now' }, { before: NOW }],
    [{ startTime: '5', endTime: '5' }, { after: 5, before: 5 }],
  ])('reads %j', (query, expected) => {
    expect(read(query)).toEqual({ type: 'query', query: { startIndex: 1, count: 1000, after: undefined, before: undefined, ...expected } });
  });

  it.each([
    [{ startIndex: '0' }, 'IndexError', 'Invalid startIndex.', 'startIndex should begin at index 1.'],
    [{ startIndex: '-1', count: '0', startTime: '0' }, 'IndexError', 'Invalid startIndex.', 'startIndex should begin at index 1.'],
    [{ count: '0' }, 'CountError', 'Invalid count.', 'count should be atleast 1.'],
    [{ count: '-7', endTime: '-1' }, 'CountError', 'Invalid count.', 'count should be atleast 1.'],
    [{ startTime: '0' }, 'TimeError', 'Invalid startTime.', 'startTime should not be null or zero or negative long number(epoch).'],
    [{ endTime: '-1' }, 'TimeError', 'Invalid endTime.', 'endTime should not be null or zero or negative long number(epoch).'],
    [{ startTime: '-5', endTime: '-1' }, 'TimeError', 'Invalid startTime.', 'startTime should not be null or zero or negative long number(epoch).'],
    [{ startTime: '6', endTime: '5' }, 'TimeError', 'Invalid duration.', 'startTime should be less than endTime(epoch).'],
  ])('refuses %j in the order index, count, start, end, duration', (query, code, message, details) => {
    expect(read(query)).toEqual({ type: 'fault', fault: { code, message, details } });
  });

  it.each([[10, 1000, 10], [5000, 1000, 1000], [5000, 20, 20], [5, 0, 1], [5, -3, 1], [2000, 5000, 1000]])('asks for %i with the setting %i and gets %i a page', (count, limit, size) => {
    expect(pageSizeOf(count, limit)).toBe(size);
  });

  it('takes a quickKey padded or not', () => {
    expect([quickKeyOf('0000000012'), quickKeyOf('12'), quickKeyOf(''), quickKeyOf(undefined), quickKeyOf('abc')]).toEqual([12, 12, undefined, undefined, Number.MAX_SAFE_INTEGER]);
  });
});
