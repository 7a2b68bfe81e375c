import type { Evidence } from '../../contracts/transport.js';
import { mergeable, type LedgerRow, type LossReason } from './ledger-row.js';

/** Events of one chunk that became safe. */
export interface SafeRun {
  /** Position after the run. */
  end: number;
  at: number;
  /** Null where all of them became dead letters. */
  evidence: Evidence | null;
  attempts: number;
  delivered: number;
  rejected: number;
  bytes: number;
}

/**
 * Collects what becomes of the positions of one integration in one partition, from where its cursor stood. Adjacent runs of one outcome are one row, so that a
 * steady stream costs one row a save of the cursors. Rows leave in two steps: `pending` gives them to be stored, `stored` forgets them.
 */
export class LedgerRun {
  private readonly rows: LedgerRow[] = [];
  /** Rows that do not grow any more, and those of them that are given out to be stored. */
  private sealed = 0;
  private frozen = 0;
  private types = new Map<string, number>();
  private to: number;

  constructor(start: number, private readonly version: number) {
    this.to = start;
  }

  /** Wanted events before `run.end` became safe; what lies between them was not wanted. */
  safe(run: SafeRun): void {
    if (run.end <= this.to) return;
    const { end, at, evidence, attempts, delivered, rejected, bytes } = run;
    const first = this.to;
    const last = this.last();
    this.to = end;
    if (!last || !mergeable(last, first, 'delivered', evidence, attempts)) {
      this.rows.push({ first, end, at, outcome: 'delivered', evidence, attempts, delivered, rejected, bytes, types: [], version: this.version });
      return;
    }
    last.end = end;
    last.at = at;
    last.outcome = 'delivered';
    last.evidence = evidence;
    last.attempts = attempts;
    last.delivered += delivered;
    last.rejected += rejected;
    last.bytes += bytes;
  }

  /** Counts delivered events of the open row. */
  count(type: string, events = 1): void {
    if (events > 0) this.types.set(type, (this.types.get(type) ?? 0) + events);
  }

  /** Nothing before `end` is left to send: the rest of it was not wanted. */
  passed(end: number, at: number): void {
    if (end <= this.to) return;
    const first = this.to;
    const last = this.last();
    this.to = end;
    if (last && mergeable(last, first, 'passed', null, 0)) {
      last.end = end;
      if (last.outcome === 'passed') last.at = at;
    } else this.rows.push(this.plain(first, end, at, 'passed'));
  }

  /** Positions that never reached the integration. They overlap the run that passes them; the look-up prefers this row. */
  lost(first: number, end: number, at: number, lostBy: LossReason): void {
    this.rows.push({ ...this.plain(first, end, at, 'lost'), lostBy });
  }

  /**
   * The rows to store now, oldest first; they stay until `stored` tells that they are. Until then the same ones are given again and no others: a write whose answer
   * got lost is repeated as it was.
   */
  pending(): readonly LedgerRow[] {
    if (this.frozen === 0) {
      if (this.sealed === 0) this.seal();
      this.frozen = this.sealed;
    }
    return this.rows.slice(0, this.frozen);
  }

  /** What comes from now on is told in other rows: those so far end where a cursor is saved. */
  seal(): void {
    const open = this.last();
    if (open && this.types.size > 0) {
      // Types are counted beside the rows; they are given to the newest one, so that their sum over rows is exact.
      open.types = [...this.types].map(([type, count]) => ({ type, count }));
      this.types = new Map();
    }
    this.sealed = this.rows.length;
  }

  /** Whether `pending` gives what was given before. */
  get isRepeating(): boolean {
    return this.frozen > 0;
  }

  stored(count: number): void {
    this.rows.splice(0, count);
    this.sealed -= count;
    this.frozen = 0;
  }

  private last(): LedgerRow | undefined {
    return this.rows.length > this.sealed ? this.rows[this.rows.length - 1] : undefined;
  }

  private plain(first: number, end: number, at: number, outcome: 'passed' | 'lost'): LedgerRow {
    return { first, end, at, outcome, evidence: null, attempts: 0, delivered: 0, rejected: 0, bytes: 0, types: [], version: this.version };
  }
}
