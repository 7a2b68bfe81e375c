import { CronTime } from 'cron';
import type { JobCounts } from './job-state.schema.js';

/** When: at the multiples of `intervalMs` since 1970, so that all replicas agree, or by a cron expression (5 or 6 fields, in UTC). */
export type JobSchedule = { intervalMs: number; cron?: undefined } | { cron: string; intervalMs?: undefined };

/** Scheduled work. One replica runs it once a tick (unless `perReplica`); runs never overlap within a process. */
export type Job = JobSchedule & {
  /** Lower-case words with hyphens, unique in the service: `audit-janitor`. */
  name: string;
  /**
   * Does the work. What it throws is recorded as a failure and the job goes on at its next tick. Must be harmless when done twice (a process may die, or lose its lease while it is held up).
   * `signal` aborts when the process stops or the lease is lost: end soon then. Answers what it did; nothing or all zero for a quiet run.
   */
  run(signal: AbortSignal): Promise<JobCounts | void>;
  /** Also run when a process starts that has this job. */
  runAtStart?: boolean;
  /** How long another replica waits for a dead process; renewed while the run lasts. Default 60,000. */
  leaseMs?: number;
  /** Every replica runs it, each at its own ticks and without a lease: for work that shares itself out, for example by an atomic claim of each piece. */
  perReplica?: boolean;
};

/** First tick after the time (ms). @throws CronError when the expression is wrong. */
export function nextTick(schedule: JobSchedule, afterMs: number): number {
  if (schedule.intervalMs !== undefined) return (Math.floor(afterMs / schedule.intervalMs) + 1) * schedule.intervalMs;
  return new CronTime(schedule.cron, 'UTC').getNextDateFrom(new Date(afterMs), 'UTC').toMillis();
}

/** For people. */
export function scheduleText(schedule: JobSchedule): string {
  return schedule.intervalMs !== undefined ? `every ${schedule.intervalMs / 1000} s` : schedule.cron;
}
