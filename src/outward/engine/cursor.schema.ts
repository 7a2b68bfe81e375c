import { Schema } from 'mongoose';

/** How far an integration is in a partition: everything before `position` is resolved (delivered, filtered or a stored dead letter). Moved forward only, by `$max`. */
export interface CursorDocument {
  /** `<integration id>:<partition>` */
  _id: string;
  integrationId: string;
  partition: number;
  position: number;
  updatedAt: Date;
}

export const cursorSchema = new Schema<CursorDocument>(
  { _id: String, integrationId: { type: String, required: true }, partition: { type: Number, required: true }, position: { type: Number, required: true }, updatedAt: { type: Date, required: true } },
  { collection: 'cursors', versionKey: false },
);
cursorSchema.index({ integrationId: 1, partition: 1 });
