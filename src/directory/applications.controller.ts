import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiNoContentResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import type { ApplicationDocument } from './application.schema.js';
import { applicationBody, type ApplicationBody } from './application.kind.js';
import { connectorTestView, ConnectorTestService } from './connector-test.service.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryLeftovers } from './directory-leftovers.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { applicationView, viewOfApplication } from './directory-view.js';
import { answered, IfMatch, recordAnswer, versionField } from './record-answer.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const listQuery = z.strictObject({
  ...listFields,
  authoritative: queryFlag.meta({ description: 'Only sources of identities, or only the others.' }),
  connector: queryText.meta({ description: 'Kind of connector.' }),
  owner: queryText.meta({ description: 'Name or id of the owner.' }),
});
const patchBody = applicationBody.partial().extend({ version: versionField });
const view = recordAnswer(applicationView);

/** The connected systems. */
@ApiTags('directory')
@Controller('api/v1/applications')
export class ApplicationsController {
  constructor(
    private readonly kinds: DirectoryKinds,
    private readonly records: DirectoryRecords,
    private readonly lists: DirectoryListService,
    private readonly references: ReferenceReader,
    private readonly rules: RemovalRules,
    private readonly connectorTests: ConnectorTestService,
    private readonly leftovers: DirectoryLeftovers,
  ) {}

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List applications' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(applicationView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kinds.application.live };
    if (query.authoritative !== undefined) filter['authoritative'] = query.authoritative;
    if (query.connector !== undefined) filter['connector'] = query.connector;
    if (query.owner !== undefined) filter['ownerId'] = (await this.references.read({ identities: [query.owner] })).identity(query.owner)?._id ?? 'nobody';
    return pageOf(await this.lists.find(this.kinds.application, query, filter), query, viewOfApplication);
  }

  @Post()
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Create an application' })
  @ApiBody({ schema: apiSchema(applicationBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and names of what is not there, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'There is one already.' })
  async create(@Body(new ZodPipe(applicationBody)) body: ApplicationBody, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response) {
    const document = await this.records.create(this.kinds.application, body, { actor: actorOf(principal) });
    response.setHeader('Location', `/api/v1/applications/${document._id}`);
    return this.answer(document, response);
  }

  @Get(':id')
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'Read an application' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response) {
    return this.answer(await this.records.get(this.kinds.application, id), response);
  }

  @Patch(':id')
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Change an application', description: 'A merge patch (RFC 7396): what is left out stays, null goes back to the default.' })
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
    const document = await this.records.change(this.kinds.application, id, (before) => ({ name: before.name, ...patch }), { ifMatch, version }, { actor: actorOf(principal) });
    return this.answer(document, response);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Delete an application', description: 'Only without accounts. Its entitlements go with it.' })
  @IfMatch()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'Something still needs it; `inUseBy` counts what.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<void> {
    await this.records.remove(this.kinds.application, id, (before) => this.rules.ofApplication(before), { ifMatch }, { actor: actorOf(principal) });
    await this.leftovers.ofApplication(id);
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Test the connector', description: 'Whether the connected system can be reached and used with what is configured.' })
  @ApiOkResponse({ schema: apiSchema(connectorTestView, 'output'), description: '`ok` says whether it can; else code and reason.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async test(@Param('id') id: string, @CurrentPrincipal() principal: Principal) {
    return this.connectorTests.test(await this.records.get(this.kinds.application, id), { actor: actorOf(principal) });
  }

  private async answer(document: ApplicationDocument, response: Response) {
    return answered(viewOfApplication(document, await this.references.read(this.kinds.application.refersTo(document))), response);
  }
}
