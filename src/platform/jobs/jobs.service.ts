import { hostname } from 'node:os';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobHistory } from './job-history.js';
import { jobStateSchema, type JobCounts, type JobOutcome, type JobRun, type JobStateDocument } from './job-state.schema.js';
import { nextTick, scheduleText, type Job } from './job.js';
import { Leases, type Lease } from './leases.js';

/** What an attempt came to: it ran, its time has not come (or another replica had this tick), or another replica runs it now. */
export type JobAttempt = 'ran' | 'not-due' | 'busy';

interface Registered {
  job: Job;
  /** The shared state knows this process's schedule. */
  announced: boolean;
  active: { done: Promise<void>; abort: AbortController } | undefined;
  again: boolean;
  /** Looks again for a run whose process died. */
  recheck: NodeJS.Timeout | undefined;
}

const DEFAULT_LEASE_MS = 60_000;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
const LONGEST_ERROR = 1000;

/** Scheduled work, once a tick over all replicas, with a record of each run. */
@Injectable()
export class JobsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly states: Model<JobStateDocument>;
  private readonly registered = new Map<string, Registered>();
  private readonly host = `${hostname()}:${process.pid}`;
  private readonly log: Log;
  private started = false;
  private stopping = false;

  constructor(
    store: DocumentStore,
    private readonly leases: Leases,
    private readonly history: JobHistory,
    private readonly scheduler: SchedulerRegistry,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'jobs'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
  ) {
    this.states = store.model<JobStateDocument>('job', jobStateSchema);
    this.log = log.child('jobs');
  }

  /** Called in a constructor or `onModuleInit`; later registrations start at once. @throws when the name is taken or the schedule is wrong. */
  register(job: Job): void {
    if (this.registered.has(job.name)) throw new Error(`there are two jobs with the name "${job.name}"`);
    nextTick(job, this.clock.now());
    this.registered.set(job.name, { job, announced: false, active: undefined, again: false, recheck: undefined });
    if (this.started) this.begin(job.name);
  }

  /** Another interval from now on, in this process; the same one again changes nothing. @throws when there is no such job here */
  reschedule(name: string, intervalMs: number): void {
    const entry = this.registered.get(name);
    if (!entry) throw new Error(`there is no job "${name}" in this process`);
    if (entry.job.intervalMs === intervalMs) return;
    entry.job = { ...entry.job, cron: undefined, intervalMs };
    entry.announced = false;
    if (this.started) this.schedule(name);
  }

  onApplicationBootstrap(): void {
    this.started = true;
    for (const name of this.registered.keys()) this.begin(name);
  }

  /** No new runs; running ones are told to end and waited for, at most `jobs.stopGraceMs`. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    for (const [name, entry] of this.registered) {
      this.unschedule(name);
      clearTimeout(entry.recheck);
    }
    const active = [...this.registered.values()].flatMap((entry) => entry.active ?? []);
    for (const { abort } of active) abort.abort(new Error('the process stops'));
    if (active.length === 0) return;
    const grace = new Promise<'late'>((resolve) => setTimeout(resolve, this.settings.jobs.stopGraceMs, 'late').unref());
    if ((await Promise.race([Promise.all(active.map(({ done }) => done)), grace])) === 'late') {
      const late = [...this.registered.values()].filter((entry) => entry.active).map(({ job }) => job.name);
      this.log.warn({ jobs: late }, 'jobs did not end in time; their leases run out by themselves');
    }
  }

  /** Makes the job due now: at once where this process has it, else at the next tick of one that has. */
  async wake(name: string): Promise<void> {
    const entry = this.registered.get(name);
    if (entry?.job.perReplica) return this.trigger(name);
    if (entry && !entry.announced) await this.announce(entry);
    await this.states.updateOne({ _id: name }, { $min: { dueAt: new Date(this.clock.now()) } });
    this.trigger(name);
  }

  /** Every job that a process ever registered, with its last run. */
  async list(): Promise<JobStateDocument[]> {
    return this.states.find().sort({ _id: 1 }).lean<JobStateDocument[]>();
  }

  /** Runs the job here if it is due and no other replica has it. Never throws for what the job throws. @throws when the documents cannot be reached. */
  async attempt(name: string): Promise<JobAttempt> {
    const entry = this.registered.get(name);
    if (!entry) throw new Error(`there is no job "${name}" in this process`);
    if (!entry.announced) await this.announce(entry);
    const { job } = entry;
    if (job.perReplica) return this.runHere(entry);
    if (!(await this.states.exists(dueOrAbandoned(name, new Date(this.clock.now()))))) return 'not-due';
    const lease = await this.leases.claim(`job:${name}`, job.leaseMs ?? DEFAULT_LEASE_MS);
    if (!lease) return 'busy';
    try {
      return await this.runUnder(lease, entry);
    } finally {
      await lease.release();
    }
  }

  private begin(name: string): void {
    this.schedule(name);
    this.trigger(name);
  }

  /** Starts an attempt, or notes that one more is wanted after the one that is on. */
  private trigger(name: string): void {
    const entry = this.registered.get(name);
    if (!entry || !this.started || this.stopping) return;
    if (entry.active) {
      entry.again = true;
      return;
    }
    const abort = new AbortController();
    const done = this.attempts(entry).finally(() => {
      entry.active = undefined;
      if (entry.again) this.trigger(name);
    });
    entry.active = { done, abort };
  }

  /** Until it is no longer due: a job that was woken while it ran runs once more. */
  private async attempts(entry: Registered): Promise<void> {
    try {
      let attempt: JobAttempt;
      do {
        entry.again = false;
        attempt = await this.attempt(entry.job.name);
      } while (attempt === 'ran' && !entry.job.perReplica && !this.stopping);
      if (attempt === 'busy') this.recheckLater(entry);
    } catch (error) {
      this.log.warn({ job: entry.job.name, reason: messageOf(error) }, 'a job could not be started or its end not be stored; it is tried again at its next tick');
    }
  }

  /** The replica that runs it may die: its run is then made up for as soon as the lease ends, not only at the next tick. */
  private recheckLater(entry: Registered): void {
    clearTimeout(entry.recheck);
    if (this.stopping) return;
    entry.recheck = setTimeout(() => this.trigger(entry.job.name), entry.job.leaseMs ?? DEFAULT_LEASE_MS);
    entry.recheck.unref();
  }

  private async announce(entry: Registered): Promise<void> {
    const { job } = entry;
    const now = this.clock.now();
    const dueAt = new Date(job.runAtStart ? now : nextTick(job, now));
    await this.states.updateOne(
      { _id: job.name },
      // $min: a tick that was missed while nothing ran is made up for, and a shortened interval takes hold at once.
      { $min: { dueAt }, $set: { schedule: scheduleText(job), registeredAt: new Date(now) }, $setOnInsert: { current: null, lastRun: null } },
      { upsert: true },
    );
    entry.announced = true;
  }

  private async runUnder(lease: Lease, entry: Registered): Promise<JobAttempt> {
    const { job } = entry;
    const startedAt = new Date(this.clock.now());
    const runId = uuidV7();
    const before = await this.states
      .findOneAndUpdate(
        dueOrAbandoned(job.name, startedAt),
        { $set: { dueAt: new Date(nextTick(job, startedAt.getTime())), current: { runId, startedAt, host: this.host } } },
        { returnDocument: 'before' },
      )
      .lean<JobStateDocument>();
    if (!before) return 'not-due';
    if (before.current) await this.tellAbandoned(job.name, before.current, startedAt);

    const abort = entry.active?.abort ?? new AbortController();
    const lost = new AbortController();
    const stopRenewing = this.keepRenewing(lease, job, lost);
    const ended = await this.outcomeOf(job, AbortSignal.any([abort.signal, lost.signal]));
    await stopRenewing();

    const run: JobRun = { startedAt, endedAt: new Date(this.clock.now()), host: this.host, ...ended };
    // Shows only while the run is still the one that all know of: after a lost lease another has its place.
    await this.states.updateOne({ _id: job.name, 'current.runId': runId }, { $set: { current: null, lastRun: run } });
    await this.tellRun(job, runId, run);
    return 'ran';
  }

  /** A run of this replica alone. The shared state shows the last run of any replica that did something. */
  private async runHere(entry: Registered): Promise<JobAttempt> {
    const { job } = entry;
    const startedAt = new Date(this.clock.now());
    const ended = await this.outcomeOf(job, (entry.active?.abort ?? new AbortController()).signal);
    const run: JobRun = { startedAt, endedAt: new Date(this.clock.now()), host: this.host, ...ended };
    const quiet = run.outcome === 'success' && Object.values(run.counts).every((count) => count === 0);
    await this.states.updateOne({ _id: job.name }, { $set: { dueAt: new Date(nextTick(job, this.clock.now())), ...(quiet ? {} : { lastRun: run }) } });
    await this.tellRun(job, uuidV7(), run);
    return 'ran';
  }

  private async tellRun(job: Job, runId: string, run: JobRun): Promise<void> {
    await this.history.add(job.name, runId, run);
    const facts = { job: job.name, outcome: run.outcome, ms: run.endedAt.getTime() - run.startedAt.getTime(), ...run.counts, ...(run.error === null ? {} : { error: run.error }) };
    if (run.outcome === 'failure') this.log.error(facts, 'a job failed');
    else this.log.debug(facts, 'a job ran');
  }

  private async outcomeOf(job: Job, signal: AbortSignal): Promise<{ outcome: JobOutcome; error: string | null; counts: JobCounts }> {
    try {
      const counts = (await job.run(signal)) ?? {};
      if (signal.aborted) return { outcome: 'stopped', error: messageOf(signal.reason), counts };
      return { outcome: 'success', error: null, counts };
    } catch (error) {
      return { outcome: signal.aborted ? 'stopped' : 'failure', error: messageOf(error), counts: {} };
    }
  }

  private async tellAbandoned(job: string, run: { runId: string; startedAt: Date; host: string }, endedAt: Date): Promise<void> {
    const error = `the process ${run.host} ended or lost its lease during the run`;
    await this.history.add(job, run.runId, { startedAt: run.startedAt, endedAt, outcome: 'abandoned', error, counts: {}, host: run.host });
    this.log.warn({ job, host: run.host, startedAt: run.startedAt }, 'a job run was abandoned; this process runs it now');
  }

  /** Renews at a third of the lease; aborts `lost` when it is gone, or when it may be gone because documents cannot be reached. */
  private keepRenewing(lease: Lease, job: Job, lost: AbortController): () => Promise<void> {
    const leaseMs = job.leaseMs ?? DEFAULT_LEASE_MS;
    let heldUntil = this.clock.now() + leaseMs;
    let renewal: Promise<void> = Promise.resolve();
    const renew = async () => {
      const asked = this.clock.now();
      try {
        if (await lease.renew()) heldUntil = asked + leaseMs;
        else lost.abort(new Error('the lease was lost'));
      } catch {
        if (this.clock.now() >= heldUntil) lost.abort(new Error('the lease could not be renewed in time'));
      }
    };
    const timer = setInterval(() => void (renewal = renewal.then(renew)), Math.max(10, leaseMs / 3));
    return async () => {
      clearInterval(timer);
      await renewal;
    };
  }

  private schedule(name: string): void {
    const entry = this.registered.get(name);
    if (!entry || this.stopping) return;
    const now = this.clock.now();
    const tick = nextTick(entry.job, now);
    // A far tick is reached in several steps: timers hold at most 2^31-1 ms.
    const waitMs = Math.min(tick - now, LONGEST_TIMEOUT_MS);
    const timer = setTimeout(() => {
      this.schedule(name);
      this.trigger(name);
    }, waitMs);
    timer.unref();
    this.unschedule(name);
    this.scheduler.addTimeout(name, timer);
  }

  private unschedule(name: string): void {
    if (this.scheduler.doesExist('timeout', name)) this.scheduler.deleteTimeout(name);
  }
}

/** `current` of a job whose lease is free belongs to a run that never told its end. */
function dueOrAbandoned(name: string, now: Date) {
  return { _id: name, $or: [{ dueAt: { $lte: now } }, { current: { $ne: null } }] };
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_ERROR);
}
