import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBadRequestResponse, ApiBody, ApiConflictResponse, ApiNotFoundResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { actorOf } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { EVERY_INTEGRATION } from '../engine/dead-letter-store.js';
import { deadLetterSchema, resetsOfLetter, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { IntegrationsService } from '../integrations/integrations.service.js';
import { rateField, replayView, replayViewOf, type ReplayView } from './replays.controller.js';
import { MOST_NAMED, ReplaysService } from './replays.service.js';

const CODES = ['message-too-long', 'not-renderable', 'refused-by-receiver'] as const satisfies ReadonlyArray<DeadLetterDocument['code']>;

const someBody = z
  .strictObject({
    ids: z.array(z.string().min(1).max(300)).min(1).max(MOST_NAMED).optional().meta({ description: 'These dead letters.' }),
    integrationId: z.string().min(1).max(200).optional().meta({ description: 'All that wait of this integration.' }),
    code: z.enum(CODES).optional().meta({ description: 'With integrationId: only those with this reason code.' }),
    eventsPerSecond: rateField,
  })
  .refine(({ ids, integrationId }) => (ids === undefined) !== (integrationId === undefined), { message: 'give either ids or an integrationId' })
  .refine(({ ids, code }) => ids === undefined || code === undefined, { path: ['code'], message: 'only together with integrationId' });
const oneBody = z.strictObject({ eventsPerSecond: rateField }).optional();
const startedView = z.object({
  replays: z.array(replayView).meta({ description: 'One for each integration.' }),
  deadLetters: z.int(),
  left: z.int().meta({ description: 'Dead letters beyond what one call takes; call again.' }),
  ofFormerLog: z.int().meta({ description: 'Dead letters of an event log that was replaced: the same positions hold other events now, so they cannot be sent again.' }),
});

/** Dead letters once more: after the settings that made them impossible were changed. */
@ApiTags('dead letters')
@Controller('api/v1/dead-letters')
export class DeadLetterReplaysController {
  private readonly deadLetters: Model<DeadLetterDocument>;

  constructor(store: DocumentStore, private readonly replays: ReplaysService, private readonly integrations: IntegrationsService) {
    this.deadLetters = store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
  }

  @Post('replay')
  @HttpCode(202)
  @RequireRight('dead-letters:write')
  @ApiOperation({ summary: 'Replay dead letters', description: 'Some by id, or all of an integration. One that is delivered is marked with replayedAt; one that is refused again stays, with one more attempt.' })
  @ApiBody({ schema: apiSchema(someBody) })
  @ApiAcceptedResponse({ schema: apiSchema(startedView, 'output') })
  @ApiBadRequestResponse({ description: 'Bad values, or nothing of it lies in the event log.' })
  @ApiNotFoundResponse({ description: 'None of them is there.' })
  @ApiConflictResponse({ description: 'One that was named, or all of the integration, are of an event log that was replaced.' })
  async some(@Body(new ZodPipe(someBody)) { ids, integrationId, code, eventsPerSecond }: z.output<typeof someBody>, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof startedView>> {
    const asked = ids === undefined ? { integrationId, code: code ?? { $in: [...CODES] }, replayedAt: null } : { _id: { $in: ids } };
    const filter = integrationId === undefined ? asked : { ...asked, $or: await this.ofThisLog(integrationId) };
    const [found, total] = await Promise.all([this.deadLetters.countDocuments(asked), this.deadLetters.countDocuments(filter)]);
    const letters = await this.deadLetters.find(filter).sort({ createdAt: 1 }).limit(MOST_NAMED).lean<DeadLetterDocument[]>();
    if (letters.length === 0 && found > 0) throw formerLog(`All ${found} of them are`);
    if (letters.length === 0) throw new Problem(404, 'dead-letter-not-found', 'There is no dead letter of those asked for.');
    return { replays: await this.start(letters, principal, eventsPerSecond), deadLetters: letters.length, left: total - letters.length, ofFormerLog: found - total };
  }

  @Post(':id/replay')
  @HttpCode(202)
  @RequireRight('dead-letters:write')
  @ApiOperation({ summary: 'Replay a dead letter' })
  @ApiBody({ required: false, schema: apiSchema(oneBody) })
  @ApiAcceptedResponse({ schema: apiSchema(replayView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  @ApiConflictResponse({ description: 'It is no event at all, so no integration can get it; or it is of an event log that was replaced.' })
  async one(@Param('id') id: string, @Body(new ZodPipe(oneBody)) body: z.output<typeof oneBody>, @CurrentPrincipal() principal: Principal): Promise<ReplayView> {
    const letter = await this.deadLetters.findOne({ _id: id }).lean<DeadLetterDocument>();
    if (!letter) throw new Problem(404, 'dead-letter-not-found', `There is no dead letter ${id.slice(0, 100).toWellFormed()}.`);
    const [replay] = await this.start([letter], principal, body?.eventsPerSecond);
    if (!replay) throw new Problem(409, 'not-an-event', 'This record is no event that could be sent: it was written into the topic by somebody else.');
    return replay;
  }

  /** Those whose positions are of the log as it is now. */
  private async ofThisLog(integrationId: string): Promise<Array<{ partition: number; _id: { $regex: string } }>> {
    const { places } = await this.replays.places(integrationId);
    return [...places].map(([partition, { resets = 0 }]) => ({ partition, _id: { $regex: resets > 0 ? `\\.[0-9]+:${resets}$` : '\\.[0-9]+$' } }));
  }

  private async start(letters: readonly DeadLetterDocument[], principal: Principal, eventsPerSecond: number | undefined): Promise<ReplayView[]> {
    const byIntegration = new Map<string, string[]>();
    for (const { integrationId, partition, offset } of letters) {
      if (integrationId === EVERY_INTEGRATION) continue;
      byIntegration.set(integrationId, [...(byIntegration.get(integrationId) ?? []), `${partition}.${offset}`]);
    }
    for (const integrationId of byIntegration.keys()) {
      const { places } = await this.replays.places(integrationId);
      const former = letters.filter((letter) => letter.integrationId === integrationId && resetsOfLetter(letter) !== (places.get(letter.partition)?.resets ?? 0));
      if (former.length > 0) throw formerLog(former.length === 1 ? `Dead letter ${former[0]?._id ?? ''} is` : `${former.length} of them are`);
    }
    const started: ReplayView[] = [];
    for (const [integrationId, positions] of byIntegration) {
      const { document, settings } = await this.integrations.get(integrationId);
      const subject = { id: document._id, name: settings.name, enginePool: settings.enginePool };
      started.push(replayViewOf(await this.replays.ask(subject, { positions, eventsPerSecond }, 'dead-letters', actorOf(principal))));
    }
    return started;
  }
}

function formerLog(which: string): Problem {
  return new Problem(409, 'log-replaced', `${which} of an event log that was replaced since: the same position holds another event now, or none. Only its producer can send the event again.`);
}
