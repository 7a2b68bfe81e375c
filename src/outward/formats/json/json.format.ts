import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import type { StoredEvent } from '../../../model/event-envelope.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import type { JsonObject } from '../../../model/json.js';
import { type EventFacts, factsOf, factsOfStored, notRenderable, noTime } from '../shared/event-facts.js';
import { isObject } from '../shared/json-path.js';
import { type JsonRoom, renderJson } from '../shared/json-record.js';
import { jsonText } from '../shared/json-text.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';

/** One JSON object a record: the event's fields and its `sequence`, in a fixed order. Schema: docs/reference/json-output.schema.json. */
export const jsonFormat: Format = {
  outputType: 'json',
  headers: OUTPUT_HEADERS.json,
  compile: (settings) => new JsonRenderer(settings),
};

/** Beyond the message limit. What is not named here stays whole: it is ours, and short. */
const ROOM: JsonRoom = {
  cutOrder: [
    { path: ['objects'], floorOctets: 200 },
    { path: ['attributes'], floorOctets: 200 },
    { path: ['changes'], floorOctets: 200 },
    { path: ['receivedAt'], floorOctets: Number.POSITIVE_INFINITY },
    { path: ['tenantId'], floorOctets: 66 },
    { path: ['reason'], floorOctets: 66 },
    { path: ['message'], floorOctets: 130 },
    { path: ['correlationId'], floorOctets: 66 },
    { path: ['actor'], floorOctets: 190 },
    { path: ['subject'], floorOctets: 190, leastOctets: 72 },
  ],
  beforeCutting: countItems,
  truncated: ['truncated'],
  spread: [...['message', 'actor', 'subject', 'reason', 'correlationId', 'tenantId', 'receivedAt', 'changes'].map((name) => ({ path: [name] })), { path: ['attributes'], byMember: true }, { path: ['objects'] }],
  part: { number: ['part'], of: ['parts'] },
};

class JsonRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      return renderJson(this.settings, this.header, this.data, facts, jsonText(recordOf(event, facts)), ROOM);
    } catch (error) {
      return notRenderable(error);
    }
  }

  /** Printable ASCII in front, so characters are octets. */
  renderStored(stored: StoredEvent): string | null {
    const text = this.settings.header === 'none' ? '' : this.beforeStored(stored);
    return text.length + stored.size <= this.settings.maxBytes ? text : null;
  }

  private beforeStored(stored: StoredEvent): string {
    const facts = factsOfStored(stored);
    return this.header.before(facts, this.data.identity(facts));
  }
}

/** The record, members in the order of the wire. `encodeEnvelope` knows them, too. */
function recordOf(event: AuditEvent, facts: EventFacts): object {
  return {
    id: facts.id,
    sequence: facts.sequence ?? undefined,
    type: facts.type,
    occurredAt: facts.timestamp,
    receivedAt: event.receivedAt,
    tenantId: event.tenantId,
    actor: event.actor,
    subject: event.subject,
    objects: event.objects,
    outcome: event.outcome,
    reason: event.reason,
    correlationId: event.correlationId,
    severity: facts.severity,
    message: event.message,
    attributes: event.attributes,
    changes: event.changes,
  };
}

/** A list of items that is cut must still say how many there were. */
function countItems({ attributes }: JsonObject): void {
  if (isObject(attributes) && Array.isArray(attributes.items) && attributes.count === undefined) attributes.count = attributes.items.length;
}
