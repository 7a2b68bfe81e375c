import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { expectedCefValue, expectedJson, expectedSyslogText } from '../../support/expected-text.js';
import { formatSettings } from '../../support/format-settings.js';
import { hostileEvents } from '../../support/hostile-events.js';
import { leastOctets } from '../../support/least-octets.js';
import { parseRecord } from '../../support/parsers/record.js';
import { oneRecord } from '../../support/one-record.js';

const SEQUENCE = '11.987654321';
const corpus = hostileEvents();
/** All limits behind one header; the others, which cost the same room or less, at the usual limit of a datagram. */
const cases = FORMATS.flatMap((format) => format.headers.map((header) => ({ format, header, name: `${format.outputType} behind ${header}`, limits: header === 'rfc5424' ? [...new Set([leastOctets(format.outputType), 1400, 8192])] : [1400] })));
/** Larger than any event of the corpus, so that only the limits of the format itself cut. */
const UNLIMITED = 64 * 1024 * 1024;

function render({ format, header }: (typeof cases)[number], event: AuditEvent, maxBytes: number) {
  const rendered = oneRecord(format.compile(formatSettings({ outputType: format.outputType, header, maxBytes })).render(event, SEQUENCE));
  const octets = Buffer.from(rendered.text);
  return { octets, shortened: rendered.shortened, record: parseRecord(octets, format.outputType, header) };
}

describe.each(cases)('$name', (each) => {
  it('makes one record of each hostile event, with nothing forged and every value back', () => {
    for (const event of corpus) {
      const { record, shortened } = render(each, event, UNLIMITED);
      expect(record).toMatchObject({ id: event.id, type: event.type, sequence: SEQUENCE, saysShortened: shortened });
      if (record.text !== undefined) expect(record.text).toBe(expectedSyslogText(event.message) || 'Request State Changed');
      if (record.json !== undefined) expect(record.json).toEqual(expectedJson({ ...event, sequence: SEQUENCE }));
      if (record.cef !== undefined) expectCefValues(record.cef.extension, event);
    }
  });

  it.each(each.limits)('keeps each of them within %i octets, still whole as a record, and says in the event what was shortened', (maxBytes) => {
    for (const event of corpus) {
      const { octets, record, shortened } = render(each, event, maxBytes);
      expect(octets.length).toBeLessThanOrEqual(maxBytes);
      expect(record).toMatchObject({ id: event.id, type: event.type, sequence: SEQUENCE, saysShortened: shortened });
      if (each.format.outputType !== 'cef' && each.format.outputType !== 'leef' && !shortened) expect(octets).toEqual(render(each, event, UNLIMITED).octets);
      if (record.text !== undefined && record.text !== 'Request State Changed') expect(expectedSyslogText(event.message).startsWith(record.text)).toBe(true);
    }
  });

  it('shows no second start of a CEF or LEEF event to a receiver that searches for one', () => {
    for (const event of corpus) {
      const { octets } = render(each, event, 8192);
      const text = octets.toString('utf8');
      const first = text.search(/(CEF|LEEF):\s*\d/);
      if (each.format.outputType === 'cef') expect(text.slice(first)).toMatch(/^CEF:0\|Tidegate\|Tidegate\|1\|\d+\|/);
      else if (each.format.outputType === 'leef') expect(text.slice(first)).toMatch(/^LEEF:1\.0\|Tidegate\|Tidegate\|1\|[a-z.]+\|/);
      else expect(first).toBe(-1);
    }
  });

  it('is a record on its own in a stream of newline frames and of counted frames', () => {
    const records = corpus.map((event) => render(each, event, 1400).octets);
    const lines = Buffer.concat(records.flatMap((record) => [record, Buffer.from('\n')])).toString('utf8').split('\n');
    expect(lines.length).toBe(corpus.length + 1);
    lines.slice(0, -1).forEach((line, index) => expect(parseRecord(Buffer.from(line), each.format.outputType, each.header).id).toBe(corpus[index]?.id));
  });
});

/** The single fields whose value the key takes as it is. */
function expectCefValues(extension: Map<string, string>, event: AuditEvent): void {
  const expected: [string, string | undefined, number][] = [
    ['suser', event.actor.name, 1023], ['suid', event.actor.id, 1023], ['reason', event.reason ?? stringOf(event.attributes.errorCode), 1023], ['msg', event.message, 1023],
    ['TidegateTenantId', event.tenantId, 255], ['TidegateCorrelationId', event.correlationId, 255], ['act', stringOf(event.attributes.action), 63],
    ['cs1', stringOf(event.attributes.request) ?? event.subject.id, 4000], ['cs2', event.subject.name || event.subject.id, 4000],
  ];
  if (event.subject.kind === 'domain') expected[7] = ['cs1', undefined, 4000];
  else if (event.subject.kind !== 'request') expected[7] = ['cs1', stringOf(event.attributes.request), 4000];
  for (const [key, value, maxOctets] of expected) expect([event.id, key, extension.get(key) ?? '']).toEqual([event.id, key, expectedCefValue(value ?? '', maxOctets)]);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
