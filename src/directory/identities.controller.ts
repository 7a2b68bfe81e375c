import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import type { IdentityDocument } from './identity.schema.js';
import { identityBody, type IdentityBody } from './identity.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { identityView, viewOfIdentity } from './directory-view.js';
import { answered, IfMatch, recordAnswer, versionField } from './record-answer.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const listQuery = z.strictObject({
  ...listFields,
  protected: queryFlag.meta({ description: 'Only those that alerts never act upon, or only the others.' }),
  manager: queryText.meta({ description: 'Name or id of the manager.' }),
});
const patchBody = identityBody.partial().extend({ version: versionField });
const view = recordAnswer(identityView);

/** People and services behind accounts. */
@ApiTags('directory')
@Controller('api/v1/identities')
export class IdentitiesController {
  constructor(
    private readonly kinds: DirectoryKinds,
    private readonly records: DirectoryRecords,
    private readonly lists: DirectoryListService,
    private readonly references: ReferenceReader,
    private readonly rules: RemovalRules,
  ) {}

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List identities' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(identityView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kinds.identity.live };
    if (query.protected !== undefined) filter['isProtected'] = query.protected;
    if (query.manager !== undefined) filter['managerId'] = (await this.references.read({ identities: [query.manager] })).identity(query.manager)?._id ?? 'nobody';
    return pageOf(await this.lists.find(this.kinds.identity, query, filter), query, viewOfIdentity);
  }

  @Post()
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Create an identity' })
  @ApiBody({ schema: apiSchema(identityBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'There is one already.' })
  async create(@Body(new ZodPipe(identityBody)) body: IdentityBody, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response) {
    const document = await this.records.create(this.kinds.identity, body, { actor: actorOf(principal) });
    response.setHeader('Location', `/api/v1/identities/${document._id}`);
    return this.answer(document, response);
  }

  @Get(':id')
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'Read an identity' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response) {
    return this.answer(await this.records.get(this.kinds.identity, id), response);
  }

  @Patch(':id')
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Change an identity', description: 'A merge patch (RFC 7396): what is left out stays, null goes back to the default.' })
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
    const document = await this.records.change(this.kinds.identity, id, (before) => ({ name: before.name, ...patch }), { ifMatch, version }, { actor: actorOf(principal) });
    return this.answer(document, response);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Delete an identity' })
  @IfMatch()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'Something still needs it; `inUseBy` counts what.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<void> {
    await this.records.remove(this.kinds.identity, id, (before) => this.rules.ofIdentity(before), { ifMatch }, { actor: actorOf(principal) });
  }

  private async answer(document: IdentityDocument, response: Response) {
    return answered(viewOfIdentity(document, await this.references.read(this.kinds.identity.refersTo(document))), response);
  }
}
