import { Inject, Injectable } from '@nestjs/common';
import type { Model, QueryFilter } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { DocumentStore } from '../documents/document-store.js';
import { jobRunSchema, type JobRun, type JobRunDocument } from './job-state.schema.js';

export interface JobRunFilter {
  job?: string;
  outcome?: JobRun['outcome'];
  /** Time of the start: not before, and before. */
  from?: Date;
  to?: Date;
}

/** A quiet row takes in later quiet runs for so long. */
const MERGE_MS = 3_600_000;

/** The rows of job_runs: written after each run, read by pages and task results. */
@Injectable()
export class JobHistory {
  private readonly runs: Model<JobRunDocument>;

  constructor(store: DocumentStore, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'jobs'>) {
    this.runs = store.model<JobRunDocument>('job-run', jobRunSchema);
  }

  /** Stores a run under its id (again: the later word counts), or adds a quiet one to the row before it. */
  async add(job: string, runId: string, run: JobRun): Promise<void> {
    const expiresAt = new Date(run.endedAt.getTime() + this.settings.jobs.historyDays * 86_400_000);
    if (isQuiet(run)) {
      const latest = await this.runs.findOne({ job }).sort({ startedAt: -1 }).lean<JobRunDocument>();
      if (latest && isQuiet(latest) && run.startedAt.getTime() - latest.startedAt.getTime() < MERGE_MS) {
        await this.runs.updateOne({ _id: latest._id }, { $set: { endedAt: run.endedAt, host: run.host, expiresAt }, $inc: { runs: 1 } });
        return;
      }
    }
    await this.runs.updateOne({ _id: runId }, { $set: { job, ...run, runs: 1, expiresAt } }, { upsert: true });
  }

  /** Newest first. */
  async list(filter: JobRunFilter, { page, pageSize }: { page: number; pageSize: number }): Promise<{ items: JobRunDocument[]; page: number; pageSize: number; total: number }> {
    const query: QueryFilter<JobRunDocument> = {};
    if (filter.job !== undefined) query.job = filter.job;
    if (filter.outcome !== undefined) query.outcome = filter.outcome;
    if (filter.from !== undefined || filter.to !== undefined) query.startedAt = { ...(filter.from && { $gte: filter.from }), ...(filter.to && { $lt: filter.to }) };
    const [items, total] = await Promise.all([
      this.runs.find(query).sort({ startedAt: -1, _id: -1 }).skip((page - 1) * pageSize).limit(pageSize).lean<JobRunDocument[]>(),
      this.runs.countDocuments(query),
    ]);
    return { items, page, pageSize, total };
  }
}

function isQuiet(run: JobRun): boolean {
  return run.outcome === 'success' && Object.values(run.counts).every((count) => count === 0);
}
