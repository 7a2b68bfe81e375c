import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { EVENT_ID_PATTERN } from '../../model/audit-event.js';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { actorOf } from '../../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { IntegrationsService } from '../integrations/integrations.service.js';
import type { ReplayDocument } from './replay.schema.js';
import { MOST_NAMED, ReplaysService } from './replays.service.js';

export const POSITION = z.string().regex(/^\d{1,9}\.\d{1,15}$/, 'a log position such as 0.42');
export const rateField = z.int().min(1).max(1_000_000).optional().meta({ description: 'Most events a second; evidence.replayEventsPerSecond when left out.' });
const time = (description: string) => z.iso.datetime({ offset: true, error: 'an RFC 3339 time with offset' }).optional().meta({ description });

const body = z
  .strictObject({
    from: time('Events accepted from this time on; the oldest of the log when left out.'),
    to: time('Events accepted before this time; all until now when left out.'),
    ids: z.array(z.string().regex(EVENT_ID_PATTERN, 'an event id')).min(1).max(MOST_NAMED).optional().meta({ description: 'Only events with these ids, looked for in the time range.' }),
    positions: z.array(POSITION).min(1).max(MOST_NAMED).optional().meta({ description: 'Only the events at these positions; then nothing else is given.' }),
    eventsPerSecond: rateField,
  })
  .refine(({ from, to, ids, positions }) => positions === undefined || (from === undefined && to === undefined && ids === undefined), { path: ['positions'], message: 'give either positions, or a time range with or without ids' })
  .refine(({ from, to, ids, positions }) => from !== undefined || to !== undefined || ids !== undefined || positions !== undefined, { message: 'say what to replay: from, to, ids or positions' });

const STATES = ['new', 'running', 'done', 'cancelled', 'failed'] as const satisfies ReadonlyArray<ReplayDocument['state']>;

export const replayView = z.object({
  id: z.string().meta({ description: 'Also in each event that it sends, as attributes.replay.' }),
  integrationId: z.string(),
  integrationName: z.string(),
  cause: z.enum(['administrator', 'dead-letters', 'receipt']),
  requestedBy: z.string(),
  state: z.enum(STATES),
  eventsPerSecond: z.int(),
  parts: z.array(z.object({ partition: z.int(), at: z.int().meta({ description: 'Everything before it is accounted for.' }), end: z.int() })),
  left: z.int().meta({ description: 'Positions that are left to look at.' }),
  sent: z.int(),
  filtered: z.int(),
  rejected: z.int(),
  missing: z.int().meta({ description: 'Events that the log does not hold any more.' }),
  problem: z.string().nullable(),
  engineId: z.string().nullable(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
});
export type ReplayView = z.output<typeof replayView>;

const query = z.strictObject({
  integrationId: z.string().min(1).max(200).optional().meta({ description: 'Only those of this integration.' }),
  state: z.enum(STATES).optional().meta({ description: 'Only those in this state.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Replays a page.' }),
});
const pageView = z.object({ items: z.array(replayView), page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int() });

/** Events that an integration gets again: by time, id or position, marked as such, at a limited rate beside the live stream. */
@ApiTags('replays')
@Controller('api/v1')
export class ReplaysController {
  constructor(private readonly replays: ReplaysService, private readonly integrations: IntegrationsService) {}

  @Post('integrations/:id/replays')
  @HttpCode(202)
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Send events again', description: 'Through the filter, mask and shape that the integration has now, each event under its own id and sequence and with attributes.replay. An engine of the pool does it; GET /api/v1/replays/{id} tells how far it is.' })
  @ApiBody({ schema: apiSchema(body) })
  @ApiAcceptedResponse({ schema: apiSchema(replayView, 'output') })
  @ApiBadRequestResponse({ description: 'Bad values, or nothing of it lies in the event log.' })
  @ApiNotFoundResponse({ description: 'There is no such integration.' })
  async ask(@Param('id') id: string, @Body(new ZodPipe(body)) { from, to, ...asked }: z.output<typeof body>, @CurrentPrincipal() principal: Principal): Promise<ReplayView> {
    const { document, settings } = await this.integrations.get(id);
    const request = { ...asked, ...(from === undefined ? {} : { from: Date.parse(from) }), ...(to === undefined ? {} : { to: Date.parse(to) }) };
    return replayViewOf(await this.replays.ask({ id: document._id, name: settings.name, enginePool: settings.enginePool }, request, 'administrator', actorOf(principal)));
  }

  @Get('replays')
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'List replays', description: 'Newest first. One that ended is remembered for 30 days.' })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(pageView, 'output') })
  async list(@Query(new ZodPipe(query)) { page, pageSize, ...filter }: z.output<typeof query>): Promise<z.output<typeof pageView>> {
    const { items, total } = await this.replays.find(filter, page, pageSize);
    return { items: items.map(replayViewOf), page, pageSize, pages: Math.ceil(total / pageSize), total };
  }

  @Get('replays/:id')
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'Read a replay' })
  @ApiOkResponse({ schema: apiSchema(replayView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string): Promise<ReplayView> {
    return replayViewOf(await this.replays.get(id));
  }

  @Post('replays/:id/cancel')
  @HttpCode(200)
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Stop a replay' })
  @ApiOkResponse({ schema: apiSchema(replayView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'It has ended.' })
  async cancel(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<ReplayView> {
    return replayViewOf(await this.replays.cancel(id, actorOf(principal)));
  }
}

export function replayViewOf(document: ReplayDocument): ReplayView {
  const { integrationId, integrationName, cause, requestedBy, state, eventsPerSecond, sent, filtered, rejected, missing, problem, engineId } = document;
  return {
    id: document._id, integrationId, integrationName, cause, requestedBy, state, eventsPerSecond,
    parts: document.parts.map(({ partition, at, end }) => ({ partition, at, end })),
    left: document.parts.reduce((sum, part) => sum + Math.max(0, part.end - part.at), 0),
    sent, filtered, rejected, missing, problem, engineId, createdAt: document.createdAt.toISOString(), endedAt: document.endedAt?.toISOString() ?? null,
  };
}
