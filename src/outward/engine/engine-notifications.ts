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

/** What administrators are told of an integration that was disabled by itself. Once for each version of its settings. */
export function disabledNotification({ id, name, version }: { id: string; name: string; version: number }, { since, hours, cause, fix, events }: { since: string; hours: number; cause: string; fix: string; events: number }): Notification {
  return {
    kind: 'integration.disabled', key: `integration.disabled:${id}:${version}`, subject: { kind: 'integration', id, name }, title: `${name} was disabled`,
    text: `Delivery to the integration "${name}" did nothing but fail since ${since} (limit: ${hours} h, connection.disableAfterHours), so it was disabled. Last cause: ${cause}. ${fix} Nothing is lost within the retention of the event log: ${events} events wait. Repair it, look at what waits, and enable it again.`,
    facts: { integration: name, since, disableAfterHours: hours, cause, fix, events },
  };
}
