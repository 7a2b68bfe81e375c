import type { Clock } from '../../contracts/clock.js';
import type { EventLog } from '../../contracts/event-log.js';
import type { AuditEvent } from '../../model/audit-event.js';
import type { LedgerSource } from '../evidence/ledger-store.js';
import type { ReplayDocument, ReplayPart } from '../evidence/replay.schema.js';
import type { EngineIntegration } from '../integrations/integration-repository.js';
import type { FeedContext } from './feed-context.js';
import type { LanePartition } from './lane-partition.js';
import type { Lane } from './lane.js';
import { ReplayFeed, type LeftOut } from './replay-feed.js';

export interface ReplayRunOptions {
  context: FeedContext;
  eventLog: Pick<EventLog, 'ranges'>;
  clock: Clock;
  /** A lane of its own for the integration: own connection, own queue. `refused` hears of each position that became a dead letter again. */
  lane(integration: EngineIntegration, refused: (position: string) => void): Lane;
  /** How often the cursor of a partition was set back because its log was replaced. */
  resetsOf(partition: number): number;
}

export interface ReplayProgress {
  parts: ReplayPart[];
  sent: number;
  filtered: number;
  rejected: number;
  missing: number;
  problem: string | null;
  /** Nothing is left to send. */
  done: boolean;
  /** Positions `<partition>.<offset>` that became safe and are not forgotten yet. */
  resolved: string[];
}

/** One replay in this engine: a lane that reads its own runs of positions and marks what it sends. Beside the live stream, which it never delays. */
export class ReplayRun {
  private readonly lane: Lane;
  private readonly owned: LanePartition[] = [];
  private readonly counts: { filtered: number; missing: number };
  /** What was left out ahead of a cursor, by partition: who takes over reads it again, so it counts when the cursor has passed it. */
  private readonly ahead = new Map<number, LeftOut[]>();
  private readonly offered = new Set<string>();
  private readonly positions: ReadonlySet<string> | null;
  private readonly ids: ReadonlySet<string> | null;
  /** The asked positions of each partition in order. */
  private readonly sorted = new Map<number, number[]>();
  private nextAt = 0;
  private ended = false;
  private readonly sleepers = new Set<() => void>();

  constructor(private readonly document: ReplayDocument, readonly integration: EngineIntegration, private readonly options: ReplayRunOptions) {
    this.counts = { filtered: document.filtered, missing: document.missing };
    this.positions = document.positions ? new Set(document.positions) : null;
    this.ids = document.ids ? new Set(document.ids) : null;
    for (const position of document.positions ?? []) {
      const [partition = -1, offset = -1] = position.split('.').map(Number);
      const offsets = this.sorted.get(partition);
      if (offsets) offsets.push(offset);
      else this.sorted.set(partition, [offset]);
    }
    for (const offsets of this.sorted.values()) offsets.sort((a, b) => a - b);
    this.lane = options.lane(integration, (position) => void this.offered.delete(position));
    // Small batches, so that the rate is kept smoothly.
    const readOptions = { ...options.context.readOptions, maxRecords: Math.max(1, Math.min(options.context.readOptions.maxRecords, Math.ceil(document.eventsPerSecond / 5))), maxWaitMs: 100 };
    for (const part of document.parts) {
      if (part.at >= part.end) continue;
      const feed = new ReplayFeed(part.partition, part.at, part.end, { ...options.context, readOptions }, {
        asked: (event, position) => this.asked(event, position),
        skipTo: (partition, position) => this.skipTo(partition, position),
        mark: (event) => ({ ...event, attributes: { ...event.attributes, replay: document._id } }),
        allow: (count) => this.allow(count),
        offering: (position) => {
          if (this.positions) this.offered.add(position);
        },
        named: (partition, from, to) => this.named(partition, from, to),
        leftOut: (partition, runs) => void this.ahead.set(partition, [...(this.ahead.get(partition) ?? []), ...runs]),
      });
      this.owned.push(this.lane.add(feed, part.at, true, { resets: options.resetsOf(part.partition) }));
    }
  }

  get progress(): ReplayProgress {
    const parts = this.document.parts.map((part) => ({ ...part, at: Math.min(part.end, Math.max(part.at, this.owned.find(({ partition }) => partition === part.partition)?.cursor ?? part.at)) }));
    const { counters, lastFailure, consecutiveFailures } = this.lane;
    this.countPassed(parts);
    return {
      parts,
      sent: this.document.sent + counters.delivered,
      rejected: this.document.rejected + counters.rejected,
      ...this.counts,
      problem: consecutiveFailures > 0 && lastFailure ? lastFailure.cause : null,
      done: parts.every((part) => part.at >= part.end),
      resolved: this.resolved(),
    };
  }

  /** What became of its positions, to be stored before its progress. */
  get ledgerSources(): readonly LedgerSource[] {
    return this.owned;
  }

  async stop(graceMs: number): Promise<void> {
    this.ended = true;
    for (const wake of this.sleepers) wake();
    await this.lane.stop(graceMs);
  }

  private asked(event: AuditEvent, position: string): boolean {
    return (this.positions === null || this.positions.has(position)) && (this.ids === null || this.ids.has(event.id));
  }

  private skipTo(partition: number, position: number): number {
    if (!this.positions) return position;
    const offsets = this.sorted.get(partition) ?? [];
    let [low, high] = [0, offsets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return offsets[low] ?? Number.MAX_SAFE_INTEGER;
  }

  get failing(): boolean {
    return this.lane.consecutiveFailures > 0;
  }

  private countPassed(parts: readonly ReplayPart[]): void {
    for (const { partition, at } of parts) {
      const ahead = this.ahead.get(partition) ?? [];
      const passed = ahead.filter(({ end }) => end <= at);
      if (passed.length === 0) continue;
      for (const { filtered, missing } of passed) {
        this.counts.filtered += filtered;
        this.counts.missing += missing;
      }
      this.ahead.set(partition, ahead.filter(({ end }) => end > at));
    }
  }

  /** Of ids nobody knows where they lie. */
  private named(partition: number, from: number, to: number): readonly number[] | 'all' | undefined {
    if (this.ids) return undefined;
    return this.positions ? [...new Set(this.sorted.get(partition))].filter((offset) => offset >= from && offset < to) : 'all';
  }

  /** Those are told in their dead letters now. */
  forget(positions: readonly string[]): void {
    for (const position of positions) this.offered.delete(position);
  }

  private resolved(): string[] {
    const cursors = new Map(this.owned.map((owned) => [owned.partition, owned.cursor]));
    return [...this.offered].filter((position) => {
      const [partition = 0, offset = 0] = position.split('.').map(Number);
      return offset < (cursors.get(partition) ?? 0);
    });
  }

  /** Keeps the rate: waits until what was sent before has had its time. */
  private async allow(count: number): Promise<boolean> {
    const now = performance.now();
    const waitMs = this.nextAt - now;
    this.nextAt = Math.max(now, this.nextAt) + (count * 1000) / this.document.eventsPerSecond;
    if (waitMs > 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.sleepers.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, waitMs);
        this.sleepers.add(wake);
      });
    }
    return !this.ended;
  }
}
