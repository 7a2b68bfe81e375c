import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../platform/access/rights.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { identityBody, identityKind } from './identity.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { identityView, viewOfIdentity } from './directory-view.js';
import { versionField } from './record-answer.js';
import { recordController } from './record-controller.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const PATH = 'api/v1/identities';
const listQuery = z.strictObject({
  ...listFields,
  protected: queryFlag.meta({ description: 'Only those that alerts never act upon, or only the others.' }),
  manager: queryText.meta({ description: 'Name or id of the manager.' }),
});
const IdentityRecords = recordController({
  path: PATH,
  kind: identityKind,
  patchBody: identityBody.partial().extend({ version: versionField }),
  view: identityView,
  viewOf: viewOfIdentity,
  merge: (before, patch) => ({ name: before.name, ...patch }),
  refusal: (rules, before) => rules.ofIdentity(before),
});

/** People and services behind accounts. */
@ApiTags('directory')
@Controller(PATH)
export class IdentitiesController extends IdentityRecords {
  constructor(kinds: DirectoryKinds, records: DirectoryRecords, references: ReferenceReader, rules: RemovalRules, private readonly lists: DirectoryListService) {
    super(kinds.identity, records, references, rules);
  }

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List identities' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(identityView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kind.live };
    if (query.protected !== undefined) filter['isProtected'] = query.protected;
    if (query.manager !== undefined) filter['managerId'] = (await this.references.read({ identities: [query.manager] })).identity(query.manager)?._id ?? 'nobody';
    return pageOf(await this.lists.find(this.kind, query, filter), query, viewOfIdentity);
  }
}
