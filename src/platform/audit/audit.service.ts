import { Injectable } from '@nestjs/common';
import type { Model, QueryFilter } from 'mongoose';
import { DocumentStore } from '../documents/document-store.js';
import type { AuditRecord } from './audit-record.js';
import { auditRecordSchema, type AuditRecordDocument } from './audit-record.schema.js';
import { AUDIT_RETENTION_ID, auditRetentionSchema, type AuditRetentionDocument } from './audit-retention.schema.js';
import { AuditRelay } from './audit.relay.js';

export interface AuditFilter {
  type?: string;
  /** Id or name of the actor. */
  actor?: string;
  /** Id or name of the subject. */
  subject?: string;
  correlationId?: string;
  outcome?: AuditRecord['outcome'];
  /** What became of the record as an event. */
  exported?: 'waiting' | 'exported' | 'refused';
  /** Time of the act: not before, and before. */
  from?: Date;
  to?: Date;
}

export interface Page {
  /** From 1. */
  page: number;
  pageSize: number;
}

export interface PageOf<T> extends Page {
  items: T[];
  /** All that match, on every page. */
  total: number;
}

/** Where acts without a document of their own are recorded, and where all are read. */
@Injectable()
export class AuditService {
  private readonly records: Model<AuditRecordDocument>;
  private readonly retention: Model<AuditRetentionDocument>;

  constructor(store: DocumentStore, private readonly relay: AuditRelay) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    this.retention = store.model<AuditRetentionDocument>('audit-retention', auditRetentionSchema);
  }

  /** Durable when it answers; the same record again is harmless. @throws when it cannot be stored: then the act must not be answered as done. */
  async record(...records: readonly AuditRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.relay.keep(records);
    this.relay.wake();
  }

  /** Newest first. Acts that still lie in an outbox (for moments) are not in it yet. */
  async list(filter: AuditFilter, { page, pageSize }: Page): Promise<PageOf<AuditRecordDocument>> {
    const query = queryOf(filter);
    const [items, total] = await Promise.all([
      this.records.find(query).sort({ occurredAt: -1, _id: -1 }).skip((page - 1) * pageSize).limit(pageSize).lean<AuditRecordDocument[]>(),
      this.records.countDocuments(query),
    ]);
    return { items, page, pageSize, total };
  }

  /** Of the records whose place in the feed (`feedCreated`) is not before this (ms) retention has taken none. */
  async intactFrom(): Promise<number> {
    return (await this.retention.findById(AUDIT_RETENTION_ID).lean<AuditRetentionDocument | null>())?.intactFrom ?? 0;
  }
}

function queryOf(filter: AuditFilter): QueryFilter<AuditRecordDocument> {
  const parts: Array<Record<string, unknown>> = [];
  if (filter.type !== undefined) parts.push({ type: filter.type });
  if (filter.actor !== undefined) parts.push({ $or: [{ 'actor.id': filter.actor }, { 'actor.name': filter.actor }] });
  if (filter.subject !== undefined) parts.push({ $or: [{ 'subject.id': filter.subject }, { 'subject.name': filter.subject }] });
  if (filter.correlationId !== undefined) parts.push({ correlationId: filter.correlationId });
  if (filter.outcome !== undefined) parts.push({ outcome: filter.outcome });
  // Times are stored as RFC 3339 in UTC with milliseconds, which sort as text.
  if (filter.from !== undefined) parts.push({ occurredAt: { $gte: filter.from.toISOString() } });
  if (filter.to !== undefined) parts.push({ occurredAt: { $lt: filter.to.toISOString() } });
  switch (filter.exported) {
    case 'waiting':
      parts.push({ exportedAt: null, refusedAt: null });
      break;
    case 'exported':
      parts.push({ exportedAt: { $ne: null } });
      break;
    case 'refused':
      parts.push({ refusedAt: { $ne: null } });
      break;
    case undefined:
  }
  return (parts.length === 0 ? {} : { $and: parts });
}
