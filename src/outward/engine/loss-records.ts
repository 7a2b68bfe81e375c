import { createHash } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { PositionRun } from '../../contracts/event-log.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { lossNotification, vanishedNotification } from './engine-notifications.js';
import { positionsOf } from './missing-positions.js';

interface Subject {
  id: string;
  name: string;
}

/** The record of events that retention removed before an integration received them; the same loss found again, after a crash or by somebody else, is the same event. */
export function lossRecord({ id, name }: Subject, { partition, from, to, resets }: PositionRun & { partition: number; resets: number }, clock: Clock): AuditRecord {
  const count = to - from;
  const record = newAuditRecord(
    {
      type: 'siem.retention.exceeded', actor: systemActor('engine'), subject: { kind: 'integration', id, name }, outcome: 'failure',
      reason: `retention removed ${count} events of partition ${partition} (positions ${from} to ${to - 1}) before they were delivered`, attributes: { count, partition, from, to },
      notification: lossNotification({ id, name }, { partition, from, to }),
    },
    clock,
  );
  record.id = lossId(`${id}:${partition}:${from}:${to}`, resets);
  return record;
}

/** Runs beyond these are counted, not listed. */
const RUNS_TOLD = 20;

/** The record of positions that the log holds nothing at although neither retention nor a mark of its own explains that. One for all that one reading met. */
export function vanishedRecord({ id, name }: Subject, { partition, runs, resets }: { partition: number; runs: readonly PositionRun[]; resets: number }, clock: Clock): AuditRecord {
  const [from, to, count] = [runs[0]?.from ?? 0, runs.at(-1)?.to ?? 0, positionsOf(runs)];
  const where = runsText(runs);
  const record = newAuditRecord(
    {
      type: 'siem.state.changed', actor: systemActor('engine'), subject: { kind: 'integration', id, name }, outcome: 'failure',
      reason: `the event log holds no record at ${count} positions of partition ${partition} (${where}) although retention did not remove them`,
      attributes: { code: 'events-vanished', count, partition, from, to, positions: where, fix: VANISHED_FIX }, changes: [{ field: 'state', old: 'delivering', new: 'delivering, with events missing' }],
      notification: vanishedNotification({ id, name }, { partition, from, to, count, where, fix: VANISHED_FIX }),
    },
    clock,
  );
  record.id = lossId(`${id}:vanished:${partition}:${from}:${to}:${count}`, resets);
  return record;
}

const VANISHED_FIX = 'Look at the health of the event log and at its disk; on Kafka at cleanup.policy of the topic and at the logs of its brokers. Their producers can send the events again.';

/** `4 to 6, 9` */
export function runsText(runs: readonly PositionRun[]): string {
  const told = runs.slice(0, RUNS_TOLD).map(({ from, to }) => (to - from === 1 ? `${from}` : `${from} to ${to - 1}`));
  return `${told.join(', ')}${runs.length > RUNS_TOLD ? ` and ${runs.length - RUNS_TOLD} more runs` : ''}`;
}

function lossId(of: string, resets: number): string {
  return createHash('sha256').update(`${of}${resets > 0 ? `:${resets}` : ''}`).digest('hex').slice(0, 40);
}
