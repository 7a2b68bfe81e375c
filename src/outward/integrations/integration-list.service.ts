import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { SECRETS } from '../../contracts/secrets.js';
import type { Secrets } from '../../contracts/secrets.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { openIntegration, type OpenedIntegration } from './integration-secrets.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';

/** Sort keys and the field behind each. */
const SORT_FIELDS = { name: 'nameKey', serverUrl: 'serverUrl', enginePool: 'enginePool', protocol: 'protocol', port: 'port', outputType: 'outputType', enabled: 'enabled', createdAt: 'createdAt', updatedAt: 'updatedAt' } as const;
type SortKey = keyof typeof SORT_FIELDS;
const sortKeys = Object.keys(SORT_FIELDS) as [SortKey, ...SortKey[]];

export const listQuery = z.strictObject({
  search: z.string().trim().max(200).regex(/^\P{Cc}*$/u, 'no control characters').default('').meta({ description: 'Term that name, server URL or engine pool must hold; upper and lower case count as equal.' }),
  status: z.enum(['all', 'enabled', 'disabled']).default('all').meta({ description: 'Which integrations to list.' }),
  sort: z.enum([...sortKeys, ...sortKeys.map((key) => `-${key}` as const)]).default('name').meta({ description: 'Field to sort by; a leading hyphen sorts downwards.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(25).meta({ description: 'Integrations a page.' }),
});
export type ListQuery = z.output<typeof listQuery>;

export interface IntegrationPage {
  items: OpenedIntegration[];
  /** How many match the search term, by filter. */
  totals: { all: number; enabled: number; disabled: number };
}

/** Finds integrations for the list. */
@Injectable()
export class IntegrationListService {
  private readonly integrations: Model<IntegrationDocument>;

  constructor(store: DocumentStore, @Inject(SECRETS) private readonly secrets: Secrets) {
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
  }

  async find({ search, status, sort, page, pageSize }: ListQuery): Promise<IntegrationPage> {
    const term = search.normalize('NFC').toLowerCase();
    const matching = { deleted: false, ...(term === '' ? {} : { searchKey: { $regex: term.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') } }) };
    const filtered = status === 'all' ? matching : { ...matching, enabled: status === 'enabled' };
    const downwards = sort.startsWith('-');
    const field = SORT_FIELDS[(downwards ? sort.slice(1) : sort) as SortKey];
    const [documents, enabled, disabled] = await Promise.all([
      this.integrations.find(filtered, { auditOutbox: 0 }).sort({ [field]: downwards ? -1 : 1, _id: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<IntegrationDocument[]>(),
      this.integrations.countDocuments({ ...matching, enabled: true }),
      this.integrations.countDocuments({ ...matching, enabled: false }),
    ]);
    return { items: documents.map((document) => openIntegration(document, this.secrets)), totals: { all: enabled + disabled, enabled, disabled } };
  }
}
