import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue } from '../../model/json.js';
import { contentHashOf } from './content-hash.js';

const reversed = (value: JsonValue): JsonValue =>
  typeof value !== 'object' || value === null ? value : Array.isArray(value) ? value.map(reversed) : Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reversed(member)]));

describe('the hash of a content', () => {
  it('does not depend on the order of names, for few and for many', () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${(index * 37) % 60}`, index]));
    expect(contentHashOf(many)).toBe(contentHashOf(reversed(many)));
    fc.assert(fc.property(fc.jsonValue(), (value) => contentHashOf(value as JsonValue) === contentHashOf(reversed(value as JsonValue))));
  });
  it('leaves out one member of the outermost object alone', () => {
    expect(contentHashOf({ id: 'a', x: 1 }, 'id')).toBe(contentHashOf({ x: 1 }));
    expect(contentHashOf({ subject: { id: 'a' } }, 'id')).not.toBe(contentHashOf({ subject: { id: 'b' } }, 'id'));
  });
  it('differs for different values', () => {
    const texts: JsonValue[] = [{ a: 'b' }, { a: ['b'] }, { a: { b: '' } }, { ab: '' }, { a: '1' }, { a: 1 }, { a: true }, { a: 'true' }, { a: null }, { a: 'null' }, {}, [], ['a', 'b'], ['ab'], ['a"1:b'], [['a'], 'b'], [['a', 'b']], ''];
    expect(new Set(texts.map((value) => contentHashOf(value))).size).toBe(texts.length);
  });
  it('differs whenever two random values differ', () => {
    const plain = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
    fc.assert(fc.property(plain, plain, (one, other) => (contentHashOf(one) === contentHashOf(other)) === (JSON.stringify(sortedCopy(one)) === JSON.stringify(sortedCopy(other)))));
  });
});

function sortedCopy(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(sortedCopy) : Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, member]) => [name, sortedCopy(member)]));
}
