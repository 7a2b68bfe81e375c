import type { Clock } from '../../contracts/clock.js';
import type { EventLog, PositionRun } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import { noMetrics, type Counter, type Metrics } from '../../contracts/metrics.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { LanePartition } from './lane-partition.js';
import { lossRecord, runsText, vanishedRecord } from './loss-records.js';
import { positionsOf, runsFrom } from './missing-positions.js';

/** A waiting integration loses a little each time that retention runs: it is told at most so often, with the sum. */
const TELL_AGAIN_MS = 60_000;

export interface LostPositionsOptions {
  eventLog: Pick<EventLog, 'ranges'>;
  audit: { record(record: AuditRecord): Promise<void> };
  clock: Clock;
  log: Log;
  metrics?: Metrics;
}

/**
 * The log holds nothing where an event may have lain that an integration had not received. It is told, once and with the count and the reason, before the cursor passes: `retention` removed
 * it, or it `vanished` (a damaged batch, a topic that is compacted, a broker that lost records). Positions that the log itself says never held an event are no loss (decision 0014).
 */
export class LostPositions {
  private readonly toldAt = new WeakMap<LanePartition, number>();
  private readonly lost: Counter;

  constructor(private readonly options: LostPositionsOptions) {
    this.lost = (options.metrics ?? noMetrics).counter({
      name: 'tidegate_integration_lost_events_total', labels: ['integration', 'reason'],
      help: 'Events that the log no longer held when the integration was to get them, by reason: retention = removed by age or size, vanished = not there although retention did not remove them',
    });
  }

  /**
   * Takes a lane up to `to`, where the next record lies, after what is missing was told durably. One that stands there already is only told.
   * @param missing runs that the reading met, also beyond `to`
   * @throws Error when a record cannot be stored and `abandoned` says that nobody waits any more: then nothing was passed
   */
  pass(owned: LanePartition, to: number, missing: readonly PositionRun[], abandoned: () => boolean): Promise<void> {
    const passed = owned.tellingLoss.then(() => this.passNow(owned, to, missing, abandoned));
    owned.tellingLoss = passed.catch(() => undefined);
    return passed;
  }

  /** The same for one for which nobody reads now: it waits after a failure, and the log goes on without it. */
  async passWaiting(owned: LanePartition, first: number, abandoned: () => boolean): Promise<void> {
    if (owned.reading || owned.taken >= first) return;
    const since = Math.abs(this.options.clock.now() - (this.toldAt.get(owned) ?? Number.NEGATIVE_INFINITY));
    if (since >= TELL_AGAIN_MS) await this.pass(owned, first, [{ from: owned.taken, to: first }], abandoned);
  }

  private async passNow(owned: LanePartition, to: number, missing: readonly PositionRun[], abandoned: () => boolean): Promise<void> {
    const from = owned.taken;
    const gone = runsFrom(missing, from);
    // Asked only where something is missing, so that marks of transactions cost nothing.
    if (gone.length > 0) await this.tell(owned, gone, abandoned);
    // A failure meanwhile sent it back: then what lies before the gap is to be read again first.
    if (owned.taken !== from || to <= from) return;
    owned.taken = to;
    owned.settle();
  }

  private async tell(owned: LanePartition, gone: readonly PositionRun[], abandoned: () => boolean): Promise<void> {
    const first = (await this.options.eventLog.ranges()).find(({ partition }) => partition === owned.partition)?.first ?? 0;
    for (const { from, to } of gone) {
      for (const run of owned.untold(from, Math.min(to, first))) await this.told(owned, 'retention', [run], abandoned);
    }
    const vanished = runsFrom(gone, first).flatMap(({ from, to }) => owned.untold(from, to));
    if (vanished.length > 0) await this.told(owned, 'vanished', vanished, abandoned);
  }

  private async told(owned: LanePartition, reason: 'retention' | 'vanished', runs: readonly PositionRun[], abandoned: () => boolean): Promise<void> {
    const { lane, partition, resets } = owned;
    const { id, name } = lane.integration;
    const { clock, log } = this.options;
    const count = positionsOf(runs);
    log.error({ integration: name, integrationId: id, partition, from: runs[0]?.from, to: runs.at(-1)?.to, count, reason, positions: runsText(runs) }, SENTENCES[reason]);
    const records = reason === 'retention' ? runs.map((run) => lossRecord({ id, name }, { partition, resets, ...run }, clock)) : [vanishedRecord({ id, name }, { partition, runs, resets }, clock)];
    for (const record of records) await this.store(record, abandoned);
    for (const { from, to } of runs) {
      owned.markTold(from, to);
      owned.ledger.lost(from, to, clock.now(), reason);
    }
    lane.counters.lost += count;
    if (reason === 'vanished') lane.counters.vanished += count;
    this.lost.add(count, { integration: id, reason });
    this.toldAt.set(owned, clock.now());
  }

  private async store(record: AuditRecord, abandoned: () => boolean): Promise<void> {
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        return await this.options.audit.record(record);
      } catch (error) {
        if (abandoned()) throw error;
        this.options.log.error({ err: error, nextTryInMs: waitMs }, 'a loss of events cannot be recorded; the integration waits');
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}

const SENTENCES = {
  retention: 'events were removed by retention before the integration received them',
  vanished: 'the event log holds no record where one should lie, and retention did not remove it; delivery goes on behind it',
} as const;
