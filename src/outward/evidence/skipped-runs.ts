import type { Model } from 'mongoose';
import type { LedgerPageDocument } from './ledger.schema.js';

const DAY_MS = 86_400_000;

/** Positions that an integration goes past without delivery: an administrator left them out, or retention had removed them by then. Kept with the integration until the ledger has them. */
export interface SkippedRun {
  partition: number;
  first: number;
  /** Position after the last. */
  end: number;
  outcome: 'skipped' | 'lost';
  at: Date;
  /** Of the integration after the act. */
  version: number;
}

/** Writes such runs into the delivery ledger, as the API does; the same run again changes nothing. */
export async function recordSkipped(ledger: Model<LedgerPageDocument>, integrationId: string, runs: readonly SkippedRun[], expiresAt: Date): Promise<void> {
  if (runs.length === 0) return;
  await ledger.bulkWrite(
    runs.map(({ partition, first, end, outcome, at, version }) => {
      const row = { first, end, at, outcome, evidence: null, attempts: 0, delivered: 0, rejected: 0, bytes: 0, types: [], version };
      const page = { integrationId, partition, engineId: 'api', first, end, from: at, to: at, count: 1, rows: [row], expiresAt };
      return { updateOne: { filter: { _id: `api:${integrationId}:${partition}:${version}:${first}` }, update: { $setOnInsert: page }, upsert: true } };
    }),
    { ordered: false, throwOnValidationError: true },
  );
}

export function ledgerExpiry(now: number, ledgerDays: number): Date {
  return new Date(now + ledgerDays * DAY_MS);
}
