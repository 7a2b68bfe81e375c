import { All, Controller, Headers, HttpCode, Post, Req, UseFilters } from '@nestjs/common';
import { ApiBody, ApiExcludeEndpoint, ApiForbiddenResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags, ApiTooManyRequestsResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { ALERT_TYPE_ALIASES, ALERT_TYPES, type AlertType } from '../../model/alert.js';
import { CurrentPrincipal } from '../../platform/access/current-principal.js';
import { AcceptBasic, RequireRight, type Principal } from '../../platform/access/rights.js';
import type { GateRequest } from '../../platform/http/request.js';
import { apiSchema } from '../../platform/http/zod.pipe.js';
import { SIEM_PATH } from '../../platform/http/siem-paths.js';
import { RefusalAudit } from '../../platform/access/refusal-audit.js';
import { actorOf } from '../../platform/audit/new-audit-record.js';
import { readAlertBody, type PostedAlert } from './alert-body.js';
import { AlertClients } from './alert-clients.js';
import { AlertDoor } from './alert-door.service.js';
import { PostRate } from './post-rate.js';
import { invalidParameters, missingParameters, type SiemAnswer, SiemAnswerFilter, SiemRefusal } from './siem-answer.js';
import { siemJson, siemPathOf } from './siem-request.js';

/** Every spelling of an action, with the type it is stored under. */
const TYPE_OF_PATH = new Map<string, AlertType>([...(Object.keys(ALERT_TYPES) as AlertType[]).map((type) => [type, type] as const), ...Object.entries(ALERT_TYPE_ALIASES)]);
export const ACTION_PATHS: readonly string[] = [...TYPE_OF_PATH.keys()];

const text = z.string().max(255);
const bodySchema = z.looseObject({
  application: text.meta({ description: 'Name of the application.' }),
  date: z.union([z.string(), z.number()]).meta({ description: 'Milliseconds since 1970, in digits.' }),
  native_id: text.optional().meta({ description: 'Account name on the application; required by identity/*.' }),
  group_name: text.optional().meta({ description: 'Required by identity/entitlement, application/group, application/certify-group.' }),
  group_type: text.optional().meta({ description: 'Attribute of the group, for example memberOf; required by the same.' }),
  action: z.string().optional().meta({ description: 'disable (default) or delete, in any case.' }),
  level: z.string().optional().meta({ description: 'High, Medium (default) or Low, in any case.' }),
  use_workflow: z.union([z.string(), z.number(), z.boolean()]).optional().meta({ description: '"true" hands the alert to the workflow, another value acts directly; absent: the setting Defer Provisioning decides.' }),
  correlation_id: z.string().max(64).optional().meta({ description: 'Id of the alert whose mitigation caused this one, when there is one: guards against loops.' }),
});
const answerSchema = z.object({ status: z.string(), message: z.string(), details: z.string().meta({ description: 'Id of the alert, 32 hexadecimal characters.' }) });

/** The action endpoints of the SIEM plugin (inbound contract, 2.1): an accepted alert is durable before the answer and is acted upon later. */
@ApiTags('siem')
@Controller(SIEM_PATH)
@AcceptBasic()
@UseFilters(SiemAnswerFilter)
@RequireRight('siemadministrator')
export class SiemAlertsController {
  constructor(private readonly door: AlertDoor, private readonly clients: AlertClients, private readonly rate: PostRate, private readonly refusals: RefusalAudit) {}

  @Post([...ACTION_PATHS])
  @HttpCode(200)
  @ApiOperation({ summary: 'Post an alert', description: 'Also below `siem.basePath`. The answer names the alert; GET /api/v1/alerts/{id} tells what became of it.' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The same key with the same body answers the same alert and acts once; with another body 409.' })
  @ApiBody({ schema: apiSchema(bodySchema) })
  @ApiOkResponse({ schema: apiSchema(answerSchema, 'output') })
  @ApiForbiddenResponse({ description: 'The right siemadministrator is missing, or the list of clients does not let this one post such an alert (details: alert-not-allowed).' })
  @ApiTooManyRequestsResponse({ description: 'The client posted `mitigation.alertsPerMinute` alerts within the minute (details: too-many-alerts), or too many failed logins; with Retry-After. Nothing is stored.' })
  async post(@Req() request: GateRequest, @Headers('idempotency-key') idempotencyKey: string | undefined, @CurrentPrincipal() principal: Principal): Promise<SiemAnswer> {
    const path = siemPathOf(request, ACTION_PATHS);
    await this.withinRate(principal);
    if (idempotencyKey !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(idempotencyKey)) throw invalidParameters(["the header 'Idempotency-Key' must have 1 to 255 visible ASCII characters"]);
    const read = readAlertBody(TYPE_OF_PATH.get(path) ?? (path as AlertType), siemJson(request));
    switch (read.type) {
      case 'missing':
        throw missingParameters(read.names);
      case 'invalid':
        throw invalidParameters(read.faults);
      case 'alert': {
        await this.mayPost(read.alert, principal, request);
        const outcome = await this.door.accept(read.alert, principal, idempotencyKey);
        if (outcome.type === 'conflict') throw new SiemRefusal(409, 'idempotency-key-used', 'This Idempotency-Key was used for an alert with another body.', 'idempotency-key-used');
        return { status: 'success', message: 'Successfully created an alert Id.', details: outcome.id };
      }
    }
  }

  /** @throws SiemRefusal 429; nothing is read or stored then */
  private async withinRate(principal: Principal): Promise<void> {
    const seconds = await this.rate.secondsToWait(principal);
    if (seconds !== undefined) throw new SiemRefusal(429, 'too-many-alerts', `The client '${principal.name}' posts too many alerts; try again in ${seconds} s.`, 'too-many-alerts', { 'Retry-After': String(seconds) });
  }

  /** @throws SiemRefusal 403; nothing is stored but the record of the refusal */
  private async mayPost(alert: PostedAlert, principal: Principal, request: GateRequest): Promise<void> {
    const refusal = await this.clients.refusal(alert, principal);
    if (refusal === undefined) return;
    this.refusals.note({ kind: 'request-denied', actor: actorOf(principal), requestId: request.id, route: `${request.method} ${request.path.slice(0, 200)}`, reason: refusal });
    throw new SiemRefusal(403, 'alert-not-allowed', `${refusal}.`, 'alert-not-allowed');
  }

  @All([...ACTION_PATHS])
  @ApiExcludeEndpoint()
  wrongVerb(@Req() request: GateRequest): never {
    siemPathOf(request, ACTION_PATHS);
    throw new SiemRefusal(405, 'method-not-allowed', 'Alerts are sent by POST.', '', { Allow: 'POST' });
  }
}
