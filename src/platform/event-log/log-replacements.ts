import type { Model } from 'mongoose';
import type { DocumentStore } from '../documents/document-store.js';
import { logReplacementSchema, type LogReplacementDocument } from './log-replacement.schema.js';

const ID = 'event-log';

/** When an engine last found that the event log was replaced by another one. */
export class LogReplacements {
  private readonly documents: Model<LogReplacementDocument>;

  constructor(store: DocumentStore) {
    this.documents = store.model<LogReplacementDocument>('log-replacement', logReplacementSchema);
  }

  async remember(at: number): Promise<void> {
    await this.documents.updateOne({ _id: ID }, { $max: { replacedAt: new Date(at) } }, { upsert: true });
  }

  /** Milliseconds; undefined when never. */
  async last(): Promise<number | undefined> {
    return (await this.documents.findById(ID).lean())?.replacedAt.getTime();
  }
}
