import { type BeforeApplicationShutdown, Controller, Get, type OnApplicationBootstrap, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PublicRoute } from '../access/rights.js';
import { apiSchema } from '../http/zod.pipe.js';
import { HealthRegistry, type HealthState } from './health-registry.js';

const liveSchema = z.object({ status: z.literal('ok') });
const readySchema = z.object({
  status: z.enum(['ready', 'not-ready', 'starting', 'stopping']),
  checks: z.record(z.string(), z.object({ ok: z.boolean(), reason: z.string().optional(), note: z.string().optional() })),
});

/** For balancers and supervisors. */
@ApiTags('health')
@Controller('health')
export class HealthController implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private phase: 'starting' | 'started' | 'stopping' = 'starting';

  constructor(private readonly health: HealthRegistry) {}

  onApplicationBootstrap(): void {
    this.phase = 'started';
  }

  beforeApplicationShutdown(): void {
    this.phase = 'stopping';
  }

  @Get('live')
  @PublicRoute()
  @ApiOperation({ summary: 'The process lives' })
  @ApiOkResponse({ schema: apiSchema(liveSchema, 'output') })
  live(): z.output<typeof liveSchema> {
    return { status: 'ok' };
  }

  @Get('ready')
  @PublicRoute()
  @ApiOperation({ summary: 'The process can do its work: each dependency, and why not' })
  @ApiOkResponse({ schema: apiSchema(readySchema, 'output') })
  @ApiResponse({ status: 503, description: 'Not ready; the same body.', schema: apiSchema(readySchema, 'output') })
  async ready(@Res({ passthrough: true }) response: { status(code: number): unknown }): Promise<z.output<typeof readySchema>> {
    const { ok, checks } = await this.health.ask();
    const status = this.phase !== 'started' ? this.phase : ok ? 'ready' : 'not-ready';
    if (status !== 'ready') response.status(503);
    return { status, checks: checks satisfies Record<string, HealthState> };
  }
}
