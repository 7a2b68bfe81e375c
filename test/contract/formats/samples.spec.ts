import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/model/audit-event.js';
import { FORMATS } from '../../../src/outward/formats/index.js';
import { expectedJson } from '../../support/expected-text.js';
import { formatSettings } from '../../support/format-settings.js';
import { parseRecord, type ReceivedRecord } from '../../support/parsers/record.js';
import { SAMPLE_TYPES, sampleEvent } from '../../support/sample-events.js';
import { oneRecord } from '../../support/one-record.js';

const SEQUENCE = '3.1042';
const cases = FORMATS.flatMap((format) => format.headers.map((header) => ({ format, header, name: `${format.outputType} behind ${header}` })));

function received(event: AuditEvent, { format, header }: (typeof cases)[number], settings = {}, sequence: string | null = SEQUENCE): ReceivedRecord {
  const rendered = oneRecord(format.compile(formatSettings({ outputType: format.outputType, header, ...settings })).render(event, sequence));
  return parseRecord(Buffer.from(rendered.text), format.outputType, header);
}

describe.each(cases)('$name', (each) => {
  it.each(SAMPLE_TYPES)('carries id, type and sequence of %s to a strict receiver', (type) => {
    const event = sampleEvent(type);
    const record = received(event, each);
    expect(record).toMatchObject({ id: event.id, type, sequence: SEQUENCE, saysShortened: false });
    if (record.text !== undefined) expect(record.text).toBe(event.message);
    if (record.json !== undefined) expect(record.json).toEqual(expectedJson({ ...event, sequence: SEQUENCE }));
    if (record.cef !== undefined) {
      expect(record.cef).toMatchObject({ version: 0, vendor: 'Tidegate', severity: event.severity });
      expect(record.cef.extension.get('rt')).toBe(String(Date.parse(event.occurredAt)));
      expect(record.cef.extension.get('msg')).toBe(event.message);
    }
  });

  it('leaves the sequence out of an event that never lay in the log', () => {
    const record = received(sampleEvent('siem.test'), each, {}, null);
    expect(record.id).toBeDefined();
    expect(record.sequence).toBeUndefined();
  });

  it('rejects an event without a time, and one that is no event, with the reason', () => {
    const renderer = each.format.compile(formatSettings({ outputType: each.format.outputType, header: each.header }));
    for (const occurredAt of ['yesterday', '2025-13-01T00:00:00.000Z', '2025-01-01', '', 'Tue Mar 04 2025']) {
      expect(renderer.render({ ...sampleEvent('siem.test'), occurredAt }, SEQUENCE)).toEqual({ type: 'reject', code: 'not-renderable', reason: `occurredAt is not an RFC 3339 time: ${JSON.stringify(occurredAt)}` });
    }
    for (const member of ['id', 'type', 'occurredAt', 'actor', 'subject', 'objects', 'outcome', 'severity', 'message', 'attributes', 'changes']) {
      const broken = JSON.parse(JSON.stringify({ ...sampleEvent('siem.test'), [member]: undefined })) as AuditEvent;
      expect(renderer.render(broken, SEQUENCE)).toMatchObject({ type: 'reject', code: 'not-renderable' });
    }
  });

  it('sends any RFC 3339 time as the same instant', () => {
    for (const [occurredAt, instant] of [['2025-03-04T07:06:07+02:00', '2025-03-04T05:06:07.000Z'], ['2024-02-29T23:59:59.999999Z', '2024-02-29T23:59:59.999Z'], ['1969-12-31T23:59:59.500Z', '1969-12-31T23:59:59.500Z']] as const) {
      const record = received({ ...sampleEvent('siem.test'), occurredAt }, each);
      if (each.header === 'rfc5424') expect(record.header?.timestamp).toBe(instant);
      if (record.json) expect(record.json.occurredAt).toBe(instant);
      if (record.leef) expect(record.leef.attributes.get('devTime')).toBe(String(Date.parse(instant)));
      if (record.ocsf) expect(record.ocsf.time).toBe(Date.parse(instant));
      if (record.ecs) expect(record.ecs['@timestamp']).toBe(instant);
      if (record.cef) expect(record.cef.extension.get('rt')).toBe(String(Date.parse(instant)));
    }
  });

  it.each([
    ['21b5:3e:bc1f:bc1e:d832:19da:228.191.128.115', '21b5:3e:bc1f:bc1e:d832:19da:e4bf:8073'], ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'], ['::1.2.3.4%eth0', '::102:304'], ['fe80::1%eth0', 'fe80::1'], ['2001:db8::17', '2001:db8::17'],
  ])('sends the IPv6 address %s by its groups alone, so that no typed field is too short for it', (ip, groups) => {
    const { cef, leef, ocsf, ecs } = received({ ...sampleEvent('audit.user.create'), actor: { kind: 'user', id: 'u-1', ip } }, each);
    if (cef) expect(cef.extension.get('c6a2')).toBe(groups);
    if (leef) expect(leef.attributes.get('src')).toBe(groups);
    if (ocsf) expect(ocsf.src_endpoint).toEqual({ ip: groups });
    if (ecs) expect([ecs.source, (ecs.related as { ip: unknown }).ip]).toEqual([{ address: ip, ip: groups }, [groups]]);
  });

  it.each([['::ffff:192.0.2.33'], ['::FFFF:192.0.2.33%eth0']])('sends the IPv4 address that %s wraps', (ip) => {
    const { cef, leef, ocsf } = received({ ...sampleEvent('audit.user.create'), actor: { kind: 'user', id: 'u-1', ip } }, each);
    if (cef) expect(cef.extension.get('src')).toBe('192.0.2.33');
    if (leef) expect(leef.attributes.get('src')).toBe('192.0.2.33');
    if (ocsf) expect(ocsf.src_endpoint).toEqual({ ip: '192.0.2.33' });
  });

  it('keeps to the octets of the setting on reject, and says how many there are', () => {
    const event = { ...sampleEvent('siem.test'), message: 'ü'.repeat(600), reason: 'ü'.repeat(400) };
    const compile = (maxBytes: number) => each.format.compile(formatSettings({ outputType: each.format.outputType, header: each.header, maxBytes, oversize: 'reject' })).render(event, SEQUENCE);
    const whole = compile(1_000_000);
    const octets = whole.type === 'rendered' ? Buffer.byteLength(whole.text) : 0;
    expect(compile(octets)).toEqual(whole);
    expect(compile(octets - 1)).toEqual({ type: 'reject', code: 'message-too-long', reason: `the message has ${octets} octets, the limit of the integration is ${octets - 1}` });
  });
});

describe('syslog severity', () => {
  it.each([[0, 6], [1, 6], [2, 5], [3, 5], [4, 4], [6, 4], [7, 3], [8, 3], [9, 2], [10, 2], [99, 2], [-1, 6], [Number.NaN, 6]])('makes %s of the event %s', (severity, expected) => {
    const [first] = cases;
    expect(first && received({ ...sampleEvent('siem.test'), severity }, first, { facility: 23 }).header).toMatchObject({ facility: 23, severity: expected });
  });
});
