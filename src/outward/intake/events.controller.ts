import { Controller, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireRight } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import type { GateRequest } from '../../platform/http/request.js';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { ANY_EVENT_SCHEMA } from './event-schemas.js';
import { answerOf, intakeAnswerSchema, type IntakeAnswer } from './intake-answer.js';
import { IntakeService } from './intake.service.js';

type SchemaObject = Extract<Parameters<typeof ApiBody>[0], { schema: unknown }>['schema'];

const cloudEvent = {
  type: 'object',
  description: 'CloudEvents 1.0 in structured mode (application/cloudevents+json), or one of a batch (application/cloudevents-batch+json). Extension attributes are kept in `attributes`.',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string' },
    source: { type: 'string', description: 'With the id and the producer it tells a resend.' },
    type: { type: 'string', description: 'Id of a type in the catalogue.' },
    subject: { type: 'string', description: 'Id of the subject.' },
    time: { type: 'string', format: 'date-time', description: 'When it happened.' },
    datacontenttype: { const: 'application/json' },
    data: { type: 'object', description: 'The rest of the event in the form of a plain one.' },
    data_base64: { type: 'string', description: 'The same as JSON in base64.' },
  },
};
const anEvent = ANY_EVENT_SCHEMA as SchemaObject;
const someEvents = [anEvent, { type: 'array', items: anEvent }, cloudEvent, { type: 'array', items: cloudEvent }] as SchemaObject[];
const binaryMode = (name: string, description: string) => ApiHeader({ name, required: false, description: `CloudEvents binary mode: ${description}` });

@ApiTags('events')
@Controller('api/v1/events')
export class EventsController {
  constructor(private readonly intake: IntakeService) {}

  @Post()
  @RequireRight('events:write')
  @ApiOperation({
    summary: 'Send events',
    description: 'One event, an array, or CloudEvents 1.0 (structured, batched, binary). The answer comes after the events are durable. A resend (same producer, source and id) is harmless.',
  })
  @ApiConsumes('application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json')
  @ApiBody({ schema: { anyOf: someEvents } })
  @binaryMode('ce-specversion', '1.0; with it the body is the data.')
  @binaryMode('ce-id', 'the id.')
  @binaryMode('ce-source', 'the source.')
  @binaryMode('ce-type', 'the type.')
  @binaryMode('ce-subject', 'the id of the subject.')
  @binaryMode('ce-time', 'when it happened.')
  @ApiResponse({ status: 202, description: 'Every event is durable.', schema: apiSchema(intakeAnswerSchema, 'output') })
  @ApiResponse({ status: 207, description: 'Some events are durable; each item says what became of it.', schema: apiSchema(intakeAnswerSchema, 'output') })
  @ApiResponse({ status: 400, description: 'No event is valid.' })
  @ApiResponse({ status: 403, description: 'The type is reserved for Tidegate, or the right is missing.' })
  @ApiResponse({ status: 409, description: 'The same id came before with other content.' })
  @ApiResponse({ status: 413, description: 'Too many bytes, events or levels.' })
  @ApiResponse({ status: 415, description: 'The content type is not supported.' })
  @ApiResponse({ status: 503, description: 'No event is durable; send again after Retry-After seconds.', headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } } })
  async send(@Req() request: GateRequest, @Res({ passthrough: true }) response: Response): Promise<IntakeAnswer> {
    const { principal } = request;
    if (!principal) throw new Problem(401, 'not-signed-in', 'Sign in to send events.');
    const { status, body, retryAfterSeconds } = answerOf(await this.intake.accept({ body: request.rawBody ?? Buffer.alloc(0), headers: request.headers }, principal));
    if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
    response.status(status);
    return body;
  }
}
