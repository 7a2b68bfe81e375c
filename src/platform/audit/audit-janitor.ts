import { Inject, Injectable } from '@nestjs/common';
import type { Model, mongo, QueryFilter } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobsService } from '../jobs/jobs.service.js';
import { auditRecordSchema, type AuditRecordDocument } from './audit-record.schema.js';
import { AUDIT_RETENTION_ID, auditRetentionSchema, type AuditRetentionDocument } from './audit-retention.schema.js';
import { AuditRelay } from './audit.relay.js';

const INTERVAL_MS = 600_000;
const BATCH = 500;

/** Takes away what has served its time: old audit records that are events by now, and removed documents whose removal is recorded and known. */
@Injectable()
export class AuditJanitor {
  private readonly records: Model<AuditRecordDocument>;
  private readonly retention: Model<AuditRetentionDocument>;

  constructor(
    store: DocumentStore,
    jobs: JobsService,
    private readonly relay: AuditRelay,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'audit'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    this.retention = store.model<AuditRetentionDocument>('audit-retention', auditRetentionSchema);
    jobs.register({ name: 'audit-janitor', intervalMs: INTERVAL_MS, run: (signal) => this.run(signal), runAtStart: true });
  }

  async run(signal: AbortSignal): Promise<{ recordsRemoved: number; documentsRemoved: number }> {
    return { recordsRemoved: await this.removeOldRecords(signal), documentsRemoved: await this.removeMarkedDocuments(signal) };
  }

  /** Never a record that is no event yet, or that was refused: those need a person first. One that came late is as old as its place in the feed. */
  private async removeOldRecords(signal: AbortSignal): Promise<number> {
    const before = Math.floor(this.clock.now() - this.settings.audit.retentionDays * 86_400_000);
    const old: QueryFilter<AuditRecordDocument> = { occurredAt: { $lt: new Date(before).toISOString() }, exportedAt: { $ne: null }, $or: [{ feedCreated: null }, { feedCreated: { $lt: before } }] };
    let removed = 0;
    while (!signal.aborted) {
      // In batches: the embedded store would hold up other writers during one large removal.
      const found = await this.records.find(old, { _id: 1 }).sort({ occurredAt: 1 }).limit(BATCH).lean();
      if (found.length === 0) break;
      if (removed === 0) await this.retention.updateOne({ _id: AUDIT_RETENTION_ID }, { $max: { intactFrom: before } }, { upsert: true });
      // Asked again for each: one without a place may get it in between.
      removed += (await this.records.deleteMany({ ...old, _id: { $in: found.map(({ _id }) => _id) } })).deletedCount;
    }
    return removed;
  }

  private async removeMarkedDocuments(signal: AbortSignal): Promise<number> {
    const before = new Date(this.clock.now() - this.settings.audit.removedGraceHours * 3_600_000);
    // Asked again for each document: its outbox may get an entry in between.
    const gone = { deletedAt: { $lte: before }, 'auditOutbox.0': { $exists: false } };
    let removed = 0;
    for (const model of this.relay.removable()) {
      while (!signal.aborted) {
        const marked = await model.collection.find(gone, { projection: { _id: 1 }, limit: BATCH }).toArray();
        if (marked.length === 0) break;
        const filter: mongo.Filter<mongo.Document> = { ...gone, _id: { $in: marked.map(({ _id }) => _id) } };
        const { deletedCount } = await model.collection.deleteMany(filter);
        if (deletedCount === 0) break;
        removed += deletedCount;
      }
    }
    return removed;
  }
}
