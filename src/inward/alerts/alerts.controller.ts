import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ALERT_STATES, ALERT_TYPES, type AlertType } from '../../model/alert.js';
import { RequireRight } from '../../platform/access/rights.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { AlertListService } from './alert-list.service.js';
import { alertView, targetView, viewOfAlert, viewOfTarget } from './alert-view.js';

const TARGET_STATES = ['planned', 'intent', 'done', 'skipped', 'failed', 'not-confirmed'] as const;
const page = { page: z.coerce.number().int().min(1).max(1_000_000).default(1), pageSize: z.coerce.number().int().min(1).max(500).default(50) };
const text = z.string().min(1).max(255);
const time = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

export const alertQuery = z.strictObject({
  state: z.enum([...ALERT_STATES, 'open', 'closed', 'all']).default('all').meta({ description: 'A state; `open` = new, processing, waiting; `closed` = succeeded, partially-failed, failed, rejected.' }),
  type: z.enum(Object.keys(ALERT_TYPES) as [AlertType, ...AlertType[]]).optional(),
  level: z.enum(['high', 'medium', 'low']).optional(),
  application: text.optional().meta({ description: 'Exact name.' }),
  nativeId: text.optional().meta({ description: 'Exact account name.' }),
  identityId: text.optional(),
  search: text.optional().meta({ description: 'Part of application, account, group, identity or of the alert id; upper and lower case count as equal.' }),
  from: time.optional().meta({ description: 'Received not before this time (RFC 3339).' }),
  to: time.optional().meta({ description: 'Received before this time (RFC 3339).' }),
  sort: z.enum(['newest', 'oldest']).default('newest'),
  ...page,
});
export type AlertQuery = z.output<typeof alertQuery>;
const detailQuery = z.strictObject({ targetsOf: z.enum(['alert', 'undo']).default('alert').meta({ description: 'Targets of the alert, or those of its last undo.' }), targetState: z.enum(TARGET_STATES).optional().meta({ description: 'Only targets in this state.' }), ...page });

const counts = { page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int() };
const listView = z.object({ items: z.array(alertView), ...counts, totals: z.record(z.string(), z.int()).meta({ description: 'Alerts by state, over all other conditions.' }) });
const detailView = alertView.extend({ targetList: z.object({ items: z.array(targetView), ...counts }) });

/** Alerts and what became of them. */
@ApiTags('alerts')
@Controller('api/v1/alerts')
@RequireRight('alerts:read')
export class AlertsController {
  constructor(private readonly alerts: AlertListService) {}

  @Get()
  @ApiOperation({ summary: 'List alerts' })
  @ApiQueryOf(alertQuery)
  @ApiOkResponse({ schema: apiSchema(listView, 'output') })
  async list(@Query(new ZodPipe(alertQuery)) query: AlertQuery): Promise<z.output<typeof listView>> {
    const { items, total, totals } = await this.alerts.list(query);
    return { items: items.map(viewOfAlert), page: query.page, pageSize: query.pageSize, pages: Math.ceil(total / query.pageSize), total, totals };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read an alert: its state, the reason, and what became of each target, also of its undo' })
  @ApiQueryOf(detailQuery)
  @ApiOkResponse({ schema: apiSchema(detailView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id (any more).' })
  async get(@Param('id') id: string, @Query(new ZodPipe(detailQuery)) query: z.output<typeof detailQuery>): Promise<z.output<typeof detailView>> {
    const alert = await this.alerts.get(id);
    if (!alert) throw new Problem(404, 'alert-not-found', `There is no alert ${id.slice(0, 100).toWellFormed()}.`);
    const { items, total } = await this.alerts.targets(alert, query);
    return { ...viewOfAlert(alert), targetList: { items: items.map(viewOfTarget), page: query.page, pageSize: query.pageSize, pages: Math.ceil(total / query.pageSize), total } };
  }
}
