import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Model } from 'mongoose';
import { METRICS } from '../../contracts/metrics.js';
import type { Metrics } from '../../contracts/metrics.js';
import { DocumentStore } from '../documents/document-store.js';
import { auditRecordSchema, type AuditRecordDocument } from './audit-record.schema.js';

/** Figures that show whether acts become events. */
@Injectable()
export class AuditMetrics {
  constructor(store: DocumentStore, @Optional() @Inject(METRICS) metrics?: Metrics) {
    const records: Model<AuditRecordDocument> = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    metrics?.gauge({
      name: 'tidegate_audit_records_pending',
      help: 'Audit records that are not events: waiting for the event log, or refused by it and in need of a person',
      labels: ['state'],
      collect: async (gauge) => {
        gauge.set(await records.countDocuments({ exportedAt: null, refusedAt: null }), { state: 'waiting' });
        gauge.set(await records.countDocuments({ exportedAt: null, refusedAt: { $ne: null } }), { state: 'refused' });
      },
    });
  }
}
