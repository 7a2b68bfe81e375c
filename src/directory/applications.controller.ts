import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../platform/access/rights.js';
import { actorOf } from '../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { applicationBody, applicationKind } from './application.kind.js';
import { connectorTestView, ConnectorTestService } from './connector-test.service.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryLeftovers } from './directory-leftovers.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { applicationView, viewOfApplication } from './directory-view.js';
import { versionField } from './record-answer.js';
import { recordController } from './record-controller.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const PATH = 'api/v1/applications';
const listQuery = z.strictObject({
  ...listFields,
  authoritative: queryFlag.meta({ description: 'Only sources of identities, or only the others.' }),
  connector: queryText.meta({ description: 'Kind of connector.' }),
  owner: queryText.meta({ description: 'Name or id of the owner.' }),
});
const ApplicationRecords = recordController({
  path: PATH,
  kind: applicationKind,
  patchBody: applicationBody.partial().extend({ version: versionField }),
  view: applicationView,
  viewOf: viewOfApplication,
  merge: (before, patch) => ({ name: before.name, ...patch }),
  removal: 'Only without accounts. Its entitlements go with it.',
  refusal: (rules, before) => rules.ofApplication(before),
});

/** The connected systems. */
@ApiTags('directory')
@Controller(PATH)
export class ApplicationsController extends ApplicationRecords {
  constructor(
    kinds: DirectoryKinds,
    records: DirectoryRecords,
    references: ReferenceReader,
    rules: RemovalRules,
    private readonly lists: DirectoryListService,
    private readonly connectorTests: ConnectorTestService,
    private readonly leftovers: DirectoryLeftovers,
  ) {
    super(kinds.application, records, references, rules);
  }

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List applications' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(applicationView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kind.live };
    if (query.authoritative !== undefined) filter['authoritative'] = query.authoritative;
    if (query.connector !== undefined) filter['connector'] = query.connector;
    if (query.owner !== undefined) filter['ownerId'] = (await this.references.read({ identities: [query.owner] })).identity(query.owner)?._id ?? 'nobody';
    return pageOf(await this.lists.find(this.kind, query, filter), query, viewOfApplication);
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequireRight('directory:write')
  @ApiOperation({ summary: 'Test the connector', description: 'Whether the connected system can be reached and used with what is configured.' })
  @ApiOkResponse({ schema: apiSchema(connectorTestView, 'output'), description: '`ok` says whether it can; else code and reason.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async test(@Param('id') id: string, @CurrentPrincipal() principal: Principal) {
    return this.connectorTests.test(await this.records.get(this.kind, id), { actor: actorOf(principal) });
  }

  protected override async removed(id: string): Promise<void> {
    await this.leftovers.ofApplication(id);
  }
}
