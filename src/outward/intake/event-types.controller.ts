import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireRight } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { EVENT_TYPE_ENTRIES, eventTypeEntry, type EventTypeEntry } from './event-schemas.js';

@ApiTags('events')
@Controller('api/v1/event-types')
export class EventTypesController {
  @Get()
  @RequireRight('events:read')
  @ApiOperation({ summary: 'The event catalogue', description: 'Every type with its names, numbers, severities, message template and JSON Schema (draft 2020-12). Types that only Tidegate sends have `reserved: true`.' })
  @ApiResponse({ status: 200, description: 'The catalogue.' })
  list(): { items: readonly EventTypeEntry[]; total: number } {
    return { items: EVENT_TYPE_ENTRIES, total: EVENT_TYPE_ENTRIES.length };
  }

  @Get(':id')
  @RequireRight('events:read')
  @ApiOperation({ summary: 'One event type', description: 'By id; any `audit.{object}.{verb}` answers with the schema of audit records.' })
  @ApiResponse({ status: 200, description: 'The type with its JSON Schema.' })
  @ApiResponse({ status: 404, description: 'No such type.' })
  one(@Param('id') id: string): EventTypeEntry {
    const entry = eventTypeEntry(id);
    if (!entry) throw new Problem(404, 'unknown-event-type', 'The catalogue has no such type; GET /api/v1/event-types lists them.');
    return entry;
  }
}
