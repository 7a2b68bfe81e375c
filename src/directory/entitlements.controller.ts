import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { ENTITLEMENT_STATES, type EntitlementDocument } from './entitlement.schema.js';
import { entitlementBody, type EntitlementBody } from './entitlement.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { entitlementView, viewOfEntitlement } from './directory-view.js';
import { answered, IfMatch, recordAnswer, versionField } from './record-answer.js';
import { naturalKey } from './natural-key.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const listQuery = z.strictObject({
  ...listFields,
  application: queryText.meta({ description: 'Name or id of the application.' }),
  attribute: queryText.meta({ description: 'For example memberOf.' }),
  requestable: queryFlag.meta({ description: 'Whether people may ask for it.' }),
  state: z.enum(ENTITLEMENT_STATES).optional(),
});
const patchBody = entitlementBody.omit({ application: true, attribute: true, value: true }).partial().extend({ version: versionField });
const view = recordAnswer(entitlementView);

/** The catalogue of what accounts can hold: groups and the like. */
@ApiTags('directory')
@Controller('api/v1/entitlements')
export class EntitlementsController {
  constructor(
    private readonly kinds: DirectoryKinds,
    private readonly records: DirectoryRecords,
    private readonly lists: DirectoryListService,
    private readonly references: ReferenceReader,
    private readonly rules: RemovalRules,
  ) {}

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List entitlements' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(entitlementView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kinds.entitlement.live };
    if (query.application !== undefined) filter['applicationId'] = (await this.references.read({ applications: [query.application] })).application(query.application)?._id ?? 'none';
    if (query.attribute !== undefined) filter['key'] = { $regex: `^${naturalKey(query.attribute).replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}\n` };
    if (query.requestable !== undefined) filter['requestable'] = query.requestable;
    if (query.state !== undefined) filter['state'] = query.state;
    return pageOf(await this.lists.find(this.kinds.entitlement, query, filter), query, viewOfEntitlement);
  }

  @Post()
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Create an entitlement' })
  @ApiBody({ schema: apiSchema(entitlementBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'There is one already.' })
  async create(@Body(new ZodPipe(entitlementBody)) body: EntitlementBody, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response) {
    const document = await this.records.create(this.kinds.entitlement, body, { actor: actorOf(principal) });
    response.setHeader('Location', `/api/v1/entitlements/${document._id}`);
    return this.answer(document, response);
  }

  @Get(':id')
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'Read an entitlement' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response) {
    return this.answer(await this.records.get(this.kinds.entitlement, id), response);
  }

  @Patch(':id')
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Change an entitlement', description: 'A merge patch (RFC 7396): what is left out stays, null goes back to the default.' })
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
    const document = await this.records.change(this.kinds.entitlement, id, (before) => ({ application: before.applicationId, attribute: before.attribute, value: before.value, ...patch }), { ifMatch, version }, { actor: actorOf(principal) });
    return this.answer(document, response);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Delete an entitlement' })
  @IfMatch()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'Something still needs it; `inUseBy` counts what.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<void> {
    await this.records.remove(this.kinds.entitlement, id, (before) => this.rules.ofEntitlement(before), { ifMatch }, { actor: actorOf(principal) });
  }

  private async answer(document: EntitlementDocument, response: Response) {
    return answered(viewOfEntitlement(document, await this.references.read(this.kinds.entitlement.refersTo(document))), response);
  }
}
