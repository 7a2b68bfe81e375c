import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireRight } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { z } from 'zod';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { EVENT_TYPE_ENTRIES, eventTypeEntry, type EventTypeEntry } from './event-schemas.js';

const entrySchema = z.object({
  id: z.string().meta({ description: 'As sent in `type`; also CloudEvents `type` and MSGID.' }),
  name: z.string(),
  group: z.string(),
  cefId: z.int().meta({ description: 'Signature id of CEF.' }),
  severity: z.int().min(0).max(10),
  failureSeverity: z.int().min(0).max(10).optional().meta({ description: 'Severity when the outcome is a failure.' }),
  subjectKind: z.string(),
  attributes: z.array(z.string()).meta({ description: 'Known attributes.' }),
  required: z.array(z.string()).meta({ description: 'Attributes that must be there.' }),
  changeField: z.string().optional().meta({ description: 'The field whose old and new value the type reports.' }),
  reserved: z.boolean().meta({ description: 'Only Tidegate itself sends it.' }),
  template: z.string().meta({ description: 'The message when the producer sends none.' }),
  description: z.string(),
  schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema (draft 2020-12).' }),
});
const catalogueSchema = z.object({ items: z.array(entrySchema), total: z.int() });

@ApiTags('events')
@Controller('api/v1/event-types')
export class EventTypesController {
  @Get()
  @RequireRight('events:read')
  @ApiOperation({ summary: 'The event catalogue', description: 'Every type with its names, numbers, severities, message template and JSON Schema (draft 2020-12). Types that only Tidegate sends have `reserved: true`.' })
  @ApiResponse({ status: 200, description: 'The catalogue.', schema: apiSchema(catalogueSchema, 'output') })
  list(): { items: readonly EventTypeEntry[]; total: number } {
    return { items: EVENT_TYPE_ENTRIES, total: EVENT_TYPE_ENTRIES.length };
  }

  @Get(':id')
  @RequireRight('events:read')
  @ApiOperation({ summary: 'One event type', description: 'By id; any `audit.{object}.{verb}` answers with the schema of audit records.' })
  @ApiResponse({ status: 200, description: 'The type with its JSON Schema.', schema: apiSchema(entrySchema, 'output') })
  @ApiResponse({ status: 404, description: 'No such type.' })
  one(@Param('id') id: string): EventTypeEntry {
    const entry = eventTypeEntry(id);
    if (!entry) throw new Problem(404, 'unknown-event-type', 'The catalogue has no such type; GET /api/v1/event-types lists them.');
    return entry;
  }
}
