import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KnownTexts } from './known-texts.js';

describe('known texts', () => {
  it('are those that the octets say, wherever they lie and however many there were before', () => {
    const known = new KnownTexts();
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', '_', 'Z', '9'), maxLength: 12 });
    fc.assert(fc.property(fc.array(text, { maxLength: 60 }), text, (texts, before) => {
      for (const each of texts) {
        const octets = Buffer.from(`${before}${each}behind`, 'latin1');
        expect(known.of(octets, before.length, before.length + each.length)).toBe(each);
      }
    }), { numRuns: 300 });
  });

  it('do not grow without an end', () => {
    const known = new KnownTexts();
    for (let number = 0; number < 5000; number++) expect(known.of(Buffer.from(`type.${number}`), 0, `type.${number}`.length)).toBe(`type.${number}`);
    expect((known as unknown as { bySum: Map<number, string> }).bySum.size).toBeLessThanOrEqual(2000);
  });
});
