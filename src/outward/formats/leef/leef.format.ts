import type { Format, FormatSettings, Rendered, Renderer } from '../../../contracts/format.js';
import type { AuditEvent } from '../../../model/audit-event.js';
import type { EventType } from '../../../model/event-types.js';
import { OUTPUT_HEADERS } from '../../../model/integration.js';
import { type EventFacts, factsOf, notRenderable, noTime, tooLong } from '../shared/event-facts.js';
import { compileExtraPairs, writeExtraPairs, type ExtraPair } from '../shared/extra-fields.js';
import { FastPairs } from '../shared/fast-pairs.js';
import { TypeCache } from '../shared/known-type.js';
import type { PairStyle } from '../shared/pair-fields.js';
import { ShortenedPairs } from '../shared/shortened-pairs.js';
import { renderedParts } from '../shared/split.js';
import { SplitPairs } from '../shared/split-pairs.js';
import { StructuredData } from '../shared/structured-data.js';
import { compileHeader, type SyslogHeader } from '../shared/syslog-header.js';
import { fits, octetsOf } from '../shared/utf8.js';
import { leefStyle } from './leef-fields.js';
import { compileLeefFields, type LeefFields, writePairs } from './leef-mapping.js';
import { headerText } from './leef-text.js';

/** IBM QRadar's Log Event Extended Format: constants in the header, the event in the attributes (`leef-fields.ts`). */
export const leefFormat: Format = {
  outputType: 'leef',
  headers: OUTPUT_HEADERS.leef,
  compile: (settings) => new LeefRenderer(settings),
};

class LeefRenderer implements Renderer {
  private readonly header: SyslogHeader;
  private readonly data: StructuredData;
  private readonly style: PairStyle;
  private readonly fields: LeefFields;
  private readonly types: TypeCache<{ type: EventType; start: string }>;
  private readonly extra: readonly ExtraPair[];

  constructor(private readonly settings: FormatSettings) {
    this.header = compileHeader(settings, false);
    this.data = new StructuredData(settings.enterpriseNumber);
    const { version, vendor, product, deviceVersion, delimiter } = settings.leef;
    // LEEF 1.0 has the tab alone. In 2.0 it is said, never left out: receivers differ in what they take for the rest of the header then.
    const character = version === '1.0' || delimiter === 'tab' ? '\t' : delimiter;
    const end = version === '1.0' ? '' : `${character === '\t' ? 'x09' : character}|`;
    const start = `LEEF:${version}|${headerText(vendor, 63)}|${headerText(product, 63)}|${headerText(deviceVersion, 31)}|`;
    this.style = leefStyle(character);
    this.fields = compileLeefFields(character);
    this.extra = compileExtraPairs(settings.extraFields, character);
    this.types = new TypeCache((type) => ({ type, start: `${start}${type.id}|${end}` }));
  }

  render(event: AuditEvent, sequence: string | null): Rendered {
    try {
      const facts = factsOf(event, sequence);
      if (facts === null) return noTime(event);
      const { type, start } = this.types.get(facts.type);
      const out = new FastPairs(this.style);
      writePairs(out, this.fields, event, facts, type, this.settings.hostname);
      writeExtraPairs(out, this.extra);
      const text = this.header.before(facts, this.data.identity(facts)) + start + out.finish();
      const { maxBytes } = this.settings;
      if (fits(text, maxBytes)) return { type: 'rendered', text, shortened: out.shortened };
      switch (this.settings.oversize) {
        case 'reject': return tooLong(octetsOf(text), maxBytes);
        case 'shorten': return this.shortened(event, facts, type, start) ?? tooLong(octetsOf(text), maxBytes);
        case 'split': return this.split(event, facts, type, start);
      }
    } catch (error) {
      return notRenderable(error);
    }
  }

  /** Attributes are cut, then dropped, by their `cutOrder`; before the event is given up the structured data goes, whose values the attributes have too. */
  private shortened(event: AuditEvent, facts: EventFacts, type: EventType, start: string): Rendered | null {
    for (const structuredData of [this.data.identity(facts), '']) {
      const before = this.header.before(facts, structuredData) + start;
      const out = new ShortenedPairs(this.style);
      writePairs(out, this.fields, event, facts, type, this.settings.hostname);
      writeExtraPairs(out, this.extra);
      const pairs = out.finish(this.settings.maxBytes - octetsOf(before));
      if (pairs !== null) return { type: 'rendered', text: before + pairs, shortened: true };
    }
    return null;
  }

  private split(event: AuditEvent, facts: EventFacts, type: EventType, start: string): Rendered {
    const { maxBytes, hostname } = this.settings;
    const before = this.header.before(facts, this.data.identity(facts)) + start;
    const out = new SplitPairs(this.style);
    writePairs(out, this.fields, event, facts, type, hostname);
    writeExtraPairs(out, this.extra);
    const outcome = out.finish(maxBytes - octetsOf(before));
    return renderedParts(outcome.type === 'parts' ? { type: 'parts', parts: outcome.parts.map((pairs) => before + pairs) } : outcome, maxBytes);
  }
}
