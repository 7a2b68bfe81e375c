import { describe, expect, it } from '@jest/globals';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { EventBatch } from '../delivery/event-batch.js';
import { countTypes } from './type-counts.js';

const batchOf = (types: readonly string[]) =>
  EventBatch.parse({
    partition: 0,
    next: types.length,
    records: types.map((type, offset) => ({ partition: 0, offset, key: 'k', timestamp: 0, value: encodeEnvelope({ event: { ...sampleEvent('audit.user.update'), type }, producer: 'p', source: 's' }) })),
  });

describe('the types of what was sent', () => {
  it('are counted for runs and for single events, whichever were counted before', () => {
    const batch = batchOf(['a.b', 'c.d', 'a.b', 'a.b', 'e.f']);
    expect([...countTypes(batch, [0, 1, 2])]).toEqual([['a.b', 2], ['c.d', 1]]);
    expect([...countTypes(batch, [0, 1, 2])]).toEqual([['a.b', 2], ['c.d', 1]]);
    expect([...countTypes(batch, [0, 2])]).toEqual([['a.b', 2]]);
    expect([...countTypes(batch, [3, 4])]).toEqual([['a.b', 1], ['e.f', 1]]);
    expect([...countTypes(batch, [0, 1, 2, 3, 4])]).toEqual([['a.b', 3], ['c.d', 1], ['e.f', 1]]);
    expect([...countTypes(batch, [])]).toEqual([]);
    expect([...countTypes(batchOf(['x.y', 'x.y', 'x.y']), [0, 1, 2])]).toEqual([['x.y', 3]]);
  });

  it('are counted once for lanes that send the same long run, and anew for another one', () => {
    const batch = batchOf(Array.from({ length: 60 }, (_, at) => (at % 3 === 0 ? 'a.b' : 'c.d')));
    const run = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
    const counted = countTypes(batch, run(0, 30));
    expect([...counted]).toEqual([['a.b', 10], ['c.d', 20]]);
    expect(countTypes(batch, run(0, 30))).toBe(counted);
    expect([...countTypes(batch, run(0, 60))]).toEqual([['a.b', 20], ['c.d', 40]]);
    expect([...countTypes(batch, run(0, 60).filter((at) => at % 3 === 0))]).toEqual([['a.b', 20]]);
    expect([...countTypes(batch, run(1, 31))]).toEqual([['c.d', 20], ['a.b', 10]]);
  });
});
