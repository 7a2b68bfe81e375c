import type { Actor, AuditEvent, EventObject } from '../../../model/audit-event.js';
import { addressOf, countOf, domainOf, itemsOf } from '../shared/event-meaning.js';
import { optional, quoted } from '../shared/json-quote.js';
import { OCSF_CLASSES, type OcsfClassName } from './ocsf-classes.js';

/** The objects of OCSF as JSON text, each with its member name and a comma in front. */

/** Whom the event is about, in the member that the class has for it. */
export function subjectMembers(className: OcsfClassName, event: AuditEvent, target: EventObject | undefined, product: string): string {
  const { subject } = event;
  switch (className) {
    case 'base': case 'error': return '';
    case 'account': return `,"user":${userText(target ?? subject, domainOf(event))}`;
    case 'authentication': return `,"user":${userText(target ?? subject, domainOf(event))},"service":{"name":${quoted(domainOf(event) || product)}}`;
    case 'entity': return `,"entity":${summaryEntity(event) ?? entityText(subject)}`;
    case 'access': return `,"user":${userText(target ?? subject, domainOf(event))},"privileges":${privileges(event, target)}`;
    case 'group': return `,"group":{"uid":${quoted(subject.id)}${optional(',"name":', subject.name)}}${target === undefined ? '' : `,"user":${userText(target, undefined)}`}`;
    case 'inventory': return `,"user":${inventoryUser(event)}`;
    case 'api': return `,"api":{"operation":${quoted(subject.name || subject.id)}}`;
  }
}

function userText(user: EventObject, domain: string | undefined): string {
  return `{"uid":${quoted(user.id)}${optional(',"name":', user.name)}${optional(',"domain":', domain)}}`;
}

const ENTITY_TYPES: Readonly<Record<string, string>> = {
  device: '"type_id":1,"type":"Device"', user: '"type_id":2,"type":"User"', account: '"type_id":2,"type":"User"', identity: '"type_id":2,"type":"User"',
  group: '"type_id":3,"type":"Group"', organization: '"type_id":4,"type":"Organization"', policy: '"type_id":5,"type":"Policy"',
};

function entityText({ kind, id, name }: EventObject): string {
  const type = Object.hasOwn(ENTITY_TYPES, kind) ? ENTITY_TYPES[kind] : `"type_id":99,"type":${quoted(kind)}`;
  return `{"uid":${quoted(id)}${optional(',"name":', name)},${type}}`;
}

/** Types that sum up what a sync did to many things of a domain: the entity is the one thing, or all of them by their number, never the domain. */
const SUMMARIES: Readonly<Record<string, { type: string; plural: string }>> = {
  'group.external.disabled': { type: '"type_id":3,"type":"Group"', plural: 'groups' },
  'user.adsync.disabled': { type: '"type_id":2,"type":"User"', plural: 'users' },
};

function summaryEntity(event: AuditEvent): string | undefined {
  const summary = Object.hasOwn(SUMMARIES, event.type) ? SUMMARIES[event.type] : undefined;
  if (summary === undefined) return undefined;
  return `{"name":${quoted(summaryName(event, summary.plural))},${summary.type}}`;
}

function summaryName(event: AuditEvent, plural: string): string {
  const items = itemsOf(event, undefined);
  const [first] = items?.names ?? [];
  if (first !== undefined && items?.total === 1) return first;
  const count = countOf(event) ?? items?.total;
  return `${count === undefined ? '' : `${count} `}${plural} of ${domainOf(event) ?? event.subject.id}`;
}

/** What was granted or taken away: the names that the event lists, else its subject. */
function privileges(event: AuditEvent, target: EventObject | undefined): string {
  const names = itemsOf(event, target)?.names ?? [];
  return `[${(names.length > 0 ? names : [event.subject.name || event.subject.id]).map(quoted).join(',')}]`;
}

/** The one account that was found, or all of them by their number: `unmapped` has their names. */
function inventoryUser(event: AuditEvent): string {
  return `{"name":${quoted(summaryName(event, 'accounts'))}${optional(',"domain":', domainOf(event))}}`;
}

/** Who did it and from where. A class that requires them gets them, come what may. */
export function actorMembers(className: OcsfClassName, actor: Actor): string {
  const { actor: hasActor, endpoint } = OCSF_CLASSES[className];
  let text = '';
  if (hasActor) {
    const members = actor.kind === 'system' ? optional(',"app_uid":', actor.id) + optional(',"app_name":', actor.name) : optional(',"uid":', actor.id) + optional(',"name":', actor.name);
    if (members !== '') text = actor.kind === 'system' ? `,"actor":{${members.slice(1)}}` : `,"actor":{"user":{${members.slice(1)}}}`;
    else if (className === 'api') text = ',"actor":{"app_name":"unknown"}';
  }
  if (!endpoint) return text;
  if (actor.ip === undefined || actor.ip === '') return className === 'api' ? `${text},"src_endpoint":{"name":"unknown"}` : text;
  const address = addressOf(actor.ip);
  return `${text},"src_endpoint":{"${address.kind === 'name' ? 'name' : 'ip'}":${quoted(address.text)}}`;
}
