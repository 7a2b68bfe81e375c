import type { NotificationFacts, NotificationKind, NotificationSeverity } from '../../model/notification.js';
import type { NotificationBundle, NotificationDocument } from './notification.schema.js';

/** A notification as channels get it. The same on every repeat. */
export interface OutgoingMessage {
  /** Of the notification: receivers tell a repeat by it. */
  id: string;
  kind: NotificationKind;
  severity: NotificationSeverity;
  title: string;
  text: string;
  facts: NotificationFacts;
  subject: { kind: string; id: string; name?: string };
  occurredAt: Date;
  bundle: NotificationBundle | null;
}

export function messageOf(document: NotificationDocument): OutgoingMessage {
  const { _id, kind, severity, title, text, facts, subject, occurredAt, bundle } = document;
  return { id: _id, kind, severity, title, text, facts, subject, occurredAt, bundle };
}

/** `Tidegate error: SIEM A is down (and 3 more)`; one line. */
export function subjectLine({ severity, title, bundle }: OutgoingMessage): string {
  return `Tidegate ${severity}: ${title}${bundle && bundle.count > 1 ? ` (and ${bundle.count - 1} more)` : ''}`;
}

/** For people, in plain text. */
export function plainText(message: OutgoingMessage): string {
  const { id, kind, severity, text, facts, subject, occurredAt, bundle } = message;
  const lines = [text, ''];
  if (bundle && bundle.count > 1) {
    lines.push(`This stands for ${bundle.count} notifications between ${bundle.firstAt.toISOString()} and ${bundle.lastAt.toISOString()}; the text above is that of the last.`);
    for (const title of bundle.titles) lines.push(`  - ${title}`);
    lines.push('');
  }
  for (const [name, value] of Object.entries(facts)) lines.push(`${name}: ${String(value)}`);
  lines.push(`about: ${subject.kind} ${subject.name ?? ''} (${subject.id})`, `kind: ${kind}`, `severity: ${severity}`, `at: ${occurredAt.toISOString()}`, `notification: ${id}`);
  return lines.join('\n');
}

/** For machines: the body of a webhook. Its fields are told in docs/guides/notify-administrators.md and do not change. */
export function jsonBody({ id, kind, severity, title, text, facts, subject, occurredAt, bundle }: OutgoingMessage): string {
  return JSON.stringify({
    id, kind, severity, title, text, facts, subject, occurredAt: occurredAt.toISOString(),
    count: bundle?.count ?? 1,
    ...(bundle && bundle.count > 1 ? { firstAt: bundle.firstAt.toISOString(), lastAt: bundle.lastAt.toISOString(), titles: bundle.titles } : {}),
  });
}
