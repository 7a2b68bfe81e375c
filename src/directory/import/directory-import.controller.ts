import { Controller, HttpCode, Post, Query, Req } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiPayloadTooLargeResponse, ApiTags, ApiUnsupportedMediaTypeResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { actorOf } from '../../platform/audit/new-audit-record.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { Problem } from '../../platform/http/problem.js';
import type { GateRequest } from '../../platform/http/request.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { accountBody } from '../account.kind.js';
import { applicationBody } from '../application.kind.js';
import { KIND_NAMES, type KindName } from '../directory-kind.js';
import { entitlementBody } from '../entitlement.kind.js';
import { identityBody } from '../identity.kind.js';
import { csvRows } from './csv-rows.js';
import { DirectoryImportService } from './directory-import.service.js';
import { importReport, type ImportReport } from './import-report.js';
import { LIST_NAMES, noRows, type ImportRows } from './import-rows.js';
import { jsonRows } from './json-rows.js';

const SCHEMAS: Record<KindName, z.ZodType> = { identity: identityBody, application: applicationBody, entitlement: entitlementBody, account: accountBody };
const listNames = KIND_NAMES.map((name) => LIST_NAMES[name]) as [string, ...string[]];
const query = z.strictObject({ kind: z.enum(listNames).optional().meta({ description: 'Of CSV: what its records are.' }) });
const jsonBody = z.strictObject({ identities: z.array(identityBody).optional(), applications: z.array(applicationBody).optional(), entitlements: z.array(entitlementBody).optional(), accounts: z.array(accountBody).optional() });

/** Brings records in, many at a time. */
@ApiTags('directory')
@Controller('api/v1/directory/import')
export class DirectoryImportController {
  constructor(private readonly imports: DirectoryImportService) {}

  @Post()
  @HttpCode(200)
  @RequireRight('directory:write')
  @ApiOperation({
    summary: 'Import records',
    description:
      'Upserts by natural key: identities and applications by name, entitlements by application, attribute and value, accounts by application and native id. Each record is stored whole or refused; the report counts and names what was created, changed, unchanged and refused. Fields left out stay as they are. ' +
      'CSV (text/csv, with `kind`) has a header with the names of the fields; lists are separated by `|`; accounts also take the columns `attribute:<name>` and `entitlement:<attribute>`, and endOfLifeAt, endOfLifeAction.',
  })
  @ApiQueryOf(query)
  @ApiConsumes('application/json', 'text/csv')
  @ApiBody({ schema: apiSchema(jsonBody) })
  @ApiOkResponse({ schema: apiSchema(importReport, 'output'), description: 'What became of each record, also when some or all were refused.' })
  @ApiBadRequestResponse({ description: 'The body cannot be read at all; nothing was imported.' })
  @ApiPayloadTooLargeResponse({ description: 'More records than directory.importRows, or more bytes than http.requestBytes.' })
  @ApiUnsupportedMediaTypeResponse({ description: 'Neither JSON nor CSV.' })
  async import(@Req() request: GateRequest, @Query(new ZodPipe(query)) { kind }: z.output<typeof query>, @CurrentPrincipal() principal: Principal): Promise<ImportReport> {
    return this.imports.import(this.rows(request, kind), actorOf(principal));
  }

  private rows(request: GateRequest, list: string | undefined): ImportRows {
    const text = utf8Of(request.rawBody ?? Buffer.alloc(0));
    const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
    if (type === 'text/csv') {
      const kind = KIND_NAMES.find((name) => LIST_NAMES[name] === list);
      if (!kind) throw new Problem(400, 'invalid-request', `CSV needs to say what its records are: ?kind=${listNames.join(', ?kind=')}.`, { errors: [{ pointer: '/kind', message: 'is missing' }] });
      return { ...noRows(), [kind]: csvRows(text, kind, SCHEMAS[kind]) };
    }
    if (type === 'application/json') return jsonRows(text, SCHEMAS);
    throw new Problem(415, 'unsupported-media-type', 'An import is JSON (Content-Type: application/json) or CSV (text/csv).');
  }
}

function utf8Of(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new Problem(400, 'invalid-encoding', 'The body is not UTF-8; save the file as UTF-8.');
  }
}
