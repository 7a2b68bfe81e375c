import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../platform/access/rights.js';
import { ApiQueryOf } from '../platform/http/api-query.js';
import { Problem } from '../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../platform/http/zod.pipe.js';
import { accountBody, accountKind } from './account.kind.js';
import { DirectoryKinds } from './directory-kinds.js';
import { DirectoryListService, listFields, pageOf, pageView, queryFlag, queryText } from './directory-list.service.js';
import { DirectoryRecords } from './directory-records.service.js';
import { accountView, viewOfAccount } from './directory-view.js';
import { versionField } from './record-answer.js';
import { recordController } from './record-controller.js';
import { entitlementKey } from './natural-key.js';
import { ReferenceReader } from './references.js';
import { RemovalRules } from './removal-rules.js';

const PATH = 'api/v1/accounts';
const listQuery = z.strictObject({
  ...listFields,
  application: queryText.meta({ description: 'Name or id of the application.' }),
  identity: queryText.meta({ description: 'Name or id of the identity behind the account.' }),
  uncorrelated: queryFlag.meta({ description: 'Only accounts that nobody is behind, or only the others.' }),
  entitlement: queryText.meta({ description: 'Only accounts that hold it, as attribute=value, for example memberOf=group1.' }),
  status: z.enum(['all', 'enabled', 'disabled', 'removed']).default('all').meta({ description: 'Which accounts to list; `all` leaves the removed ones out.' }),
});
const AccountRecords = recordController({
  path: PATH,
  kind: accountKind,
  patchBody: accountBody.omit({ application: true }).partial().extend({ version: versionField }),
  view: accountView,
  viewOf: viewOfAccount,
  merge: (before, patch) => ({ application: before.applicationId, nativeId: before.nativeId, ...patch }),
  removal: 'Removed as the connected system would: it is kept for the history (status=removed), and is the same account again when it comes back.',
});

/** Accounts on the applications. */
@ApiTags('directory')
@Controller(PATH)
export class AccountsController extends AccountRecords {
  constructor(kinds: DirectoryKinds, records: DirectoryRecords, references: ReferenceReader, rules: RemovalRules, private readonly lists: DirectoryListService) {
    super(kinds.account, records, references, rules);
  }

  @Get()
  @RequireRight('directory:read')
  @ApiOperation({ summary: 'List accounts' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(pageView(accountView), 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: z.output<typeof listQuery>) {
    const filter: Record<string, unknown> = query.status === 'removed' ? { removedAt: { $ne: null }, deletedAt: null } : { ...this.kind.live };
    if (query.status === 'enabled' || query.status === 'disabled') filter['disabled'] = query.status === 'disabled';
    const references = await this.references.read({ applications: [query.application], identities: [query.identity] });
    if (query.application !== undefined) filter['applicationId'] = references.application(query.application)?._id ?? 'none';
    if (query.uncorrelated !== undefined) filter['identityId'] = query.uncorrelated ? null : { $ne: null };
    if (query.identity !== undefined) filter['identityId'] = references.identity(query.identity)?._id ?? 'nobody';
    if (query.entitlement !== undefined) filter['entitlementKeys'] = heldKey(query.entitlement);
    return pageOf(await this.lists.find(this.kind, query, filter), query, viewOfAccount);
  }
}

function heldKey(sent: string): string {
  const at = sent.indexOf('=');
  if (at <= 0) throw new Problem(400, 'invalid-request', 'The entitlement is written attribute=value, for example memberOf=group1.', { errors: [{ pointer: '/entitlement', message: 'attribute=value' }] });
  return entitlementKey(sent.slice(0, at), sent.slice(at + 1));
}
