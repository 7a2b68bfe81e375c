import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { type EventFacts, factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { compileExtraPairs, writeExtraPairs, type ExtraPair } from '../shared/extra-fields.js';
import { FastPairs } from '../shared/fast-pairs.js';
import { TypeCache } from '../shared/known-type.js';
import { ShortenedPairs } from '../shared/shortened-pairs.js';
import { SplitPairs } from '../shared/split-pairs.js';
import { renderedParts } from '../shared/split.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { fits, octetsOf } from '../shared/utf8.js';
import { escapeHeader } from './cef-escape.js';
import { CEF_STYLE } from './cef-fields.js';
import { writePairs } from './cef-mapping.js';

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

class CefRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;
  private readonly types: TypeCache<CompiledType>;
  private readonly extra: readonly ExtraPair[];

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
    const { version, vendor, product, deviceVersion } = settings.cef;
    const start = `CEF:${version}|${escapeHeader(vendor, 63)}|${escapeHeader(product, 63)}|${escapeHeader(deviceVersion, 31)}|`;
    this.extra = compileExtraPairs(settings.extraFields, CEF_STYLE.separator);
    this.types = new TypeCache((type) => ({ type, header: `${start}${type.cefId}|${escapeHeader(type.name, 512)}|` }));
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      const { type, header } = this.types.get(facts.type);
      const out = new FastPairs(CEF_STYLE);
      writePairs(out, event, facts, type, this.settings.hostname);
      writeExtraPairs(out, this.extra);
      const cef = `${header}${facts.severity}|`;
      const text = this.header.before(facts, this.data.identity(facts)) + cef + out.finish();
      const { maxBytes } = this.settings;
      if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: out.shortened };
      switch (this.settings.oversize) {
        case 'reject': return tooLong(octetsOf(text), maxBytes);
        case 'shorten': return this.shortened(event, facts, type, cef) ?? tooLong(octetsOf(text), maxBytes);
        case 'split': return this.split(event, facts, type, cef);
      }
    } catch (error) {
      return notRenderable(error);
    }
  }

  /** Fields are cut, then dropped, by their `cutOrder`; before the event is given up the structured data goes, whose values the extension has too. */
  private shortened(event: AuditEvent, facts: EventFacts, type: EventType, cef: string): Rendered | null {
    for (const structuredData of [this.data.identity(facts), '']) {
      const before = this.header.before(facts, structuredData) + cef;
      const out = new ShortenedPairs(CEF_STYLE);
      writePairs(out, event, facts, type, this.settings.hostname);
      writeExtraPairs(out, this.extra);
      const pairs = out.finish(this.settings.maxBytes - octetsOf(before));
      if (pairs !== null) return { type: 'rendered', text: before + pairs, shortened: true };
    }
    return null;
  }

  private split(event: AuditEvent, facts: EventFacts, type: EventType, cef: string): Rendered {
    const { maxBytes, hostname } = this.settings;
    const before = this.header.before(facts, this.data.identity(facts)) + cef;
    const out = new SplitPairs(CEF_STYLE);
    writePairs(out, event, facts, type, hostname);
    writeExtraPairs(out, this.extra);
    const outcome = out.finish(maxBytes - octetsOf(before));
    return renderedParts(outcome.type === 'parts' ? { type: 'parts', parts: outcome.parts.map((pairs) => before + pairs) } : outcome, maxBytes);
  }
}
