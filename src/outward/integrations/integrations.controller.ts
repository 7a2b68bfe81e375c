import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiBadRequestResponse, ApiCreatedResponse, ApiHeader, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiParam, ApiPreconditionFailedResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { BacklogService, backlogView, type BacklogView } from './backlog.service.js';
import { createBody, enableBody, patchBody, patchOfSection, sectionBodies, SECTIONS, versionBody, type IntegrationPatch, type Section } from './integration-body.js';
import { IntegrationListService, listQuery, type ListQuery } from './integration-list.service.js';
import { IntegrationPreviewService, previewBody, previewView, type PreviewView } from './integration-preview.service.js';
import type { OpenedIntegration } from './integration-secrets.js';
import { fullStatusView, IntegrationStatusService, positionsView, type FullStatusView } from './integration-status.service.js';
import { IntegrationTestService } from './integration-test.service.js';
import { integrationView, listView, viewOf, type IntegrationView, type ListView } from './integration-view.js';
import { IntegrationsService } from './integrations.service.js';
import { testResultView } from './test-result-view.js';
import { etagOf } from '../../platform/http/version-check.js';

const deletedView = z.object({
  deleted: z.literal(true),
  id: z.string(),
  name: z.string(),
  enginePool: z.string(),
  serverUrl: z.string(),
  version: z.int().meta({ description: 'The last version.' }),
  deletedAt: z.iso.datetime(),
  positions: positionsView.meta({ description: 'How far delivery had come in each partition of the event log.' }),
  message: z.string(),
});

const IfMatch = () => ApiHeader({ name: 'If-Match', required: false, description: 'The version that was read, quoted: `"3"`. When another one is stored by now the answer is 412 with the current version.' });
const view = { schema: apiSchema(integrationView, 'output'), headers: { ETag: { description: 'The version, quoted.', schema: { type: 'string' as const } } } };
const SECRETS_HELP =
  'The PEM texts under connection.tls (ca, certificate, key) are sealed at rest and never answered: they are shown as {"set": true, ...}. Left out, or sent back as they were shown, they stay as they are; null removes them.';
type VersionBody = z.output<typeof versionBody>;
type EnableBody = z.output<typeof enableBody>;

/**
 * SIEM integrations: what administrators own.
 *
 * Secrets: `connection.tls.ca`, `.certificate` and `.key` are taken as PEM text, sealed at rest and never answered. They are shown as `{"set": true, ...}`;
 * sent back like that, or left out, they stay as they are; null removes them.
 */
@ApiTags('integrations')
@Controller('api/v1/integrations')
export class IntegrationsController {
  constructor(
    private readonly integrations: IntegrationsService,
    private readonly lists: IntegrationListService,
    private readonly status: IntegrationStatusService,
    private readonly tests: IntegrationTestService,
    private readonly previews: IntegrationPreviewService,
    private readonly backlog: BacklogService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Create an integration', description: 'Name and server URL are enough (pool `default`). Port, protocol and framing fill in from the URL and the protocol table, the output type is syslog. It is disabled until it is enabled. ' + SECRETS_HELP })
  @ApiBody({ schema: apiSchema(createBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys and bad values, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'The name is taken.' })
  async create(@Body(new ZodPipe(createBody)) body: IntegrationPatch, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response): Promise<IntegrationView> {
    const opened = await this.integrations.create(body, principal);
    response.setHeader('Location', `/api/v1/integrations/${opened.document._id}`);
    return this.answer(opened, response);
  }

  @Get()
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'List integrations', description: 'With search term, filter, sort, paging and totals.' })
  @ApiQueryOf(listQuery)
  @ApiOkResponse({ schema: apiSchema(listView, 'output') })
  async list(@Query(new ZodPipe(listQuery)) query: ListQuery): Promise<ListView> {
    const { items, totals } = await this.lists.find(query);
    const summaries = await this.status.summaries(items.map(({ document }) => document));
    const now = this.clock.now();
    const total = totals[query.status];
    return {
      items: await Promise.all(items.map(async (opened) => viewOf(opened, summaries.get(opened.document._id) ?? (await this.status.summary(opened.document)), now))),
      page: query.page,
      pageSize: query.pageSize,
      pages: Math.ceil(total / query.pageSize),
      total,
      totals,
    };
  }

  @Get(':id')
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'Read an integration' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<IntegrationView> {
    return this.answer(await this.integrations.get(id), response);
  }

  @Get(':id/status')
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'How delivery goes', description: 'Over all engines and for each, with positions, the pool and the number of dead letters.' })
  @ApiOkResponse({ schema: apiSchema(fullStatusView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async fullStatus(@Param('id') id: string): Promise<FullStatusView> {
    return this.status.full((await this.integrations.get(id)).document);
  }

  @Get(':id/backlog')
  @RequireRight('integrations:read')
  @ApiOperation({ summary: 'What waits', description: 'Events and bytes of the event log that an integration did not take yet, also while it is disabled: what enabling it brings, or leaves out with `resume`.' })
  @ApiOkResponse({ schema: apiSchema(backlogView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiServiceUnavailableResponse({ description: 'The event log does not answer.' })
  async waiting(@Param('id') id: string): Promise<BacklogView> {
    return this.backlog.of((await this.integrations.get(id)).document);
  }

  @Patch(':id')
  @RequireRight('integrations:write')
  @ApiOperation({
    summary: 'Change an integration',
    description:
      'A merge patch (RFC 7396): what is left out stays, null fills the default in again. A new protocol fills framing and port in again (port: from the server URL, else from the protocol table) and the message size limit unless it was set by hand; a new server URL with a scheme or port fills those in. What the request says by hand wins. ' +
      SECRETS_HELP,
  })
  @IfMatch()
  @ApiBody({ schema: apiSchema(patchBody) })
  @ApiOkResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and combinations that do not fit, each with its JSON pointer.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'Another version than `version` is stored (with the current one), or the name is taken.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored; with the current one.' })
  async change(
    @Param('id') id: string,
    @Body(new ZodPipe(patchBody)) body: IntegrationPatch & { version?: number },
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationView> {
    const { version, ...patch } = body;
    return this.answer(await this.integrations.change(id, patch, { ifMatch, version }, principal), response);
  }

  @Patch(':id/:section')
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Change one section', description: 'The same as a change of the whole with only this section; `general` are the fields outside the sections.' })
  @ApiParam({ name: 'section', enum: SECTIONS })
  @IfMatch()
  @ApiBody({ schema: { oneOf: SECTIONS.map((section) => apiSchema(sectionBodies[section])) } })
  @ApiOkResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and combinations that do not fit, each with its JSON pointer.' })
  @ApiNotFoundResponse({ description: 'There is no such integration or section.' })
  @ApiConflictResponse({ description: 'Another version than `version` is stored (with the current one), or the name is taken.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored; with the current one.' })
  async changeSection(
    @Param('id') id: string,
    @Param('section') name: string,
    @Body() sent: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationView> {
    const section = SECTIONS.find((known): known is Section => known === name);
    if (!section) throw new Problem(404, 'section-not-found', `An integration has the sections ${SECTIONS.join(', ')}.`);
    const body = new ZodPipe(sectionBodies[section]).transform(sent);
    try {
      return await this.answer(await this.integrations.change(id, patchOfSection(section, body), { ifMatch, version: body.version }, principal), response);
    } catch (error) {
      throw withinSection(error, section);
    }
  }

  @Post(':id/enable')
  @HttpCode(200)
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Enable an integration', description: 'Delivery starts with the events accepted from its first enabling on (or as `startFrom` says), and goes on where it stopped when it was disabled in between (or as `resume` says).' })
  @ApiConflictResponse({ description: '`startFrom` of one that began, `resume` of one that did not, or an engine still holds it.' })
  @IfMatch()
  @ApiBody({ required: false, schema: apiSchema(enableBody) })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiServiceUnavailableResponse({ description: 'The event log does not answer.' })
  async enable(@Param('id') id: string, @Body(new ZodPipe(enableBody)) body: EnableBody, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response): Promise<IntegrationView> {
    return this.answer(await this.integrations.change(id, { enabled: true }, { ifMatch, version: body?.version }, principal, { startFrom: body?.startFrom, resume: body?.resume }), response);
  }

  @Post(':id/disable')
  @HttpCode(200)
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Disable an integration', description: 'Delivery stops cleanly; events wait in the log as long as its retention keeps them.' })
  @IfMatch()
  @ApiBody({ required: false, schema: apiSchema(versionBody) })
  @ApiOkResponse(view)
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async disable(@Param('id') id: string, @Body(new ZodPipe(versionBody)) body: VersionBody, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response): Promise<IntegrationView> {
    return this.answer(await this.integrations.change(id, { enabled: false }, { ifMatch, version: body?.version }, principal), response);
  }

  @Delete(':id')
  @RequireRight('integrations:write')
  @ApiOperation({ summary: 'Delete an integration', description: 'In-flight delivery stops cleanly. The answer says what was deleted. Its dead letters stay.' })
  @IfMatch()
  @ApiOkResponse({ schema: apiSchema(deletedView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored; with the current one.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof deletedView>> {
    const { before, deletedAt } = await this.integrations.delete(id, { ifMatch }, principal);
    const positions = await this.status.positions(id);
    await this.status.forgetPositions(id);
    const { name, enginePool, serverUrl } = before.settings;
    return { deleted: true, id, name, enginePool, serverUrl, version: before.document.version, deletedAt: deletedAt.toISOString(), positions, message: `The integration "${name}" has been deleted.` };
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequireRight('integrations:test')
  @ApiOperation({ summary: 'Send a test event', description: 'At once, through the real path, also while disabled. Answers stage by stage with the time of each; the first failing stage is named with cause and fix.' })
  @ApiOkResponse({ schema: apiSchema(testResultView, 'output'), description: 'What was found; `ok` says whether the test event went through.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiServiceUnavailableResponse({ description: 'No engine of the pool took the test, or finished it, within the time.' })
  async test(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof testResultView>> {
    return this.tests.test(await this.integrations.get(id), principal);
  }

  @Post(':id/preview')
  @HttpCode(200)
  @RequireRight('integrations:read')
  @ApiOperation({
    summary: 'Preview an event, and a change before it is saved',
    description: 'Renders a given or a sample event exactly as it would be sent, masks and framing included, without sending it. With `proposed` settings it compares them with the stored ones on the last real events: what would be newly sent, no longer sent and by which rule, what would look different, and how much more or less leaves.',
  })
  @ApiBody({ required: false, schema: apiSchema(previewBody) })
  @ApiOkResponse({ schema: apiSchema(previewView, 'output') })
  @ApiBadRequestResponse({ description: 'The event would not be accepted from a producer either, or the proposed settings could not be saved; each fault with its JSON pointer.' })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiServiceUnavailableResponse({ description: 'The event log does not answer.' })
  async preview(@Param('id') id: string, @Body(new ZodPipe(previewBody.optional())) body: z.output<typeof previewBody> | undefined, @CurrentPrincipal() principal: Principal): Promise<PreviewView> {
    const { proposed, lastEvents, ...sample } = body ?? {};
    const { settings } = await this.integrations.get(id);
    if (proposed === undefined && lastEvents === undefined) return this.previews.preview(settings, sample);
    if (!principal.rights.has('events:read')) throw new Problem(403, 'forbidden', 'A preview on real events shows what they hold: it needs the right events:read. Leave proposed and lastEvents out, or ask an administrator for the right.');
    const after = proposed === undefined ? settings : await this.integrations.proposed(id, proposed).catch((error: unknown) => {
      throw asProposed(error);
    });
    return { ...(await this.previews.preview(after, sample)), difference: await this.previews.difference(settings, after, lastEvents) };
  }

  private async answer(opened: OpenedIntegration, response: Response): Promise<IntegrationView> {
    response.setHeader('ETag', etagOf(opened.document.version));
    // The ETag names the version of the settings; the status beside them changes without it.
    response.setHeader('Cache-Control', 'no-store');
    return viewOf(opened, await this.status.summary(opened.document), this.clock.now());
  }
}

/** Pointers count from the body that was sent: that of a section lacks the section's name. */
function withinSection(error: unknown, section: Section): unknown {
  if (!(error instanceof Problem) || section === 'general' || !error.extra.errors) return error;
  const prefix = `/${section}`;
  const errors = error.extra.errors.map((item) => (item.pointer.startsWith(`${prefix}/`) ? { ...item, pointer: item.pointer.slice(prefix.length) } : item));
  return new Problem(error.getStatus(), error.code, error.detail, { ...error.extra, errors });
}

/** Pointers count from the body that was sent. */
function asProposed(error: unknown): unknown {
  if (!(error instanceof Problem) || !error.extra.errors) return error;
  return new Problem(error.getStatus(), error.code, error.detail, { ...error.extra, errors: error.extra.errors.map((item) => ({ ...item, pointer: `/proposed${item.pointer}` })) });
}
