import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostileEvents } from '../../test/support/hostile-events.js';
import { randomEvent } from '../../test/support/random-events.js';
import type { AuditEvent } from './audit-event.js';
import { parseEvent } from './event-parser.js';
import { SAMPLE_TYPES, sampleEvent } from './sample-events.js';

/** As JSON, its members in the order in which events are stored. */
function stored({ id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes }: AuditEvent): string {
  return JSON.stringify({ id, type, occurredAt, receivedAt, tenantId, actor, subject, objects, outcome, reason, correlationId, severity, message, attributes, changes });
}

const PLAIN = stored({
  ...sampleEvent('account.provisioned'), tenantId: 't-1', reason: 'why', correlationId: 'c-1',
  attributes: { domain: 'corp', n: 12.5e-3, list: [1, 'two', null, true, false, {}, []], nested: { deep: { deeper: [[{}]] } } }, changes: [{ field: 'state', old: 'a', new: 'b' }, { field: 'owner', old: null }, { field: 'x', new: [1] }, { field: 'y' }],
});

/** What `JSON.parse` says, or undefined where it refuses. */
function parsed(octets: Buffer): unknown {
  try {
    return JSON.parse(octets.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Whether it was read: then it is what `JSON.parse` gives, in the same order. */
function isRead(octets: Buffer): boolean {
  const around = Buffer.concat([Buffer.from('{"x":'), octets, Buffer.from('}')]);
  const event = parseEvent(around, 5, 5 + octets.length);
  if (event === undefined) return false;
  const expected = parsed(octets);
  if (!isDeepStrictEqual(event, expected)) expect(event).toStrictEqual(expected);
  if (JSON.stringify(event) !== JSON.stringify(expected)) throw new Error('its members are in another order');
  return true;
}

const read = (text: string): boolean => isRead(Buffer.from(text, 'utf8'));
const withAttributes = (json: string): string => PLAIN.replace(/"attributes":.*,"changes"/, () => `"attributes":${json},"changes"`);

describe('an event that lies in the log as we write it', () => {
  it.each(SAMPLE_TYPES)('of type %s is read', (type) => {
    const event = sampleEvent(type);
    for (const tenantId of [undefined, 't']) for (const reason of [undefined, 'r']) for (const correlationId of [undefined, 'c']) {
      expect(read(stored({ ...event, tenantId, reason, correlationId }))).toBe(true);
    }
    for (const id of [undefined, 'a']) for (const name of [undefined, 'n']) for (const ip of [undefined, 'i']) expect(read(stored({ ...event, actor: { kind: 'user', id, name, ip } }))).toBe(true);
  });

  it('is read with any text', () => {
    let count = 0;
    for (const event of hostileEvents()) if (read(stored(event))) count++;
    expect(count).toBeGreaterThan(40);
  });

  it('is what JSON.parse gives, whatever it holds', () => {
    fc.assert(fc.property(randomEvent(1), (event) => { read(stored(event)); }), { numRuns: 500 });
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (json) => { read(withAttributes(json)); }), { numRuns: 500 });
    fc.assert(fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (attributes) => {
      expect(read(withAttributes(JSON.stringify(attributes)))).toBe(!JSON.stringify(attributes).includes('"__proto__":'));
    }), { numRuns: 500 });
  });

  it('is read where it is as long as the room and left to others where it is longer', () => {
    const rest = Buffer.byteLength(withAttributes('{"x":""}'));
    for (const [octets, expected] of [[65_472, true], [65_473, false], [200_000, false]] as const) expect(read(withAttributes(`{"x":"${'a'.repeat(octets - rest)}"}`))).toBe(expected);
  });

  it('leaves a longer event before it no trace', () => {
    const [long, short] = [withAttributes(`{"x":"${'a'.repeat(3000)}"}`), stored(sampleEvent('siem.heartbeat'))];
    for (let end = 0; end <= short.length; end++) {
      expect(read(long)).toBe(true);
      expect(read(short.slice(0, end))).toBe(end === short.length);
    }
  });
});

describe('octets that are no such event', () => {
  it('are never read as another one: one octet changed, left out or put in', () => {
    const octets = Buffer.from(PLAIN, 'utf8');
    const telling = [...Buffer.from('"\\{}[],:0-1+.eEnu \n\t\0\x1f\x7f', 'latin1'), 0x80, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xff];
    for (let at = 0; at <= octets.length; at++) {
      const [before, from, behind] = [octets.subarray(0, at), octets.subarray(at), octets.subarray(at + 1)];
      isRead(Buffer.concat([before, behind]));
      isRead(before);
      for (const octet of telling) {
        isRead(Buffer.concat([before, Buffer.of(octet), behind]));
        isRead(Buffer.concat([before, Buffer.of(octet), from]));
      }
    }
  });

  it('are never read as another one: some octets changed at random', () => {
    const change = fc.record({ at: fc.nat(), octet: fc.integer({ min: 0, max: 255 }), kind: fc.constantFrom('flip', 'delete', 'insert', 'cut', 'repeat') });
    fc.assert(fc.property(randomEvent(1), fc.array(change, { minLength: 1, maxLength: 4 }), (event, changes) => {
      let octets = Buffer.from(stored(event), 'utf8');
      for (const { at: anywhere, octet, kind } of changes) {
        const at = anywhere % (octets.length + 1);
        if (kind === 'flip' && at < octets.length) octets[at] = octet;
        else if (kind === 'cut') octets = octets.subarray(0, at);
        else octets = Buffer.concat([octets.subarray(0, at), ...(kind === 'insert' ? [Buffer.of(octet)] : []), octets.subarray(kind === 'delete' ? at + 1 : Math.max(at - (kind === 'repeat' ? octet : 0), 0))]);
      }
      isRead(octets);
    }), { numRuns: 1500 });
  });

  it.each(['1', '-1', '0', '-0', '10', '1.5', '1e3', '1E+3', '1e-3', '1e400', '-1e400', '123456789012345678901234567890', '0.1e1', '5e-324'])('the number %s is as JSON.parse reads it', (number) => {
    expect(read(withAttributes(`{"n":${number}}`))).toBe(true);
    expect(read(PLAIN.replace(/"severity":\d+/, `"severity":${number}`))).toBe(true);
  });

  it.each(['01', '-', '-01', '+1', '.5', '1.', '1e', '1e+', '--1', '1-1', 'e', '1.e1', '0x1', 'NaN', 'Infinity', '', '1 ', ' 1', 'nul', 'nulll', 'True', 'undefined', "'a'", '[1,]', '[,1]', '[', '{"a"}', '{"a":1,}', '{,}', '{a:1}', '"\u0001"', '"\n"', '"\\x"', '"\\u12"', '"'])('the value %j is left to others', (value) => {
    for (const text of [withAttributes(`{"n":${value}}`), PLAIN.replace('"old":"a"', () => `"old":${value}`), PLAIN.replace('"new":"b"', () => `"new":${value}`), PLAIN.replace(/"severity":\d+/, () => `"severity":${value}`)]) expect(read(text)).toBe(false);
  });

  it('names that come twice, and names that objects have by themselves', () => {
    for (const text of ['{"a":1,"b":2,"a":3}', '{"constructor":1,"toString":null,"hasOwnProperty":[]}', '{"10":1,"9":2,"x":3,"-1":4}', '{"":1}', '{"a":1}', '{"\\u0061":1,"a":2}', '{"ä":1,"😀":2}']) expect(read(withAttributes(text))).toBe(true);
    for (const text of ['{"__proto__":1}', '{"__proto__":{"a":1}}', '{"\\u005f_proto__":{"a":1}}', '{"a":{"__proto__":null}}']) expect(read(withAttributes(text))).toBe(false);
    const again = PLAIN.replace(/"subject":\{"kind":"account"/, '$&,"id":"1","name":"2","kind":"user","id":"3"');
    expect(read(again)).toBe(true);
  });

  it('nests as deep as it likes', () => {
    for (const [depth, expected] of [[10, true], [60, true], [100, false], [20_000, false]] as const) {
      expect(read(withAttributes(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`))).toBe(expected);
      const braces = Math.min(depth, 5000);
      expect(read(withAttributes(`${'{"a":'.repeat(braces)}1${'}'.repeat(braces)}`))).toBe(expected);
    }
  });

  it('text that is not UTF-8 reads as Buffer decodes it', () => {
    const [before = '', behind = ''] = withAttributes('{"x":"@"}').split('@');
    for (const odd of [[0x80], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xff, 0xfe], [0xc0, 0x80], [0xef, 0xbb, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x5c, 0x6e]]) {
      expect(isRead(Buffer.concat([Buffer.from(before), Buffer.from(odd), Buffer.from(behind)]))).toBe(true);
    }
    for (const escape of ['\\ud800', '\\udc00\\ud800', '\\ud83d\\ude00', '\\"', '\\\\', '\\u0000', 'ä\\n']) expect(read(`${before}${escape}${behind}`)).toBe(true);
  });
});
