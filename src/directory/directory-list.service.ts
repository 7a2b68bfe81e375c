import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { DirectoryRecord } from './directory-kind.js';
import type { RecordFilter, StoredKind } from './directory-kinds.js';
import { naturalKey } from './natural-key.js';
import { ReferenceReader, type References } from './references.js';

/** What every list takes. */
export const listFields = {
  search: z.string().trim().max(200).regex(/^\P{Cc}*$/u, 'no control characters').default('').meta({ description: 'Term that the names must hold; upper and lower case count as equal.' }),
  sort: z.enum(['name', '-name', 'createdAt', '-createdAt', 'updatedAt', '-updatedAt']).default('name').meta({ description: 'Field to sort by; a leading hyphen sorts downwards.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(25).meta({ description: 'Records a page.' }),
};
/** `true` or `false` in a query. */
export const queryFlag = z.enum(['true', 'false']).transform((value) => value === 'true').optional();
/** Name or id in a query. */
export const queryText = z.string().min(1).max(2048).regex(/^\P{Cc}*$/u, 'no control characters').optional();

export type ListQuery = { [K in keyof typeof listFields]: z.output<(typeof listFields)[K]> };

export interface DirectoryPage<T> {
  items: T[];
  total: number;
  references: References;
}

export const pageView = (item: z.ZodType) => z.object({ items: z.array(item), page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int().meta({ description: 'How many match, on every page.' }) });

const NAME_FIELDS = { application: 'nameKey', identity: 'nameKey', entitlement: 'key', account: 'nativeIdKey' } as const;

/** Finds records of any kind for the lists. */
@Injectable()
export class DirectoryListService {
  constructor(private readonly references: ReferenceReader) {}

  /** @param filter instead of `kind.live`, with the conditions of the kind */
  async find<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, query: ListQuery, filter: Record<string, unknown>): Promise<DirectoryPage<T>> {
    const { search, sort, page, pageSize } = query;
    const term = naturalKey(search);
    const matching = { ...filter, ...(term === '' ? {} : { searchKey: { $regex: term.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') } }) } as RecordFilter<T>;
    const downwards = sort.startsWith('-');
    const key = downwards ? sort.slice(1) : sort;
    const field = key === 'name' ? NAME_FIELDS[kind.name] : key;
    const [items, total] = await Promise.all([
      kind.model.find(matching, { auditOutbox: 0 } as never).sort({ [field]: downwards ? -1 : 1, _id: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<T[]>(),
      kind.model.countDocuments(matching),
    ]);
    return { items, total, references: await this.references.read(...items.map((item) => kind.refersTo(item))) };
  }
}

/** The answer of a list. */
export function pageOf<T, V>({ items, total, references }: DirectoryPage<T>, { page, pageSize }: ListQuery, view: (item: T, references: References) => V) {
  return { items: items.map((item) => view(item, references)), page, pageSize, pages: Math.ceil(total / pageSize), total };
}
