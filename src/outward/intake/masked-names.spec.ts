import { describe, expect, it } from '@jest/globals';
import { settingsFrom } from '../../config/settings.js';
import type { JsonObject, JsonValue } from '../../model/json.js';
import { MaskedNames, wordsOf } from './masked-names.js';
import { MASK, ValueCleaner } from './value-cleaner.js';

const masked = new MaskedNames(settingsFrom().intake.maskedNames);
const cleaner = new ValueCleaner(masked);
const cleaned = (event: JsonObject, idField?: string): JsonObject => {
  expect(cleaner.clean(event, idField)).toBeUndefined();
  return event;
};

describe('the names of secrets', () => {
  it('splits names into words, whatever their spelling', () => {
    expect(wordsOf('userAPIKey_2')).toEqual(['user', 'api', 'key']);
    expect(wordsOf('X-Secret')).toEqual(['x', 'secret']);
    expect(wordsOf('ｐａｓｓｗｏｒｄ')).toEqual(['password']);
  });

  it.each(['password', 'Password', 'PASSWORD', 'userPassword', 'user_password', 'new-password', 'passwordHash', 'passwords', 'api_token', 'apiToken', 'API_TOKEN', 'accesstoken', 'X-Secret', 'clientSecret', 'client_secret',
    'apiKey', 'api_key', 'APIKey', 'x-api-key', 'privateKey', 'Authorization', 'Set-Cookie', 'pin', 'pinCode', 'otp2', 'secret_id', 'tokenValue', 'db.password', 'credentials'])('masks a value under %s', (name) => {
    expect(masked.verdictOn(name)).toBe('mask');
  });

  it.each(['name', 'shippingAddress', 'pinned', 'opinion', 'secretary', 'keyboard', 'tokenizer', 'apis', 'description', 'spinCount', 'passage', 'optimal', 'cookingTime'])('keeps a value under %s', (name) => {
    expect(masked.verdictOn(name)).toBe('keep');
  });

  it('keeps numbers, booleans and times that tell about a secret, and masks text in their place', () => {
    expect(cleaned({ tokenCount: 5, passwordExpired: true, passwordChangedAt: '2025-03-04T05:06:07Z', secretExpiry: '2025-03-04', passwordAge: null })).toEqual({
      tokenCount: 5, passwordExpired: true, passwordChangedAt: '2025-03-04T05:06:07Z', secretExpiry: '2025-03-04', passwordAge: null,
    });
    expect(cleaned({ tokenCount: 'hunter2', passwordVersion: ['a'], secretReset: { a: 1 } })).toEqual({ tokenCount: MASK, passwordVersion: MASK, secretReset: MASK });
  });

  it('masks at any depth, whole lists and objects included', () => {
    expect(cleaned({ a: [{ b: { password: 'x', keep: 'y' } }, [[{ token: ['t1', 't2'] }]]], secret: { deep: { er: 1 } } })).toEqual({ a: [{ b: { password: MASK, keep: 'y' } }, [[{ token: MASK }]]], secret: MASK });
  });

  it('masks the value that stands beside the name of a secret', () => {
    expect(cleaned({ list: [{ name: 'password', value: 'x' }, { key: 'color', value: 'red' }, { attribute: 'apiToken', oldValue: 'a', newValue: 'b' }] })).toEqual({
      list: [{ name: 'password', value: MASK }, { key: 'color', value: 'red' }, { attribute: 'apiToken', oldValue: MASK, newValue: MASK }],
    });
  });

  it('masks both sides of a change whose field is a secret', () => {
    expect(cleaned({ changes: [{ field: 'password', old: 'a', new: 'b' }, { field: 'state', old: 'a', new: 'b' }] })).toEqual({ changes: [{ field: 'password', old: MASK, new: MASK }, { field: 'state', old: 'a', new: 'b' }] });
  });

  it('keeps the ids that a type reports by definition, and still masks what is beside them', () => {
    const event = () => ({ changes: [{ field: 'secretId', old: '4211', new: '4377' }], attributes: { oldSecretId: '4211', secret: 'x' } });
    expect(cleaned(event(), 'secretId')).toEqual({ changes: [{ field: 'secretId', old: '4211', new: '4377' }], attributes: { oldSecretId: '4211', secret: MASK } });
    expect(cleaned(event(), 'state')).toEqual({ changes: [{ field: 'secretId', old: MASK, new: MASK }], attributes: { oldSecretId: MASK, secret: MASK } });
  });

  it('takes the names from the setting', () => {
    const own = new MaskedNames(['Kenn-Wort', 'ssn']);
    expect(own.verdictOn('kennwort')).toBe('mask');
    expect(own.verdictOn('userKennWort')).toBe('mask');
    expect(own.verdictOn('SSN')).toBe('mask');
    expect(own.verdictOn('password')).toBe('keep');
  });
});

describe('values that JSON can carry and receivers cannot', () => {
  it('makes lone surrogates well-formed in values and names, and loses no member by it', () => {
    const event = cleaned({ 'a\ud800': 1, 'a\udc00': 2, text: 'x\ud83d', list: ['\udfff', '😀'] });
    expect(event).toEqual({ 'a\ufffd': 1, 'a\ufffd\ufffd': 2, text: 'x\ufffd', list: ['\ufffd', '😀'] });
  });

  it('keeps control characters: the formats clean them', () => {
    expect(cleaned({ text: 'a\u0000b\u001b[31m\r\n' })).toEqual({ text: 'a\u0000b\u001b[31m\r\n' });
  });

  it('gives __proto__ a harmless name at any depth and keeps its value', () => {
    const event = cleaned(JSON.parse('{"a":{"__proto__":{"admin":true},"_proto_":1}}') as JsonObject);
    expect(JSON.stringify(event)).toBe('{"a":{"_proto_":1,"_proto_\ufffd":{"admin":true}}}');
    expect((event.a as JsonObject).admin).toBeUndefined();
  });

  it.each<[string, JsonValue, string]>([['1e999', 1e999, 'too large'], ['-1e999', -1e999, 'too large'], ['2^53', 9007199254740992, '2^53'], ['1e300', 1e300, '2^53']])('refuses the number %s with its place', (_name, value, reason) => {
    expect(cleaner.clean({ a: { 'b/c': [0, value] } })).toEqual({ pointer: '/a/b~1c/1', reason: expect.stringContaining(reason) });
  });
});
