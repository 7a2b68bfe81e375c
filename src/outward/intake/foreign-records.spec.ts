import { describe, expect, it } from '@jest/globals';
import { settingsFrom } from '../../config/settings.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { EventCheck } from './event-check.js';
import { ForeignRecords, type ForeignOutcome } from './foreign-records.js';

const settings = settingsFrom({ intake: { eventBytes: 5000 } });
const foreign = new ForeignRecords(settings, new EventCheck(settings));
const timestamp = Date.parse('2026-11-02T10:11:12.345Z');
const envelope = (more: Record<string, unknown> = {}) => ({ specversion: '1.0', id: 'e-1', source: '/idm', type: 'account.provisioned', subject: 'acc-1', data: { attributes: { domain: 'example.com' } }, ...more });
const read = (value: unknown, headers?: Record<string, string>): ForeignOutcome => foreign.read({ value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), timestamp, ...(headers ? { headers } : {}) });
const event = (outcome: ForeignOutcome) => {
  if (outcome.type === 'refused') throw new Error(outcome.reason);
  return outcome.enveloped.event;
};

describe('records that others wrote into the topic', () => {
  it('are completed as at the door, with the time at which the log took them', () => {
    const outcome = read(envelope({ time: '2026-11-02T11:00:00+01:00' }));
    expect(event(outcome)).toMatchObject({
      id: 'e-1', type: 'account.provisioned', occurredAt: '2026-11-02T10:00:00.000Z', receivedAt: '2026-11-02T10:11:12.345Z', subject: { kind: 'account', id: 'acc-1' }, actor: { kind: 'system' }, severity: 3,
    });
    expect(event(outcome).message).toContain('acc-1');
    expect(outcome).toMatchObject({ enveloped: { producer: 'external', source: '/idm' } });
  });

  it('bear a stamp that nothing in them can change', () => {
    const outcome = read(envelope({ tidegateproducer: 'tidegate', producedby: 'x', data: { attributes: { domain: 'example.com', producedBy: 'tidegate' } } }));
    expect(event(outcome).attributes).toMatchObject({ producedBy: 'external' });
    expect(JSON.stringify(outcome)).not.toContain('"tidegate"');
  });

  it('give the same event each time they are read, also under an id that cannot be kept', () => {
    const first = event(read(envelope({ id: 'an id with spaces' })));
    expect(event(read(envelope({ id: 'an id with spaces' })))).toEqual(first);
    expect(first.attributes).toMatchObject({ producerId: 'an id with spaces' });
  });

  it('are masked', () => {
    expect(event(read(envelope({ data: { attributes: { domain: 'd', password: 'hunter2' } } }))).attributes).toMatchObject({ password: '***' });
  });

  it('may come in binary mode, with the envelope in headers', () => {
    const outcome = read({ attributes: { domain: 'example.com' } }, { ce_specversion: '1.0', ce_id: 'b-1', ce_source: '/idm', ce_type: 'account.provisioned', ce_subject: 'acc-2', 'content-type': 'application/json' });
    expect(event(outcome)).toMatchObject({ id: 'b-1', subject: { id: 'acc-2' } });
  });

  it.each([
    ['no JSON', 'not json', 'not a JSON object'],
    ['a list', '[]', 'not a JSON object'],
    ['nothing', '', 'not a JSON object'],
    ['a plain event without envelope', { type: 'account.provisioned', subject: { id: 'a' } }, '/specversion is missing'],
    ['no id', envelope({ id: undefined }), '/id is missing'],
    ['a type that is not known', envelope({ type: 'account.eaten' }), 'is no type of the catalogue'],
    ['a type that only Tidegate sends', envelope({ type: 'siem.state.changed' }), 'only Tidegate itself sends'],
    ['a mitigation', envelope({ type: 'mitigation.alert.processed' }), 'only Tidegate itself sends'],
    ['an audit record of an object of ours', envelope({ type: 'audit.integration.delete', data: { subject: { kind: 'integration', id: 'i' } } }), 'only Tidegate itself sends'],
    ['what the type asks for is missing', envelope({ data: {} }), '/data/attributes/domain is missing'],
    ['a time to come', envelope({ time: '2030-01-01T00:00:00Z' }), '/time'],
    ['too large', envelope({ data: { attributes: { domain: 'd', text: 'x'.repeat(6000) } } }), 'intake.eventBytes'],
    ['too deep', envelope({ data: { attributes: { domain: 'd', deep: JSON.parse('['.repeat(50) + ']'.repeat(50)) as unknown } } }), 'intake.depth'],
    ['data that is no JSON', envelope({ datacontenttype: 'text/plain', data: 'x' }), 'the data of an event is JSON'],
    ['attributes that are no object', envelope({ data: { attributes: 'x' } }), '/data/attributes'],
  ])('are refused with the place and the reason: %s', (_what, value, reason) => {
    const outcome = read(value);
    expect(outcome.type).toBe('refused');
    expect(outcome.type === 'refused' ? outcome.reason : '').toContain(reason);
  });

  it('are refused when they are no UTF-8', () => {
    expect(foreign.read({ value: Buffer.from([0x7b, 0xff, 0x7d]), timestamp })).toEqual({ type: 'refused', reason: 'the record is not JSON in UTF-8' });
  });

  it('do not pass for ours when they repeat a record of ours octet for octet', () => {
    for (const type of ['siem.state.changed', 'account.provisioned']) {
      const outcome = foreign.read({ value: encodeEnvelope({ event: sampleEvent(type), producer: 'tidegate', source: 'tidegate:producer/tidegate' }), timestamp });
      expect(outcome.type).toBe('refused');
    }
  });
});
