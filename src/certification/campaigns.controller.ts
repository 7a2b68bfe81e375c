import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../platform/access/rights.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { Problem } from '../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { CAMPAIGN_KINDS, CAMPAIGN_STATES, type CampaignDocument } from './campaign.schema.js';
import { Campaigns } from './campaigns.service.js';

const listQuery = z.strictObject({
  alertId: z.string().min(1).max(255).optional().meta({ description: 'The alert that asked for it.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1), pageSize: z.coerce.number().int().min(1).max(500).default(50),
});
const named = z.object({ id: z.string(), name: z.string() });
const campaignView = z.object({
  id: z.string(),
  kind: z.enum(CAMPAIGN_KINDS).meta({ description: 'identity: the manager reviews; entitlement-owner and application-owner: these do.' }),
  name: z.string(),
  state: z.enum(CAMPAIGN_STATES).meta({ description: 'not-started: it is recorded and nobody was asked; this version starts none.' }),
  scope: z.object({ identity: named.nullable(), application: named.nullable(), entitlement: z.object({ attribute: z.string(), value: z.string() }).nullable() }).meta({ description: 'What is reviewed; null: not limited to one.' }),
  reviewer: named,
  alertId: z.string(), requestedBy: z.string(), createdAt: z.iso.datetime(),
});
const listView = z.object({ items: z.array(campaignView), page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int() });

/** Reviews of access that alerts asked for. */
@ApiTags('campaigns')
@Controller('api/v1/campaigns')
@RequireRight('alerts:read')
export class CampaignsController {
  constructor(private readonly campaigns: Campaigns) {}

  @Get()
  @ApiOperation({ summary: 'List campaigns, newest first' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(listView, 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>): Promise<z.output<typeof listView>> {
    const { items, total } = await this.campaigns.list(query);
    return { items: items.map(viewOf), page: query.page, pageSize: query.pageSize, pages: Math.ceil(total / query.pageSize), total };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a campaign' })
  @ApiOkResponse({ schema: apiSchema(campaignView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string): Promise<z.output<typeof campaignView>> {
    const campaign = await this.campaigns.get(id);
    if (!campaign) throw new Problem(404, 'campaign-not-found', `There is no campaign ${id.slice(0, 100).toWellFormed()}.`);
    return viewOf(campaign);
  }
}

function viewOf({ _id, kind, name, state, scope, reviewer, alertId, requestedBy, createdAt }: CampaignDocument): z.output<typeof campaignView> {
  return { id: _id, kind, name, state, scope, reviewer, alertId, requestedBy, createdAt: createdAt.toISOString() };
}
