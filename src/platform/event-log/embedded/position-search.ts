import type { BatchStore } from './batch-store.js';
import type { PartitionState } from './log-state.js';

/**
 * First position whose record is not older than the time, or `next`. Binary search over the greatest times, which never fall; the step by step part
 * only runs when the clock was set back in between.
 */
export function positionAt(store: BatchStore, { first, next }: PartitionState, timeMs: number): number {
  let low = first;
  let high = next;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const base = store.baseAtOrBefore(middle);
    const header = base === undefined ? undefined : store.header(base)?.header;
    if (base === undefined || !header || base + header.count <= middle) {
      low = middle + 1;
    } else if (header.greatestTimestamp >= timeMs) {
      high = Math.max(base, low);
    } else {
      low = base + header.count;
    }
  }
  while (low < next) {
    const base = store.baseAtOrAfter(low);
    if (base === undefined || base >= next) return next;
    const header = store.header(base)?.header;
    if (header && header.timestamp >= timeMs) return base;
    low = base + Math.max(1, header?.count ?? 1);
  }
  return next;
}
