import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scanJson } from './json-scan.js';

const scan = (text: string, most = 100) => {
  const bytes = Buffer.from(text);
  const { list, starts, ends, depths } = scanJson(bytes, most);
  return { list, depths, elements: starts.map((start, index) => bytes.subarray(start, ends[index]).toString().trim()) };
};
const depthOf = (value: unknown): number => (typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf)));

describe('the scan before the parser', () => {
  it('finds one value or the elements of a list, with the depth of each', () => {
    expect(scan('{"a":[{}]}')).toEqual({ list: false, depths: [3], elements: ['{"a":[{}]}'] });
    expect(scan(' [ {"a":"],[{"} , 1,[[]] ] ')).toEqual({ list: true, depths: [1, 0, 2], elements: ['{"a":"],[{"}', '1', '[[]]'] });
    expect(scan('\ufeff[{}]')).toMatchObject({ list: true, elements: ['{}'] });
  });
  it('finds nothing in an empty list and in nothing', () => {
    expect(scan('[ ]').elements).toEqual([]);
    expect(scan('').elements).toEqual([]);
  });
  it('is not misled by quotes and backslashes in strings', () => {
    expect(scan('[{"a":"\\\\"},{"b":"\\"[[["}]')).toEqual({ list: true, depths: [1, 1], elements: ['{"a":"\\\\"}', '{"b":"\\"[[["}'] });
  });
  it('stops soon after the limit', () => {
    expect(scan('[1,2,3,4,5,6]', 3).elements.length).toBe(4);
  });
  it('never throws on text that is no JSON', () => {
    for (const text of ['"', '"\\', '[', '{', ']', '}}', '[,', '[1,', '{"a', '[[[']) expect(() => scan(text)).not.toThrow();
  });
  it('agrees with the parser on any list of values', () => {
    fc.assert(fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.constantFrom(undefined, 2), (values, indent) => {
      const found = scan(JSON.stringify(values, null, indent), 10_000);
      expect(found.elements.map((element): unknown => JSON.parse(element))).toEqual(JSON.parse(JSON.stringify(values)));
      expect(found.depths).toEqual(values.map(depthOf));
    }));
  });
  it('calls a list closed exactly where its elements one by one say what the whole text says to the parser', () => {
    const inserted = fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', ' ', '\n', '\ufeff', '\ufefb', '1', 'a', '');
    fc.assert(fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }), fc.nat(), fc.nat(2), inserted, (values, place, removed, text) => {
      const whole = JSON.stringify(values);
      const at = place % (whole.length + 1);
      const changed = whole.slice(0, at) + text + whole.slice(at + removed);
      const bytes = Buffer.from(changed);
      const { closed, starts, ends } = scanJson(bytes, 10_000);
      const elements = starts.map((start, index) => parsed(bytes.toString('utf8', start, ends[index])));
      const list = parsed(changed.replace(/^\ufeff/, ''));
      if (closed && starts.length > 0 && !elements.includes(NO_JSON)) expect(elements).toEqual(list);
      else expect(Array.isArray(list) && list.length > 0).toBe(false);
    }), { numRuns: 5000 });
  });
});

const NO_JSON = Symbol('no JSON');
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}
