import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, LogRecord } from '../../contracts/event-log.js';
import type { Rendered } from '../../contracts/format.js';
import type { AuditEvent } from '../../model/audit-event.js';
import { decodeEnvelope } from '../../model/event-envelope.js';
import { eventTypeOf } from '../../model/event-types.js';
import type { JsonObject } from '../../model/json.js';
import { sampleEvent } from '../../model/sample-events.js';
import type { IntegrationSettings } from '../../model/integration.js';
import { Problem } from '../../platform/http/problem.js';
import { rendererOf } from '../delivery/delivery-path.js';
import { filterVerdict } from '../delivery/event-filter.js';
import { framingOf, machineHostname, shapeOf } from '../delivery/shape.js';
import { compileWire } from '../delivery/wire.js';
import { EventCheck } from '../intake/event-check.js';
import { ForeignRecords } from '../intake/foreign-records.js';
import { patchBody } from './integration-body.js';
import { IntegrationStatusService } from './integration-status.service.js';
import { recentEvents } from './recent-events.js';
import { differenceBetween, differenceView, type DifferenceView } from './settings-difference.js';

const MOST_EVENTS = 2000;
const USUAL_EVENTS = 200;

export const previewBody = z
  .strictObject({
    event: z.record(z.string(), z.unknown()).optional().meta({ description: 'An event as producers send it; it is checked, masked and completed like theirs. Reserved types are allowed here.' }),
    type: z.string().max(64).optional().meta({ description: 'Instead of an event: the type of a sample event. account.provisioned when both are left out.' }),
    sequence: z.string().regex(/^\d{1,9}\.\d{1,15}$/, 'a log position such as 0.42').optional().meta({ description: 'Log position to show as the sequence; the sequence is left out without one, as the event lies in no log.' }),
  })
  .extend({
    proposed: patchBody.optional().meta({ description: 'Settings to try before they are saved: a merge patch as PATCH takes it. The event is rendered with them, and the answer compares them with the stored ones. Needs the right events:read.' }),
    lastEvents: z.int().min(1).max(MOST_EVENTS).optional().meta({ description: `How many of the last events of the event log are compared, 200 by default. Needs the right events:read.` }),
  })
  .refine(({ event, type }) => event === undefined || type === undefined, { path: ['type'], message: 'give either an event or the type of a sample' });

/** A comparison ends so long after the first event was read, or after so many octets of events, with what it has by then. */
const DIFFERENCE_MS = 4000;
const DIFFERENCE_BYTES = 16 * 1024 * 1024;

export const previewView = z.object({
  eventId: z.string(),
  eventType: z.string(),
  wanted: z.boolean().meta({ description: 'Whether the filter of the integration lets this event pass.' }),
  filteredBy: z.object({ rule: z.string(), reason: z.string() }).nullable().meta({ description: 'The rule, or the setting, that keeps it from this integration.' }),
  rendered: z.boolean(),
  shortened: z.boolean(),
  text: z.string().nullable().meta({ description: 'The message without its framing; of a split event its parts, one a line.' }),
  parts: z.int().meta({ description: 'How many messages the event makes: more than one when it is split (output.oversize), 0 when it is refused.' }),
  base64: z.string().nullable().meta({ description: 'The exact octets that the receiver gets of it: with framing, with the commands of RELP (numbered as the first messages of a session), or as the body of a request with its envelope (`_bulk` action, HEC object, array), before compression.' }),
  bytes: z.int().meta({ description: 'How many they are. Over HTTP the headers of requests are not counted.' }),
  request: z.object({ method: z.literal('POST'), path: z.string(), contentType: z.string() }).nullable().meta({ description: 'Over HTTP: the request whose body it is, without its credentials.' }),
  messageBytes: z.int().meta({ description: 'Octets of the message alone, of the largest part where it is split; what the size limit is about.' }),
  maxBytes: z.int(),
  framing: z.enum(['octet-counting', 'newline', 'none']),
  reject: z.object({ code: z.string(), reason: z.string() }).nullable().meta({ description: 'Why it can never be sent like this; it would become a dead letter.' }),
  difference: differenceView.nullable().meta({ description: 'What the proposed settings would mean for the last events of the event log; null unless `proposed` or `lastEvents` is given.' }),
});
export type PreviewView = z.output<typeof previewView>;

const DEFAULT_SAMPLE = 'account.provisioned';

/** Renders an event exactly as it would be sent, without sending it. */
@Injectable()
export class IntegrationPreviewService {
  /** Made when first needed: it compiles the schema of every type. */
  private check: EventCheck | undefined;
  private foreign: ForeignRecords | undefined;

  constructor(
    private readonly status: IntegrationStatusService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'intake'>,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'openReader'>,
  ) {}

  /** @throws Problem 400 when the event would not be accepted from a producer either */
  async preview(settings: IntegrationSettings, body: Pick<z.output<typeof previewBody>, 'event' | 'type' | 'sequence'>): Promise<PreviewView> {
    const event = body.event === undefined ? this.sample(body.type ?? DEFAULT_SAMPLE) : this.complete(body.event as JsonObject);
    const engine = settings.output.hostname === undefined ? await this.status.liveEngine(settings.enginePool) : undefined;
    const sequence = body.sequence ?? null;
    const host = engine?.host ?? machineHostname();
    const shape = shapeOf(settings, host);
    const { maxBytes } = shape.format;
    const rendered = render(settings, host, event, sequence);
    const verdict = filterVerdict(settings, event);
    const facts = { eventId: event.id, eventType: event.type, wanted: verdict.wanted, filteredBy: verdict.wanted ? null : { rule: verdict.rule, reason: verdict.reason }, maxBytes, difference: null, framing: framingOf(settings.protocol, settings.framing) };
    if (rendered.type === 'reject') return { ...facts, rendered: false, shortened: false, parts: 0, text: null, base64: null, bytes: 0, messageBytes: 0, request: null, reject: { code: rendered.code, reason: rendered.reason } };
    const texts = rendered.type === 'parts' ? rendered.texts : [rendered.text];
    const { octets, request = null } = compileWire(settings, shape)(texts, event, sequence);
    const wire = Buffer.from(octets);
    const messageBytes = Math.max(...texts.map((text) => Buffer.byteLength(text, 'utf8')));
    return { ...facts, rendered: true, shortened: rendered.type === 'rendered' && rendered.shortened, parts: texts.length, text: texts.join('\n'), base64: wire.toString('base64'), bytes: wire.length, messageBytes, request, reject: null };
  }

  /** What a change would mean for the last real events. Beside delivery: cursors and counters stay as they are. @throws Problem 503 */
  async difference(before: IntegrationSettings, after: IntegrationSettings, count = USUAL_EVENTS): Promise<DifferenceView> {
    const engine = await this.status.liveEngine(after.enginePool);
    this.foreign ??= new ForeignRecords(this.settings, (this.check ??= new EventCheck(this.settings)));
    const { foreign } = this;
    const limits = { count, bytes: DIFFERENCE_BYTES, ms: DIFFERENCE_MS / 2, now: this.clock.now(), readForeign: (record: LogRecord) => foreign.read(record) };
    const recent = await recentEvents(this.eventLog, limits).catch((error: unknown) => {
      throw new Problem(503, 'event-log-unavailable', `The event log does not answer (${error instanceof Error ? error.message : String(error)}), so nothing can be compared. Try again.`, { headers: { 'Retry-After': '5' } });
    });
    return differenceBetween(before, after, recent, { asked: count, machineHostname: engine?.host ?? machineHostname(), until: performance.now() + DIFFERENCE_MS / 2 });
  }

  private sample(type: string): AuditEvent {
    if (!eventTypeOf(type)) throw new Problem(400, 'unknown-event-type', 'The catalogue has no such type; GET /api/v1/event-types lists them.', { errors: [{ pointer: '/type', message: 'no event type' }] });
    return sampleEvent(type);
  }

  private complete(sent: JsonObject): AuditEvent {
    const { depth } = this.settings.intake;
    if (isDeeperThan(sent, depth)) throw new Problem(413, 'event-too-deep', `The event is nested deeper than ${depth} levels (intake.depth).`);
    this.check ??= new EventCheck(this.settings);
    const outcome = this.check.check(sent, { producer: 'preview', source: 'urn:tidegate:preview', nowMs: this.clock.now(), own: true, everyFault: true });
    // Read back from the record of the log, as the engine does.
    if (outcome.type === 'checked') return decodeEnvelope(outcome.event.record).event;
    throw new Problem(400, outcome.code, `The event has ${outcome.faults.length} fault(s); see "errors" for each place.`, { errors: outcome.faults.map(({ pointer, reason }) => ({ pointer: `/event${pointer}`, message: reason })) });
  }
}

function render(settings: IntegrationSettings, host: string, event: AuditEvent, sequence: string | null): Rendered {
  try {
    return rendererOf(settings, host).renderer.render(event, sequence);
  } catch (error) {
    // As in the stream: what a format cannot take becomes a dead letter, never a failure of the service.
    return { type: 'reject', code: 'not-renderable', reason: error instanceof Error ? error.message : String(error) };
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
