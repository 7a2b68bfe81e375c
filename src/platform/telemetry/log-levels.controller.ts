import { Body, Controller, Get, Inject, Put, Req } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { RequireRight, type Principal } from '../access/rights.js';
import { AuditService } from '../audit/audit.service.js';
import { actorOf, newAuditRecord } from '../audit/new-audit-record.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { LOG_LEVELS } from './log-levels.js';
import { PinoLog } from './pino-log.js';

const level = z.enum(LOG_LEVELS);
const stateSchema = z.object({ level, parts: z.record(z.string(), level) });
const changeSchema = z.strictObject({
  part: z.string().regex(/^[a-z0-9.-]{0,60}$/).default('').meta({ description: 'A part, for example engine; empty changes the level of all parts without one of their own.' }),
  level: level.nullable().meta({ description: 'null takes the part\'s own level away.' }),
});

/** How much this process says; until its end (the settings count again then). */
@ApiTags('log')
@Controller('api/v1/log-levels')
export class LogLevelsController {
  constructor(private readonly log: PinoLog, private readonly audit: AuditService, @Inject(CLOCK) private readonly clock: Clock) {}

  @Get()
  @RequireRight('status:read')
  @ApiOperation({ summary: 'Levels of the service log in this process' })
  @ApiOkResponse({ schema: apiSchema(stateSchema, 'output') })
  read(): z.output<typeof stateSchema> {
    return this.log.levels.all();
  }

  @Put()
  @RequireRight('settings:write')
  @ApiOperation({ summary: 'Change the level of a part at run time, in this process' })
  @ApiBody({ schema: apiSchema(changeSchema) })
  @ApiOkResponse({ schema: apiSchema(stateSchema, 'output') })
  async change(@Body(new ZodPipe(changeSchema)) { part, level: wanted }: z.output<typeof changeSchema>, @Req() request: { principal: Principal }): Promise<z.output<typeof stateSchema>> {
    const old = this.log.levels.of(part);
    const subject = { kind: 'setting', id: part === '' ? 'log.level' : `log.levels.${part}` };
    await this.audit.record(newAuditRecord({ type: 'audit.setting.update', actor: actorOf(request.principal), subject, changes: [{ field: 'level', old, new: wanted }] }, this.clock));
    this.log.setLevel(part, wanted ?? undefined);
    return this.log.levels.all();
  }
}
