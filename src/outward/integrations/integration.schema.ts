import { Schema } from 'mongoose';
import type { IntegrationSettings, KeptPosition } from '../../model/integration.js';
import type { SkippedRun } from '../evidence/skipped-runs.js';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../../platform/audit/audit-outbox.js';

/** An integration as it lies in the store: its settings with every secret and certificate sealed (see sealed-fields.ts). */
export interface IntegrationDocument extends IntegrationSettings, WithAuditOutbox {
  _id: string;
  /** Lower-cased name: unique among those that are not deleted. */
  nameKey: string;
  /** What the search term is looked for in: name, server URL and pool, lower-cased, a line each. */
  searchKey: string;
  /** Grows by one with each change: the ETag, and what engines compare. */
  version: number;
  /** Where delivery starts in each partition; taken from the log when it is enabled for the first time. */
  startPositions?: Record<string, number>;
  /** Name of the log that they are positions of. */
  startLog?: string;
  /** Where it stood when it was disabled, or goes on after it was enabled again: the furthest of these and its cursor holds. */
  resumePositions?: Record<string, KeptPosition>;
  /** What it goes past without delivery, until the ledger has it. */
  skippedRuns?: SkippedRun[];
  createdAt: Date;
  updatedAt: Date;
  /** When engines have to look again: every write but those of the audit relay moves it. */
  changedAt: Date;
  deleted: boolean;
  /** Set with `deleted`. The document stays a while as a mark, so that engines see that it is gone; the audit relay removes it. */
  deletedAt: Date | null;
}

export const integrationDocumentSchema = new Schema<IntegrationDocument>(
  {
    _id: String,
    name: { type: String, required: true },
    nameKey: { type: String, required: true },
    searchKey: { type: String, required: true },
    enginePool: { type: String, required: true },
    serverUrl: { type: String, required: true },
    port: { type: Number, required: true },
    protocol: { type: String, required: true },
    framing: { type: String, required: true },
    outputType: { type: String, required: true },
    header: { type: String, required: true },
    enabled: { type: Boolean, required: true },
    // Shape, limits and defaults of the sections are written once, in model/integration.ts; only what passed it is stored.
    connection: { type: Schema.Types.Mixed, required: true },
    output: { type: Schema.Types.Mixed, required: true },
    filter: { type: Schema.Types.Mixed, required: true },
    startPositions: { type: Schema.Types.Mixed, default: undefined },
    startLog: { type: String, default: undefined },
    resumePositions: { type: Schema.Types.Mixed, default: undefined },
    skippedRuns: { type: Schema.Types.Mixed, default: undefined },
    version: { type: Number, required: true },
    createdAt: { type: Date, required: true },
    updatedAt: { type: Date, required: true },
    changedAt: { type: Date, required: true },
    deleted: { type: Boolean, required: true },
    deletedAt: { type: Date, default: null },
    ...auditOutboxField,
  },
  { collection: 'integrations', versionKey: false, minimize: false },
);
integrationDocumentSchema.index({ nameKey: 1 }, { unique: true, partialFilterExpression: { deleted: false } });
integrationDocumentSchema.index({ changedAt: 1 });
integrationDocumentSchema.index({ deleted: 1, nameKey: 1 });
indexAuditOutbox(integrationDocumentSchema);
