import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import type { JsonValue } from '../../../model/json.js';
import { type EventFacts, factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { type ShrinkablePart, shrink } from '../shared/shrink.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { fits, octetsOf } from '../shared/utf8.js';
import { clipJson, fitJson } from './json-fit.js';
import { jsonOctets, jsonText } from './json-text.js';

/** One JSON object a record: the event's fields and its `sequence`, in a fixed order. Schema: docs/reference/json-output.schema.json. */
export const jsonFormat: Format = {
  outputType: 'json',
  headers: OUTPUT_HEADERS.json,
  compile: (settings) => new JsonRenderer(settings),
};

/**
 * Fields that may be cut beyond the message limit, those that go first in front. `floorOctets`: below it a field is not cut, only left out;
 * `leastOctets`: it is never left out, but cut further down to this. All others stay whole: they are ours, and short.
 */
const CUT_ORDER: readonly { name: Cuttable; floorOctets: number; leastOctets?: number }[] = [
  { name: 'objects', floorOctets: 200 },
  { name: 'attributes', floorOctets: 200 },
  { name: 'changes', floorOctets: 200 },
  { name: 'receivedAt', floorOctets: Number.POSITIVE_INFINITY },
  { name: 'tenantId', floorOctets: 66 },
  { name: 'reason', floorOctets: 66 },
  { name: 'message', floorOctets: 130 },
  { name: 'correlationId', floorOctets: 66 },
  { name: 'actor', floorOctets: 190 },
  { name: 'subject', floorOctets: 190, leastOctets: 72 },
];
type Cuttable = 'objects' | 'attributes' | 'changes' | 'reason' | 'message' | 'tenantId' | 'correlationId' | 'receivedAt' | 'actor' | 'subject';

/** The record, members in the order of the wire. */
interface JsonRecord {
  id: string;
  sequence?: string;
  type: string;
  occurredAt: string;
  receivedAt?: JsonValue;
  tenantId?: JsonValue;
  actor?: JsonValue;
  subject?: JsonValue;
  objects?: JsonValue;
  outcome: string;
  reason?: JsonValue;
  correlationId?: JsonValue;
  severity: number;
  message?: JsonValue;
  attributes?: JsonValue;
  changes?: JsonValue;
  /** The fields that were cut or left out. */
  truncated?: string[];
}

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
      const record = recordOf(event, facts);
      const before = this.header.before(facts, this.data.identity(facts));
      const text = before + jsonText(record);
      const { maxBytes } = this.settings;
      if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: false };
      if (this.settings.oversize === 'reject') return tooLong(octetsOf(text), maxBytes);
      // Before the event is given up the structured data goes, whose values the object has too.
      return this.shortened(before, record) ?? this.shortened(this.header.before(facts, ''), record) ?? tooLong(octetsOf(text), maxBytes);
    } catch (error) {
      return notRenderable(error);
    }
  }

  private shortened(before: string, whole: JsonRecord): Rendered | null {
    const record: JsonRecord = { ...whole, attributes: withCount(whole.attributes) };
    const parts: RecordPart[] = [];
    for (const { name, floorOctets, leastOctets } of CUT_ORDER) {
      const value = record[name];
      if (value === undefined) continue;
      record[name] = clipJson(value, this.settings.maxBytes);
      parts.push(new RecordPart(record, name, floorOctets, leastOctets));
    }
    // Room for the names of all that might be cut: the list of names must not push out what it speaks of.
    const names = parts.map((part) => part.name);
    const excess = octetsOf(before) + jsonOctets({ ...record, truncated: names }) - this.settings.maxBytes;
    if (shrink(parts, excess) > 0) return null;
    record.truncated = parts.filter((part) => part.cut).map((part) => part.name);
    return { type: 'rendered', text: before + jsonText(record), shortened: true };
  }
}

function recordOf(event: AuditEvent, facts: EventFacts): JsonRecord {
  return {
    id: facts.id,
    sequence: facts.sequence ?? undefined,
    type: facts.type,
    occurredAt: facts.timestamp,
    receivedAt: event.receivedAt,
    tenantId: event.tenantId,
    actor: event.actor as unknown as JsonValue,
    subject: event.subject as JsonValue,
    objects: event.objects as JsonValue,
    outcome: event.outcome,
    reason: event.reason,
    correlationId: event.correlationId,
    severity: facts.severity,
    message: event.message,
    attributes: event.attributes,
    changes: event.changes as unknown as JsonValue,
  };
}

/** A list of items that is cut must still say how many there were. */
function withCount(attributes: JsonValue | undefined): JsonValue | undefined {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return attributes;
  return Array.isArray(attributes.items) && attributes.count === undefined ? { ...attributes, count: attributes.items.length } : attributes;
}

class RecordPart implements ShrinkablePart {
  octets: number;
  cut = false;

  constructor(private readonly record: JsonRecord, readonly name: Cuttable, readonly floorOctets: number, private readonly leastOctets: number | undefined) {
    this.octets = jsonOctets(record[name]);
  }

  cutTo(octets: number): void {
    const part = fitJson(this.record[this.name] ?? null, octets);
    if (part === undefined) {
      if (this.leastOctets === undefined) this.drop();
      return;
    }
    this.record[this.name] = part;
    this.octets = jsonOctets(part);
    this.cut = true;
  }

  drop(): void {
    if (this.leastOctets !== undefined) {
      this.cutTo(this.leastOctets);
      return;
    }
    // `"name":` and a comma.
    const punctuation = this.name.length + 4;
    this.octets = -punctuation;
    delete this.record[this.name];
    this.cut = true;
  }
}
