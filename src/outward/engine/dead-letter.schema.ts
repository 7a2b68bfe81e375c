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
  /** As it would have been sent, where it could be rendered; at most 16 KiB, then cut. */
  rendered: string | null;
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
    rendered: { type: String, default: null }, attempts: { type: Number, default: 1 }, createdAt: { type: Date, required: true },
    lastAt: Date, replayedAt: { type: Date, default: null }, replayId: { type: String, default: null },
  },
  { collection: 'dead_letters', versionKey: false },
);
deadLetterSchema.index({ integrationId: 1, createdAt: -1 });
deadLetterSchema.index({ createdAt: -1 });
deadLetterSchema.index({ eventId: 1 });
