import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse, ApiHeader, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPreconditionFailedResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { v7 as uuidV7 } from 'uuid';
import { z } from 'zod';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { CurrentPrincipal } from '../access/current-principal.js';
import { RequireRight, type Principal } from '../access/rights.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { etagOf } from '../http/version-check.js';
import { createBody, patchBody, type CreateBody } from './channel-body.js';
import type { OpenedChannel } from './channel-secrets.js';
import type { ChannelStageReport } from './channel-sender.js';
import { ChannelSending } from './channel-sending.js';
import { channelListView, channelTestView, channelView, channelViewOf, type ChannelTestView, type ChannelView } from './channel-view.js';
import { ChannelsService } from './channels.service.js';

const deletedView = z.object({ deleted: z.literal(true), id: z.string(), name: z.string() });
const view = { schema: apiSchema(channelView, 'output'), headers: { ETag: { description: 'The version, quoted.', schema: { type: 'string' as const } } } };
const NOT_FOUND = { description: 'There is none with this id.' };
const IfMatch = () => ApiHeader({ name: 'If-Match', required: false, description: 'The version that was read, quoted: `"3"`. When another one is stored by now the answer is 412 with the current version.' });
const SECRETS_HELP = 'Passwords, tokens, signature keys and certificates are sealed at rest and never answered: they are shown as {"set": true}. Left out, or sent back as they were shown, they stay as they are; null removes them.';

/** Where administrators are told what they must know: mail and webhook. */
@ApiTags('notifications')
@Controller('api/v1/notification-channels')
@RequireRight('settings:write')
export class NotificationChannelsController {
  constructor(private readonly channels: ChannelsService, private readonly sending: ChannelSending, @Inject(CLOCK) private readonly clock: Clock) {}

  @Post()
  @ApiOperation({ summary: 'Create a notification channel', description: `Give the section of its type, \`mail\` or \`webhook\`. ${SECRETS_HELP}` })
  @ApiBody({ schema: apiSchema(createBody) })
  @ApiCreatedResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys and bad values, each with its JSON pointer.' })
  @ApiConflictResponse({ description: 'The name is taken.' })
  async create(@Body(new ZodPipe(createBody)) body: CreateBody, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response): Promise<ChannelView> {
    const opened = await this.channels.create(body, principal);
    response.setHeader('Location', `/api/v1/notification-channels/${opened.document._id}`);
    return answer(opened, response);
  }

  @Get()
  @ApiOperation({ summary: 'List notification channels by name, each with how it did of late' })
  @ApiOkResponse({ schema: apiSchema(channelListView, 'output') })
  async list(): Promise<z.output<typeof channelListView>> {
    const items = (await this.channels.list()).map(channelViewOf);
    return { items, total: items.length };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a notification channel' })
  @ApiOkResponse(view)
  @ApiNotFoundResponse(NOT_FOUND)
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<ChannelView> {
    return answer(await this.channels.get(id), response);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a notification channel', description: `A merge patch (RFC 7396): what is left out stays, null gives the default. The type cannot change; a stored password or token must be given again when the receiver changes. ${SECRETS_HELP}` })
  @IfMatch()
  @ApiBody({ schema: apiSchema(patchBody) })
  @ApiOkResponse(view)
  @ApiBadRequestResponse({ description: 'Unknown keys, bad values and combinations that do not fit, each with its JSON pointer.' })
  @ApiNotFoundResponse(NOT_FOUND)
  @ApiConflictResponse({ description: 'Another version than `version` is stored (with the current one), or the name is taken.' })
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored; with the current one.' })
  async change(@Param('id') id: string, @Body(new ZodPipe(patchBody)) body: z.output<typeof patchBody>, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal, @Res({ passthrough: true }) response: Response): Promise<ChannelView> {
    const { version, ...patch } = body;
    return answer(await this.channels.change(id, patch, { ifMatch, version }, principal), response);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a notification channel', description: 'What it did not take yet is given up on it, with that reason.' })
  @IfMatch()
  @ApiOkResponse({ schema: apiSchema(deletedView, 'output') })
  @ApiNotFoundResponse(NOT_FOUND)
  @ApiPreconditionFailedResponse({ description: 'Another version than that of If-Match is stored; with the current one.' })
  async delete(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof deletedView>> {
    const { document } = await this.channels.delete(id, { ifMatch }, principal);
    return { deleted: true, id, name: document.name };
  }

  @Post(':id/test')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a test notification', description: 'At once, through the real path, also while disabled. Answers stage by stage; the first failing stage is named with cause and fix.' })
  @ApiOkResponse({ schema: apiSchema(channelTestView, 'output'), description: 'What was found; `ok` says whether the receiver took it.' })
  @ApiNotFoundResponse(NOT_FOUND)
  async test(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<ChannelTestView> {
    const opened = await this.channels.get(id);
    const stages: ChannelStageReport[] = [];
    const notificationId = uuidV7();
    const startedAt = performance.now();
    const outcome = await this.sending.send(
      opened,
      {
        id: notificationId, kind: 'notify.test', severity: 'info', title: `test of the channel ${opened.settings.name}`, text: `${principal.name} pressed Test. When you read this, the channel works.`,
        facts: { channel: opened.settings.name }, subject: { kind: 'notify-channel', id, name: opened.settings.name }, occurredAt: new Date(this.clock.now()), bundle: null,
      },
      { onStage: (report) => stages.push(report) },
    );
    const failure = outcome.type === 'failed' ? outcome.failure : null;
    await this.channels.recordTest(opened, principal, { outcome: failure ? 'failure' : 'success', ...(failure ? { reason: failure.cause } : {}), correlationId: notificationId });
    const shown = failure && { code: failure.code, stage: failure.stage, cause: failure.cause, fix: failure.fix, needsPerson: failure.needsPerson };
    return { ok: failure === null, notificationId, stages, failure: shown, detail: outcome.type === 'sent' ? outcome.detail : null, ms: performance.now() - startedAt };
  }
}

function answer(opened: OpenedChannel, response: Response): ChannelView {
  response.setHeader('ETag', etagOf(opened.document.version));
  // The ETag names the version of the settings; the health beside them changes without it.
  response.setHeader('Cache-Control', 'no-store');
  return channelViewOf(opened);
}
