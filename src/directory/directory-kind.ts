import type { z } from 'zod';
import type { EventObject, FieldChange } from '../model/audit-event.js';
import type { JsonValue } from '../model/json.js';
import type { WithAuditOutbox } from '../platform/audit/audit-outbox.js';
import type { ProblemItem } from '../platform/http/problem.js';
import type { References, WantedReferences } from './references.js';

/** The four kinds of records in the directory, in the order in which they refer to each other. */
export const KIND_NAMES = ['identity', 'application', 'entitlement', 'account'] as const;
export type KindName = (typeof KIND_NAMES)[number];

/** What every record of the directory has. */
export interface DirectoryRecord extends WithAuditOutbox {
  _id: string;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

/** The fields that are kept by the store itself. */
export type StoredFields<T extends DirectoryRecord> = Omit<T, keyof DirectoryRecord>;

export type Plan<T extends DirectoryRecord> = { type: 'plan'; set: StoredFields<T> } | { type: 'faults'; items: ProblemItem[] };

/**
 * One kind of record: what is sent, which others it names, what is stored, and what the audit compares. Pure. REST and import both use it, so that they cannot differ.
 * A body leaves out what stays as it is (what is new gets the default); null goes back to the default.
 */
export interface DirectoryKind<T extends DirectoryRecord, B> {
  name: KindName;
  body: z.ZodType<B>;
  /** Filter of what is there (not removed). */
  live: Record<string, unknown>;
  /** What a body names, to be read before `plan`. */
  wants(body: B): WantedReferences;
  /** What a stored record names. */
  refersTo(document: T): WantedReferences;
  /** Filter by the natural key; undefined when what it names is not there (then `plan` says so). */
  keyOf(body: B, references: References): Record<string, unknown> | undefined;
  /** Text of the natural key of a stored record or a body, for reports. */
  title(body: B): string;
  subjectName(document: StoredFields<T>): string;
  plan(body: B, before: T | null, references: References, now: Date): Plan<T>;
  /** What the audit compares, by field. */
  shown(document: StoredFields<T>, references: References): Record<string, JsonValue | undefined>;
  /** The other things that took part in an act on it. */
  objects(document: StoredFields<T>, references: References): EventObject[];
}

/** What differs between two states, field by field. */
export function changesBetween(before: Record<string, JsonValue | undefined> | null, after: Record<string, JsonValue | undefined> | null): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const field of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
    const [old, now] = [before?.[field] ?? undefined, after?.[field] ?? undefined];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    changes.push({ field, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) });
  }
  return changes;
}

/** `undefined` = stays as it is, `null` = the default. */
export function chosen<V>(sent: V | null | undefined, before: V | undefined, fallback: V): V {
  if (sent === undefined) return before ?? fallback;
  return sent ?? fallback;
}
