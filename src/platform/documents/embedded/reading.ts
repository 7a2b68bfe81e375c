import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../contracts/clock.js';
import type { Collection } from './catalogue.js';
import { memoryLimit, queryPlanKilled, timeExpired } from './errors.js';
import { inverted, orderOf } from './keys.js';
import { type Filter } from './matcher.js';
import { leavesAt, segmentsOf } from './paths.js';
import { type Plan, type Sort, planFor } from './planner.js';
import { Scan } from './scan.js';
import type { Store } from './store.js';
import { type Doc, MISSING, compare, decode } from './values.js';

/** How long one command may keep the thread before others have their turn. */
const SLICE_MS = 8;

/** What all reads share. */
export interface ReadContext {
  store: Store;
  clock: Clock;
  /** Bytes that one command may hold in memory to sort or to collect. */
  memoryBytes: number;
  /** The command's own time limit (`maxTimeMS`) as a moment of the clock. */
  deadlineMs: number;
}

export interface Match {
  idKey: Buffer;
  bytes: Buffer;
  /** Decoded when it was needed to judge it. */
  document?: Doc;
}
export const documentOf = (match: Match): Doc => (match.document ??= decode(match.bytes));

/** The documents that fit a filter, in a plan's order, in runs short enough to leave the thread to others in between. */
export class Matches {
  readonly plan: Plan;
  private readonly scan: Scan;
  private readonly exact: boolean;
  done = false;

  constructor(private readonly context: ReadContext, private readonly collection: Collection, private readonly filter: Filter, sort: Sort, hint: unknown) {
    this.plan = planFor(collection, filter, sort, hint);
    this.scan = new Scan(context.store, collection, this.plan);
    this.exact = this.plan.passes.every((pass) => pass.exact);
  }

  /** The next run: ends after `most` matches, after a slice of time, or at the end (`done`). Synchronous, so it is also what runs within a write. */
  run(take: (match: Match) => boolean, untilMs = this.context.clock.now() + SLICE_MS): void {
    if (this.context.clock.now() > this.context.deadlineMs) throw timeExpired();
    this.refuseDropped();
    const state = this.scan.step(
      (found) => {
        const match: Match = found;
        if (!this.exact && !this.filter.matches(documentOf(match))) return true;
        return take(match);
      },
      untilMs,
      () => this.context.clock.now(),
    );
    if (state === 'done') this.done = true;
  }

  /** Between two runs the collection or an index may be dropped: an end of the results there would be a lie. */
  private refuseDropped(): void {
    const now = this.context.store.collection(this.collection.database, this.collection.name);
    if (now === this.collection) return;
    const alive = now?.table === this.collection.table && this.plan.passes.every(({ index }) => index === undefined || now.indexes.some(({ entry }) => entry.id === index.entry.id));
    if (!alive) throw queryPlanKilled(`collection ${this.collection.namespace} or an index of it was dropped meanwhile`);
  }

  /** All of them. Other commands run in between. */
  async each(take: (match: Match) => boolean): Promise<void> {
    let wanted = true;
    while (wanted && !this.done) {
      this.run((match) => (wanted = take(match)));
      if (wanted && !this.done) await pause(this.context.store);
    }
  }

  /** All of them at once, within a write. */
  now(take: (match: Match) => boolean): void {
    let wanted = true;
    while (wanted && !this.done) this.run((match) => (wanted = take(match)));
  }
}

/** Lets other commands have their turn; what they wrote is seen afterwards. */
export async function pause(store: Store): Promise<void> {
  await nextTurn();
  store.refresh();
}

/** Memory held by one command. @throws 292 beyond the limit. */
export class MemoryBudget {
  private used = 0;
  constructor(private readonly limit: number) {}
  take(bytes: number): void {
    this.used += bytes;
    if (this.used > this.limit) throw memoryLimit(`the operation would hold more than ${this.limit} bytes in memory; narrow it with a $match first, an index for its sort order, or a limit`);
  }
  /** Whether so much is left. */
  has(bytes: number): boolean {
    return this.used + bytes <= this.limit;
  }
  free(bytes: number): void {
    this.used -= bytes;
  }
}

/** Sorts what it is given and keeps only the first `limit`. Equal ones stay in the order they came. */
export class Sorter<T> {
  private items: Array<{ order: Buffer; bytes: number; item: T }> = [];
  private readonly paths: Array<{ segments: string[]; descending: boolean }>;

  constructor(sort: Sort, private readonly limit: number, private readonly budget: MemoryBudget) {
    this.paths = sort.map(([path, direction]) => ({ segments: segmentsOf(path), descending: direction === -1 }));
  }

  add(document: Doc, bytes: number, item: T): void {
    if (!this.budget.has(bytes)) this.trim();
    this.budget.take(bytes);
    this.items.push({ order: this.order(document), bytes, item });
    if (this.items.length > this.limit * 2 + 1000) this.trim();
  }

  sorted(): T[] {
    this.trim();
    return this.items.map(({ item }) => item);
  }

  private trim(): void {
    this.items.sort((left, right) => Buffer.compare(left.order, right.order));
    for (const gone of this.items.splice(this.limit)) this.budget.free(gone.bytes);
  }

  /** The least element of an array counts upwards, the greatest downwards (MongoDB manual, "Sort on arrays"). */
  private order(document: Doc): Buffer {
    const parts = this.paths.map(({ segments, descending }) => {
      const leaves = leavesAt(document, segments);
      let chosen: unknown = leaves.length === 0 ? MISSING : leaves[0];
      for (const leaf of leaves) if (descending ? compare(leaf, chosen) > 0 : compare(leaf, chosen) < 0) chosen = leaf;
      const bytes = orderOf(chosen);
      return descending ? inverted(bytes) : bytes;
    });
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}
