import { ApiHeader } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { etagOf } from '../platform/http/version-check.js';
import { apiSchema } from '../platform/http/zod.pipe.js';

export const IfMatch = () => ApiHeader({ name: 'If-Match', required: false, description: 'The version that was read, quoted: `"3"`. When another one is stored by now the answer is 412 with the current version.' });
export const versionField = z.int().min(1).optional().meta({ description: 'The version that was read; when another one is stored by now the answer is 409. The same as If-Match, which answers 412.' });

/** How OpenAPI tells the answer with one record. */
export const recordAnswer = (view: z.ZodType) => ({ schema: apiSchema(view, 'output'), headers: { ETag: { description: 'The version, quoted.', schema: { type: 'string' as const } } } });

/** A record with its ETag. */
export function answered<V extends { version: number }>(view: V, response: Response): V {
  response.setHeader('ETag', etagOf(view.version));
  response.setHeader('Cache-Control', 'no-store');
  return view;
}
