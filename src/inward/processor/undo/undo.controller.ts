import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../../platform/access/rights.js';
import { Problem } from '../../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../../platform/http/zod.pipe.js';
import { alertView, viewOfAlert } from '../../alerts/alert-view.js';
import { UndoOrders } from './undo-orders.service.js';

const undoBody = z
  .strictObject({
    comment: z.string().trim().min(1).max(1000).optional().meta({ description: 'Why; it is part of the audit record.' }),
    evenIfChanged: z.boolean().default(false).meta({ description: 'Give back also where somebody else changed the same since, or another alert asks for it, too; without it such targets are left as they are and told.' }),
  })
  .optional();

/** Approvers give back what an alert did. */
@ApiTags('alerts')
@Controller('api/v1/alerts')
@RequireRight('approve')
export class UndoController {
  constructor(private readonly orders: UndoOrders) {}

  @Post(':id/undo')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Undo a closed alert: what it disabled, took away or made non-requestable is given back',
    description:
      'Ordered here and carried out by the processor at once; `undo` tells how it stands, GET /api/v1/alerts/{id}?targetsOf=undo what became of each target. The same order again answers the same; after one that ended in part an order goes on with what failed. Deleted accounts and forced password changes cannot be given back.',
  })
  @ApiBody({ required: false, schema: apiSchema(undoBody) })
  @ApiOkResponse({ schema: apiSchema(alertView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id (any more).' })
  @ApiConflictResponse({ description: 'It is not closed, it changed nothing, nothing of what it did can be given back, or the dry run is on.' })
  async undo(@Param('id') id: string, @Body(new ZodPipe(undoBody)) body: z.output<typeof undoBody>, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof alertView>> {
    const outcome = await this.orders.order(id, principal, body ?? {});
    switch (outcome.type) {
      case 'ordered':
        return viewOfAlert(outcome.alert);
      case 'not-found':
        throw new Problem(404, 'alert-not-found', `There is no alert ${id.slice(0, 100).toWellFormed()}.`);
      case 'not-closed':
        throw new Problem(409, 'alert-not-closed', `The alert is ${outcome.state}; only a closed alert can be undone. A waiting one can be rejected.`, { state: outcome.state });
      case 'nothing-to-undo':
        throw new Problem(409, 'nothing-to-undo', outcome.reason);
      case 'not-possible':
        throw new Problem(409, 'cannot-be-given-back', outcome.reason);
      case 'dry-run':
        throw new Problem(409, 'dry-run', 'The dry run is on, so nothing is changed; switch it off first.');
    }
  }
}
