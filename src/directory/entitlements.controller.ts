import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../platform/access/rights.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { ENTITLEMENT_STATES } from './entitlement.schema.js';
import { entitlementBody, entitlementKind } from './entitlement.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { entitlementView, viewOfEntitlement } from './directory-view.js';
import { versionField } from './record-answer.js';
import { recordController } from './record-controller.js';
import { naturalKey } from './natural-key.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const PATH = 'api/v1/entitlements';
const listQuery = z.strictObject({
  ...listFields,
  application: queryText.meta({ description: 'Name or id of the application.' }),
  attribute: queryText.meta({ description: 'For example memberOf.' }),
  requestable: queryFlag.meta({ description: 'Whether people may ask for it.' }),
  state: z.enum(ENTITLEMENT_STATES).optional(),
});
const EntitlementRecords = recordController({
  path: PATH,
  kind: entitlementKind,
  patchBody: entitlementBody.omit({ application: true, attribute: true, value: true }).partial().extend({ version: versionField }),
  view: entitlementView,
  viewOf: viewOfEntitlement,
  merge: (before, patch) => ({ application: before.applicationId, attribute: before.attribute, value: before.value, ...patch }),
  refusal: (rules, before) => rules.ofEntitlement(before),
});

/** The catalogue of what accounts can hold: groups and the like. */
@ApiTags('directory')
@Controller(PATH)
export class EntitlementsController extends EntitlementRecords {
  constructor(kinds: DirectoryKinds, records: DirectoryRecords, references: ReferenceReader, rules: RemovalRules, private readonly lists: DirectoryListService) {
    super(kinds.entitlement, records, references, rules);
  }

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List entitlements' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(entitlementView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = { ...this.kind.live };
    if (query.application !== undefined) filter['applicationId'] = (await this.references.read({ applications: [query.application] })).application(query.application)?._id ?? 'none';
    if (query.attribute !== undefined) filter['key'] = { $regex: `^${naturalKey(query.attribute).replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}\n` };
    if (query.requestable !== undefined) filter['requestable'] = query.requestable;
    if (query.state !== undefined) filter['state'] = query.state;
    return pageOf(await this.lists.find(this.kind, query, filter), query, viewOfEntitlement);
  }
}
