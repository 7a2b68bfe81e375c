import { describe, expect, it } from '@jest/globals';
import { integrationSchema, type IntegrationSettings } from '../../model/integration.js';
import { sampleEvent } from '../../model/sample-events.js';
import { shapeOf, wiredTexts } from './shape.js';

const event = { ...sampleEvent('account.provisioned'), id: 'e-"1"', occurredAt: '2026-11-02T10:11:12.345Z' };
const settings = (protocol: IntegrationSettings['protocol'], connection: object = {}, more: object = {}): IntegrationSettings =>
  integrationSchema.parse({ name: 'n', serverUrl: 'https://siem', port: 443, protocol, framing: 'newline', outputType: 'json', header: 'none', connection, output: { hostname: 'gate.example.org' }, ...more });
const wrap = (of: IntegrationSettings, texts: readonly string[], sequence: string | null = '2.7') => wiredTexts(shapeOf(of, 'machine'), texts, event, sequence);

describe('the envelope of an event', () => {
  it('is a line, or nothing where the transport writes the array', () => {
    expect(wrap(settings('http'), ['{"a":1}'])).toEqual(['{"a":1}\n']);
    expect(wrap(settings('http', { http: { body: 'json-array' } }), ['{"a":1}'])).toEqual(['{"a":1}']);
  });

  it('is a CloudEvent in structured JSON, its data the rendered event', () => {
    const [text = ''] = wrap(settings('http', { http: { body: 'cloudevents-batch' } }), ['{"a":1}']);
    expect(JSON.parse(text)).toEqual({ specversion: '1.0', id: event.id, source: '//gate.example.org/tidegate', type: event.type, time: event.occurredAt, sequence: '2.7', datacontenttype: 'application/json', data: { a: 1 } });
  });

  it('is a HEC object with the time in seconds, the event as JSON or as text', () => {
    const [json = ''] = wrap(settings('splunk-hec', { splunk: { index: 'identity' } }), ['{"a":1}']);
    expect(json.endsWith('}\n')).toBe(true);
    expect(json).toContain('"time":1793614272.345,');
    expect(JSON.parse(json)).toEqual({ time: 1793614272.345, host: 'gate.example.org', source: 'tidegate', sourcetype: '_json', index: 'identity', fields: { tidegate_id: event.id, tidegate_sequence: '2.7' }, event: { a: 1 } });
    const [text = ''] = wrap(settings('splunk-hec', { splunk: { source: 's', sourcetype: 't' } }, { outputType: 'cef' }), ['CEF:0|a "b"'], null);
    expect(JSON.parse(text)).toEqual({ time: 1793614272.345, host: 'gate.example.org', source: 's', sourcetype: 't', fields: { tidegate_id: event.id }, event: 'CEF:0|a "b"' });
    expect(JSON.parse(wrap(settings('splunk-hec', {}, { outputType: 'cef' }), ['CEF:0'])[0] ?? '')).toMatchObject({ sourcetype: 'cef' });
  });

  it('is a create action with the id, and the document with its time', () => {
    expect(wrap(settings('elastic-bulk'), ['{"a":1}'])).toEqual([`{"create":{"_id":${JSON.stringify(event.id)}}}\n{"@timestamp":"2026-11-02T10:11:12.345Z","a":1}\n`]);
  });

  it('gives each part of a split event an id of its own', () => {
    expect(wrap(settings('elastic-bulk'), ['{"a":1}', '{"a":2}']).map((text) => (JSON.parse(text.split('\n')[0] ?? '') as { create: { _id: string } }).create._id)).toEqual([`${event.id}.1`, `${event.id}.2`]);
  });

  it('is part of the shape: equal settings share a rendering, others do not, and secrets play no role', () => {
    const key = (connection: object) => shapeOf(settings('splunk-hec', connection), 'machine').key;
    expect(key({ http: { token: 'a' } })).toBe(key({ http: { token: 'b', gzip: true } }));
    expect(key({ splunk: { index: 'a' } })).not.toBe(key({ splunk: { index: 'b' } }));
    expect(shapeOf(settings('tcp'), 'machine').envelope).toBeUndefined();
  });
});
