import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { Problem } from '../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import type { AccountDocument } from './account.schema.js';
import { accountBody, type AccountBody } from './account.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { accountView, viewOfAccount } from './directory-view.js';
import { answered, IfMatch, recordAnswer, versionField } from './record-answer.js';
import { entitlementKey } from './natural-key.js';
import { ReferenceReader } from './references.js';

const listQuery = z.strictObject({
  ...listFields,
  application: queryText.meta({ description: 'Name or id of the application.' }),
  identity: queryText.meta({ description: 'Name or id of the identity behind the account.' }),
  uncorrelated: queryFlag.meta({ description: 'Only accounts that nobody is behind, or only the others.' }),
  entitlement: queryText.meta({ description: 'Only accounts that hold it, as attribute=value, for example memberOf=group1.' }),
  status: z.enum(['all', 'enabled', 'disabled', 'removed']).default('all').meta({ description: 'Which accounts to list; `all` leaves the removed ones out.' }),
});
const patchBody = accountBody.omit({ application: true }).partial().extend({ version: versionField });
const view = recordAnswer(accountView);

/** Accounts on the applications. */
@ApiTags('directory')
@Controller('api/v1/accounts')
export class AccountsController {
  constructor(
    private readonly kinds: DirectoryKinds,
    private readonly records: DirectoryRecords,
    private readonly lists: DirectoryListService,
    private readonly references: ReferenceReader,
  ) {}

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List accounts' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(accountView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = query.status === 'removed' ? { removedAt: { $ne: null }, deletedAt: null } : { ...this.kinds.account.live };
    if (query.status === 'enabled' || query.status === 'disabled') filter['disabled'] = query.status === 'disabled';
    const references = await this.references.read({ applications: [query.application], identities: [query.identity] });
    if (query.application !== undefined) filter['applicationId'] = references.application(query.application)?._id ?? 'none';
    if (query.uncorrelated !== undefined) filter['identityId'] = query.uncorrelated ? null : { $ne: null };
    if (query.identity !== undefined) filter['identityId'] = references.identity(query.identity)?._id ?? 'nobody';
    if (query.entitlement !== undefined) filter['entitlementKeys'] = heldKey(query.entitlement);
    return pageOf(await this.lists.find(this.kinds.account, query, filter), query, viewOfAccount);
  }

  @Post()
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Create an account' })
  @ApiBody({ schema: apiSchema(accountBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'There is one already.' })
  async create(@Body(new ZodPipe(accountBody)) body: AccountBody, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response) {
    const document = await this.records.create(this.kinds.account, body, { actor: actorOf(principal) });
    response.setHeader('Location', `/api/v1/accounts/${document._id}`);
    return this.answer(document, response);
  }

  @Get(':id')
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'Read an account' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response) {
    return this.answer(await this.records.get(this.kinds.account, id), response);
  }

  @Patch(':id')
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Change an account', description: 'A merge patch (RFC 7396): what is left out stays, null goes back to the default.' })
  @IfMatch()
  @ApiBody({ schema: apiSchema(patchBody) })
  @ApiOkResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'Another version than `version` is stored, or the name is taken.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
  async change(
    @Param('id') id: string,
    @Body(new ZodPipe(patchBody)) body: z.output<typeof patchBody>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { version, ...patch } = body;
    const document = await this.records.change(this.kinds.account, id, (before) => ({ application: before.applicationId, nativeId: before.nativeId, ...patch }), { ifMatch, version }, { actor: actorOf(principal) });
    return this.answer(document, response);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Delete an account', description: 'Removed as the connected system would: it is kept for the history (status=removed), and is the same account again when it comes back.' })
  @IfMatch()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<void> {
    await this.records.remove(this.kinds.account, id, async () => undefined, { ifMatch }, { actor: actorOf(principal) });
  }

  private async answer(document: AccountDocument, response: Response) {
    return answered(viewOfAccount(document, await this.references.read(this.kinds.account.refersTo(document))), response);
  }
}

function heldKey(sent: string): string {
  const at = sent.indexOf('=');
  if (at <= 0) throw new Problem(400, 'invalid-request', 'The entitlement is written attribute=value, for example memberOf=group1.', { errors: [{ pointer: '/entitlement', message: 'attribute=value' }] });
  return entitlementKey(sent.slice(0, at), sent.slice(at + 1));
}
