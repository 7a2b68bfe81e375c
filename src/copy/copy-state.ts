import type { Model } from 'mongoose';
import type { DocumentStore } from '../platform/documents/document-store.js';
import { copyStateSchema, type CopyStateDocument } from './copy-state.schema.js';

const ID = 'copy';

export class CopyState {
  private readonly model: Model<CopyStateDocument>;

  constructor(store: DocumentStore) {
    this.model = store.model<CopyStateDocument>('copy-from-embedded', copyStateSchema);
  }

  async read(): Promise<CopyStateDocument | undefined> {
    return (await this.model.findOne({ _id: ID }).lean<CopyStateDocument>()) ?? undefined;
  }

  async begin(now: Date): Promise<CopyStateDocument> {
    const state: CopyStateDocument = { _id: ID, startedAt: now, completedAt: null, next: {}, firstUnread: {}, documents: 0, events: 0 };
    await this.model.create(state);
    return state;
  }

  async save({ _id, ...fields }: CopyStateDocument): Promise<void> {
    await this.model.updateOne({ _id }, { $set: fields });
  }
}
