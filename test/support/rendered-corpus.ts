import type { AuditEvent } from '../../src/model/audit-event.js';
import type { HeaderStyle, OutputType } from '../../src/model/integration.js';
import { formatFor } from '../../src/outward/formats/index.js';
import { formatSettings } from './format-settings.js';
import { hostileEvents } from './hostile-events.js';
import { SAMPLE_TYPES, sampleEvent } from './sample-events.js';
import { oneRecord } from './one-record.js';

export interface CorpusRecord {
  event: AuditEvent;
  sequence: string;
  octets: Buffer;
}

/** The samples and the hostile corpus as one integration would send them. @throws Error when one cannot be rendered */
export function renderedCorpus(outputType: OutputType, header: HeaderStyle, maxBytes = 8192): CorpusRecord[] {
  const renderer = formatFor(outputType).compile(formatSettings({ outputType, header, maxBytes }));
  return [...SAMPLE_TYPES.map(sampleEvent), ...hostileEvents()].map((event, index) => {
    const sequence = `2.${index}`;
    const rendered = oneRecord(renderer.render(event, sequence));
    return { event, sequence, octets: Buffer.from(rendered.text) };
  });
}
