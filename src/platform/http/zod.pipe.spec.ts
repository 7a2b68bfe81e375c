import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { problemItems } from './zod.pipe.js';

const schema = z.strictObject({
  name: z.string().trim().min(1).max(5).optional(),
  size: z.int().min(2).max(9).optional(),
  kind: z.enum(['a', 'b']).optional(),
  on: z.boolean().optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  part: z.strictObject({ id: z.string() }).optional(),
  own: z.string().regex(/^x$/, 'the letter x').optional(),
});
const faults = (value: unknown) => {
  const { error } = schema.safeParse(value);
  return error ? Object.fromEntries(problemItems(error).map(({ pointer, message }) => [pointer, message])) : {};
};

describe('the faults of a request', () => {
  it('are told in plain words, those of our own schemas as they are', () => {
    expect(faults({ name: '', size: 1, kind: 'c', on: 'yes', list: [], part: {}, own: 'y' })).toEqual({
      '/name': 'must not be empty', '/size': 'must be at least 2', '/kind': 'must be one of a, b', '/on': 'must be true or false', '/list': 'must not be empty', '/part/id': 'is missing', '/own': 'the letter x',
    });
    expect(faults({ name: 'longer', size: 'many', list: ['1', '2', '3'], part: 'none' })).toEqual({ '/name': 'must have at most 5 characters', '/size': 'must be a number', '/list': 'must have at most 2 items', '/part': 'must be a JSON object' });
    expect(faults(undefined)).toEqual({ '': 'is missing' });
    expect(faults([])).toEqual({ '': 'must be a JSON object' });
  });

  it('point at an unknown key itself', () => {
    expect(faults({ part: { id: 'i', 'a/b': 1 }, nmae: 2 })).toEqual({ '/part/a~1b': expect.stringContaining('unknown key "a/b"'), '/nmae': expect.stringContaining('spelling') });
  });

  it('are one for each place: the wrong type before its bounds, the bound of the field before that of any whole number', () => {
    const items = problemItems(schema.safeParse({ name: [], size: 1e300 }).error ?? new z.ZodError([]));
    expect(items).toEqual([{ pointer: '/name', message: 'must be text' }, { pointer: '/size', message: 'must be at most 9' }]);
  });
});
