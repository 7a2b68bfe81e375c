import type { LogBatch, PositionRun } from '../../contracts/event-log.js';

/**
 * The positions that a batch passed without a record, from where its reader stood: an event may have lain there. Nearly always none, and then it costs two comparisons.
 * @param from where the reader stood before the batch
 */
export function missingIn({ records, next, vacant = NONE }: Pick<LogBatch, 'records' | 'next' | 'vacant'>, from: number): readonly PositionRun[] {
  if (records.length === next - from && (records.at(0)?.offset ?? next) >= from) return NONE;
  const missing: PositionRun[] = [];
  let at = from;
  let looked = 0;
  const passTo = (to: number): void => {
    while (at < to) {
      while ((vacant[looked]?.to ?? Infinity) <= at) looked++;
      const run = vacant[looked];
      const end = Math.min(to, run && run.from <= at ? run.to : (run?.from ?? to));
      if (!run || run.from > at) missing.push({ from: at, to: end });
      at = end;
    }
  };
  for (const { offset } of records) {
    passTo(offset);
    at = Math.max(at, offset + 1);
  }
  passTo(next);
  return missing;
}

/** What of these runs lies at a position or after it. */
export function runsFrom(runs: readonly PositionRun[], position: number): PositionRun[] {
  return runs.flatMap(({ from, to }) => (to > position ? [{ from: Math.max(from, position), to }] : []));
}

export function positionsOf(runs: readonly PositionRun[]): number {
  return runs.reduce((sum, { from, to }) => sum + to - from, 0);
}

const NONE: readonly PositionRun[] = [];
