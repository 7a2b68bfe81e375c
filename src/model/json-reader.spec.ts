import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compactJson } from './json-reader.js';

/** What is read of it, in the middle of other octets. */
function read(json: string): unknown {
  const octets = Buffer.from(json, 'utf8');
  return compactJson(Buffer.concat([Buffer.from('[1,'), octets, Buffer.from(',2]')]), 3, 3 + octets.length);
}

describe('compact JSON', () => {
  it('is what JSON.parse gives, its members in the same order', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const json = JSON.stringify(value);
      const expected: unknown = JSON.parse(json);
      if (json.includes('"__proto__":')) return;
      expect(read(json)).toStrictEqual(expected);
      expect(JSON.stringify(read(json))).toBe(JSON.stringify(expected));
    }), { numRuns: 500 });
  });

  it.each(['{"a":1,"b":2,"a":3}', '{"a":{"x":1},"a":{"y":2}}', '{"2":0,"1":0}', '"\\ud800"', '-0', '1e400', '123456789012345678901234567890', '[[[[]]]]', '{"":""}', '"\\u0000"', '"\u007f\u2028"'])('%s is read as JSON.parse reads it', (json) => {
    expect(read(json)).toStrictEqual(JSON.parse(json));
    expect(JSON.stringify(read(json))).toBe(JSON.stringify(JSON.parse(json)));
  });

  it.each(['', '{', '[1,]', '{"a":1,}', '01', '1.', '.5', '+1', '--1', 'nul', 'nulll', '{a:1}', "{'a':1}", '"\t"', '"\\x"', '"a', '1 2', '{"a":1}}', '[1][2]', '\ufeff1', 'NaN', 'Infinity'])('%j is left to others', (json) => {
    expect(() => JSON.parse(json)).toThrow();
    expect(read(json)).toBeUndefined();
  });

  it.each(['{"a": 1}', '[1, 2]', ' 1', '1 ', '{"__proto__":1}', `"${'a'.repeat(70_000)}"`, `${'['.repeat(100)}${']'.repeat(100)}`])('%.20s is valid and left to others', (json) => {
    expect(JSON.parse(json)).toBeDefined();
    expect(read(json)).toBeUndefined();
  });

  it('is never read wrongly where an octet of it was changed', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(), fc.integer({ min: 0x20, max: 0x7e }), (value, place, octet) => {
      const octets = Buffer.from(JSON.stringify(value), 'utf8');
      octets[place % octets.length] = octet;
      const text = octets.toString('utf8');
      if (Buffer.compare(Buffer.from(text, 'utf8'), octets) !== 0) return;
      const found = read(text);
      if (found !== undefined) expect(found).toStrictEqual(JSON.parse(text));
    }), { numRuns: 1500 });
  });
});
