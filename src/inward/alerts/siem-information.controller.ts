import { All, Controller, Get, Header, HttpCode, Post, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiBody, ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { DirectoryService } from '../../directory/directory.service.js';
import { AcceptBasic, RequireRight } from '../../platform/access/rights.js';
import { SIEM_PATH } from '../../platform/http/siem-paths.js';
import type { GateRequest } from '../../platform/http/request.js';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { AuditActions, type AuditAction } from './feeds/audit-actions.js';
import { AuditFeed } from './feeds/audit-feed.service.js';
import { IdentityInfoService, type IdentityInfo } from './identity-info.service.js';
import { invalidParameters, missingParameters, SiemAnswerFilter, SiemRefusal } from './siem-answer.js';
import { refuseVerb, siemJson, siemPathOf } from './siem-request.js';

const VERBS = { applications: 'GET', identityinfo: 'POST', auditConfiguration: 'GET', plainTextHello: 'GET', identity: 'POST' } as const;
const PATHS = Object.keys(VERBS);
/** The application that the plugin itself brings along; clients find it in the list. */
const OWN_APPLICATION = 'SIEM Application';
const MOST_USERS = 1000;
const TOGETHER = 20;

const usersSchema = z.object({ users: z.array(z.object({ nativeIdentity: z.string() })) });
const identitiesSchema = z.object({ identities: z.array(z.object({ nativeIdentity: z.string(), results: z.array(z.object({ name: z.string(), confidence: z.int() })) })) });

/** The information endpoints of the SIEM plugin (inbound contract, 2.2 and 2.3). */
@ApiTags('siem')
@Controller(SIEM_PATH)
@AcceptBasic()
@UseFilters(SiemAnswerFilter)
@RequireRight('siemadministrator')
export class SiemInformationController {
  constructor(
    private readonly directory: DirectoryService,
    private readonly identityInfo: IdentityInfoService,
    private readonly actions: AuditActions,
    private readonly audit: AuditFeed,
  ) {}

  @Get('applications')
  @ApiOperation({ summary: 'Names of all applications' })
  @ApiOkResponse({ schema: { type: 'array', items: { type: 'string' } } })
  async applications(@Req() request: GateRequest): Promise<string[]> {
    siemPathOf(request, PATHS);
    const names = await this.directory.applicationNames();
    return names.includes(OWN_APPLICATION) ? names : [...names, OWN_APPLICATION];
  }

  @Post('identityinfo')
  @HttpCode(200)
  @ApiOperation({ summary: 'Who may own accounts of these names, with a confidence' })
  @ApiBody({ schema: apiSchema(usersSchema) })
  @ApiOkResponse({ schema: apiSchema(identitiesSchema, 'output') })
  async identities(@Req() request: GateRequest): Promise<{ identities: IdentityInfo[] }> {
    siemPathOf(request, PATHS);
    const names = nativeIdentitiesOf(siemJson(request));
    const identities: IdentityInfo[] = [];
    for (let start = 0; start < names.length; start += TOGETHER) identities.push(...(await Promise.all(names.slice(start, start + TOGETHER).map((name) => this.identityInfo.find(name)))));
    return { identities };
  }

  @Get('auditConfiguration')
  @ApiOperation({ summary: 'Audit actions and whether the feed shows them' })
  @ApiQuery({ name: 'name', required: false, schema: { type: 'string' }, description: 'One action, in any case.' })
  @ApiQuery({ name: 'enabled', required: false, schema: { type: 'string' }, description: 'true: only those that are on.' })
  async auditConfiguration(@Req() request: GateRequest, @Query() query: Record<string, unknown>): Promise<AuditAction | AuditAction[]> {
    siemPathOf(request, PATHS);
    const actions = await this.actions.list(await this.audit.seenTypes());
    const { name, enabled } = query;
    if (typeof name === 'string' && name !== '') {
      const found = actions.find((action) => action.name.toLowerCase() === name.toLowerCase());
      if (!found) throw new SiemRefusal(400, 'audit-action-unknown', `AuditAction ${name.slice(0, 255).toWellFormed()} not found.`);
      return found;
    }
    return typeof enabled === 'string' && enabled.toLowerCase() === 'true' ? actions.filter((action) => action.enabled) : actions;
  }

  @Get('plainTextHello')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  @ApiOperation({ summary: 'Tells that address and credentials are right' })
  @ApiProduces('text/plain')
  plainTextHello(@Req() request: GateRequest, @Res() response: Response): void {
    siemPathOf(request, PATHS);
    response.send('Hello World!');
  }

  @Post('identity')
  @HttpCode(204)
  @ApiOperation({ summary: 'Does nothing, as in the original' })
  identity(@Req() request: GateRequest): void {
    siemPathOf(request, PATHS);
  }

  @All(PATHS)
  @ApiExcludeEndpoint()
  wrongVerb(@Req() request: GateRequest): never {
    refuseVerb(request, VERBS);
  }
}

/** Each distinct one. @throws SiemRefusal 400 */
function nativeIdentitiesOf(body: unknown): string[] {
  const users = typeof body === 'object' && body !== null && 'users' in body ? body.users : undefined;
  if (users === undefined || users === null) throw missingParameters(['users'], 'Error - check system logs.');
  if (!Array.isArray(users)) throw invalidParameters(["'users' must be a list"]);
  if (users.length > MOST_USERS) throw invalidParameters([`'users' must not have more than ${MOST_USERS} entries`]);
  const names = users.map((user: unknown, index) => {
    const name = typeof user === 'object' && user !== null && 'nativeIdentity' in user ? user.nativeIdentity : undefined;
    if (typeof name !== 'string' || name.length > 4096 || !name.isWellFormed()) throw invalidParameters([`'users' entry ${index + 1} must have a text as 'nativeIdentity'`]);
    return name;
  });
  return [...new Set(names)];
}
