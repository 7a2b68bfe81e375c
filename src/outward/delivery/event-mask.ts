import { createHmac } from 'node:crypto';
import type { Renderer } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { REDACTED, type MaskAction, type MaskRule, type MaskSettings } from '../../model/event-mask.js';
import { eventTypeOf } from '../../model/event-types.js';
import { parseFieldPath, type FieldPath } from '../../model/field-path.js';
import type { JsonValue } from '../../model/json.js';
import { messageOf } from '../../model/message-template.js';
import { withoutTexts } from './masked-text.js';

/**
 * The event as one integration may see it. Made before it is rendered, in the stream, the Test button, the preview and dead letters alike, so a masked value
 * is in no octet that leaves. The event that all integrations share is never changed: what differs is copied.
 */
export type EventView = (event: AuditEvent) => AuditEvent;

/** Why a mask rule cannot be; undefined when it can. */
export function maskFault({ field, action }: MaskRule): string | undefined {
  const path = parseFieldPath(field);
  if ('fault' in path) return path.fault;
  const [root = '', second] = path.names;
  if (KEPT.has(root) || (second === 'kind' && root !== 'attributes') || (root === 'changes' && second === 'field')) return `${field} stays as it is: receivers tell events apart by it`;
  if (root === 'attributes' && second === REPLAY_MARK) return `${field} stays as it is: receivers tell by it that an event comes again`;
  if (root === 'receivedAt' && action !== 'drop') return 'receivedAt can only be dropped';
  if (path.names.length === 1 && path.changeField === undefined) {
    if (root === 'actor' || root === 'subject') return `mask its members: ${root}.name, ${root}.id or ${root}.*`;
    if ((root === 'attributes' || root === 'objects') && action !== 'drop') return `as a whole it can only be dropped; mask its members with ${root}.${root === 'objects' ? 'name' : '*'}`;
  }
  if (action === 'drop' && second === 'id' && (root === 'subject' || root === 'objects')) return `${field} cannot be dropped; redact or hash it`;
  return undefined;
}

/** What a rule can never reach. */
const KEPT = new Set(['id', 'type', 'occurredAt', 'severity', 'outcome']);

/** The attribute that tells which replay sends an event again. Receivers need it, with id and sequence, to tell what comes twice. */
export const REPLAY_MARK = 'replay';
const REPLAY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The mark of a replay among attributes. What a producer wrote there is an attribute like any other: only our own ids have this form. */
function markIn(attributes: JsonValue | undefined): { [REPLAY_MARK]?: string } {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return {};
  const mark = attributes[REPLAY_MARK];
  return typeof mark === 'string' && REPLAY_ID.test(mark) ? { [REPLAY_MARK]: mark } : {};
}

/** null where the event is seen as it is, so that nothing is spent on it. @throws TypeError for rules with a fault (REST refuses such settings) */
export function compileView({ mask, hashKey, extraFields }: MaskSettings): EventView | null {
  if (mask.length === 0 && extraFields.length === 0) return null;
  const hash = hashWith(hashKey);
  const rules = mask.map((rule) => compileRule(rule, hash));
  const extra = Object.fromEntries(extraFields.map(({ name, value }) => [name, value]));
  const ownMessage = mask.some(({ field }) => field === 'message');
  const ownReason = mask.some(({ field }) => field === 'reason');
  return (event) => {
    const hidden: string[] = [];
    const view = { ...event } as unknown as Members;
    for (const { root, rewrite } of rules) {
      const before = view[root];
      const after = rewrite(before, hidden);
      if (after === before) continue;
      if (after === undefined) delete view[root];
      else view[root] = after;
    }
    const masked = view as unknown as AuditEvent;
    if (hidden.length > 0) {
      // What people read must not tell what the fields no longer do.
      if (!ownReason && event.reason !== undefined) masked.reason = withoutTexts(event.reason, hidden);
      if (!ownMessage) masked.message = messageOfView(event, masked, hidden);
    }
    if (extraFields.length > 0) masked.attributes = { ...masked.attributes, ...extra, ...markIn(event.attributes) };
    return masked;
  };
}

/** A renderer that sees only the view. */
export function renderView(renderer: Renderer, view: EventView | null): Renderer {
  return view === null ? renderer : { render: (event, sequence) => renderer.render(view(event), sequence) };
}

type Members = Record<string, JsonValue | undefined>;
type Rewrite = (value: JsonValue | undefined, hidden: string[]) => JsonValue | undefined;

/** A message of our own is made again from what is left; of a producer's, what it must not tell is taken out. */
function messageOfView(event: AuditEvent, masked: AuditEvent, hidden: readonly string[]): string {
  const type = eventTypeOf(event.type);
  if (type && typeof event.message === 'string' && event.message === messageOf(type, event)) return messageOf(type, masked);
  return typeof event.message === 'string' ? withoutTexts(event.message, hidden) : event.message;
}

function compileRule(rule: MaskRule, hash: (value: string) => string): { root: string; rewrite: Rewrite } {
  const path = parseFieldPath(rule.field);
  if ('fault' in path) throw new TypeError(path.fault);
  const [root = '', ...names] = path.names;
  const change = changeOf(rule.action, hash);
  if (names.length === 0 && path.changeField === undefined) return { root, rewrite: wholeOf(root, change) };
  if (root === 'changes') return { root, rewrite: (value, hidden) => mapList(value, (item) => rewriteChange(item, path, change, hidden)) };
  if (root === 'attributes') return { root, rewrite: (value, hidden) => rewriteAt(value, names, 0, Object.keys(markIn(value)), change, hidden) };
  const kept = root === 'subject' || root === 'objects' ? ['kind', ...(rule.action === 'drop' ? ['id'] : [])] : ['kind'];
  return { root, rewrite: (value, hidden) => rewriteAt(value, names, 0, kept, change, hidden) };
}

/** A member that formats rely on is emptied, not taken away. */
function wholeOf(root: string, change: Rewrite): Rewrite {
  const empty: JsonValue | undefined = root === 'message' ? '' : root === 'objects' || root === 'changes' ? [] : undefined;
  if (root === 'changes') return (value, hidden) => mapList(value, (item) => rewriteChange(item, { text: root, names: [root] }, change, hidden));
  if (root === 'attributes') return (value, hidden) => change(value, hidden) ?? markIn(value);
  return (value, hidden) => change(value, hidden) ?? empty;
}

function rewriteChange(item: JsonValue, { names, changeField }: FieldPath, change: Rewrite, hidden: string[]): JsonValue {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  if (changeField !== undefined && changeField !== '*' && item['field'] !== changeField) return item;
  const [, side, ...deeper] = names;
  let rewritten: JsonValue = item;
  // That the field changed stays known.
  for (const member of side === undefined || side === '*' ? ['old', 'new'] : [side]) rewritten = rewriteAt(rewritten, [member, ...deeper], 0, ['field'], change, hidden) ?? rewritten;
  return rewritten;
}

function rewriteAt(value: JsonValue | undefined, names: readonly string[], at: number, kept: readonly string[], change: Rewrite, hidden: string[]): JsonValue | undefined {
  if (value === undefined || value === null) return value;
  const name = names[at];
  if (name === undefined) return change(value, hidden);
  if (Array.isArray(value)) return mapList(value, (item) => rewriteAt(item, names, at, kept, change, hidden));
  if (typeof value !== 'object') return value;
  let copy: Members | undefined;
  for (const key of name === '*' ? Object.keys(value) : Object.hasOwn(value, name) ? [name] : []) {
    if (kept.includes(key)) continue;
    const before = value[key];
    const after = rewriteAt(before, names, at + 1, [], change, hidden);
    if (after === before) continue;
    copy ??= { ...value };
    if (after === undefined) delete copy[key];
    else copy[key] = after;
  }
  return (copy as JsonValue | undefined) ?? value;
}

/** The same list when no element changed; elements that are dropped leave it. */
function mapList(value: JsonValue | undefined, map: (item: JsonValue) => JsonValue | undefined): JsonValue | undefined {
  if (!Array.isArray(value)) return value;
  const mapped = value.map(map);
  return mapped.every((item, index) => item === value[index]) ? value : mapped.filter((item) => item !== undefined);
}

function changeOf(action: MaskAction, hash: (value: string) => string): Rewrite {
  return (value, hidden) => {
    if (value === undefined || value === null) return value;
    noteTexts(value, hidden);
    switch (action) {
      case 'drop': return undefined;
      // A list stays one: formats show it as such.
      case 'redact': return Array.isArray(value) ? (value.length === 0 ? value : [REDACTED]) : REDACTED;
      case 'hash': return Array.isArray(value) ? value.map((item) => hash(textOf(item))) : hash(textOf(value));
    }
  };
}

function noteTexts(value: JsonValue | undefined, hidden: string[]): void {
  if (value === undefined || value === null || value === '') return;
  if (Array.isArray(value)) for (const item of value) noteTexts(item, hidden);
  else if (typeof value === 'object') for (const item of Object.values(value)) noteTexts(item, hidden);
  else hidden.push(String(value));
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

const MOST_HASHES_KEPT = 10_000;

/** 128 bits of HMAC-SHA-256 in hex behind a word that says what it is. Names come back often, so the last ones are kept. */
function hashWith(key: string | undefined): (value: string) => string {
  const known = new Map<string, string>();
  return (value) => {
    if (key === undefined) throw new TypeError('output.hashKey is not set, so nothing can be hashed');
    let hashed = known.get(value);
    if (hashed === undefined) {
      hashed = `hmac-${createHmac('sha256', key).update(value, 'utf8').digest('hex').slice(0, 32)}`;
      if (known.size >= MOST_HASHES_KEPT) known.clear();
      // A copy: the value may be a cutting of its record.
      if (value.length <= 256) known.set(Buffer.from(value, 'utf8').toString('utf8'), hashed);
    }
    return hashed;
  };
}
