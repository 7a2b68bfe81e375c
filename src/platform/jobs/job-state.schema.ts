import { Schema } from 'mongoose';

/** How a run ended. `stopped`: the process was told to end, or the lease was lost; `abandoned`: its process died, told by the next run. */
export type JobOutcome = 'success' | 'failure' | 'stopped' | 'abandoned';

/** What a run did, in numbers with plain names, for example `{ removed: 12 }`. All zero means: nothing to do. */
export type JobCounts = Record<string, number>;

/** A run, or several quiet ones in a row (see `JobRunDocument.runs`). */
export interface JobRun {
  startedAt: Date;
  endedAt: Date;
  outcome: JobOutcome;
  error: string | null;
  counts: JobCounts;
  /** Host name and process id. */
  host: string;
}

/** What all replicas share about one job: when it is due, whether it runs, how it last ended. */
export interface JobStateDocument {
  /** Name of the job. */
  _id: string;
  /** For people: `every 10 s` or the cron expression. */
  schedule: string;
  /** The next run; moved on at the start of a run, so that one replica runs it once a tick. */
  dueAt: Date;
  /** The run that is on; still set when its process died. */
  current: { runId: string; startedAt: Date; host: string } | null;
  lastRun: JobRun | null;
  /** Last start of a process that has this job. */
  registeredAt: Date;
}

const jobRunFields = {
  startedAt: { type: Date, required: true }, endedAt: { type: Date, required: true }, outcome: { type: String, required: true }, error: { type: String, default: null },
  counts: { type: Schema.Types.Mixed, default: {} }, host: { type: String, required: true },
} as const;

export const jobStateSchema = new Schema<JobStateDocument>(
  {
    _id: String, schedule: { type: String, required: true }, dueAt: { type: Date, required: true },
    current: { type: new Schema({ runId: String, startedAt: Date, host: String }, { _id: false }), default: null },
    lastRun: { type: new Schema<JobRun>(jobRunFields, { _id: false, minimize: false }), default: null }, registeredAt: { type: Date, required: true },
  },
  { collection: 'jobs', versionKey: false, minimize: false },
);

/**
 * The history of runs. A run that succeeded and did nothing is merged with the quiet run before it, up to an hour's worth, so that a job of every 10 s leaves at most 24 rows a quiet day
 * instead of 8,640; runs that did something, failed or were stopped have a row each.
 */
export interface JobRunDocument extends JobRun {
  /** UUIDv7. */
  _id: string;
  job: string;
  /** How many runs this row stands for; `startedAt` is of the first, `endedAt` of the last. */
  runs: number;
  /** When the row is removed (`jobs.historyDays`). */
  expiresAt: Date;
}

export const jobRunSchema = new Schema<JobRunDocument>(
  { _id: String, job: { type: String, required: true }, ...jobRunFields, runs: { type: Number, required: true }, expiresAt: { type: Date, required: true } },
  { collection: 'job_runs', versionKey: false, minimize: false },
);
jobRunSchema.index({ job: 1, startedAt: -1 });
jobRunSchema.index({ startedAt: -1 });
jobRunSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });
