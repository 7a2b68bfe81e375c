import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import { eventTypeOf, type EventType } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { type EventFacts, factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { fits, octetsOf } from '../shared/utf8.js';
import { escapeHeader } from './cef-escape.js';
import { writePairs } from './cef-mapping.js';
import { FastPairWriter, ShorteningPairWriter } from './cef-writer.js';

/** ArcSight Common Event Format: constants in the header, the event in the extension (`cef-fields.ts`). */
export const cefFormat: Format = {
  outputType: 'cef',
  headers: OUTPUT_HEADERS.cef,
  compile: (settings) => new CefRenderer(settings),
};

/** What a type contributes: the same text for each of its events. */
interface CompiledType {
  type: EventType;
  /** `CEF:0|vendor|product|version|id|name|` */
  header: string;
}

const TYPES_KEPT = 2000;

class CefRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;
  private readonly start: string;
  private readonly types = new Map<string, CompiledType>();

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
    const { version, vendor, product, deviceVersion } = settings.cef;
    this.start = `CEF:${version}|${escapeHeader(vendor, 63)}|${escapeHeader(product, 63)}|${escapeHeader(deviceVersion, 31)}|`;
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      const { type, header } = this.compiledType(facts.type);
      const out = new FastPairWriter();
      writePairs(out, event, facts, type, this.settings.hostname);
      const cef = `${header}${facts.severity}|`;
      const text = this.header.before(facts, this.data.identity(facts)) + cef + out.finish();
      const { maxBytes } = this.settings;
      if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: out.cutFields > 0 };
      if (this.settings.oversize === 'reject') return tooLong(octetsOf(text), maxBytes);
      return this.shortened(event, facts, type, cef) ?? tooLong(octetsOf(text), maxBytes);
    } catch (error) {
      return notRenderable(error);
    }
  }

  /** Fields are cut, then dropped, by their `cutOrder`; before the event is given up the structured data goes, whose values the extension has too. */
  private shortened(event: AuditEvent, facts: EventFacts, type: EventType, cef: string): Rendered | null {
    for (const structuredData of [this.data.identity(facts), '']) {
      const before = this.header.before(facts, structuredData) + cef;
      const out = new ShorteningPairWriter();
      writePairs(out, event, facts, type, this.settings.hostname);
      const pairs = out.finish(this.settings.maxBytes - octetsOf(before));
      if (pairs !== null) return { type: 'rendered', text: before + pairs, shortened: true };
    }
    return null;
  }

  private compiledType(id: string): CompiledType {
    const known = this.types.get(id);
    if (known !== undefined) return known;
    const type = eventTypeOf(id) ?? unknownType(id);
    const compiled: CompiledType = { type, header: `${this.start}${type.cefId}|${escapeHeader(type.name, 512)}|` };
    if (this.types.size >= TYPES_KEPT) this.types.clear();
    this.types.set(id, compiled);
    return compiled;
  }
}

/** A type that a later release wrote into the log: it is sent all the same. */
function unknownType(id: string): EventType {
  return { id, name: 'Event', group: 'audit', cefId: 1000, severity: 0, template: '', subjectKind: '', attributes: [], required: [], reserved: false, description: '' };
}
