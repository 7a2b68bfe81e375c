import type { Settings } from '../../config/settings.js';
import { encodeEnvelope, partitionKeyOf } from '../../model/event-envelope.js';
import { eventTypeOf, type EventType } from '../../model/event-types.js';
import type { JsonObject } from '../../model/json.js';
import { completeEvent } from './complete-event.js';
import { contentHashOf } from './content-hash.js';
import { eventIdOf, producerKeyOf } from './event-id.js';
import { EventValidator, type EventFault, type EventInput } from './event-validator.js';
import { MaskedNames } from './masked-names.js';
import { readOccurredAt } from './occurred-at.js';
import { ValueCleaner } from './value-cleaner.js';

/** An event that is ready for the log: bytes, so that what was parsed can go while the log flushes. */
export interface CheckedEvent {
  id: string;
  partitionKey: string;
  /** The log record (`encodeEnvelope`). */
  record: Buffer;
  /** How a resend is recognised; undefined when the producer sent no id. */
  duplicateKey?: { key: string; contentHash: string };
}

export type RefusalCode = 'invalid-event' | 'unknown-type' | 'reserved-type';
export type CheckOutcome = { type: 'checked'; event: CheckedEvent } | { type: 'refused'; code: RefusalCode; faults: EventFault[] };

export interface CheckContext {
  producer: string;
  source: string;
  nowMs: number;
  /** True for Tidegate itself: it may send the reserved types. */
  own: boolean;
  /** True to name every fault instead of the first. */
  everyFault: boolean;
}

/** Names of types that only Tidegate may use, whether they are in the catalogue or not. */
const RESERVED_GROUPS = /^(siem|mitigation)\./;

export interface CheckSettings {
  intake: Pick<Settings['intake'], 'maskedNames' | 'futureHours'>;
}

/** Checks, cleans and completes one event. The object that is handed in is changed. */
export class EventCheck {
  private readonly validator = new EventValidator(false);
  private readonly thoroughValidator = new EventValidator(true);
  private readonly cleaner: ValueCleaner;
  private lastTime = { ms: Number.NaN, text: '' };

  constructor(private readonly settings: CheckSettings) {
    this.cleaner = new ValueCleaner(new MaskedNames(settings.intake.maskedNames));
  }

  check(sent: JsonObject, context: CheckContext): CheckOutcome {
    const type = this.typeOf(sent, context.own);
    if ('code' in type) return { type: 'refused', ...type };
    const faults = (context.everyFault ? this.thoroughValidator : this.validator).faultsOf(type, sent);
    if (faults.length > 0) return refused(faults);
    const fault = this.cleaner.clean(sent, type.changeField);
    if (fault) return refused([fault]);
    return this.complete(asInput(sent), type, context);
  }

  private complete(input: EventInput, type: EventType, { producer, source, nowMs }: CheckContext): CheckOutcome {
    const receivedAt = this.textOf(nowMs);
    let timeMs = nowMs;
    if (input.occurredAt !== undefined) {
      const occurred = readOccurredAt(input.occurredAt, nowMs, this.settings.intake.futureHours);
      if (occurred.type === 'refused') return refused([{ pointer: '/occurredAt', reason: occurred.reason }]);
      input.occurredAt = occurred.text;
      timeMs = occurred.ms;
    }
    const key = input.id === undefined ? undefined : producerKeyOf(producer, source, input.id);
    const { id, producerId } = eventIdOf(input.id, key, timeMs);
    if (producerId !== undefined && input.attributes?.producerId !== undefined && input.attributes.producerId !== producerId) {
      return refused([{ pointer: '/attributes/producerId', reason: 'is where the id of this event goes, which does not match [A-Za-z0-9._-]{1,40}; use another name' }]);
    }
    // The id is part of the key. What we fill in (times, ids, defaults) is no part of the content: a resend after an upgrade of the catalogue is still a resend.
    const duplicateKey = key === undefined ? undefined : { key, contentHash: contentHashOf(asObject(input), 'id') };
    const event = completeEvent(input, type, { id, producerId, receivedAt, occurredAt: input.occurredAt ?? receivedAt });
    return { type: 'checked', event: { id, partitionKey: partitionKeyOf(event), record: encodeEnvelope({ event, producer, source }), duplicateKey } };
  }

  /** All events of a request come at one time. */
  private textOf(ms: number): string {
    if (ms !== this.lastTime.ms) this.lastTime = { ms, text: new Date(ms).toISOString() };
    return this.lastTime.text;
  }

  private typeOf(sent: JsonObject, own: boolean): EventType | { code: RefusalCode; faults: EventFault[] } {
    const id = sent.type;
    if (typeof id !== 'string') return { code: 'invalid-event', faults: [{ pointer: '/type', reason: id === undefined ? 'is missing' : 'must be a string' }] };
    const type = eventTypeOf(id);
    if (!own && (type?.reserved === true || RESERVED_GROUPS.test(id))) return { code: 'reserved-type', faults: [{ pointer: '/type', reason: 'only Tidegate itself sends events of this type' }] };
    if (!type) return { code: 'unknown-type', faults: [{ pointer: '/type', reason: 'is no type of the catalogue (GET /api/v1/event-types) and not audit.{object}.{verb} with an object of at most 15 and a verb of at most 10 of a-z, 0-9 and -' }] };
    return type;
  }
}

function asObject(input: EventInput): JsonObject {
  return input as unknown as JsonObject;
}

function refused(faults: EventFault[]): CheckOutcome {
  return { type: 'refused', code: 'invalid-event', faults };
}

/** The schema of the type has just said that it is one. */
function asInput(sent: JsonObject): EventInput {
  return sent as unknown as EventInput;
}
