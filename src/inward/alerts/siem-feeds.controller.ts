import { All, Controller, Get, Inject, Query, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { AcceptBasic, RequireRight } from '../../platform/access/rights.js';
import { SIEM_PATH } from '../../platform/http/siem-paths.js';
import type { GateRequest } from '../../platform/http/request.js';
import { AuditFeed } from './feeds/audit-feed.service.js';
import { pageSizeOf, quickKeyOf, readFeedQuery, type FeedQuery } from './feeds/feed-query.js';
import type { FeedPage } from './feeds/feed-reader.js';
import { LogFeed } from './feeds/log-feed.service.js';
import { MitigationSettings } from './mitigation-settings.service.js';
import { SiemAnswerFilter } from './siem-answer.js';
import { refuseVerb, siemPathOf } from './siem-request.js';

const VERBS = { 'audit-events': 'GET', 'syslog-events': 'GET' } as const;
const FEEDS = Object.keys(VERBS);
const Times = () => (target: object, key: string | symbol, descriptor: PropertyDescriptor) => {
  for (const [name, description] of [['startIndex', 'Page number, from 1 (no row offset).'], ['count', 'Page size; at most 1000 and the setting.'], ['startTime', 'Created after this time, milliseconds since 1970.'], ['endTime', 'Created before this time, milliseconds since 1970.']] as const) {
    ApiQuery({ name, required: false, description, schema: { type: 'string' } })(target, key, descriptor);
  }
};

/** The two event feeds of the SIEM plugin (inbound contract, 2.2). `created` strictly increases: who goes on after the last one it saw loses nothing and repeats nothing. */
@ApiTags('siem')
@Controller(SIEM_PATH)
@AcceptBasic()
@UseFilters(SiemAnswerFilter)
@RequireRight('siemextadministrator')
export class SiemFeedsController {
  constructor(
    private readonly audit: AuditFeed,
    private readonly log: LogFeed,
    private readonly mitigation: MitigationSettings,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('audit-events')
  @ApiOperation({ summary: 'Audit events, in the order of their `created`' })
  @Times()
  @ApiQuery({ name: 'type', required: false, description: 'The action, exact text.', schema: { type: 'string' } })
  @ApiOkResponse({ description: '{auditEvents, currentIndex, itemsPerPage, totalResults}; parameter errors {code, message, details}, also with 200 (see siem.parameterErrors).' })
  async auditEvents(@Req() request: GateRequest, @Query() query: Record<string, unknown>, @Res() response: Response): Promise<void> {
    siemPathOf(request, FEEDS);
    const { auditEventLimit } = await this.mitigation.get();
    const type = typeof query['type'] === 'string' && query['type'] !== '' ? query['type'] : undefined;
    await this.answer('auditEvents', query, auditEventLimit, response, (asked, size) => this.audit.page(asked, size, type));
  }

  @Get('syslog-events')
  @ApiOperation({ summary: 'Events of the service log at warn and above, in the order of their `created`' })
  @Times()
  @ApiQuery({ name: 'quickKey', required: false, description: 'Sequence number greater than this; replaces both times.', schema: { type: 'string' } })
  @ApiOkResponse({ description: '{syslogEvents, currentIndex, itemsPerPage, totalResults}; parameter errors as for audit-events.' })
  async syslogEvents(@Req() request: GateRequest, @Query() query: Record<string, unknown>, @Res() response: Response): Promise<void> {
    siemPathOf(request, FEEDS);
    const { syslogLimit } = await this.mitigation.get();
    await this.answer('syslogEvents', query, syslogLimit, response, (asked, size) => this.log.page(asked, size, quickKeyOf(query['quickKey'])));
  }

  @All(FEEDS)
  @ApiExcludeEndpoint()
  wrongVerb(@Req() request: GateRequest): never {
    refuseVerb(request, VERBS);
  }

  private async answer(list: string, query: Record<string, unknown>, limit: number, response: Response, page: (query: FeedQuery, pageSize: number) => Promise<FeedPage<unknown>>): Promise<void> {
    const read = readFeedQuery(query, this.clock.now());
    if (read.type === 'fault') {
      response.status(this.settings.siem.parameterErrors === 'ok' ? 200 : 400).json(read.fault);
      return;
    }
    const pageSize = pageSizeOf(read.query.count, limit);
    // Beyond what can be counted there is nothing.
    const beyond = (read.query.startIndex - 1) * pageSize > Number.MAX_SAFE_INTEGER / 2;
    const { items, total } = beyond ? { items: [], total: (await page({ ...read.query, startIndex: 1 }, 1)).total } : await page(read.query, pageSize);
    response.status(200).json({ [list]: items, currentIndex: read.query.startIndex, itemsPerPage: items.length, totalResults: total });
  }
}
