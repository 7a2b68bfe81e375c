import { describe, expect, it } from '@jest/globals';
import { Binary, Decimal128, ObjectId } from 'bson';
import fc from 'fast-check';
import { componentOf, inverted, orderOf, stringPrefix, successor } from './keys.js';
import { compare } from './values.js';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', '\0', '\0\0', 'a\0', 'a', '\uffff', '😀', '\u0001'));
const scalar = fc.oneof(
  fc.constant(null), fc.boolean(), fc.integer(), fc.double(), text, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0, -0, 1n, 1, 2 ** 53, 2n ** 53n + 1n, Infinity, -Infinity, NaN),
  fc.date({ noInvalidDate: true }), fc.uint8Array({ maxLength: 5 }).map((bytes) => new Binary(bytes)), fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(fc.string({ maxLength: 2 }).filter((name) => name !== '__proto__'), tie('any'), { maxKeys: 3 })),
})).any;
const sign = (order: number) => Math.sign(order) + 0;

describe('keys', () => {
  it('sort as the values do, upwards and downwards', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const order = sign(compare(a, b));
        expect(sign(Buffer.compare(orderOf(a), orderOf(b)))).toBe(order);
        expect(sign(Buffer.compare(inverted(orderOf(b)), inverted(orderOf(a))))).toBe(order);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });

  it('never begin with another key, so that several may follow each other', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [left, right] = [orderOf(a), orderOf(b)];
        if (!left.equals(right)) expect(right.subarray(0, left.length).equals(left)).toBe(false);
      }),
      { numRuns: 2000, seed: 8 },
    );
  });

  it('are the same for the same number of any type', () => {
    for (const same of [[1, 1n, Decimal128.fromString('1')], [0, -0, 0n], [2 ** 53, 2n ** 53n]]) expect(new Set(same.map((each) => orderOf(each).toString('hex'))).size).toBe(1);
    expect(orderOf(2n ** 53n + 1n).equals(orderOf(2 ** 53))).toBe(false);
  });

  it('end in a hash beyond their limit, so that long values stay different', () => {
    const [left, right] = ['a', 'b'].map((last) => componentOf('x'.repeat(600) + last, 400));
    expect([left?.beyondLimit, left?.bytes.length, left?.bytes.equals(right?.bytes as Buffer)]).toEqual([true, 416, false]);
    expect(componentOf('x', 400).beyondLimit).toBe(false);
  });

  it('of texts with a beginning lie between it and its successor', () => {
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        const [from, key] = [stringPrefix(prefix, 400), orderOf(prefix + rest)];
        // A lone surrogate that the rest completes is another character.
        if (prefix.isWellFormed()) expect([Buffer.compare(from, key) <= 0, Buffer.compare(key, successor(from)) < 0]).toEqual([true, true]);
      }),
      { numRuns: 1000, seed: 9 },
    );
  });
});
