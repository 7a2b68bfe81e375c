import { Schema } from 'mongoose';

/** An event that can never be sent to one integration. Unique by integration and position, so a repeat after a crash counts once. */
export interface DeadLetterDocument {
  /** `<integration id>:<partition>.<offset>`; of what was read after the log was replaced, with `:<resets of the cursor>` behind it. */
  _id: string;
  integrationId: string;
  integrationName: string;
  partition: number;
  offset: number;
  eventId: string | null;
  eventType: string | null;
  occurredAt: Date | null;
  code: 'message-too-long' | 'not-renderable' | 'record-unreadable' | 'refused-by-receiver';
  reason: string;
  /** Of the settings by which it was refused last; null for what is no event. */
  version?: number | null;
  /** The event as JSON, as the integration may see it. Documents of before it was kept have it in `rendered`, and no `event` at all. */
  event?: string | null;
  eventCut?: boolean;
  /**
   * As it would have been sent by the settings of its last refusal, without framing and envelope; beyond the limit of its size without that limit; null where it cannot be rendered. Of what is no event the
   * beginning of the record.
   */
  rendered: string | null;
  renderedCut?: boolean;
  attempts: number;
  createdAt: Date;
  /** When it was refused last; documents of before replays have none. */
  lastAt?: Date;
  /** When a replay brought it to the receiver after all; null while it did not. */
  replayedAt?: Date | null;
  replayId?: string | null;
}

/** How often the cursor had been set back when it became a dead letter: the same position of another log holds another event. */
export function resetsOfLetter({ _id, integrationId, partition, offset }: Pick<DeadLetterDocument, '_id' | 'integrationId' | 'partition' | 'offset'>): number {
  return Number(_id.slice(`${integrationId}:${partition}.${offset}:`.length)) || 0;
}

export const deadLetterSchema = new Schema<DeadLetterDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, integrationName: String, partition: { type: Number, required: true }, offset: { type: Number, required: true },
    eventId: { type: String, default: null }, eventType: { type: String, default: null }, occurredAt: { type: Date, default: null }, code: { type: String, required: true }, reason: { type: String, required: true },
    version: Number, event: String, eventCut: Boolean, rendered: { type: String, default: null }, renderedCut: Boolean, attempts: { type: Number, default: 1 }, createdAt: { type: Date, required: true },
    lastAt: Date, replayedAt: { type: Date, default: null }, replayId: { type: String, default: null },
  },
  { collection: 'dead_letters', versionKey: false },
);
deadLetterSchema.index({ integrationId: 1, createdAt: -1 });
deadLetterSchema.index({ createdAt: -1 });
deadLetterSchema.index({ eventId: 1 });
