import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiBody, ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { mitigationFields } from '../../config/settings.js';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { RequireRight, type Principal } from '../../platform/access/rights.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { MitigationSettings, type Mitigation, type MitigationPatch, type MitigationView } from './mitigation-settings.service.js';

const described = Object.entries(mitigationFields).map(([name, field]) => [name, field.meta({ description: field.meta()?.['help'] as string })] as const);
const viewSchema = z.object(Object.fromEntries(described)).extend({
  version: z.int(),
  updatedAt: z.iso.datetime().nullable(),
  changed: z.array(z.string()).meta({ description: 'Settings that were changed here; null in a change gives one its default again.' }),
});
// `unwrap` takes the default away: what a change leaves out stays as it is.
const patchSchema = z.strictObject({
  ...Object.fromEntries(described.map(([name, field]) => [name, (field as z.ZodDefault<z.ZodType>).unwrap().nullish()])),
  version: z.int().min(0).optional().meta({ description: 'The version you have seen: 409 when another one is stored by now.' }),
});

/** How alerts are mitigated. */
@ApiTags('settings')
@Controller('api/v1/settings/mitigation')
@RequireRight('settings:write')
export class MitigationSettingsController {
  constructor(private readonly mitigation: MitigationSettings) {}

  @Get()
  @ApiOperation({ summary: 'Read the settings of the mitigation' })
  @ApiOkResponse({ schema: apiSchema(viewSchema, 'output') })
  async read(): Promise<Mitigation & Omit<MitigationView, 'settings'>> {
    return shown(await this.mitigation.view());
  }

  @Patch()
  @ApiOperation({ summary: 'Change settings of the mitigation', description: 'What is left out stays; null gives the default of file and environment again. Takes hold in every process within a second.' })
  @ApiBody({ schema: apiSchema(patchSchema) })
  @ApiOkResponse({ schema: apiSchema(viewSchema, 'output') })
  @ApiConflictResponse({ description: 'Another version than `version` is stored.' })
  async change(@Body(new ZodPipe(patchSchema)) body: MitigationPatch & { version?: number }, @CurrentPrincipal() principal: Principal): Promise<Mitigation & Omit<MitigationView, 'settings'>> {
    const { version, ...patch } = body;
    return shown(await this.mitigation.change(patch, version, principal));
  }
}

function shown({ settings, ...rest }: MitigationView): Mitigation & Omit<MitigationView, 'settings'> {
  return { ...settings, ...rest };
}
