import type { Collection } from './catalogue.js';
import type { Plan } from './planner.js';
import type { Store } from './store.js';

/** A document found: the bytes of its `_id` key and its own. */
export interface Found {
  idKey: Buffer;
  bytes: Buffer;
}
export type ScanState = 'more' | 'done';

/**
 * Walks a plan's passes and remembers where it is by key, not by an open LMDB cursor: between two steps other commands run, other processes write, and no
 * old pages are held, however long the reader takes for its next batch.
 */
export class Scan {
  private pass = 0;
  private interval = 0;
  private last: Buffer | undefined;
  private readonly seen = new Set<string>();

  constructor(private readonly store: Store, private readonly collection: Collection, private readonly plan: Plan) {}

  /** Hands over documents until `take` answers false or the moment `untilMs` of the clock passes. */
  step(take: (found: Found) => boolean, untilMs: number, now: () => number): ScanState {
    let count = 0;
    for (; this.pass < this.plan.passes.length; this.pass++, this.interval = 0) {
      const pass = this.plan.passes[this.pass] as Plan['passes'][number];
      for (; this.interval < pass.intervals.length; this.interval++, this.last = undefined) {
        const [from, to] = pass.intervals[this.interval] as [Buffer, Buffer];
        const begin = this.last ?? (pass.reverse ? to : from);
        for (const entry of pass.reverse ? this.store.range(from, begin, true) : this.store.range(begin, to, false)) {
          if (this.last?.equals(entry.key)) continue;
          this.last = entry.key;
          const found = this.found(pass, entry.key, entry.value);
          if (found && !take(found)) return 'more';
          if ((++count & 31) === 0 && now() > untilMs) return 'more';
        }
      }
    }
    return 'done';
  }

  private found(pass: Plan['passes'][number], key: Buffer, value: Buffer): Found | undefined {
    const idKey = pass.index ? value : key.subarray(4);
    if (pass.repeats) {
      const name = idKey.toString('latin1');
      if (this.seen.has(name)) return undefined;
      this.seen.add(name);
    }
    if (!pass.index) return { idKey, bytes: value };
    const bytes = this.store.get(this.collection, value);
    return bytes && { idKey: value, bytes };
  }
}
