import type { EventObject } from './audit-event.js';

/** What administrators are told about, and by default how much it matters. The one list: channels choose from it, and the docs have a row for each. */
export const NOTIFICATION_KINDS = {
  'integration.down': { severity: 'error', description: 'Delivery to an integration stopped working; its events wait in the log.' },
  'integration.recovered': { severity: 'info', description: 'Delivery to an integration goes on.' },
  'integration.disabled': { severity: 'error', description: 'An integration was switched off by itself after it failed for long; its events wait in the log.' },
  'integration.retention-warning': { severity: 'warning', description: 'Events that wait for an integration will soon be removed by retention.' },
  'integration.events-lost': { severity: 'critical', description: 'Retention removed events before an integration received them.' },
  'log.unreadable': { severity: 'critical', description: 'A place in the event log cannot be read; the events behind it wait.' },
  'log.readable': { severity: 'info', description: 'Reading of the event log goes on.' },
  'receipt.missing': { severity: 'error', description: 'A SIEM says that it does not have events that were delivered to it.' },
  'alert.held': { severity: 'warning', description: 'An alert waits for a person: approval, or a limit was reached.' },
  'alert.failed': { severity: 'error', description: 'An alert could not be mitigated.' },
  'notify.test': { severity: 'info', description: 'Sent by the Test button of a notification channel.' },
} as const satisfies Record<string, { severity: NotificationSeverity; description: string }>;
export type NotificationKind = keyof typeof NOTIFICATION_KINDS;
export const NOTIFICATION_KIND_NAMES = Object.keys(NOTIFICATION_KINDS) as [NotificationKind, ...NotificationKind[]];

/** From the least to the most. */
export const NOTIFICATION_SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type NotificationSeverity = (typeof NOTIFICATION_SEVERITIES)[number];

/** Names and figures beside the text, for people and for machines. Never a secret, never values of an event. */
export type NotificationFacts = Record<string, string | number | boolean | null>;

/** Something that administrators must be told. */
export interface Notification {
  kind: NotificationKind;
  /** The same key is told once, whoever says it and however often: `integration.down:<id>:<since>`. */
  key: string;
  /** That of the kind when left out. */
  severity?: NotificationSeverity;
  /** One line, with the name of what it is about. */
  title: string;
  /** What happened, what it means and what to do, in plain sentences. */
  text: string;
  facts?: NotificationFacts;
  /** What it is about; notifications of one kind about one subject are merged when they come close together. */
  subject: Pick<EventObject, 'kind' | 'id' | 'name'>;
  /** When it happened (RFC 3339); the time of the call when left out. */
  occurredAt?: string;
}

const LONGEST = { title: 200, text: 4000, key: 500, fact: 1000, facts: 50, name: 200 };

/** The notification as it is kept: complete, of bounded size, in one line where it must be one. What is cut ends in an ellipsis. */
export function completeNotification(notification: Notification, now: number): Required<Notification> {
  const { kind, key, title, text, facts = {}, subject } = notification;
  return {
    kind,
    key: cut(key, LONGEST.key),
    severity: notification.severity ?? NOTIFICATION_KINDS[kind].severity,
    title: cut(oneLine(title), LONGEST.title),
    text: cut(text.toWellFormed(), LONGEST.text),
    facts: Object.fromEntries(Object.entries(facts).slice(0, LONGEST.facts).map(([name, value]) => [cut(oneLine(name), 60), typeof value === 'string' ? cut(value.toWellFormed(), LONGEST.fact) : value])),
    subject: { kind: subject.kind, id: subject.id, ...(subject.name === undefined ? {} : { name: cut(oneLine(subject.name), LONGEST.name) }) },
    occurredAt: new Date(notification.occurredAt ?? now).toISOString(),
  };
}

/** Whether a severity is at least as high as another. */
export function atLeast(severity: NotificationSeverity, least: NotificationSeverity): boolean {
  return NOTIFICATION_SEVERITIES.indexOf(severity) >= NOTIFICATION_SEVERITIES.indexOf(least);
}

/** The higher of two. */
export function higher(one: NotificationSeverity, other: NotificationSeverity): NotificationSeverity {
  return atLeast(one, other) ? one : other;
}

function oneLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}
