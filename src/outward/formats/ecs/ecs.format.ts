import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent, EventObject } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { type EventFacts, factsOf, notRenderable, noTime } from '../shared/event-facts.js';
import { addressOf, domainOf, epochOf, targetOf, textOf } from '../shared/event-meaning.js';
import { optional, quoted } from '../shared/json-quote.js';
import { renderJson } from '../shared/json-record.js';
import { TypeCache } from '../shared/known-type.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { ecsKindOf } from './ecs-categories.js';
import { ownMembers } from './ecs-own.js';
import { ECS_ROOM } from './ecs-room.js';

/** Elastic Common Schema: one JSON object a record, nested. What ECS has no field for stands under `tidegate` and in `labels`. */
export const ecsFormat: Format = {
  outputType: 'ecs',
  headers: OUTPUT_HEADERS.ecs,
  compile: (settings) => new EcsRenderer(settings),
};

class EcsRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;
  private readonly observer: string;
  /** `,"ecs":{...},"event":{...` up to what differs between events of a type. */
  private readonly types: TypeCache<{ type: EventType; start: string }>;

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
    const { version, dataset } = settings.ecs;
    this.observer = `,"observer":{"vendor":"Tidegate","product":"Tidegate","hostname":${quoted(settings.hostname)}}`;
    this.types = new TypeCache((type) => {
      const { category, type: types } = ecsKindOf(type);
      return { type, start: `,"ecs":{"version":"${version}"},"event":{"kind":"event","category":${JSON.stringify(category)},"type":${JSON.stringify(types)},"action":"${type.id}","code":"${type.cefId}","module":"tidegate","dataset":${quoted(dataset)},"id":"` };
    });
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      return renderJson(this.settings, this.header, this.data, facts, this.record(event, facts), ECS_ROOM);
    } catch (error) {
      return notRenderable(error);
    }
  }

  private record(event: AuditEvent, facts: EventFacts): string {
    const { type, start } = this.types.get(facts.type);
    const target = targetOf(event, type);
    return `{"@timestamp":"${facts.timestamp}"${start}${facts.id}",${eventMembers(event, facts)}}`
      + optional(',"message":', event.message) + errorMember(event) + userMember(event, target) + groupMember(event) + sourceMember(event.actor.ip) + related(event, target)
      + (event.tenantId === undefined || event.tenantId === '' ? '' : `,"organization":{"id":${quoted(event.tenantId)}}`)
      + this.observer + ownMembers(event, facts) + '}';
  }
}

function eventMembers(event: AuditEvent, { sequence, severity }: EventFacts): string {
  let text = `"severity":${severity},"outcome":${event.outcome === 'success' || event.outcome === 'failure' ? `"${event.outcome}"` : '"unknown"'}`;
  if (sequence !== null) text += `,"sequence":${offsetOf(sequence)}`;
  const received = epochOf(event.receivedAt);
  if (received !== undefined) text += `,"created":${quoted(isoText(event.receivedAt, received))}`;
  return text + optional(',"reason":', event.reason);
}

/** `event.sequence` is a number: the position in the partition. The whole sequence stands in `tidegate.sequence`. */
function offsetOf(sequence: string): number {
  const offset = Number(sequence.slice(sequence.indexOf('.') + 1));
  return Number.isSafeInteger(offset) ? offset : 0;
}

function isoText(text: string, epochMs: number): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? text : new Date(epochMs).toISOString();
}

function errorMember({ outcome, reason, attributes }: AuditEvent): string {
  if (outcome !== 'failure') return '';
  const members = optional(',"message":', reason) + optional(',"code":', textOf(attributes.errorCode));
  return members === '' ? '' : `,"error":{${members.slice(1)}}`;
}

/** Who did it, and whom it was done to. */
function userMember(event: AuditEvent, target: EventObject | undefined): string {
  const { actor } = event;
  let members = optional(',"id":', actor.id) + optional(',"name":', actor.name);
  if (target !== undefined) {
    const targetMembers = optional(',"id":', target.id) + optional(',"name":', target.name) + optional(',"domain":', domainOf(event));
    if (targetMembers !== '') members += `,"target":{${targetMembers.slice(1)}}`;
  }
  return members === '' ? '' : `,"user":{${members.slice(1)}}`;
}

function groupMember(event: AuditEvent): string {
  const { subject } = event;
  if (subject.kind !== 'group') return '';
  const members = optional(',"id":', subject.id) + optional(',"name":', subject.name) + optional(',"domain":', domainOf(event));
  return members === '' ? '' : `,"group":{${members.slice(1)}}`;
}

/** `source.ip` takes addresses alone: anything else would be refused, and the event with it. */
function sourceMember(ip: string | undefined): string {
  if (ip === undefined || ip === '') return '';
  const { kind, text } = addressOf(ip);
  return `,"source":{"address":${quoted(ip)}${kind === 'name' ? '' : `,"ip":"${text}"`}}`;
}

/** All names and addresses in one place, for searches that pivot on them. */
function related({ actor }: AuditEvent, target: EventObject | undefined): string {
  let members = '';
  const names = actor.name ? quoted(actor.name) : '';
  const other = target?.name && target.name !== actor.name ? quoted(target.name) : '';
  if (names !== '' || other !== '') members = `"user":[${names}${names !== '' && other !== '' ? ',' : ''}${other}]`;
  if (actor.ip !== undefined) {
    const { kind, text } = addressOf(actor.ip);
    if (kind !== 'name') members += `${members === '' ? '' : ','}"ip":["${text}"]`;
  }
  return members === '' ? '' : `,"related":{${members}}`;
}
