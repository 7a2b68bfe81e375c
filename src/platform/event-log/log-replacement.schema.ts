import { Schema } from 'mongoose';

/** One document: when the event log was last found to be another one. */
export interface LogReplacementDocument {
  _id: string;
  replacedAt: Date;
}

export const logReplacementSchema = new Schema<LogReplacementDocument>({ _id: String, replacedAt: { type: Date, required: true } }, { collection: 'log-replacements', versionKey: false });
