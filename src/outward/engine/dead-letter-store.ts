import type { Model } from 'mongoose';
import type { Clock } from '../../contracts/clock.js';
import type { RejectCode } from '../../contracts/format.js';
import type { Log } from '../../contracts/log.js';
import type { Integration } from '../../model/integration.js';
import { EXCERPT_CHARACTERS, type UnreadableRecord } from '../delivery/event-batch.js';
import type { EventForm } from '../delivery/rendered-form.js';
import type { DeadLetterDocument } from './dead-letter.schema.js';

export interface NewDeadLetter extends EventForm {
  integration: Pick<Integration, 'id' | 'name' | 'version'>;
  partition: number;
  /** How often the log was replaced under the cursor: the same place of another log holds another event. */
  resets?: number;
  offset: number;
  code: RejectCode;
  reason: string;
}

/** Where events go that can never be sent. Answers only when they are durable: the cursor passes them afterwards. */
export interface DeadLetterSink {
  /** Tries until stored; gives up only when `abandoned` says that nobody waits any more. */
  store(letters: readonly NewDeadLetter[], abandoned: () => boolean): Promise<void>;
  /** Records of the log that are no events at all: parked once for all integrations, with their position. */
  park(partition: number, records: readonly UnreadableRecord[], abandoned: () => boolean): Promise<void>;
}

/** The `integrationId` of what no integration could read. */
export const EVERY_INTEGRATION = '*';

export class DeadLetterStore implements DeadLetterSink {
  constructor(
    private readonly model: Model<DeadLetterDocument>,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Most octets of a text that are kept. */
    private readonly textBytes = 16_384,
  ) {}

  store(letters: readonly NewDeadLetter[], abandoned: () => boolean): Promise<void> {
    return this.write(
      letters.map(({ integration, partition, resets = 0, offset, event, rendered, code, reason }) => ({
        _id: `${integration.id}:${partition}.${offset}${resets > 0 ? `:${resets}` : ''}`,
        integrationId: integration.id,
        integrationName: integration.name,
        partition,
        offset,
        eventId: event?.id ?? null,
        eventType: event?.type ?? null,
        occurredAt: event ? timeOf(event.occurredAt) : null,
        code,
        reason,
        version: integration.version,
        ...this.texts(event ? JSON.stringify(event) : null, rendered),
        attempts: 1,
        ...this.times(),
      })),
      abandoned,
    );
  }

  park(partition: number, records: readonly UnreadableRecord[], abandoned: () => boolean): Promise<void> {
    return this.write(
      records.map(({ offset, storedAt, reason, excerpt }) => ({
        _id: `${EVERY_INTEGRATION}:${partition}.${offset}${storedAt === undefined ? '' : `@${storedAt}`}`,
        integrationId: EVERY_INTEGRATION,
        integrationName: 'every integration',
        partition,
        offset,
        eventId: null,
        eventType: null,
        occurredAt: null,
        code: 'record-unreadable' as const,
        reason,
        version: null,
        ...this.texts(null, excerpt),
        renderedCut: excerpt.length >= EXCERPT_CHARACTERS,
        attempts: 1,
        ...this.times(),
      })),
      abandoned,
    );
  }

  private texts(event: string | null, rendered: string | null): Pick<DeadLetterDocument, 'event' | 'eventCut' | 'rendered' | 'renderedCut'> {
    const [shownEvent, shownText] = [cut(event, this.textBytes), cut(rendered, this.textBytes)];
    return { event: shownEvent, eventCut: shownEvent !== event, rendered: shownText, renderedCut: shownText !== rendered };
  }

  /** What a refusal says anew, also of an event that was replayed before. */
  private times(): Pick<DeadLetterDocument, 'createdAt' | 'lastAt' | 'replayedAt' | 'replayId'> {
    const now = new Date(this.clock.now());
    return { createdAt: now, lastAt: now, replayedAt: null, replayId: null };
  }

  private async write(documents: DeadLetterDocument[], abandoned: () => boolean): Promise<void> {
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        await this.model.bulkWrite(
          documents.map(({ _id, integrationId, integrationName, partition, offset, eventId, eventType, occurredAt, createdAt, attempts, ...last }) => ({
            updateOne: { filter: { _id }, update: { $setOnInsert: { integrationId, integrationName, partition, offset, eventId, eventType, occurredAt, createdAt }, $set: last, $inc: { attempts } }, upsert: true },
          })),
          // Without it mongoose leaves out what it cannot cast, and says nothing.
          { ordered: false, throwOnValidationError: true },
        );
        this.log.warn({ count: documents.length, integration: documents[0]?.integrationName, code: documents[0]?.code, reason: documents[0]?.reason }, 'events became dead letters');
        return;
      } catch (error) {
        this.log.error({ count: documents.length, err: error }, 'dead letters cannot be stored; the integration waits');
        if (abandoned()) return;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (abandoned()) return;
      }
    }
  }
}

/** The beginning, on a character border. */
function cut(text: string | null, bytes: number): string | null {
  if (text === null || Buffer.byteLength(text, 'utf8') <= bytes) return text;
  return new TextDecoder().decode(Buffer.from(text, 'utf8').subarray(0, bytes), { stream: true });
}

/** Events that producers write into the log themselves are not checked: what is no time is none. */
function timeOf(text: unknown): Date | null {
  const time = typeof text === 'string' ? new Date(text) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : null;
}
