import type { AuditEvent, EventObject } from '../../../src/model/audit-event.js';
import { kindOf } from './kinds.js';
import { asText, asWhole, itemsOf, type Meaning } from './meaning.js';
import { filled } from './text.js';

/** What an OCSF record says an event is, whom it is about and who did it; by class, as the schema has room for it (reference: docs/reference/formats.md, "OCSF"). */
export function projectAbout(event: AuditEvent, meaning: Meaning): Record<string, unknown> {
  const kind = kindOf(event.type);
  const byState = event.type === 'provision.template.state.changed' ? templateActivity(event) : undefined;
  const [classUid, activity, name] = byState ?? (meaning.target === undefined ? (kind.withoutAccount ?? kind.ocsf) : kind.ocsf);
  return { class_uid: classUid, activity_id: activity, activity_name: name, ...whom(classUid, event, meaning), ...who(classUid, event, meaning) };
}

function templateActivity({ changes }: AuditEvent): readonly [number, number, string] | undefined {
  const word = asText(changes.find(({ field }) => field === 'state')?.new)?.toLowerCase();
  return word === 'enabled' ? [3004, 8, 'Enable'] : word === 'disabled' ? [3004, 9, 'Disable'] : undefined;
}

function whom(classUid: number, event: AuditEvent, { target, domain }: Meaning): Record<string, unknown> {
  const { subject } = event;
  const user = (of: EventObject, from: string | undefined) => ({ uid: of.id, ...filled({ name: of.name, domain: from }) });
  switch (classUid) {
    case 3001: return { user: user(target ?? subject, domain) };
    case 3002: return { user: user(target ?? subject, domain), service: { name: domain || 'Tidegate' } };
    case 3004: return { entity: entityOf(event, domain) };
    case 3005: return { user: user(target ?? subject, domain), privileges: itemsOf(event, target)?.names ?? [subject.name || subject.id] };
    case 3006: return { group: { uid: subject.id, ...filled({ name: subject.name }) }, ...(target === undefined ? {} : { user: user(target, undefined) }) };
    case 5003: return { user: { name: summary(event, 'accounts', domain), ...filled({ domain }) } };
    case 6003: return { api: { operation: subject.name || subject.id } };
    default: return {};
  }
}

const ENTITY_TYPES = ['Device', 'User', 'Group', 'Organization', 'Policy'];

function entityOf(event: AuditEvent, domain: string | undefined): unknown {
  const { id, name, kind } = event.subject;
  if (event.type === 'group.external.disabled') return { name: summary(event, 'groups', domain), type_id: 3, type: 'Group' };
  if (event.type === 'user.adsync.disabled') return { name: summary(event, 'users', domain), type_id: 2, type: 'User' };
  const type = ENTITY_TYPES.find((caption) => caption.toLowerCase() === (kind === 'account' || kind === 'identity' ? 'user' : kind));
  return { uid: id, ...filled({ name }), ...(type === undefined ? { type_id: 99, type: kind } : { type_id: ENTITY_TYPES.indexOf(type) + 1, type }) };
}

/** What a sync did to many things of a domain: the one thing by its name, or how many there are; a list that is there and empty says none. */
function summary(event: AuditEvent, plural: string, domain: string | undefined): string {
  const { count: counted, items, added, removed, approvers } = event.attributes;
  const named = itemsOf(event, undefined);
  const [first] = named?.names ?? [];
  if (first !== undefined && named?.total === 1) return first;
  const listed = [added, removed, approvers].some(Array.isArray) ? 0 : undefined;
  const count = asWhole(counted ?? (Array.isArray(items) ? items.length : undefined)) ?? named?.total ?? listed;
  return `${count === undefined ? '' : `${count} `}${plural} of ${domain ?? event.subject.id}`;
}

/** Who did it and from where, in the classes that have room for it; else `unmapped` has the actor as it is in the event. API Activity requires both. */
function who(classUid: number, { actor }: AuditEvent, { ip, ipVersion }: Meaning): Record<string, unknown> {
  if (classUid === 0 || classUid === 6008) return {};
  const named = actor.kind === 'system' ? filled({ app_uid: actor.id, app_name: actor.name }) : filled({ user: filled({ uid: actor.id, name: actor.name }) });
  const endpoint = ip === undefined || ip === '' ? undefined : ipVersion === 0 ? { name: ip } : { ip };
  if (classUid === 6003) return { actor: named ?? { app_name: 'unknown' }, src_endpoint: endpoint ?? { name: 'unknown' } };
  return { ...filled({ actor: named, src_endpoint: classUid === 5003 ? undefined : endpoint }) };
}
