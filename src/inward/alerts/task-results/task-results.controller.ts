import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Model, QueryFilter } from 'mongoose';
import { AcceptBasic, RequireRight } from '../../../platform/access/rights.js';
import { DocumentStore } from '../../../platform/documents/document-store.js';
import type { GateRequest } from '../../../platform/http/request.js';
import { jobRunSchema, type JobRunDocument } from '../../../platform/jobs/job-state.schema.js';
import { attributeName, COMPLETION_STATUS, FilterRefused, isTerminated, SORT_FIELDS, TASK_RESULT_SCHEMA, taskResultQuery } from './task-result-filter.js';

const MEDIA_TYPE = 'application/scim+json';
const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const MOST = 1000;

/** The recorded runs of our scheduled jobs as SCIM task results (RFC 7644): the "task events" that clients of the original ask its SCIM service for. */
@ApiTags('siem')
@Controller('scim/v2/TaskResults')
@AcceptBasic()
@RequireRight('siemextadministrator')
export class TaskResultsController {
  private readonly runs: Model<JobRunDocument>;

  constructor(store: DocumentStore) {
    this.runs = store.model<JobRunDocument>('job-run', jobRunSchema);
  }

  @Get()
  @ApiOperation({ summary: 'Task results', description: 'Also below the context of `siem.basePath`.' })
  @ApiQuery({ name: 'filter', required: false, schema: { type: 'string' }, description: 'RFC 7644, 3.4.2.2; for example completed ge "2026-11-02T10:00:00Z".' })
  @ApiQuery({ name: 'sortBy', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'sortOrder', required: false, schema: { type: 'string', enum: ['ascending', 'descending'] } })
  @ApiQuery({ name: 'startIndex', required: false, schema: { type: 'integer' }, description: 'Row offset from 1.' })
  @ApiQuery({ name: 'count', required: false, schema: { type: 'integer' }, description: `At most ${MOST}.` })
  @ApiOkResponse({ description: 'A SCIM ListResponse.' })
  async list(@Req() request: GateRequest, @Query() query: Record<string, unknown>, @Res() response: Response): Promise<void> {
    let filter: QueryFilter<JobRunDocument>;
    try {
      filter = typeof query['filter'] === 'string' && query['filter'].trim() !== '' ? taskResultQuery(query['filter']) : {};
    } catch (error) {
      if (!(error instanceof FilterRefused)) throw error;
      refuse(response, 400, 'invalidFilter', error.message);
      return;
    }
    // 3.4.2.4: less than 1 is 1; a negative count is 0.
    const startIndex = Math.max(1, whole(query['startIndex']) ?? 1);
    const count = Math.min(MOST, Math.max(0, whole(query['count']) ?? MOST));
    const sortBy = typeof query['sortBy'] === 'string' ? SORT_FIELDS[attributeName(query['sortBy'])] : undefined;
    const direction = typeof query['sortOrder'] === 'string' && query['sortOrder'].toLowerCase() === 'descending' ? -1 : 1;
    const order: Record<string, 1 | -1> = sortBy === undefined ? { startedAt: 1, _id: 1 } : { [sortBy]: direction, ...(sortBy === '_id' ? {} : { _id: direction }) };
    const [found, totalResults] = await Promise.all([
      count === 0 ? [] : this.runs.find(filter).sort(order).skip(startIndex - 1).limit(count).lean<JobRunDocument[]>(),
      this.runs.countDocuments(filter),
    ]);
    const base = locationOf(request);
    const Resources = found.map((run) => resource(run, base));
    response.type(MEDIA_TYPE).send(JSON.stringify({ schemas: [LIST_SCHEMA], totalResults, startIndex, itemsPerPage: Resources.length, Resources }));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One task result' })
  @ApiOkResponse({ description: 'A TaskResult.' })
  async get(@Req() request: GateRequest, @Param('id') id: string, @Res() response: Response): Promise<void> {
    const run = await this.runs.findById(id).lean<JobRunDocument | null>();
    if (!run) return refuse(response, 404, undefined, 'There is no such task result.');
    response.type(MEDIA_TYPE).send(JSON.stringify(resource(run, locationOf(request).replace(/\/[^/]*$/, ''))));
  }
}

function resource({ _id, job, startedAt, endedAt, outcome, error, counts, host, runs }: JobRunDocument, base: string) {
  return {
    schemas: [TASK_RESULT_SCHEMA],
    id: _id,
    name: job,
    type: 'System',
    taskDefinition: job,
    host,
    launcher: 'tidegate',
    launched: startedAt.toISOString(),
    completed: endedAt.toISOString(),
    completionStatus: COMPLETION_STATUS[outcome],
    percentageComplete: 100,
    pendingSignOffs: 0,
    partitioned: false,
    terminated: isTerminated(outcome),
    messages: error === null ? [] : [error],
    attributes: Object.entries({ ...counts, runs }).map(([key, value]) => ({ key, value: String(value) })),
    meta: { resourceType: 'TaskResult', created: startedAt.toISOString(), lastModified: endedAt.toISOString(), location: `${base}/${_id}`, version: `W/"${endedAt.getTime()}"` },
  };
}

function refuse(response: Response, status: number, scimType: string | undefined, detail: string): void {
  response.status(status).type(MEDIA_TYPE).send(JSON.stringify({ schemas: [ERROR_SCHEMA], status: String(status), ...(scimType === undefined ? {} : { scimType }), detail }));
}

function locationOf(request: GateRequest): string {
  return `${request.protocol}://${request.get('host') ?? ''}${(request.originalUrl.split('?')[0] ?? '').replace(/\/$/, '')}`;
}

function whole(value: unknown): number | undefined {
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : undefined;
}
