import { applyDecorators } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { z } from 'zod';
import { apiSchema } from './zod.pipe.js';

/** Describes each query parameter of a schema in OpenAPI. */
export function ApiQueryOf(schema: z.ZodObject): MethodDecorator {
  return applyDecorators(
    ...Object.entries(schema.shape).map(([name, field]) => {
      const { description, ...fieldSchema } = apiSchema(field as z.ZodType);
      return ApiQuery({ name, required: false, ...(typeof description === 'string' ? { description } : {}), schema: fieldSchema });
    }),
  );
}
