import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import type { JsonObject } from '../../../model/json.js';
import { type EventFacts, factsOf, notRenderable, noTime } from '../shared/event-facts.js';
import { countOf, epochOf, targetOf, textOf } from '../shared/event-meaning.js';
import { optional, quoted } from '../shared/json-quote.js';
import { renderJson } from '../shared/json-record.js';
import { jsonText } from '../shared/json-text.js';
import { knownType } from '../shared/known-type.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { activityOf } from './ocsf-activity.js';
import { classText, OCSF_CLASSES, OCSF_SEVERITY, OCSF_STATUS, type OcsfActivity } from './ocsf-classes.js';
import { OCSF_ROOM } from './ocsf-room.js';
import { actorMembers, subjectMembers } from './ocsf-objects.js';

/** Open Cybersecurity Schema Framework: one JSON object a record. What the schema has no attribute for stands in `unmapped`. */
export const ocsfFormat: Format = {
  outputType: 'ocsf',
  headers: OUTPUT_HEADERS.ocsf,
  compile: (settings) => new OcsfRenderer(settings),
};

const ACTIVITIES_KEPT = 2000;

class OcsfRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;
  private readonly start: string;
  private readonly activities = new Map<string, string>();

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
    const { version, vendor, product } = settings.ocsf;
    // `vendor_name` was required up to 1.3.0; receivers of later versions expect it all the same.
    this.start = `{"metadata":{"version":"${version}","product":{"name":${quoted(product)},"vendor_name":${quoted(vendor)}},"log_name":"tidegate.events","uid":"`;
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      return renderJson(this.settings, this.header, this.data, facts, this.record(event, facts), OCSF_ROOM);
    } catch (error) {
      return notRenderable(error);
    }
  }

  private record(event: AuditEvent, facts: EventFacts): string {
    const type = knownType(facts.type);
    const target = targetOf(event, type);
    const activity = activityOf(event, type, target);
    const count = countOf(event);
    return this.metadata(event, facts)
      + `,"time":${facts.epochMs},${this.classText(activity)},${OCSF_SEVERITY[facts.severity]},${OCSF_STATUS[event.outcome] ?? OCSF_STATUS.unknown}`
      + optional(',"status_code":', textOf(event.attributes.errorCode)) + optional(',"status_detail":', event.reason) + optional(',"message":', event.message)
      + (count !== undefined && count >= 0 ? `,"count":${count}` : '')
      + subjectMembers(activity.in, event, target, this.settings.ocsf.product) + actorMembers(activity.in, event.actor)
      + unmapped(activity, event, facts);
  }

  private metadata(event: AuditEvent, facts: EventFacts): string {
    const received = epochOf(event.receivedAt);
    const { sequence } = facts;
    return `${this.start}${facts.id}","event_code":"${facts.type}","original_time":"${facts.timestamp}"`
      + (sequence === null ? '' : `,"sequence":${offsetOf(sequence)}`) + (received === undefined ? '' : `,"logged_time":${received}`)
      + optional(',"tenant_uid":', event.tenantId) + optional(',"correlation_uid":', event.correlationId) + '}';
  }

  private classText(activity: OcsfActivity): string {
    const key = `${activity.in} ${activity.id} ${activity.name ?? ''}`;
    const known = this.activities.get(key);
    if (known !== undefined) return known;
    const text = classText(activity);
    if (this.activities.size >= ACTIVITIES_KEPT) this.activities.clear();
    this.activities.set(key, text);
    return text;
  }
}

/** The schema has room for a number: the position in the partition; the whole sequence stands in `unmapped`. */
function offsetOf(sequence: string): number {
  const offset = Number(sequence.slice(sequence.indexOf('.') + 1));
  return Number.isSafeInteger(offset) ? offset : 0;
}

/** What the class has no attribute for, as it is in the event. */
function unmapped(activity: OcsfActivity, event: AuditEvent, facts: EventFacts): string {
  const { actor, endpoint } = OCSF_CLASSES[activity.in];
  let text = `,"unmapped":{"severity":${facts.severity}`;
  if (facts.sequence !== null) text += `,"sequence":"${facts.sequence}"`;
  if (!actor || !endpoint) text += `,"actor":${jsonText(event.actor)}`;
  text += `,"subject":${jsonText(event.subject)}`;
  if (event.objects.length > 0) text += `,"objects":${jsonText(event.objects)}`;
  if (hasMembers(event.attributes)) text += `,"attributes":${jsonText(event.attributes)}`;
  if (event.changes.length > 0) text += `,"changes":${jsonText(event.changes)}`;
  return `${text}}}`;
}

function hasMembers(attributes: JsonObject): boolean {
  for (const name in attributes) if (attributes[name] !== undefined) return true;
  return false;
}
