import { Schema } from 'mongoose';

/** How far a copy is, kept where it copies to: a run that was cut off is continued, one that ended is not repeated. */
export interface CopyStateDocument {
  _id: string;
  startedAt: Date;
  completedAt: Date | null;
  /** Next position to copy of each partition of the former log. */
  next: Record<string, number>;
  firstUnread: Record<string, number>;
  documents: number;
  events: number;
}

export const copyStateSchema = new Schema<CopyStateDocument>(
  {
    _id: String, startedAt: { type: Date, required: true }, completedAt: { type: Date, default: null }, next: { type: Schema.Types.Mixed, required: true }, firstUnread: { type: Schema.Types.Mixed, required: true },
    documents: { type: Number, required: true }, events: { type: Number, required: true },
  },
  { collection: 'copy_from_embedded', versionKey: false, minimize: false },
);
