import { Controller, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { RequireRight } from '../../platform/access/rights.js';
import { Problem } from '../../platform/http/problem.js';
import type { GateRequest } from '../../platform/http/request.js';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { answerOf, intakeAnswerSchema, type IntakeAnswer } from './intake-answer.js';
import { IntakeService } from './intake.service.js';

const anEvent = { type: 'object', description: 'One event; its schema is at GET /api/v1/event-types/{type}.', required: ['type', 'subject'] };

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
  @ApiBody({ schema: { oneOf: [anEvent, { type: 'array', items: anEvent }] } })
  @ApiResponse({ status: 202, description: 'Every event is durable.', schema: apiSchema(intakeAnswerSchema, 'output') })
  @ApiResponse({ status: 207, description: 'Some events are durable; each item says what became of it.', schema: apiSchema(intakeAnswerSchema, 'output') })
  @ApiResponse({ status: 400, description: 'No event is valid.' })
  @ApiResponse({ status: 403, description: 'The type is reserved for Tidegate, or the right is missing.' })
  @ApiResponse({ status: 409, description: 'The same id came before with other content.' })
  @ApiResponse({ status: 413, description: 'Too many bytes, events or levels.' })
  @ApiResponse({ status: 415, description: 'The content type is not supported.' })
  @ApiResponse({ status: 503, description: 'No event is durable; send again after Retry-After seconds.' })
  async send(@Req() request: GateRequest, @Res({ passthrough: true }) response: Response): Promise<IntakeAnswer> {
    const { principal } = request;
    if (!principal) throw new Problem(401, 'not-signed-in', 'Sign in to send events.');
    const { status, body, retryAfterSeconds } = answerOf(await this.intake.accept({ body: request.rawBody ?? Buffer.alloc(0), headers: request.headers }, principal));
    if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
    response.status(status);
    return body;
  }
}
