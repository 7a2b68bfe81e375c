import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { alertView, viewOfAlert } from '../alerts/alert-view.js';
import { AlertDecisions, type DecisionOutcome } from './alert-decisions.service.js';

const decisionBody = z.strictObject({ comment: z.string().trim().min(1).max(1000).optional().meta({ description: 'Why; it is part of the audit record.' }) }).optional();
type DecisionBody = z.output<typeof decisionBody>;

/** Approvers decide about alerts that are held. */
@ApiTags('alerts')
@Controller('api/v1/alerts')
@RequireRight('approve')
export class AlertDecisionsController {
  constructor(private readonly decisions: AlertDecisions) {}

  @Post(':id/release')
  @HttpCode(200)
  @ApiOperation({ summary: 'Release a waiting alert from what holds it: it is acted upon at once, unless something else holds it', description: 'A release from the kill switch, the loop limit or the workflow says nothing about fan-out and budget.' })
  @ApiBody({ required: false, schema: apiSchema(decisionBody) })
  @ApiOkResponse({ schema: apiSchema(alertView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id (any more).' })
  @ApiConflictResponse({ description: 'It does not wait; somebody may have decided before.' })
  async release(@Param('id') id: string, @Body(new ZodPipe(decisionBody)) body: DecisionBody, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof alertView>> {
    return answer(id, await this.decisions.release(id, principal, body?.comment ?? null));
  }

  @Post(':id/reject')
  @HttpCode(200)
  @ApiOperation({ summary: 'Reject a waiting alert: it is closed, nothing more is done' })
  @ApiBody({ required: false, schema: apiSchema(decisionBody) })
  @ApiOkResponse({ schema: apiSchema(alertView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id (any more).' })
  @ApiConflictResponse({ description: 'It does not wait; somebody may have decided before.' })
  async reject(@Param('id') id: string, @Body(new ZodPipe(decisionBody)) body: DecisionBody, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof alertView>> {
    return answer(id, await this.decisions.reject(id, principal, body?.comment ?? null));
  }
}

function answer(id: string, outcome: DecisionOutcome): z.output<typeof alertView> {
  switch (outcome.type) {
    case 'decided':
      return viewOfAlert(outcome.alert);
    case 'not-found':
      throw new Problem(404, 'alert-not-found', `There is no alert ${id.slice(0, 100).toWellFormed()}.`);
    case 'not-waiting':
      throw new Problem(409, 'alert-not-waiting', `The alert is ${outcome.state}; only a waiting alert can be released or rejected.`, { state: outcome.state });
  }
}
