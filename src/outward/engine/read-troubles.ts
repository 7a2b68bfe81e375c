import type { Clock } from '../../contracts/clock.js';
import type { Log } from '../../contracts/log.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { readableNotification, unreadableNotification } from './engine-notifications.js';

/** So long a place in the event log may fail to be read before administrators are told: a broker or a disk that comes back is no news. */
const TELL_AFTER_MS = 30_000;
const FIX = 'Look at the health of the event log and at its disk; on Kafka at the logs of its brokers (kafka-dump-log). Events behind this place wait; they are delivered when it can be read, or when retention has removed it.';

/** What an engine asks of those who watch over its reading. None of these throws or waits. */
export interface ReadWatch {
  /** @param reader whose reading: one place may fail for one and not be met by another */
  failed(reader: string, partition: number, position: number, error: unknown): void;
  worked(reader: string, partition: number): void;
}

export interface ReadTroublesOptions {
  /** Repeats until the record is stored. */
  record: (record: AuditRecord) => Promise<void>;
  clock: Clock;
  log: Log;
}

interface Trouble {
  position: number;
  since: number;
  told: boolean;
}

/**
 * Places in the event log at which reading fails again and again, so that nothing behind them is delivered: administrators are told which, since when and why, once, and once more when reading goes on.
 * Reading itself is tried on all the time.
 */
export class ReadTroubles implements ReadWatch {
  private readonly troubles = new Map<string, Trouble>();

  constructor(private readonly options: ReadTroublesOptions) {}

  failed(reader: string, partition: number, position: number, error: unknown): void {
    const { clock, log } = this.options;
    const key = keyOf(reader, partition);
    // Elsewhere: what was there before is passed.
    if (this.troubles.get(key)?.position !== position) this.worked(reader, partition);
    const trouble = this.troubles.get(key) ?? { position, since: clock.now(), told: false };
    this.troubles.set(key, trouble);
    const reason = error instanceof Error ? error.message : String(error);
    log.error({ reader, partition, position, err: error }, 'reading the event log failed; it is tried again');
    if (trouble.told || clock.now() - trouble.since < TELL_AFTER_MS) return;
    trouble.told = true;
    const since = new Date(trouble.since).toISOString();
    this.tell({
      type: 'audit.event-log.unreadable', actor: systemActor('engine'), subject: subjectOf(partition), outcome: 'failure', reason, attributes: { partition, position, since, fix: FIX },
      notification: unreadableNotification(subjectOf(partition), { partition, position, since, reason, fix: FIX }),
    });
  }

  worked(reader: string, partition: number): void {
    // Asked for each batch, and there is hardly ever a trouble.
    if (this.troubles.size === 0) return;
    const key = keyOf(reader, partition);
    const trouble = this.troubles.get(key);
    if (!trouble) return;
    this.troubles.delete(key);
    if (!trouble.told) return;
    const since = new Date(trouble.since).toISOString();
    this.tell({
      type: 'audit.event-log.readable', actor: systemActor('engine'), subject: subjectOf(partition), outcome: 'success', attributes: { partition, position: trouble.position, since },
      notification: readableNotification(subjectOf(partition), { partition, position: trouble.position, since }),
    });
  }

  private tell(act: Parameters<typeof newAuditRecord>[0]): void {
    const { record, clock, log } = this.options;
    record(newAuditRecord(act, clock)).catch((error: unknown) => log.error({ err: error, type: act.type }, 'administrators could not be told'));
  }
}

const keyOf = (reader: string, partition: number): string => `${partition} ${reader}`;
const subjectOf = (partition: number) => ({ kind: 'event-log', id: `partition-${partition}`, name: `partition ${partition} of the event log` });
