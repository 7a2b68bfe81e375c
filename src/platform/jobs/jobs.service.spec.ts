import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { openTestDocuments } from '../../../test/support/documents.js';
import { settingsFrom } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import { silentLog } from '../../contracts/log.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobHistory } from './job-history.js';
import type { JobCounts } from './job-state.schema.js';
import { nextTick, type Job } from './job.js';
import { JobsService } from './jobs.service.js';
import { Leases } from './leases.js';

const settings = settingsFrom({ jobs: { stopGraceMs: 200 } });
const daily = { cron: '0 3 * * *', intervalMs: undefined };
const page = { page: 1, pageSize: 100 };

describe('JobsService', () => {
  let store: DocumentStore;
  let history: JobHistory;
  let time: number;
  const clock: Clock = { now: () => time };
  let replicas: JobsService[];

  const replica = () => {
    const jobs = new JobsService(store, new Leases(store, clock), history, new SchedulerRegistry(), settings, clock, silentLog);
    replicas.push(jobs);
    return jobs;
  };
  const every10s = (run: (signal: AbortSignal) => Promise<JobCounts | void>, more: Partial<Job> = {}): Job => ({ name: 'sweep', intervalMs: 10_000, run, ...more } as Job);
  const runs = async () => (await history.list({ job: 'sweep' }, page)).items.reverse();

  beforeEach(async () => {
    time = Date.parse('2026-03-01T10:00:05Z');
    replicas = [];
    store = await openTestDocuments();
    history = new JobHistory(store, settings);
    replica();
    await store.ensureIndexes();
  });
  afterEach(async () => {
    await Promise.all(replicas.map((jobs) => jobs.beforeApplicationShutdown()));
    await store.close();
  });

  it('goes by another interval as soon as it is told, and tells it', async () => {
    const jobs = replica();
    let count = 0;
    time = Date.now();
    jobs.register(every10s(async () => ({ swept: (count += 1) }), { intervalMs: 3_600_000, perReplica: true }));
    jobs.onApplicationBootstrap();
    await jobs.attempt('sweep');
    const before = count;
    jobs.reschedule('sweep', 50);
    jobs.reschedule('sweep', 50);
    const deadline = Date.now() + 10_000;
    while (count < before + 2 && Date.now() < deadline) {
      time = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(count).toBeGreaterThanOrEqual(before + 2);
    expect((await jobs.list())[0]).toMatchObject({ _id: 'sweep', schedule: 'every 0.05 s' });
    expect(() => jobs.reschedule('other', 50)).toThrow('there is no job "other"');
  });

  it('runs a job once a tick over two replicas', async () => {
    let count = 0;
    const [one, two] = [replica(), replica()];
    for (const jobs of [one, two]) jobs.register(every10s(async () => ({ swept: (count += 1) })));
    expect(await Promise.all([one.attempt('sweep'), two.attempt('sweep')])).toEqual(['not-due', 'not-due']);
    for (let tick = 1; tick <= 4; tick += 1) {
      time += 10_000;
      const attempts = await Promise.all([one.attempt('sweep'), two.attempt('sweep')]);
      expect(attempts.filter((attempt) => attempt === 'ran')).toHaveLength(1);
      expect(await two.attempt('sweep')).toBe('not-due');
      expect(count).toBe(tick);
    }
    expect((await runs()).map(({ counts }) => counts)).toEqual([{ swept: 1 }, { swept: 2 }, { swept: 3 }, { swept: 4 }]);
  });

  it('never overlaps: a replica that comes while another runs is told so', async () => {
    const gate = gateOf();
    const [one, two] = [replica(), replica()];
    for (const jobs of [one, two]) jobs.register(every10s(gate.pass));
    await Promise.all([one.attempt('sweep'), two.attempt('sweep')]);
    time += 10_000;
    const running = one.attempt('sweep');
    await gate.entered;
    time += 10_000;
    expect(await two.attempt('sweep')).toBe('busy');
    gate.open();
    expect(await running).toBe('ran');
    expect(await two.attempt('sweep')).toBe('ran');
  });

  it('records what a run throws and goes on at the next tick', async () => {
    const jobs = replica();
    let broken = true;
    jobs.register(every10s(async () => {
      if (broken) throw new Error('the broom is gone');
      return { swept: 1 };
    }, { runAtStart: true }));
    expect(await jobs.attempt('sweep')).toBe('ran');
    expect((await jobs.list())[0]).toMatchObject({ _id: 'sweep', schedule: 'every 10 s', current: null, lastRun: { outcome: 'failure', error: 'the broom is gone' } });
    broken = false;
    time += 10_000;
    expect(await jobs.attempt('sweep')).toBe('ran');
    expect((await runs()).map(({ outcome }) => outcome)).toEqual(['failure', 'success']);
  });

  it('takes over from a process that died during a run, tells the abandoned run, and does not wait for the next tick', async () => {
    const dead = gateOf();
    const [one, two] = [replica(), replica()];
    one.register(every10s(dead.pass, { ...daily, leaseMs: 60_000, runAtStart: true }));
    const died = one.attempt('sweep');
    await dead.entered;
    two.register(every10s(async () => ({ swept: 1 }), { ...daily, leaseMs: 60_000 }));
    expect(await two.attempt('sweep')).toBe('busy');
    time += 60_001;
    expect(await two.attempt('sweep')).toBe('ran');
    expect((await runs()).map(({ outcome }) => outcome)).toEqual(['abandoned', 'success']);
    dead.open();
    await died;
  });

  it('tells a run that lost its lease to stop, and leaves the next run its place', async () => {
    const [one, two] = [replica(), replica()];
    let stopped: unknown;
    const started = gateOf();
    one.register(every10s(async (signal) => {
      void started.pass();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      stopped = signal.reason;
    }, { leaseMs: 60, runAtStart: true }));
    const first = one.attempt('sweep');
    await started.entered;
    // The process was held up beyond its lease.
    time += 10_000;
    two.register(every10s(async () => ({ swept: 1 }), { leaseMs: 60_000 }));
    expect(await two.attempt('sweep')).toBe('ran');
    expect(await first).toBe('ran');
    expect(String(stopped)).toMatch(/lease/);
    expect((await two.list())[0]?.lastRun).toMatchObject({ outcome: 'success', counts: { swept: 1 } });
    expect((await runs()).map(({ outcome }) => outcome).sort()).toEqual(['stopped', 'success']);
  });

  it('renews its lease while a long run lasts', async () => {
    const gate = gateOf();
    const [one, two] = [replica(), replica()];
    one.register(every10s(gate.pass, { leaseMs: 300, runAtStart: true }));
    const running = one.attempt('sweep');
    await gate.entered;
    two.register(every10s(async () => ({ swept: 1 }), { leaseMs: 300 }));
    const leases = new Leases(store, clock);
    for (let step = 0; step < 4; step += 1) {
      const before = (await leases.holders(['job:sweep'])).get('job:sweep')?.expiresAt.getTime() ?? 0;
      time += 200;
      while (((await leases.holders(['job:sweep'])).get('job:sweep')?.expiresAt.getTime() ?? 0) <= before) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await two.attempt('sweep')).toBe('busy');
    gate.open();
    expect(await running).toBe('ran');
  });

  it('merges quiet runs of an hour into one row and keeps each run that did something', async () => {
    const jobs = replica();
    let found = 0;
    jobs.register(every10s(async () => ({ found })));
    await jobs.attempt('sweep');
    for (let tick = 1; tick <= 12; tick += 1) {
      found = tick === 6 ? 2 : 0;
      time += 10_000;
      await jobs.attempt('sweep');
    }
    time += 3_600_000;
    await jobs.attempt('sweep');
    expect((await runs()).map(({ runs, counts }) => ({ runs, counts }))).toEqual([
      { runs: 5, counts: { found: 0 } }, { runs: 1, counts: { found: 2 } }, { runs: 6, counts: { found: 0 } }, { runs: 1, counts: { found: 0 } },
    ]);
  });

  it('runs a woken job soon, and once more when it was woken while it ran', async () => {
    const jobs = replica();
    let count = 0;
    const first = gateOf();
    const third = gateOf();
    jobs.register(every10s(async () => {
      count += 1;
      if (count === 1) await first.pass();
      if (count === 3) await third.pass();
      return { count };
    }, { ...daily }));
    jobs.onApplicationBootstrap();
    while ((await jobs.list()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    time += 1;
    await jobs.wake('sweep');
    await first.entered;
    time += 1;
    await jobs.wake('sweep');
    first.open();
    while (count < 2 || (await runs()).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(count).toBe(2);
    time += 1;
    await jobs.wake('sweep');
    await third.entered;
    third.open();
  });

  it('tells running jobs to end when the process stops, and waits for them', async () => {
    const jobs = replica();
    const started = gateOf();
    jobs.register(every10s(async (signal) => {
      void started.pass();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return { swept: 3 };
    }, { runAtStart: true }));
    jobs.onApplicationBootstrap();
    await started.entered;
    await jobs.beforeApplicationShutdown();
    expect((await runs())[0]).toMatchObject({ outcome: 'stopped', error: 'the process stops', counts: { swept: 3 } });
    expect((await new Leases(store, clock).holders(['job:sweep'])).size).toBe(0);
  });

  it('does not wait for ever for a job that does not end', async () => {
    const jobs = replica();
    const gate = gateOf();
    jobs.register(every10s(gate.pass, { runAtStart: true }));
    jobs.onApplicationBootstrap();
    await gate.entered;
    await jobs.beforeApplicationShutdown();
    expect(await runs()).toEqual([]);
    gate.open();
    while ((await runs()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('makes up for a tick that was missed while nothing ran', async () => {
    const before = replica();
    before.register(every10s(async () => {}, { ...daily }));
    expect(await before.attempt('sweep')).toBe('not-due');
    time = Date.parse('2026-03-02T09:00:00Z');
    const after = replica();
    after.register(every10s(async () => ({ swept: 1 }), { ...daily }));
    expect(await after.attempt('sweep')).toBe('ran');
    expect((await after.list())[0]?.dueAt).toEqual(new Date('2026-03-03T03:00:00Z'));
  });

  it('refuses a second job of the same name and a wrong schedule', () => {
    const jobs = replica();
    jobs.register(every10s(async () => {}));
    expect(() => jobs.register(every10s(async () => {}))).toThrow('two jobs with the name "sweep"');
    expect(() => jobs.register({ name: 'other', cron: 'every day', run: async () => {} })).toThrow();
  });
});

describe('nextTick', () => {
  it('gives all replicas the same ticks, whenever they started', () => {
    expect(nextTick({ intervalMs: 10_000 }, 20_000)).toBe(30_000);
    expect(nextTick({ intervalMs: 10_000 }, 29_999)).toBe(30_000);
    expect(new Date(nextTick({ cron: '30 3 * * *' }, Date.parse('2026-03-01T03:30:00Z'))).toISOString()).toBe('2026-03-02T03:30:00.000Z');
  });
});

/** A run that stays until it is let go. */
function gateOf() {
  let open!: () => void;
  let enter!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const entered = new Promise<void>((resolve) => (enter = resolve));
  return { pass: () => (enter(), opened), entered, open };
}
