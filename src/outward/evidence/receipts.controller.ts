import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { AcceptBasic, RequireRight, type Principal } from '../../platform/access/rights.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import type { ReceiptDocument } from './receipt.schema.js';
import { MOST_NAMED } from './replays.service.js';
import { ReceiptsService } from './receipts.service.js';

const STATES = ['found', 'replayed', 'missing'] as const satisfies ReadonlyArray<ReceiptDocument['state']>;
const position = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const body = z
  .strictObject({
    integration: z.string().min(1).max(200).meta({ description: 'Id or name of the integration.' }),
    partition: z.int().min(0).max(1_000_000),
    from: position.meta({ description: 'First position of the run, as a heartbeat tells it.' }),
    to: position.meta({ description: 'Position after the last, as a heartbeat tells it.' }),
    count: position.optional().meta({ description: 'How many different events of the run the SIEM has (distinct ids or sequences).' }),
    missing: z.array(z.string().min(1).max(300)).max(MOST_NAMED).optional().meta({ description: 'Instead of a count: ids, or positions <partition>.<offset>, that it has not. Empty says that it has all.' }),
  })
  .refine(({ count, missing }) => (count === undefined) !== (missing === undefined), { message: 'give either count or missing' })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be greater than from' });

const receiptView = z.object({
  integrationId: z.string(),
  partition: z.int(),
  from: z.int(),
  to: z.int(),
  state: z.enum(STATES).meta({ description: 'found = the SIEM has all; replayed = what was missing is sent again, once; missing = still missing after that, administrators were told.' }),
  sent: z.int().meta({ description: 'Events of the run that were delivered.' }),
  found: z.int(),
  missing: z.array(z.string()),
  replayId: z.string().nullable(),
  receivedAt: z.iso.datetime(),
  receivedFrom: z.string(),
});
type ReceiptView = z.output<typeof receiptView>;

const query = z.strictObject({
  integrationId: z.string().min(1).max(200).optional().meta({ description: 'Only those of this integration.' }),
  state: z.enum(STATES).optional().meta({ description: 'Only those in this state.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Receipts a page.' }),
});
const pageView = z.object({ items: z.array(receiptView), page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int() });

/** The loop back from the SIEM: what its own search found of what was delivered to it. */
@ApiTags('receipts')
@Controller('api/v1/receipts')
export class ReceiptsController {
  constructor(private readonly receipts: ReceiptsService) {}

  @Post()
  @HttpCode(200)
  @AcceptBasic()
  @RequireRight('receipts:write')
  @ApiOperation({ summary: 'Say what a SIEM found', description: 'A saved search of the SIEM counts the events of a run that a heartbeat told. All there: those events reach the rung `found`. Fewer: what is missing is sent again once; still fewer then: administrators are told.' })
  @ApiBody({ schema: apiSchema(body) })
  @ApiOkResponse({ schema: apiSchema(receiptView, 'output') })
  @ApiBadRequestResponse({ description: 'Bad values, each with its JSON pointer.' })
  @ApiNotFoundResponse({ description: 'There is no such integration.' })
  @ApiConflictResponse({ description: 'The run is not delivered yet, or the ledger cannot count it by itself.' })
  async accept(@Body(new ZodPipe(body)) receipt: z.output<typeof body>, @CurrentPrincipal() principal: Principal): Promise<ReceiptView> {
    return viewOf(await this.receipts.accept(receipt, principal));
  }

  @Get()
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'List receipts', description: 'Newest first; remembered as long as the ledger.' })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(pageView, 'output') })
  async list(@Query(new ZodPipe(query)) { page, pageSize, ...filter }: z.output<typeof query>): Promise<z.output<typeof pageView>> {
    const { items, total } = await this.receipts.find(filter, page, pageSize);
    return { items: items.map(viewOf), page, pageSize, pages: Math.ceil(total / pageSize), total };
  }
}

function viewOf({ integrationId, partition, from, to, state, sent, found, missing, replayId, receivedAt, receivedFrom }: ReceiptDocument): ReceiptView {
  const sentAgain = replayId === null || replayId === 'claimed' || replayId === 'gone' ? null : replayId;
  return { integrationId, partition, from, to, state, sent, found, missing, replayId: sentAgain, receivedAt: receivedAt.toISOString(), receivedFrom };
}
