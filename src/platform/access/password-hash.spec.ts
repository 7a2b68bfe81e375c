import { describe, expect, it } from '@jest/globals';
import { PasswordHash } from './password-hash.js';

describe('PasswordHash', () => {
  it('stores Argon2id with a salt of its own and its cost', async () => {
    const hashes = new PasswordHash();
    const [one, two] = [await hashes.hash('correct horse'), await hashes.hash('correct horse')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(await hashes.matches(one, 'correct horse')).toBe(true);
    expect(await hashes.matches(one, 'correct horsE')).toBe(false);
  });

  it('takes the same letters composed differently as the same password', async () => {
    const hashes = new PasswordHash();
    expect(await hashes.matches(await hashes.hash('caf\u00e9 noir'), 'cafe\u0301 noir')).toBe(true);
  });

  it('never matches without a hash, whatever the password', async () => {
    const hashes = new PasswordHash();
    for (const none of [undefined, '']) for (const password of ['', 'anything']) expect(await hashes.matches(none, password)).toBe(false);
  });

  it('answers busy instead of piling up, and works on afterwards', async () => {
    const hashes = new PasswordHash();
    const stored = await hashes.hash('correct horse');
    await hashes.matches(undefined, 'warm');
    const answers = await Promise.all(Array.from({ length: 80 }, () => hashes.matches(stored, 'correct horse')));
    expect(answers.filter((answer) => answer === true).length).toBeGreaterThanOrEqual(64);
    expect(answers.filter((answer) => answer === 'busy').length).toBeGreaterThanOrEqual(10);
    expect(answers).not.toContain(false);
    expect(await hashes.matches(stored, 'correct horse')).toBe(true);
  });
});
