import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { EVENT_ID_PATTERN } from '../../model/audit-event.js';
import { RequireRight } from '../../platform/access/rights.js';
import { ApiQueryOf } from '../../platform/http/api-query.js';
import { Problem } from '../../platform/http/problem.js';
import { apiSchema, ZodPipe } from '../../platform/http/zod.pipe.js';
import { DeliveriesService, deliveryView } from './deliveries.service.js';
import { EventSearch, type FoundEvent, type SearchProgress } from './event-search.js';

const time = (description: string) => z.iso.datetime({ offset: true }).optional().meta({ description });
const query = z.strictObject({
  from: time('Search by id: not before this time of acceptance (RFC 3339). The time that the id tells less ten minutes, else the last hour, when left out.'),
  to: time('Search by id: not after this time.'),
  next: z.string().max(20_000).optional().meta({ description: 'Goes on with a search: progress.next of the answer before.' }),
});

const answerView = z.object({
  found: z.boolean(),
  eventId: z.string().nullable(),
  eventType: z.string().nullable(),
  position: z.string().nullable().meta({ description: 'Log position <partition>.<offset>: the sequence that receivers see.' }),
  inLog: z.boolean().meta({ description: 'Whether the event log still holds it; without it a filter rule cannot be named.' }),
  receivedAt: z.string().nullable(),
  progress: z.object({ scanned: z.int(), left: z.int(), from: z.iso.datetime(), to: z.iso.datetime(), next: z.string().nullable() }).nullable()
    .meta({ description: 'Of a search that did not find it yet; `next` is null when the time range was searched whole.' }),
  deliveries: z.array(deliveryView),
});
type AnswerView = z.output<typeof answerView>;

/** Where an event is: what became of it for each integration. */
@ApiTags('events')
@Controller('api/v1/events')
export class DeliveriesController {
  constructor(private readonly search: EventSearch, private readonly deliveries: DeliveriesService) {}

  @Get(':id/deliveries')
  @RequireRight('events:read')
  @ApiOperation({
    summary: 'What became of an event',
    description: 'By its position as the 202 told it (`<partition>.<offset>`, at once), or by its id: then the event log is searched step by step within a time range, and progress.next goes on. Answers for each integration: delivered on which rung and when, filtered by which rule, waiting behind what, dead and why.',
  })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(answerView, 'output') })
  @ApiNotFoundResponse({ description: 'The id has no possible form, or the position never existed.' })
  async of(@Param('id') id: string, @Query(new ZodPipe(query)) { from, to, next }: z.output<typeof query>): Promise<AnswerView> {
    const position = /^(\d{1,9})\.(\d{1,15})$/.exec(id);
    if (position) return this.atPosition(Number(position[1]), Number(position[2]));
    if (!EVENT_ID_PATTERN.test(id)) throw new Problem(404, 'event-not-found', `"${id.slice(0, 100).toWellFormed()}" is neither an event id nor a position such as 0.42.`);
    const outcome = await this.search.byId(id, millis(from), millis(to), next);
    if (outcome.type === 'found') return this.answer(outcome.found);
    if (!outcome.progress) throw new Problem(400, 'invalid-request', 'The search cannot go on: `next` was not given out by an answer before.', { errors: [{ pointer: '/next', message: 'leave it out to begin again' }] });
    return { ...nothing(), progress: shown(outcome.progress) };
  }

  private async atPosition(partition: number, offset: number): Promise<AnswerView> {
    const found = await this.search.at(partition, offset);
    if (found) return this.answer(found);
    const range = await this.search.range(partition);
    if (!range || offset >= range.next) throw new Problem(404, 'event-not-found', `There is no event at ${partition}.${offset} (yet).`);
    // Gone from the log; the ledger may still know.
    return { ...nothing(), found: true, position: `${partition}.${offset}`, deliveries: await this.deliveries.of(partition, offset, null) };
  }

  private async answer({ partition, offset, event }: FoundEvent): Promise<AnswerView> {
    return { ...nothing(), found: true, eventId: event.id, eventType: event.type, position: `${partition}.${offset}`, inLog: true, receivedAt: event.receivedAt, deliveries: await this.deliveries.of(partition, offset, event) };
  }
}

function nothing(): AnswerView {
  return { found: false, eventId: null, eventType: null, position: null, inLog: false, receivedAt: null, progress: null, deliveries: [] };
}

function shown({ from, to, ...rest }: SearchProgress): NonNullable<AnswerView['progress']> {
  return { ...rest, from: from.toISOString(), to: to.toISOString() };
}

function millis(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
