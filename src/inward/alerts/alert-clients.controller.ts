import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { AlertClients, clientRules, type ClientRulesView } from './alert-clients.js';

const viewSchema = z.object({ rules: clientRules, version: z.int(), updatedAt: z.iso.datetime().nullable() });
const changeSchema = z.strictObject({ rules: clientRules, version: z.int().min(0).optional().meta({ description: 'The version you have seen: 409 when another one is stored by now.' }) });

/** Which client may post which alert on which application. */
@ApiTags('settings')
@Controller('api/v1/settings/alert-clients')
@RequireRight('settings:write')
export class AlertClientsController {
  constructor(private readonly clients: AlertClients) {}

  @Get()
  @ApiOperation({ summary: 'Read which client may post which alert' })
  @ApiOkResponse({ schema: apiSchema(viewSchema, 'output') })
  async read(): Promise<ClientRulesView> {
    return this.clients.view();
  }

  @Put()
  @ApiOperation({ summary: 'Say which client may post which alert', description: 'The whole list. A client may post what one of its rules allows; whom no rule names may post everything, unless there is a rule for *. Takes hold in every process within a second.' })
  @ApiBody({ schema: apiSchema(changeSchema) })
  @ApiOkResponse({ schema: apiSchema(viewSchema, 'output') })
  @ApiConflictResponse({ description: 'Another version than `version` is stored.' })
  async change(@Body(new ZodPipe(changeSchema)) { rules, version }: z.output<typeof changeSchema>, @CurrentPrincipal() principal: Principal): Promise<ClientRulesView> {
    return this.clients.change(rules, version, principal);
  }
}
