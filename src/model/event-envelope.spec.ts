import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from './audit-event.js';
import { decodeEnvelope, decodeEvent, encodeEnvelope } from './event-envelope.js';
import { SAMPLE_TYPES, sampleEvent } from './sample-events.js';

const HOSTILE = ['', ',"data":{', '"},"data":{"id":"forged","type":"x"}', '\\', '{}', '\u2028 Zoë 😀', '\ud800'];

describe('the event of a record', () => {
  it.each(SAMPLE_TYPES)('of type %s is the same without its envelope as with it', (type) => {
    for (const text of HOSTILE) {
      const event: AuditEvent = { ...sampleEvent(type), id: `e-1${text}`, subject: { kind: 'account', id: text, name: text }, message: text, attributes: { [text]: { data: { id: text } }, data: { data: {} } } };
      const record = encodeEnvelope({ event, producer: `p${text}`, source: text });
      expect(decodeEvent(record)).toEqual(decodeEnvelope(record).event);
    }
  });

  it('is read as a whole where it is not as we write it', () => {
    const event = sampleEvent('account.provisioned');
    const odd = [
      { specversion: '1.0', data: event, source: 's' },
      { data: event, specversion: '1.0' },
      { specversion: '1.0', id: 'x', other: { data: {} }, data: event },
    ];
    for (const envelope of odd) expect(decodeEvent(Buffer.from(JSON.stringify(envelope)))).toEqual(JSON.parse(JSON.stringify(event)));
    expect(decodeEvent(Buffer.from(JSON.stringify(odd[0], null, 2)))).toEqual(JSON.parse(JSON.stringify(event)));
  });

  it('is refused where there is none', () => {
    for (const text of ['', '{}', '[1]', '{"specversion":"1.0","data":{"id":"a","type":"b"}', '{"specversion":"1.0","data":{"id":"a","type":"b"}}}', '{"specversion":"1.0","data":{"id":"a"}}', '{"specversion":"1.0","id":"a","data":[]}', '{"specversion":"0.3","id":"a","data":{"id":"a","type":"b"}}']) {
      expect(() => decodeEvent(Buffer.from(text))).toThrow();
    }
  });
});
