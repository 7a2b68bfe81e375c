import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { RequireRight } from '../../platform/access/rights.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';

const CODES = ['message-too-long', 'not-renderable', 'record-unreadable', 'refused-by-receiver'] as const satisfies ReadonlyArray<DeadLetterDocument['code']>;
const text = (description: string) => z.string().min(1).max(200).optional().meta({ description });
const time = (description: string) => z.iso.datetime({ offset: true }).optional().meta({ description });

const query = z.strictObject({
  integrationId: text('Only those of this integration.'),
  code: z.enum(CODES).optional().meta({ description: 'Only those with this reason code.' }),
  eventId: text('Only those of this event.'),
  type: text('Only events of this type.'),
  search: text('Only those whose reason, message or event holds this text (upper and lower case count as different).'),
  replayed: z.enum(['true', 'false']).optional().meta({ description: 'Only those that a replay brought to the receiver after all, or only those that it did not.' }),
  from: time('Not before this time of becoming a dead letter (RFC 3339).'),
  to: time('Before this time (RFC 3339).'),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Dead letters a page.' }),
});

const deadLetterView = z.object({
  id: z.string(),
  integrationId: z.string(),
  integrationName: z.string(),
  sequence: z.string().meta({ description: 'Log position <partition>.<offset>, as receivers see it.' }),
  partition: z.int(),
  offset: z.int(),
  eventId: z.string().nullable(),
  eventType: z.string().nullable(),
  occurredAt: z.iso.datetime().nullable(),
  code: z.enum(CODES),
  reason: z.string(),
  rendered: z.string().nullable().meta({ description: 'The message as it would have left, by the settings of its last refusal, without framing and envelope; one that was too long without the limit; the parts of a split event one a line. Null where it cannot be rendered. Of a record that cannot be read its beginning.' }),
  renderedCut: z.boolean().meta({ description: 'The message is longer than is shown (evidence.deadLetterBytes).' }),
  version: z.int().nullable().meta({ description: 'Version of the integration\'s settings by which it was refused last; null where that is not known.' }),
  event: z.string().nullable().meta({ description: 'The event as JSON, as the integration may see it.' }),
  eventCut: z.boolean().meta({ description: 'The event is longer than is shown (evidence.deadLetterBytes), so that its JSON is no whole one.' }),
  attempts: z.int(),
  createdAt: z.iso.datetime(),
  lastAt: z.iso.datetime().meta({ description: 'When it was refused last.' }),
  replayedAt: z.iso.datetime().nullable().meta({ description: 'When a replay brought it to the receiver after all.' }),
  replayId: z.string().nullable(),
});
type DeadLetterView = z.output<typeof deadLetterView>;
const pageView = z.object({
  items: z.array(deadLetterView),
  page: z.int(),
  pageSize: z.int(),
  pages: z.int(),
  total: z.int(),
  totals: z.record(z.enum(CODES), z.int()).meta({ description: 'How many match, by reason code (the code filter left aside).' }),
});

/** Events that can never be sent to one integration, each with its reason; the stream went on without them. */
@ApiTags('dead letters')
@Controller('api/v1/dead-letters')
export class DeadLettersController {
  private readonly deadLetters: Model<DeadLetterDocument>;

  constructor(store: DocumentStore) {
    this.deadLetters = store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
  }

  @Get()
  @RequireRight('dead-letters:read')
  @ApiOperation({ summary: 'List dead letters', description: 'Newest first, with filters, paging and totals.' })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(pageView, 'output') })
  async list(@Query(new ZodPipe(query)) { page, pageSize, code, ...filter }: z.output<typeof query>): Promise<z.output<typeof pageView>> {
    const matching = {
      ...(filter.integrationId === undefined ? {} : { integrationId: filter.integrationId }),
      ...(filter.eventId === undefined ? {} : { eventId: filter.eventId }),
      ...(filter.type === undefined ? {} : { eventType: filter.type }),
      ...(filter.search === undefined ? {} : { $or: [{ reason: { $regex: literal(filter.search) } }, { rendered: { $regex: literal(filter.search) } }, { event: { $regex: literal(filter.search) } }] }),
      ...(filter.replayed === undefined ? {} : { replayedAt: filter.replayed === 'true' ? { $ne: null } : null }),
      ...(filter.from === undefined && filter.to === undefined ? {} : { createdAt: { ...(filter.from === undefined ? {} : { $gte: new Date(filter.from) }), ...(filter.to === undefined ? {} : { $lt: new Date(filter.to) }) } }),
    };
    const counts = await Promise.all(CODES.map((known) => this.deadLetters.countDocuments({ ...matching, code: known })));
    const totals = Object.fromEntries(CODES.map((known, index) => [known, counts[index] ?? 0])) as Record<(typeof CODES)[number], number>;
    const total = code === undefined ? counts.reduce((sum, count) => sum + count, 0) : totals[code];
    const documents = await this.deadLetters
      .find(code === undefined ? matching : { ...matching, code })
      .sort({ createdAt: -1, _id: 1 })
      .skip((page - 1) * pageSize)
      .limit(pageSize)
      .lean<DeadLetterDocument[]>();
    return { items: documents.map(viewOf), page, pageSize, pages: Math.ceil(total / pageSize), total, totals };
  }

  @Get(':id')
  @RequireRight('dead-letters:read')
  @ApiOperation({ summary: 'Read a dead letter' })
  @ApiOkResponse({ schema: apiSchema(deadLetterView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string): Promise<DeadLetterView> {
    const document = await this.deadLetters.findOne({ _id: id }).lean<DeadLetterDocument>();
    if (!document) throw new Problem(404, 'dead-letter-not-found', `There is no dead letter ${id.slice(0, 100).toWellFormed()}.`);
    return viewOf(document);
  }
}

/** A text that a regular expression takes as it is. */
function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function viewOf({ _id, occurredAt, createdAt, integrationName, ...document }: DeadLetterDocument): DeadLetterView {
  return {
    id: _id,
    integrationId: document.integrationId,
    integrationName: integrationName ?? '',
    sequence: `${document.partition}.${document.offset}`,
    partition: document.partition,
    offset: document.offset,
    eventId: document.eventId,
    eventType: document.eventType,
    occurredAt: occurredAt?.toISOString() ?? null,
    code: document.code,
    reason: document.reason,
    ...textsOf(document),
    version: document.version ?? null,
    attempts: document.attempts,
    createdAt: createdAt.toISOString(),
    lastAt: (document.lastAt ?? createdAt).toISOString(),
    replayedAt: document.replayedAt?.toISOString() ?? null,
    replayId: document.replayId ?? null,
  };
}

/** Documents of before the message was kept hold the event in its place. */
function textsOf({ event, eventCut, rendered, renderedCut, code }: Pick<DeadLetterDocument, 'event' | 'eventCut' | 'rendered' | 'renderedCut' | 'code'>): Pick<DeadLetterView, 'event' | 'eventCut' | 'rendered' | 'renderedCut'> {
  if (event === undefined && code !== 'record-unreadable') return { event: rendered, eventCut: rendered !== null && rendered.length >= FORMER_CUT, rendered: null, renderedCut: false };
  return { event: event ?? null, eventCut: eventCut ?? false, rendered, renderedCut: renderedCut ?? false };
}

/** Characters at which they were cut. */
const FORMER_CUT = 16_384;
