import { Schema } from 'mongoose';

/** Which key the processes of this installation sign with. */
export interface SharedKeyDocument {
  _id: string;
  /** Names the key that signs, and tells nothing of it. */
  keyName: string;
}

export const sharedKeySchema = new Schema<SharedKeyDocument>({ _id: String, keyName: { type: String, required: true } }, { collection: 'installation', versionKey: false });
