import { describe, expect, it } from '@jest/globals';
import { LedgerRun, type SafeRun } from './ledger-run.js';

const safe = (end: number, more: Partial<SafeRun> = {}): SafeRun => ({ end, at: end * 10, evidence: 'read', attempts: 1, delivered: 1, rejected: 0, bytes: 100, ...more });

describe('the rows of the delivery ledger', () => {
  it('tell adjacent runs of one outcome as one, filtered ones between them included', () => {
    const run = new LedgerRun(5, 3);
    run.safe(safe(10, { delivered: 5 }));
    run.passed(12, 125);
    run.safe(safe(20, { delivered: 8, bytes: 50 }));
    expect(run.pending()).toEqual([{ first: 5, end: 20, at: 200, outcome: 'delivered', evidence: 'read', attempts: 1, delivered: 13, rejected: 0, bytes: 150, types: [], version: 3 }]);
  });

  it('are apart where the evidence or the number of attempts differs', () => {
    const run = new LedgerRun(0, 1);
    run.safe(safe(10));
    run.safe(safe(20, { attempts: 2 }));
    run.safe(safe(30, { attempts: 2, evidence: 'sent' }));
    expect(run.pending().map(({ first, end, attempts, evidence }) => [first, end, attempts, evidence])).toEqual([[0, 10, 1, 'read'], [10, 20, 2, 'read'], [20, 30, 2, 'sent']]);
  });

  it('say that nothing was wanted, and that something was lost', () => {
    const run = new LedgerRun(0, 1);
    run.lost(0, 40, 5, 'retention');
    run.passed(50, 6);
    expect(run.pending().map(({ first, end, outcome }) => [first, end, outcome])).toEqual([[0, 40, 'lost'], [0, 50, 'passed']]);
  });

  it('do not change any more once they were given out to be stored, and leave when they are', () => {
    const run = new LedgerRun(0, 1);
    run.safe(safe(10));
    const first = structuredClone(run.pending());
    run.safe(safe(20));
    expect(run.pending()).toEqual(first);
    run.stored(1);
    expect(run.pending().map(({ first: from, end }) => [from, end])).toEqual([[10, 20]]);
    run.stored(1);
    expect(run.pending()).toEqual([]);
  });

  it('end where the cursor is saved also when rows of the try before are stored first', () => {
    const run = new LedgerRun(0, 1);
    run.safe(safe(10));
    run.pending();
    run.safe(safe(20));
    run.seal();
    run.safe(safe(30));
    run.stored(1);
    expect(run.pending().map(({ first, end }) => [first, end])).toEqual([[10, 20]]);
    run.stored(1);
    expect(run.pending().map(({ first, end }) => [first, end])).toEqual([[20, 30]]);
  });

  it('count each type once over all rows', () => {
    const run = new LedgerRun(0, 1);
    run.safe(safe(2));
    run.count('a.b');
    run.count('a.b');
    const [before] = run.pending();
    run.stored(1);
    run.safe(safe(3));
    run.count('c.d');
    expect([before, ...run.pending()].map((row) => row?.types)).toEqual([[{ type: 'a.b', count: 2 }], [{ type: 'c.d', count: 1 }]]);
  });
});
