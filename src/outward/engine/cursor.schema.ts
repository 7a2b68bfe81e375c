import { Schema } from 'mongoose';
import type { LogMark } from '../../contracts/event-log.js';

/** How far an integration is in a partition: everything before `position` is resolved (delivered, filtered or a stored dead letter). Moved forward only, by `$max`. */
export interface CursorDocument {
  /** `<integration id>:<partition>` */
  _id: string;
  integrationId: string;
  partition: number;
  position: number;
  /** Name of the log that the position belongs to; missing in documents of versions that did not know it. */
  log?: string;
  /** The last record before `position` that was seen: see `markText`. */
  mark?: string;
  /** How often it was set back because the log was replaced; missing when never. Writers name the number they know, so that none of an earlier log moves the cursor. */
  resets?: number;
  resetAt?: Date;
  updatedAt: Date;
}

export const cursorSchema = new Schema<CursorDocument>(
  {
    _id: String, integrationId: { type: String, required: true }, partition: { type: Number, required: true }, position: { type: Number, required: true },
    log: String, mark: String, resets: Number, resetAt: Date, updatedAt: { type: Date, required: true },
  },
  { collection: 'cursors', versionKey: false },
);
cursorSchema.index({ integrationId: 1, partition: 1 });

const OFFSET_DIGITS = 16;

/** `<offset of 16 digits>@<milliseconds>`: its order is that of the offsets, so that `$max` moves it as it moves the position. */
export function markText({ offset, timestamp }: LogMark): string {
  return `${String(offset).padStart(OFFSET_DIGITS, '0')}@${timestamp}`;
}

export function readMark(text: string | undefined): LogMark | undefined {
  const [offset, timestamp] = (text ?? '').split('@').map(Number);
  return offset === undefined || timestamp === undefined || Number.isNaN(offset) || Number.isNaN(timestamp) ? undefined : { offset, timestamp };
}
