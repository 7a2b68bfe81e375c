import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { auditRecordSchema, type AuditRecordDocument } from '../audit/audit-record.schema.js';
import { DocumentStore } from '../documents/document-store.js';
import { Notifier } from './notifier.js';

const BATCH = 200;

/** Takes the notifications that audit records carry into the outbox: stored there first, then taken off the record. A crash in between repeats, and the key makes that harmless. */
@Injectable()
export class AuditNotifications {
  private readonly records: Model<AuditRecordDocument>;

  constructor(store: DocumentStore, private readonly notifier: Notifier) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
  }

  /** @returns how many were taken over */
  async take(signal?: AbortSignal): Promise<number> {
    let taken = 0;
    while (!signal?.aborted) {
      // A range over strings: any index on the field serves it, also a sparse one.
      const records = await this.records.find({ 'notification.key': { $gt: '' } }, { notification: 1, occurredAt: 1 }).sort({ 'notification.key': 1 }).limit(BATCH).lean<AuditRecordDocument[]>();
      for (const { notification, occurredAt } of records) if (notification) await this.notifier.keep({ occurredAt, ...notification });
      if (records.length > 0) await this.records.updateMany({ _id: { $in: records.map(({ _id }) => _id) } }, { $unset: { notification: 1 } });
      taken += records.length;
      if (records.length < BATCH) break;
    }
    return taken;
  }
}
