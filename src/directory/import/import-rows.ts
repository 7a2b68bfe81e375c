import type { z } from 'zod';
import type { ProblemItem } from '../../platform/http/problem.js';
import { problemItems } from '../../platform/http/zod.pipe.js';
import { KIND_NAMES, type KindName } from '../directory-kind.js';

/** Where a record stands in what was sent. */
export interface RowPlace {
  /** JSON pointer into the body, or that of a CSV column where one cell is at fault. */
  pointer?: string;
  /** Line of a CSV file, from 1. */
  line?: number;
}

/** One record as it was sent: good, or at fault by itself. */
export interface ImportRow<B = unknown> {
  place: RowPlace;
  body: { type: 'body'; body: B } | { type: 'faults'; items: ProblemItem[] };
}

export type ImportRows = { [K in KindName]: ImportRow[] };

/** Name of the list in JSON, and of the kind in the query. */
export const LIST_NAMES: Record<KindName, string> = { identity: 'identities', application: 'applications', entitlement: 'entitlements', account: 'accounts' };

export function noRows(): ImportRows {
  return { identity: [], application: [], entitlement: [], account: [] };
}

export function countRows(rows: ImportRows): number {
  return KIND_NAMES.reduce((sum, name) => sum + rows[name].length, 0);
}

/** Checks one record against its schema. Pointers start at the record. */
export function checkedRow(schema: z.ZodType, value: unknown, place: RowPlace): ImportRow {
  const result = schema.safeParse(value);
  return { place, body: result.success ? { type: 'body', body: result.data } : { type: 'faults', items: problemItems(result.error) } };
}
