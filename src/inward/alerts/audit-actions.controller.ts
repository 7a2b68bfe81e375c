import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { AuditActions, type AuditAction } from './feeds/audit-actions.js';
import { AuditFeed } from './feeds/audit-feed.service.js';

const changeSchema = z.strictObject({ enabled: z.boolean() });
const actionSchema = z.object({ name: z.string(), enabled: z.boolean() });

/** Which audit actions the audit-events feed shows. Off hides an action from the feed only: it is recorded and sent all the same. */
@ApiTags('settings')
@Controller('api/v1/settings/audit-actions')
@RequireRight('settings:write')
export class AuditActionsController {
  constructor(private readonly actions: AuditActions, private readonly audit: AuditFeed) {}

  @Get()
  @ApiOperation({ summary: 'List audit actions' })
  @ApiOkResponse({ schema: apiSchema(z.object({ items: z.array(actionSchema), total: z.int() }), 'output') })
  async list(): Promise<{ items: AuditAction[]; total: number }> {
    const items = await this.actions.list(await this.audit.seenTypes());
    return { items, total: items.length };
  }

  @Put(':name')
  @ApiOperation({ summary: 'Show or hide an audit action in the feed' })
  @ApiBody({ schema: apiSchema(changeSchema) })
  @ApiOkResponse({ schema: apiSchema(actionSchema, 'output') })
  async set(@Param('name') name: string, @Body(new ZodPipe(changeSchema)) { enabled }: z.output<typeof changeSchema>, @CurrentPrincipal() principal: Principal): Promise<AuditAction> {
    const known = (await this.actions.list(await this.audit.seenTypes())).find((action) => action.name === name);
    if (!known) throw new Problem(404, 'unknown-audit-action', `There is no audit action ${JSON.stringify(name.slice(0, 100))}.`);
    await this.actions.set(name, enabled, principal);
    return { name, enabled };
  }
}
