import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { Problem, type ProblemItem } from './problem.js';

/** JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Each issue of a ZodError with its pointer; an unknown key is an item of its own that points at the key. */
export function problemItems(error: z.ZodError): ProblemItem[] {
  return error.issues.flatMap((issue): ProblemItem[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message: `unknown key "${key}"; remove it or check its spelling` }))
      : [{ pointer: pointerOf(issue.path), message: issue.message }],
  );
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
