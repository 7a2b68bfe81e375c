import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../access/rights.js';
import { ApiQueryOf } from '../http/api-query.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { toRecord } from './audit-record.schema.js';
import { AuditService } from './audit.service.js';

const text = z.string().min(1).max(200);
const time = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

const querySchema = z
  .strictObject({
    type: text.optional(),
    actor: text.optional().meta({ description: 'Id or name of who acted.' }),
    subject: text.optional().meta({ description: 'Id or name of what it was done to.' }),
    correlationId: text.optional(),
    outcome: z.enum(['success', 'failure', 'unknown']).optional(),
    exported: z.enum(['waiting', 'exported', 'refused']).optional().meta({ description: 'What became of the record as an event.' }),
    from: time.optional().meta({ description: 'Not before this time (RFC 3339).' }),
    to: time.optional().meta({ description: 'Before this time (RFC 3339).' }),
    page: z.coerce.number().int().min(1).max(1_000_000).default(1),
    pageSize: z.coerce.number().int().min(1).max(500).default(50),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from.getTime() < to.getTime(), { path: ['to'], message: 'must be later than "from"' });

const fieldSchema = z.looseObject({});
export const auditEntrySchema = z.object({
  id: z.string(),
  type: z.string(),
  occurredAt: z.iso.datetime(),
  actor: fieldSchema,
  subject: fieldSchema,
  objects: z.array(fieldSchema).optional(),
  outcome: z.enum(['success', 'failure', 'unknown']),
  reason: z.string().optional(),
  correlationId: z.string().optional(),
  severity: z.number().optional(),
  attributes: fieldSchema.optional(),
  changes: z.array(fieldSchema).optional(),
  recordedAt: z.iso.datetime(),
  exportedAt: z.iso.datetime().nullable().meta({ description: 'When the event log had it durably.' }),
  sequence: z.string().nullable().meta({ description: 'Its place in the event log, as receivers see it.' }),
  refusedReason: z.string().nullable(),
});
const pageSchema = z.object({ items: z.array(auditEntrySchema), page: z.number(), pageSize: z.number(), pages: z.number(), total: z.number() });

/** What was done to and through Tidegate, newest first. */
@ApiTags('audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @RequireRight('audit:read')
  @ApiOperation({ summary: 'List audit records, newest first' })
  @ApiQueryOf(querySchema)
  @ApiOkResponse({ schema: apiSchema(pageSchema, 'output') })
  async list(@Query(new ZodPipe(querySchema)) query: z.output<typeof querySchema>) {
    const { page, pageSize, ...filter } = query;
    const found = await this.audit.list(filter, { page, pageSize });
    return {
      ...found,
      pages: Math.ceil(found.total / pageSize),
      items: found.items.map((document) => ({
        ...toRecord(document),
        recordedAt: document.recordedAt.toISOString(),
        exportedAt: document.exportedAt?.toISOString() ?? null,
        sequence: document.sequence,
        refusedReason: document.refusedReason,
      })),
    };
  }
}
