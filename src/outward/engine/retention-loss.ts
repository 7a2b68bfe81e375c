import { createHash } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { EventLog } from '../../contracts/event-log.js';
import type { Log } from '../../contracts/log.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { lossNotification } from './engine-notifications.js';
import type { LanePartition } from './lane-partition.js';

/** A waiting integration loses a little each time that retention runs: it is told at most so often, with the sum. */
const TELL_AGAIN_MS = 60_000;

export interface RetentionLossOptions {
  eventLog: Pick<EventLog, 'ranges'>;
  audit: { record(record: AuditRecord): Promise<void> };
  clock: Clock;
  log: Log;
}

/** Retention removed events that an integration had not received: it is told, once and with the count, before the cursor passes them. */
export class RetentionLoss {
  private readonly toldAt = new WeakMap<LanePartition, number>();

  constructor(private readonly options: RetentionLossOptions) {}

  /**
   * Takes a lane over a gap of its partition, up to `to`. What retention removed of it is stored as an audit record first; other gaps are harmless.
   * @throws Error when the record cannot be stored and `abandoned` says that nobody waits any more: then nothing was passed
   */
  pass(owned: LanePartition, to: number, abandoned: () => boolean): Promise<void> {
    const passed = owned.tellingLoss.then(() => this.passNow(owned, to, abandoned));
    owned.tellingLoss = passed.catch(() => undefined);
    return passed;
  }

  /** The same for one for which nobody reads now: it waits after a failure, and the log goes on without it. */
  async passWaiting(owned: LanePartition, first: number, abandoned: () => boolean): Promise<void> {
    if (owned.reading || owned.taken >= first) return;
    const since = Math.abs(this.options.clock.now() - (this.toldAt.get(owned) ?? Number.NEGATIVE_INFINITY));
    if (since >= TELL_AGAIN_MS) await this.pass(owned, first, abandoned);
  }

  private async passNow(owned: LanePartition, to: number, abandoned: () => boolean): Promise<void> {
    const range = (await this.options.eventLog.ranges()).find(({ partition }) => partition === owned.partition);
    const from = owned.taken;
    for (const lost of owned.untold(from, Math.min(to, range?.first ?? 0))) {
      await this.store(owned, lost, abandoned);
      owned.markTold(lost.from, lost.to);
      owned.lane.counters.lost += lost.to - lost.from;
      owned.ledger.lost(lost.from, lost.to, this.options.clock.now());
      this.toldAt.set(owned, this.options.clock.now());
    }
    // A failure meanwhile sent it back: then what lies before the gap is to be read again first.
    if (owned.taken !== from || to <= from) return;
    owned.taken = to;
    owned.settle();
  }

  private async store(owned: LanePartition, { from, to }: { from: number; to: number }, abandoned: () => boolean): Promise<void> {
    const { lane, partition } = owned;
    const { id, name } = lane.integration;
    const count = to - from;
    this.options.log.error({ integration: name, integrationId: id, partition, from, to, count }, 'events were removed by retention before the integration received them');
    const record = lossRecord({ id, name }, { partition, from, to, resets: owned.resets }, this.options.clock);
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        return await this.options.audit.record(record);
      } catch (error) {
        if (abandoned()) throw error;
        this.options.log.error({ err: error, nextTryInMs: waitMs }, 'the loss by retention cannot be recorded; the integration waits');
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}

/** The record of events that retention removed before an integration received them; the same loss found again, after a crash or by somebody else, is the same event. */
export function lossRecord({ id, name }: { id: string; name: string }, { partition, from, to, resets }: { partition: number; from: number; to: number; resets: number }, clock: Clock): AuditRecord {
  const count = to - from;
  const record = newAuditRecord(
    {
      type: 'siem.retention.exceeded', actor: systemActor('engine'), subject: { kind: 'integration', id, name }, outcome: 'failure',
      reason: `retention removed ${count} events of partition ${partition} (positions ${from} to ${to - 1}) before they were delivered`, attributes: { count, partition, from, to },
      notification: lossNotification({ id, name }, { partition, from, to }),
    },
    clock,
  );
  record.id = createHash('sha256').update(`${id}:${partition}:${from}:${to}${resets > 0 ? `:${resets}` : ''}`).digest('hex').slice(0, 40);
  return record;
}
