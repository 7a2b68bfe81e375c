import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { RequireRight } from '../access/rights.js';
import { ApiQueryOf } from '../http/api-query.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { JobHistory } from './job-history.js';
import type { JobRun } from './job-state.schema.js';
import { JobsService } from './jobs.service.js';

const time = z.iso.datetime();
const runSchema = z.object({
  startedAt: time,
  endedAt: time,
  outcome: z.enum(['success', 'failure', 'stopped', 'abandoned']),
  error: z.string().nullable(),
  counts: z.record(z.string(), z.number()).meta({ description: 'What the run did.' }),
  host: z.string().meta({ description: 'Host name and process id.' }),
});
const jobSchema = z.object({
  name: z.string(),
  schedule: z.string(),
  nextRunAt: time,
  running: z.object({ startedAt: time, host: z.string() }).nullable(),
  lastRun: runSchema.nullable(),
});
const listSchema = z.object({ items: z.array(jobSchema), total: z.number() });
const runsSchema = z.object({ items: z.array(runSchema.extend({ id: z.string(), job: z.string(), runs: z.number().meta({ description: 'How many quiet runs the row stands for.' }) })), page: z.number(), pageSize: z.number(), pages: z.number(), total: z.number() });
const pageSchema = z.strictObject({ page: z.coerce.number().int().min(1).max(1_000_000).default(1), pageSize: z.coerce.number().int().min(1).max(500).default(50) });

/** Scheduled work and how it went. */
@ApiTags('jobs')
@Controller('api/v1/jobs')
export class JobsController {
  constructor(private readonly jobs: JobsService, private readonly history: JobHistory) {}

  @Get()
  @RequireRight('jobs:read')
  @ApiOperation({ summary: 'List jobs with their last run' })
  @ApiOkResponse({ schema: apiSchema(listSchema, 'output') })
  async list(): Promise<z.output<typeof listSchema>> {
    const items = (await this.jobs.list()).map(({ _id, schedule, dueAt, current, lastRun }) => ({
      name: _id,
      schedule,
      nextRunAt: dueAt.toISOString(),
      running: current && { startedAt: current.startedAt.toISOString(), host: current.host },
      lastRun: lastRun && shown(lastRun),
    }));
    return { items, total: items.length };
  }

  @Get(':name/runs')
  @RequireRight('jobs:read')
  @ApiOperation({ summary: 'Runs of a job, newest first' })
  @ApiQueryOf(pageSchema)
  @ApiOkResponse({ schema: apiSchema(runsSchema, 'output') })
  async runs(@Param('name') name: string, @Query(new ZodPipe(pageSchema)) page: z.output<typeof pageSchema>): Promise<z.output<typeof runsSchema>> {
    const found = await this.history.list({ job: name }, page);
    return { ...found, pages: Math.ceil(found.total / found.pageSize), items: found.items.map((run) => ({ id: run._id, job: run.job, runs: run.runs, ...shown(run) })) };
  }
}

function shown({ startedAt, endedAt, outcome, error, counts, host }: JobRun): z.output<typeof runSchema> {
  return { startedAt: startedAt.toISOString(), endedAt: endedAt.toISOString(), outcome, error, counts, host };
}
