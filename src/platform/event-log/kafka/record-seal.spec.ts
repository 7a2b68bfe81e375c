import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';
import { HmacSha256 } from './hmac-sha256.js';
import { sealed, toLogRecord } from './record-seal.js';

const KEY = randomBytes(32);
const asRead = ({ key, value, headers }: ReturnType<typeof sealed>): KafkaMessage => ({
  key: Buffer.from(String(key)), value: value as Buffer, headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, one]) => [name, Buffer.isBuffer(one) ? one : Buffer.from(String(one))])),
  offset: '7', timestamp: '1700000000000', attributes: 0,
});

describe('HMAC-SHA-256', () => {
  it.each([0, 1, 32, 63, 64, 65, 200])('equals that of the platform for a key of %i octets, whatever the message', (octets) => {
    const key = randomBytes(octets);
    const hmac = new HmacSha256(key);
    for (const [text, value] of [['', Buffer.alloc(0)], ['["a"]', randomBytes(700)], ['é€😀'.repeat(20_000), randomBytes(100_000)], ['["b"]', randomBytes(10)]] as const) {
      const wanted = createHmac('sha256', key).update(text).update(value).digest();
      expect(hmac.of(text, value).equals(wanted)).toBe(true);
      expect(hmac.matches(wanted, text, value)).toBe(true);
      expect(hmac.matches(wanted.subarray(1), text, value)).toBe(false);
      expect(hmac.matches(Buffer.from(wanted.map((octet) => octet ^ 1)), text, value)).toBe(false);
    }
  });
});

describe('the seal of a record', () => {
  const record = { key: 'acc-\"1', value: Buffer.from('{"specversion":"1.0"}'), headers: { b: '2', a: 'é' } };

  it('is found on what was written, under any of the keys, and the headers come back', () => {
    const read = toLogRecord(3, asRead(sealed(record, [KEY])), [randomBytes(32), KEY]);
    expect(read).toEqual({ partition: 3, offset: 7, key: record.key, value: record.value, timestamp: 1_700_000_000_000, headers: record.headers });
    expect(toLogRecord(3, asRead(sealed({ key: 'k', value: record.value }, [KEY])), [KEY])).toEqual({ partition: 3, offset: 7, key: 'k', value: record.value, timestamp: 1_700_000_000_000 });
  });

  it.each([
    ['key', { key: Buffer.from('other') }], ['value', { value: Buffer.from('{"specversion":"1.1"}') }],
    ['header', { headers: { ...asRead(sealed(record, [KEY])).headers, a: Buffer.from('e') } }],
    ['number of headers', { headers: { ...asRead(sealed(record, [KEY])).headers, c: Buffer.from('3') } }],
    ['seal', { headers: { ...asRead(sealed(record, [KEY])).headers, 'tidegate-hmac': randomBytes(32) } }],
    ['seal cut', { headers: { ...asRead(sealed(record, [KEY])).headers, 'tidegate-hmac': Buffer.alloc(3) } }],
  ])('does not fit another %s: such a record is external', (_what, change) => {
    expect(toLogRecord(3, { ...asRead(sealed(record, [KEY])), ...change } as KafkaMessage, [KEY]).external).toBe(true);
  });

  it('is missing on what others wrote', () => {
    expect(toLogRecord(3, { ...asRead(sealed(record, [KEY])), headers: {} } as KafkaMessage, [KEY]).external).toBe(true);
    expect(toLogRecord(3, asRead(sealed(record, [])), [KEY]).external).toBe(true);
  });
});
