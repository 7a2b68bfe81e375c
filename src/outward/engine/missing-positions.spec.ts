import { describe, expect, it } from '@jest/globals';
import type { LogRecord, PositionRun } from '../../contracts/event-log.js';
import { missingIn, runsFrom } from './missing-positions.js';

const records = (...offsets: number[]): LogRecord[] => offsets.map((offset) => ({ partition: 0, offset, key: 'k', value: new Uint8Array(), timestamp: 1 }));
const batch = (offsets: number[], next: number, vacant?: PositionRun[]) => ({ records: records(...offsets), next, ...(vacant ? { vacant } : {}) });

describe('positions that a batch passed without a record', () => {
  it('are none where record follows record', () => {
    expect(missingIn(batch([5, 6, 7], 8), 5)).toEqual([]);
    expect(missingIn(batch([], 5), 5)).toEqual([]);
  });

  it('are told before the first record, between records and after the last one', () => {
    expect(missingIn(batch([7, 8, 11], 14), 5)).toEqual([{ from: 5, to: 7 }, { from: 9, to: 11 }, { from: 12, to: 14 }]);
  });

  it('are none where the log says that nothing of ours lay there, and only the rest of a run is', () => {
    expect(missingIn(batch([5, 7, 9], 11, [{ from: 6, to: 7 }, { from: 8, to: 9 }, { from: 10, to: 11 }]), 5)).toEqual([]);
    expect(missingIn(batch([5, 12], 13, [{ from: 7, to: 9 }]), 5)).toEqual([{ from: 6, to: 7 }, { from: 9, to: 12 }]);
    expect(missingIn(batch([], 9, [{ from: 2, to: 7 }]), 5)).toEqual([{ from: 7, to: 9 }]);
  });

  it('are not hidden by as many records from before', () => {
    expect(missingIn(batch([9, 11], 12), 10)).toEqual([{ from: 10, to: 11 }]);
  });

  it('are cut where a lane stands', () => {
    expect(runsFrom([{ from: 2, to: 4 }, { from: 6, to: 9 }], 7)).toEqual([{ from: 7, to: 9 }]);
  });
});
