import type { AuditEvent, EventObject } from './audit-event.js';
import type { EventType } from './event-types.js';
import type { JsonValue } from './json.js';

/** What a message can be made from. */
export type MessageParts = Pick<AuditEvent, 'subject'> & Partial<Pick<AuditEvent, 'actor' | 'objects' | 'outcome' | 'reason' | 'attributes' | 'changes'>>;

/** A value takes at most so many characters of a message, a list so many names; the fields of the event carry the rest. */
const VALUE_CHARACTERS = 256;
const LIST_NAMES = 10;

/** Parts of a template that vanish whole when their value is missing. */
const CLAUSES = [
  ': added {added}, removed {removed}', ' (request {request})', ' ({days} days)', ', due {date}', ' in {days} days', ' from {old}', ' to {new}', ' in {domain}', ' of {domain}', ' domain {domain}',
  ' on account {account}', ' for {account}', ' at step {step}', ' action {action}', ': {action}', ': {reason}', ' {name}',
];

/** Mail outcomes that mean what the template of `user.synced.created` says. */
const MAIL_SENT = new Set(['', 'sent', 'success', 'successful', 'delivered', 'ok', 'accepted']);

interface Segment {
  /** The clause as the template spells it: text with `{names}`. */
  text: string;
  /** Dropped when a value is missing; otherwise the missing value gets a word. */
  optional: boolean;
}

/** A segment cut at its `{names}`: cut once a template, filled with every event. */
interface CutSegment {
  optional: boolean;
  /** Lists the members added and removed instead. */
  members: boolean;
  blanks: Blank[];
  /** The text behind the last blank. */
  ending: string;
}
interface Blank {
  /** The text in front of it. */
  before: string;
  name: string;
  /** A number of days follows: `1 day`, `2 days`. */
  days: boolean;
}
const compiled = new Map<string, CutSegment[]>();

/**
 * The message of an event whose producer sent none: the template of its type with its values. A clause without a value is left out
 * ("(request ...)" of an account that nobody requested), so the sentence stays true and readable. One line, bounded length.
 */
export function messageOf(type: EventType, parts: MessageParts): string {
  const template = templateFor(type, parts);
  let message = '';
  for (const segment of segmentsOf(template)) message += fill(segment, type, parts);
  if (parts.outcome === 'failure') message += failureEnding(type, template, parts);
  return message;
}

/** The wording follows what happened: a state that is not a failure, a mail that was not sent, one thing in place of many. */
function templateFor(type: EventType, parts: MessageParts): string {
  if (type.id === 'provision.state.changed' && parts.outcome !== 'failure') {
    const changed = valueOf('old', type, parts) !== undefined || valueOf('new', type, parts) !== undefined;
    return changed ? 'Provisioning request {request} for {account} changed from {old} to {new}' : 'Provisioning request {request} for {account} changed its state';
  }
  if (type.id === 'user.synced.created') {
    const outcome = text(parts.attributes?.mailOutcome) ?? '';
    if (!MAIL_SENT.has(outcome.toLowerCase())) return 'User {user} was added by sync; welcome email: {mailOutcome}';
  }
  if (type.template.startsWith('{n} ') && countOf(parts) === 1) return type.template.replace(/^\{n\} (\w+)s\b/, '{n} $1').replace(' were ', ' was ').replace(' are ', ' is ').replace(' received them', ' received it');
  return type.template;
}

function failureEnding(type: EventType, template: string, parts: MessageParts): string {
  if (template.includes('{reason}')) return '';
  const reason = text(parts.reason);
  if (type.group === 'audit') return reason ? ` failed: ${reason}` : ' failed';
  return reason ? `: ${reason}` : '';
}

function segmentsOf(template: string): CutSegment[] {
  const known = compiled.get(template);
  if (known) return known;
  let segments: Segment[] = [{ text: template, optional: false }];
  for (const clause of CLAUSES) segments = segments.flatMap((segment) => (segment.optional ? [segment] : splitAt(segment.text, clause)));
  const cut = segments.map(cutAtNames);
  // Audit types make a template each; the map must not grow with what producers invent.
  if (compiled.size < 1000) compiled.set(template, cut);
  return cut;
}

function cutAtNames({ text: clause, optional }: Segment): CutSegment {
  const blanks: Blank[] = [];
  let end = 0;
  for (const match of clause.matchAll(/\{(\w+)\}( days)?/g)) {
    blanks.push({ before: clause.slice(end, match.index), name: match[1] ?? '', days: match[2] !== undefined });
    end = match.index + match[0].length;
  }
  return { optional, members: clause === CLAUSES[0], blanks, ending: clause.slice(end) };
}

function splitAt(template: string, clause: string): Segment[] {
  const at = template.indexOf(clause);
  if (at < 0) return [{ text: template, optional: false }];
  return [{ text: template.slice(0, at), optional: false }, { text: clause, optional: true }, { text: template.slice(at + clause.length), optional: false }].filter((segment) => segment.text !== '');
}

function fill({ optional, members, blanks, ending }: CutSegment, type: EventType, parts: MessageParts): string {
  if (members) {
    const { added, removed } = membersOf(type, parts);
    const changes = [added.length > 0 ? `added ${listText(added)}` : '', removed.length > 0 ? `removed ${listText(removed)}` : ''].filter(Boolean);
    return changes.length > 0 ? `: ${changes.join(', ')}` : '';
  }
  let filled = '';
  for (const { before, name, days } of blanks) {
    const value = valueOf(name, type, parts);
    if (value === undefined && optional) return '';
    filled += before + (value ?? fallback(name));
    if (days) filled += value === '1' || value === '-1' ? ' day' : ' days';
  }
  return filled + ending;
}

/** The word in place of a value that a sentence cannot do without. */
function fallback(name: string): string {
  switch (name) {
    case 'n': return 'Some';
    case 'actor': return 'Somebody';
    default: return '(unnamed)';
  }
}

function valueOf(name: string, type: EventType, parts: MessageParts): string | undefined {
  const attributes = parts.attributes ?? {};
  switch (name) {
    case 'n': return countOf(parts)?.toString();
    case 'date': return dateText(attributes.dueDate);
    case 'old': return changeOf(type, parts, 'old');
    case 'new': return changeOf(type, parts, 'new');
    case 'reason': return text(parts.reason);
    case 'actor': return text(parts.actor?.name) ?? text(parts.actor?.id) ?? (parts.actor?.kind === 'system' ? 'The system' : undefined);
    case 'name': return nameOf(parts.subject);
    default: return text(attributes[name]) ?? objectName(name, type, parts);
  }
}

/** The subject when it is of the kind asked for, else an object of that kind, else the subject when it stands where the type has that kind. */
function objectName(kind: string, type: EventType, parts: MessageParts): string | undefined {
  if (parts.subject.kind === kind) return nameOf(parts.subject);
  const object = parts.objects?.find((candidate) => candidate.kind === kind);
  if (object) return nameOf(object);
  return type.subjectKind === kind ? nameOf(parts.subject) : undefined;
}

function nameOf(object: EventObject): string | undefined {
  return text(object.name) ?? text(object.id);
}

function countOf(parts: MessageParts): number | undefined {
  const { count, items } = parts.attributes ?? {};
  if (typeof count === 'number') return count;
  if (Array.isArray(items)) return items.length;
  const others = parts.objects?.filter((object) => object.kind !== parts.subject.kind && object.kind !== 'domain') ?? [];
  return others.length > 0 ? others.length : undefined;
}

function changeOf(type: EventType, parts: MessageParts, side: 'old' | 'new'): string | undefined {
  const changes = parts.changes ?? [];
  const change = changes.find((candidate) => candidate.field === type.changeField) ?? (changes.length === 1 ? changes[0] : undefined);
  return text(change?.[side]);
}

/** Added and removed names: the attributes, or the difference between the old and the new list of the field that the type reports. */
function membersOf(type: EventType, parts: MessageParts): { added: JsonValue[]; removed: JsonValue[] } {
  const { added, removed } = parts.attributes ?? {};
  if (added !== undefined || removed !== undefined) return { added: asList(added), removed: asList(removed) };
  const change = parts.changes?.find((candidate) => candidate.field === type.changeField);
  const before = asList(change?.old);
  const after = asList(change?.new);
  return { added: after.filter((name) => !before.includes(name)), removed: before.filter((name) => !after.includes(name)) };
}

function asList(value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null || value === '' ? [] : [value];
}

function listText(values: readonly JsonValue[]): string {
  const shown = values.slice(0, LIST_NAMES).map((value) => text(value) ?? '(unnamed)').join(', ');
  return values.length > LIST_NAMES ? `${shown} and ${values.length - LIST_NAMES} more` : shown;
}

/** RFC 3339 times show their date; anything else stays as it came. */
function dateText(value: JsonValue | undefined): string | undefined {
  const date = text(value);
  return date !== undefined && /^\d{4}-\d{2}-\d{2}T/.test(date) ? date.slice(0, 10) : date;
}

/** Printable ASCII without blanks around it: most values, and nothing is to be done for them. */
const PLAIN_LINE = /^[!-~](?:[ -~]*[!-~])?$/;

/** A value as one line of bounded length; undefined when there is nothing to show. */
function text(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.length > 0 ? listText(value) : undefined;
  const plain = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (plain.length <= VALUE_CHARACTERS && PLAIN_LINE.test(plain)) return plain;
  const line = plain.slice(0, 4 * VALUE_CHARACTERS).toWellFormed().replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  if (line === '') return undefined;
  if (line.length <= VALUE_CHARACTERS && plain.length <= 4 * VALUE_CHARACTERS) return line;
  return `${line.slice(0, VALUE_CHARACTERS - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
