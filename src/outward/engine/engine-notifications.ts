import type { Notification } from '../../model/notification.js';
import type { HealthChange } from './lane.js';

/** What administrators are told of a change of state; part of its audit record, so that no crash comes between the two. `at` (RFC 3339) makes each change its own. */
export function healthNotification({ id, name }: { id: string; name: string }, change: HealthChange, at: string): Notification {
  const subject = { kind: 'integration', id, name };
  switch (change.to) {
    case 'down':
      return {
        kind: 'integration.down', key: `integration.down:${id}:${at}`, subject, title: `${name} is down`,
        text: `Delivery to the integration "${name}" does not work: ${change.failure.cause}. ${change.failure.fix} Its events wait in the event log and are delivered, in order, when it works again; what is older than the retention of the log would be lost.`,
        facts: { integration: name, code: change.failure.code, stage: change.failure.stage, cause: change.failure.cause, fix: change.failure.fix, needsPerson: change.failure.needsPerson, failuresInARow: change.consecutiveFailures },
      };
    case 'recovered':
      return { kind: 'integration.recovered', key: `integration.recovered:${id}:${at}`, subject, title: `${name} works again`, text: `Delivery to the integration "${name}" goes on; what waited is delivered in order.`, facts: { integration: name } };
  }
}

/** What administrators are told of events that an integration will never get. */
export function lossNotification({ id, name }: { id: string; name: string }, { partition, from, to }: { partition: number; from: number; to: number }): Notification {
  const count = to - from;
  return {
    kind: 'integration.events-lost', key: `integration.events-lost:${id}:${partition}:${from}:${to}`, subject: { kind: 'integration', id, name }, title: `${name} lost ${count} events`,
    text: `Retention removed ${count} events of partition ${partition} (positions ${from} to ${to - 1}) before the integration "${name}" received them. They cannot be delivered any more. See why it is behind, and give the event log more retention (eventLog.retentionHours, eventLog.retentionBytes).`,
    facts: { integration: name, count, partition, from, to },
  };
}

/** What administrators are told of events that the log does not hold although nothing was to remove them. */
export function vanishedNotification({ id, name }: { id: string; name: string }, { partition, from, to, count, where, fix }: { partition: number; from: number; to: number; count: number; where: string; fix: string }): Notification {
  return {
    kind: 'integration.events-lost', key: `integration.events-lost:${id}:vanished:${partition}:${from}:${to}:${count}`, subject: { kind: 'integration', id, name }, title: `${name} lost ${count} events that vanished from the log`,
    text: `The event log holds no record at ${count} positions of partition ${partition} (${where}), and retention did not remove them, so the integration "${name}" never gets what lay there. Delivery goes on behind them. ${fix}`,
    facts: { integration: name, reason: 'vanished', count, partition, from, to },
  };
}

type Subject = Notification['subject'];

/** What administrators are told of a place in the event log that cannot be read. */
export function unreadableNotification(subject: Subject, { partition, position, since, reason, fix }: { partition: number; position: number; since: string; reason: string; fix: string }): Notification {
  return {
    kind: 'log.unreadable', key: `log.unreadable:${partition}:${position}:${since}`, subject, title: `The event log cannot be read at ${partition}.${position} (partition ${partition})`,
    text: `Since ${since} the event log cannot be read at position ${position} of partition ${partition}: ${reason}. It is tried all the time. Integrations that have not passed this place get none of the events of this partition behind it. ${fix}`,
    facts: { partition, position, since, reason, fix },
  };
}

export function readableNotification(subject: Subject, { partition, position, since }: { partition: number; position: number; since: string }): Notification {
  return {
    kind: 'log.readable', key: `log.readable:${partition}:${position}:${since}`, subject, title: `The event log is read again in partition ${partition}`,
    text: `What could not be read at position ${position} of partition ${partition} since ${since} is passed; delivery goes on from there.`, facts: { partition, position, since },
  };
}

/** What administrators are told of an integration that was disabled by itself. Once for each version of its settings. */
export function disabledNotification({ id, name, version }: { id: string; name: string; version: number }, { since, hours, cause, fix, events }: { since: string; hours: number; cause: string; fix: string; events: number }): Notification {
  return {
    kind: 'integration.disabled', key: `integration.disabled:${id}:${version}`, subject: { kind: 'integration', id, name }, title: `${name} was disabled`,
    text: `Delivery to the integration "${name}" did nothing but fail since ${since} (limit: ${hours} h, connection.disableAfterHours), so it was disabled. Last cause: ${cause}. ${fix} Nothing is lost within the retention of the event log: ${events} events wait. Repair it, look at what waits, and enable it again.`,
    facts: { integration: name, since, disableAfterHours: hours, cause, fix, events },
  };
}

/** What administrators are told of events that wait and that retention will remove soon. Once a day (UTC). */
export function retentionNotification({ id, name, enabled }: { id: string; name: string; enabled: boolean }, { events, limits, before }: { events: number; limits: readonly ('age' | 'bytes')[]; before: number | null }, now: number): Notification {
  const [at, until] = [new Date(now).toISOString(), before === null ? null : new Date(before).toISOString()];
  const reasons = [...(until === null ? [] : [`by ${until} they get older than the log keeps them (eventLog.retentionHours, or retention.ms of the Kafka topic)`]), ...(limits.includes('bytes') ? ['they are among the oldest of a log that is nearly as large as it may be (eventLog.retentionBytes, or retention.bytes of the Kafka topic)'] : [])];
  const repair = enabled ? 'See in its status what keeps it behind and repair that' : 'It is disabled: enable it, or delete it when nobody needs its events';
  return {
    kind: 'integration.retention-warning', key: `integration.retention-warning:${id}:${at.slice(0, 10)}`, subject: { kind: 'integration', id, name }, title: `${name} is about to lose ${events} events`,
    text: `Retention of the event log will remove up to ${events} events that the integration "${name}" did not read yet: ${reasons.join(', and ')}. ${repair}, or give the event log more retention.`,
    facts: { integration: name, events, before: until, limits: limits.join(', '), enabled },
  };
}
