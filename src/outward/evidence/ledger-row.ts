import type { Evidence } from '../../contracts/transport.js';

/**
 * What became of a run of log positions of one partition for one integration. `delivered`: everything in it that the integration wants was delivered (or is a stored
 * dead letter); `passed`: nothing in it was wanted; `lost`: the log did not hold it any more when it was to be delivered; `skipped`: an administrator chose to leave it out.
 */
export type RowOutcome = 'delivered' | 'passed' | 'lost' | 'skipped';

export type LossReason = 'retention' | 'vanished';

/** One row of the delivery ledger: positions `first` (inclusive) to `end` (exclusive). */
export interface LedgerRow {
  first: number;
  end: number;
  /** When the last of it became safe, ms since 1970. */
  at: number;
  outcome: RowOutcome;
  /** The rung that was reached; null where nothing was sent. */
  evidence: Evidence | null;
  /** How often events of the run were handed to the receiver until they were safe. */
  attempts: number;
  delivered: number;
  /** Those that became dead letters. */
  rejected: number;
  bytes: number;
  /** Delivered events by type. */
  types: Array<{ type: string; count: number }>;
  /** Version of the integration whose filter decided. */
  version: number;
  /** Of a lost run: whether retention removed it (also when absent) or it vanished otherwise. */
  lostBy?: LossReason;
}

/** Whether two runs that follow each other are told as one. */
export function mergeable(before: LedgerRow, first: number, outcome: RowOutcome, evidence: Evidence | null, attempts: number): boolean {
  if (before.end !== first || before.outcome === 'lost' || before.outcome === 'skipped') return false;
  if (outcome === 'passed' || before.outcome === 'passed') return true;
  return before.evidence === evidence && before.attempts === attempts;
}
