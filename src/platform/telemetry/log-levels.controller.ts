import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentPrincipal } from '../access/current-principal.js';
import { RequireRight, type Principal } from '../access/rights.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { LOG_LEVELS } from './log-levels.js';
import { PinoLog } from './pino-log.js';
import { StoredLogLevels } from './stored-log-levels.js';

const level = z.enum(LOG_LEVELS);
const stateSchema = z.object({ level, parts: z.record(z.string(), level) });
const changeSchema = z.strictObject({
  part: z.string().regex(/^[a-z0-9.-]{0,60}$/).default('').meta({ description: 'A part, for example engine; empty changes the level of all parts without one of their own.' }),
  level: level.nullable().meta({ description: 'null takes the change away: what file and environment say counts again.' }),
});

/** How much the service says, in every process. */
@ApiTags('log')
@Controller('api/v1/log-levels')
export class LogLevelsController {
  constructor(private readonly log: PinoLog, private readonly levels: StoredLogLevels) {}

  @Get()
  @RequireRight('status:read')
  @ApiOperation({ summary: 'Levels of the service log' })
  @ApiOkResponse({ schema: apiSchema(stateSchema, 'output') })
  read(): z.output<typeof stateSchema> {
    return this.log.levels.all();
  }

  @Put()
  @RequireRight('settings:write')
  @ApiOperation({ summary: 'Change the level of a part at run time', description: 'Takes hold in every process within seconds, also in those that serve no REST, and stays after a restart.' })
  @ApiBody({ schema: apiSchema(changeSchema) })
  @ApiOkResponse({ schema: apiSchema(stateSchema, 'output') })
  async change(@Body(new ZodPipe(changeSchema)) { part, level: wanted }: z.output<typeof changeSchema>, @CurrentPrincipal() principal: Principal): Promise<z.output<typeof stateSchema>> {
    await this.levels.change(part, wanted, principal);
    return this.log.levels.all();
  }
}
