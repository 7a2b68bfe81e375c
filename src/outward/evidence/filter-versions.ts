import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { filterSection, type Integration } from '../../model/integration.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { filterVersionSchema, type FilterVersionDocument } from './ledger.schema.js';

type Filter = Integration['filter'];

/** The filters that integrations had, by version: engines remember them when a version goes to work, the look-up asks for them later. */
@Injectable()
export class FilterVersions {
  private readonly model: Model<FilterVersionDocument>;

  constructor(store: DocumentStore) {
    this.model = store.model<FilterVersionDocument>('integration-filter', filterVersionSchema);
  }

  /** @throws when the document store refuses */
  async remember({ id, version, filter }: Pick<Integration, 'id' | 'version' | 'filter'>, now: number): Promise<void> {
    await this.model.updateOne({ _id: `${id}:${version}` }, { $setOnInsert: { integrationId: id, version, filter, since: new Date(now) } }, { upsert: true });
  }

  /** The filter of that version, or undefined when no engine ever worked with it. */
  async find(integrationId: string, version: number): Promise<Filter | undefined> {
    const document = await this.model.findOne({ _id: `${integrationId}:${version}` }).lean<FilterVersionDocument>();
    const parsed = document ? filterSection.safeParse(document.filter) : undefined;
    return parsed?.success ? parsed.data : undefined;
  }
}
