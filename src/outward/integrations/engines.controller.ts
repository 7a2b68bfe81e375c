import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { RequireRight } from '../../platform/access/rights.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { engineSchema, type EngineDocument } from '../engine/engine.schema.js';
import { engineView, engineViewOf, type EngineView } from './engine-view.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';

const query = z.strictObject({ pool: z.string().max(40).optional().meta({ description: 'Only engines of this pool.' }) });
const enginesView = z.object({ items: z.array(engineView), pools: z.array(z.object({ pool: z.string(), live: z.int() })).meta({ description: 'Live engines by pool.' }) });

/** Which engines live. One that stopped is shown for a day. */
@ApiTags('engines')
@Controller('api/v1/engines')
export class EnginesController {
  private readonly engines: Model<EngineDocument>;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock) {
    this.engines = store.model<EngineDocument>('engine', engineSchema);
  }

  @Get()
  @RequireRight('status:read')
  @ApiOperation({ summary: 'List engines', description: 'Engines of all pools with their last heartbeat.' })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(enginesView, 'output') })
  async list(@Query(new ZodPipe(query)) { pool }: z.output<typeof query>): Promise<z.output<typeof enginesView>> {
    const now = this.clock.now();
    const documents = await this.engines.find(pool === undefined ? {} : { pool }).sort({ pool: 1, _id: 1 }).lean<EngineDocument[]>();
    const items: EngineView[] = documents.map((document) => engineViewOf(document, now));
    const pools = [...new Set(items.map((engine) => engine.pool))].map((name) => ({ pool: name, live: items.filter((engine) => engine.pool === name && engine.live).length }));
    return { items, pools };
  }
}
