import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { Problem, type ProblemItem } from './problem.js';

/** JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Each issue of a ZodError with its pointer; an unknown key is an item of its own that points at the key. A place is named once, by what is most basically wrong there. */
export function problemItems(error: z.ZodError): ProblemItem[] {
  const items = new Map<string, ProblemItem & { narrow: boolean }>();
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const pointer = pointerOf([...issue.path, key]);
        items.set(pointer, { pointer, message: `unknown key "${key}"; remove it or check its spelling`, narrow: false });
      }
      continue;
    }
    const pointer = pointerOf(issue.path);
    const before = items.get(pointer);
    // Of two bounds the later is that of the field, the earlier that of any whole number; a wrong type makes every bound meaningless.
    if (!before || (before.narrow && isBound(issue))) items.set(pointer, { pointer, message: messageOf(issue), narrow: isBound(issue) });
  }
  return [...items.values()].map(({ pointer, message }) => ({ pointer, message }));
}

function isBound(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'too_big' || issue.code === 'too_small';
}

/** Messages of our own schemas stay as they are; those that the library makes are put in the words of the rest. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return 'is missing';
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return boundOf('at least', issue.minimum, issue.origin);
    case 'too_big':
      return boundOf('at most', issue.maximum, issue.origin);
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Record<string, string> = { string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'a JSON object', record: 'a JSON object', array: 'a list' };

function boundOf(side: 'at least' | 'at most', limit: number | bigint, origin: string): string {
  switch (origin) {
    case 'string':
      return side === 'at least' && Number(limit) === 1 ? 'must not be empty' : `must have ${side} ${limit} characters`;
    case 'array':
    case 'set':
      return side === 'at least' && Number(limit) === 1 ? 'must not be empty' : `must have ${side} ${limit} items`;
    default:
      return `must be ${side} ${limit}`;
  }
}

/** Checks a body or query against a schema: 400 with a pointer for each fault. */
export class ZodPipe<S extends z.ZodType> implements PipeTransform<unknown, z.output<S>> {
  constructor(private readonly schema: S) {}

  transform(value: unknown): z.output<S> {
    const result = this.schema.safeParse(value);
    if (result.success) return result.data;
    const errors = problemItems(result.error);
    throw new Problem(400, 'invalid-request', `The request has ${errors.length} fault(s); see "errors" for each place.`, { errors });
  }
}

/** The OpenAPI 3.1 schema of a zod schema, as clients send it. */
export function apiSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): Record<string, unknown> {
  const { $schema: _omitted, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' }) as Record<string, unknown>;
  return rest;
}
