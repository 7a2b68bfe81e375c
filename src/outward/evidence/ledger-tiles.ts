import type { LedgerRow } from './ledger-row.js';

export interface FoundRow extends LedgerRow {
  engineId: string;
  /** The process that wrote it: `<engine id>@<process>`. */
  writer: string;
}

/** What the ledger says of a run of positions. Its positions are `sent`, `rejected`, `lost`, `skipped`, or else were not wanted. */
export interface Tile {
  first: number;
  end: number;
  /** The row that tells it; null where the ledger holds none. */
  row: FoundRow | null;
  sent: number;
  rejected: number;
  lost: number;
  skipped: number;
  types: Array<{ type: string; count: number }>;
  /** False where a row reaches beyond the tile and does not tell which of its events lie in it: then they are spread evenly over the row. */
  exact: boolean;
}

/** From worst to best: what reached the receiver on a higher rung tells more; what was lost or skipped is believed when nobody says more. */
const ORDER: ReadonlyArray<FoundRow['outcome'] | FoundRow['evidence']> = ['lost', 'skipped', 'passed', null, 'sent', 'read', 'accepted', 'stored', 'found'];

/**
 * Rows overlap where a crash, a rebalance or a rewind had something delivered twice. Tiles of the positions from `from` to before `to` do not: of all ways to lay rows side by side the
 * one with the fewest estimated counts is taken, among those the one with the best evidence, then the latest rows. Mostly that is the row of who went on from the stored cursor.
 * A row is cut without an estimate where all of its events were sent, all rejected, or none.
 */
export function tile(rows: readonly FoundRow[], from: number, to: number): Tile[] {
  const candidates = rows.filter(({ first, end }) => first < to && end > from).map((row) => new Candidate(row, rows));
  const edges = [...new Set([from, to, ...candidates.flatMap(({ row }) => [row.first, row.end])])].filter((edge) => edge >= from && edge <= to).sort((a, b) => a - b);
  const indexOf = new Map(edges.map((edge, index) => [edge, index]));
  const over: Candidate[][] = edges.map(() => []);
  for (const candidate of candidates) {
    for (let at = indexOf.get(Math.max(from, candidate.row.first)) ?? 0; (edges[at] ?? to) < Math.min(to, candidate.row.end); at++) over[at]?.push(candidate);
  }
  // From the end: the best way on from each edge.
  const ways: Way[] = [];
  ways[edges.length - 1] = { estimated: 0, worse: 0, next: edges.length, by: null };
  for (let at = edges.length - 2; at >= 0; at--) {
    const first = edges[at] ?? from;
    let best: Way | undefined;
    const consider = (by: Candidate | null, next: number, exact: boolean): void => {
      const onward = ways[next];
      const end = edges[next] ?? to;
      if (!onward) return;
      const way = { estimated: onward.estimated + (exact ? 0 : end - first), worse: onward.worse + (by?.worse(first, end) ?? 0), next, by };
      if (!best || better(way, best)) best = way;
    };
    for (const candidate of over[at] ?? []) {
      consider(candidate, at + 1, candidate.divisible);
      const whole = candidate.row.first === first ? indexOf.get(candidate.row.end) : undefined;
      if (whole !== undefined) consider(candidate, whole, true);
    }
    if (!best) consider(null, at + 1, true);
    if (best) ways[at] = best;
  }
  const tiles: Tile[] = [];
  for (let at = 0; at < edges.length - 1; ) {
    const by = ways[at]?.by ?? null;
    const first = edges[at] ?? from;
    while (at < edges.length - 1 && (ways[at]?.by ?? null) === by) at = ways[at]?.next ?? edges.length;
    const end = edges[at] ?? to;
    tiles.push(by?.tile(first, end) ?? { first, end, row: null, sent: 0, rejected: 0, lost: 0, skipped: 0, types: [], exact: true });
  }
  return tiles;
}

/** What rows say of one position, the best first; of equal ones the first that was told. */
export function tellings(rows: readonly FoundRow[], position: number): FoundRow[] {
  const over = rows.filter(({ first, end }) => first <= position && position < end).map((row) => new Candidate(row, rows));
  // Who passes over what is lost tells it in a row of its own.
  return over
    .filter((candidate) => !candidate.loses(position))
    .sort((a, b) => b.rank - a.rank || a.row.at - b.row.at)
    .map(({ row }) => row);
}

interface Way {
  /** Positions whose counts would be estimated. */
  estimated: number;
  /** How much better the evidence could be. */
  worse: number;
  next: number;
  by: Candidate | null;
}

function better(way: Way, than: Way): boolean {
  if (way.estimated !== than.estimated) return way.estimated < than.estimated;
  if (way.worse !== than.worse) return way.worse < than.worse;
  return (way.by?.row.at ?? 0) > (than.by?.row.at ?? 0);
}

/** A row with what was lost within it. */
class Candidate {
  readonly rank: number;
  /** All of its events have one fate, so that each part of it can be counted. */
  readonly divisible: boolean;
  private readonly losses: ReadonlyArray<{ first: number; end: number }>;
  /** Positions that an event may have been sent from. */
  private readonly room: number;

  constructor(readonly row: FoundRow, rows: readonly FoundRow[]) {
    this.rank = ORDER.indexOf(row.outcome === 'delivered' ? row.evidence : row.outcome);
    this.losses = row.outcome === 'delivered' || row.outcome === 'passed' ? lossesIn(row, rows) : [];
    this.room = row.end - row.first - this.lostIn(row.first, row.end);
    this.divisible = [row.delivered, row.rejected].every((count) => count === 0 || count >= this.room);
  }

  loses(position: number): boolean {
    return this.lostIn(position, position + 1) > 0;
  }

  worse(first: number, end: number): number {
    const lost = this.lostIn(first, end);
    return (ORDER.length - this.rank) * (end - first - lost) + ORDER.length * lost;
  }

  tile(first: number, end: number): Tile {
    const { row } = this;
    const whole = first === row.first && end === row.end;
    const length = end - first;
    const share = (count: number): number => (whole ? count : this.before(count, end) - this.before(count, first));
    const sent = Math.min(length, share(row.delivered));
    const rejected = Math.min(length - sent, share(row.rejected));
    const rest = length - sent - rejected;
    return {
      first, end, row, sent, rejected,
      lost: row.outcome === 'lost' ? length : Math.min(rest, this.lostIn(first, end)),
      skipped: row.outcome === 'skipped' ? length : 0,
      types: row.types.map(({ type, count }) => ({ type, count: share(count) })).filter(({ count }) => count > 0),
      exact: whole || this.divisible,
    };
  }

  /** Of a count of the row, what counts before a position; the parts of a row add up to the whole. */
  private before(count: number, position: number): number {
    return this.room === 0 ? 0 : Math.floor((count * (position - this.row.first - this.lostIn(this.row.first, position))) / this.room);
  }

  private lostIn(first: number, end: number): number {
    return this.losses.reduce((sum, lost) => sum + Math.max(0, Math.min(end, lost.end) - Math.max(first, lost.first)), 0);
  }
}

/** What was lost of the positions of a row, as runs that do not overlap. What somebody else found gone after it was delivered is not lost. */
function lossesIn(row: FoundRow, rows: readonly FoundRow[]): Array<{ first: number; end: number }> {
  const found = rows
    .filter((other) => other.outcome === 'lost' && other.first < row.end && other.end > row.first && (other.writer === row.writer || other.at <= row.at))
    .map(({ first, end }) => ({ first: Math.max(first, row.first), end: Math.min(end, row.end) }))
    .sort((a, b) => a.first - b.first);
  const losses: Array<{ first: number; end: number }> = [];
  for (const lost of found) {
    const last = losses[losses.length - 1];
    if (last && lost.first <= last.end) last.end = Math.max(last.end, lost.end);
    else losses.push(lost);
  }
  return losses;
}
