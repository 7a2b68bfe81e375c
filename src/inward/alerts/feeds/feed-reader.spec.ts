import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { Model } from 'mongoose';
import { openTestDocuments } from '../../../../test/support/documents.js';
import { settingsFrom } from '../../../config/settings.js';
import { silentLog } from '../../../contracts/log.js';
import { AuditJanitor } from '../../../platform/audit/audit-janitor.js';
import { auditRecordSchema, type AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import { AuditRelay } from '../../../platform/audit/audit.relay.js';
import { AuditService } from '../../../platform/audit/audit.service.js';
import type { DocumentStore } from '../../../platform/documents/document-store.js';
import { JobHistory } from '../../../platform/jobs/job-history.js';
import { JobsService } from '../../../platform/jobs/jobs.service.js';
import { Leases } from '../../../platform/jobs/leases.js';
import { actionOf, type AuditActions } from './audit-actions.js';
import { AuditFeed } from './audit-feed.service.js';
import type { FeedQuery } from './feed-query.js';
import { startOf } from './feed-reader.js';
import type { LogEventDocument } from './log-event.schema.js';
import type { LogEventSink } from './log-event-sink.js';
import { LogFeed } from './log-feed.service.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const TYPES = ['audit.door.open', 'audit.door.close', 'audit.lamp.on', 'mitigation.alert.processed', 'mitigation.alert.failed'];
const never = new AbortController().signal;

let store: DocumentStore;
let time: number;
let hidden: string[];
let made: number;
const clock = { now: () => time };
beforeEach(async () => {
  [time, hidden, made] = [Date.parse('2026-05-01T07:00:00Z'), [], 0];
  store = await openTestDocuments();
});
afterEach(() => store.close());

function ground(input: { feedDays: number; auditDays: number; logEvents?: number }) {
  const settings = settingsFrom({ siem: { feedRetentionDays: input.feedDays, logEvents: input.logEvents ?? 100 }, audit: { retentionDays: input.auditDays } });
  const leases = new Leases(store, clock);
  const relay = new AuditRelay(store, leases, settings, clock, silentLog);
  const audit = new AuditService(store, relay);
  const jobs = new JobsService(store, leases, new JobHistory(store, settings), new SchedulerRegistry(), settings, clock, silentLog);
  const actions = { hiddenTypes: () => Promise.resolve(hidden) } as AuditActions;
  return {
    audit,
    janitor: new AuditJanitor(store, jobs, relay, settings, clock),
    records: store.model<AuditRecordDocument>('audit-record', auditRecordSchema),
    /** Another replica with each call. */
    auditFeed: () => new AuditFeed(store, actions, audit, settings, clock),
    logFeed: () => new LogFeed(store, { flush: () => Promise.resolve() } as unknown as LogEventSink, settings, clock),
  };
}

const recordOf = (type: string, at: number, exported = true): AuditRecordDocument => ({
  _id: `r-${String(made++).padStart(6, '0')}`, type, occurredAt: new Date(at).toISOString(), actor: { kind: 'user', id: 'u' }, subject: { kind: 'door', id: 'd' }, outcome: 'success',
  recordedAt: new Date(time), exportedAt: exported ? new Date(time) : null, sequence: null, refusedAt: null, refusedReason: null, feedCreated: null, feedNumber: null,
});
const logEventOf = (): LogEventDocument => ({
  _id: `l-${String(made++).padStart(6, '0')}`, happenedAt: new Date(time), eventLevel: 'WARN', part: 'test', message: 'm', facts: '{}', stacktrace: null, username: 'system', server: 's', thread: 't', feedCreated: null, feedNumber: null,
});
const insert = <T>(model: Model<T>, documents: T[]) => (documents.length === 0 ? Promise.resolve() : model.collection.insertMany(documents as never).then(() => undefined));
const asked = (change: Partial<FeedQuery> = {}): FeedQuery => ({ startIndex: 1, count: 1000, after: undefined, before: undefined, ...change });
const counters = () => store.connection.collection('feed_day_counts');

/** The same numbers for the same seed (mulberry32). */
function chances(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number) => Math.floor(next() * most);
  return { below, oneOf: <T>(values: readonly T[]): T => values[below(values.length)] as T, sometimes: (share: number) => next() < share };
}

describe('totals and pages of the audit-events feed', () => {
  it.each([1, 2, 3])('are those of a plain count over days of random acts, with late ones, retention within a day, actions off and two replicas (seed %i)', async (seed) => {
    const { below, oneOf, sometimes } = chances(seed);
    const { records, janitor, auditFeed } = ground({ feedDays: 6.3, auditDays: seed === 1 ? 400 : 4.6 });
    await store.ensureIndexes();
    const replicas = [auditFeed(), auditFeed()];
    const seen: string[] = [];
    let last = 0;
    for (let step = 0; step < 24; step += 1) {
      const when = () => time + (sometimes(0.2) ? -below(3 * DAY) : sometimes(0.1) ? below(DAY) : -below(HOUR));
      await insert(records, Array.from({ length: below(12) }, () => recordOf(oneOf(TYPES), when(), !sometimes(0.05))));
      hidden = TYPES.filter(() => sometimes(0.2));
      if (sometimes(0.3)) await janitor.run(never);
      // A counter that is not there is made again.
      if (sometimes(0.2)) await counters().deleteMany({ day: { $gte: Math.floor(time / DAY) - below(4) } });
      await Promise.all(replicas.filter(() => sometimes(0.5)).map((feed) => feed.advance()));
      const queries = Array.from({ length: 3 }, () => ({
        action: sometimes(0.5) ? undefined : actionOf(oneOf(TYPES)), size: 1 + below(15),
        query: asked({ startIndex: 1 + below(4), after: sometimes(0.5) ? undefined : time - below(8 * DAY), before: sometimes(0.6) ? undefined : time - below(5 * DAY) }),
      }));
      const answers = await Promise.all(queries.map(({ query, size, action }, at) => (replicas[at % 2] as AuditFeed).page(query, size, action)));
      const stored = (await records.collection.find({ feedCreated: { $ne: null } }).toArray()) as unknown as AuditRecordDocument[];
      const feed = stored.map(({ _id, type, feedCreated }) => ({ id: _id, type, created: feedCreated ?? 0 })).filter(({ created }) => created >= time - 6.3 * DAY).sort((left, right) => left.created - right.created);
      queries.forEach(({ query, size, action }, at) => {
        const all = feed.filter(({ type, created }) => !hidden.includes(type) && (action === undefined || actionOf(type) === action) && created > (query.after ?? 0) && created < (query.before ?? Infinity)).map(({ id }) => id);
        const skip = (query.startIndex - 1) * size;
        expect({ step, query, action, total: answers[at]?.total, ids: answers[at]?.items.map(({ id }) => id) }).toEqual({ step, query, action, total: all.length, ids: all.slice(skip, skip + size) });
      });
      // A client that goes on after the last one it saw.
      hidden = [];
      const { items } = await (replicas[step % 2] as AuditFeed).page(asked({ after: last }), 1000, undefined);
      for (const { id, created } of items) {
        expect(created).toBeGreaterThan(last);
        last = created;
        seen.push(id);
      }
      time += below(20 * HOUR);
    }
    expect(seen).toHaveLength(made);
    expect(new Set(seen).size).toBe(made);
    await replicas[0]?.advance();
    const days = (await counters().find().toArray()).map(({ day }) => Number(day));
    expect(Math.min(...days)).toBeGreaterThanOrEqual(Math.ceil(time / DAY - 6.3));
    expect(days.length).toBeGreaterThan(1);
  }, 120_000);

  it('count a day once: after that its counter answers, for every replica and every choice of types', async () => {
    const { records, auditFeed } = ground({ feedDays: 90, auditDays: 400 });
    await store.ensureIndexes();
    const start = time;
    for (let day = 0; day < 10; day += 1) {
      await insert(records, Array.from({ length: 6 }, (_, at) => recordOf(TYPES[(day + at) % TYPES.length] ?? '', time + at * HOUR)));
      time += DAY;
    }
    const [first, second] = [auditFeed(), auditFeed()];
    expect(await Promise.all([first, second].map(async (feed) => (await feed.page(asked(), 5, undefined)).total))).toEqual([60, 60]);
    expect(await counters().countDocuments({})).toBe(9);
    const groups = jest.spyOn(records, 'aggregate');
    const counts = jest.spyOn(records, 'countDocuments');
    hidden = ['audit.lamp.on'];
    for (const feed of [first, second, auditFeed()]) {
      expect((await feed.page(asked(), 5, undefined)).total).toBe(48);
      expect((await feed.page(asked({ after: start + DAY / 2 }), 5, 'siemProvisioning')).total).toBe(22);
      // The page begins with its day, not with the log.
      expect((await feed.page(asked({ startIndex: 10 }), 5, undefined)).items.map(({ id }) => id)).toEqual(['r-000056', 'r-000058', 'r-000059']);
    }
    expect(groups).not.toHaveBeenCalled();
    for (const [filter] of counts.mock.calls) {
      const { $gte, $lt } = (filter as unknown as { feedCreated: { $gte: number; $lt: number } }).feedCreated;
      // Nothing before the first record, and no whole day after it.
      expect(Math.floor($gte / DAY) === Math.floor(($lt - 1) / DAY) || $lt <= start).toBe(true);
    }
    groups.mockRestore();
    counts.mockRestore();
  });

  it('show what is younger than the retention of the feeds; the audit trail keeps the rest', async () => {
    const { records, audit, janitor, auditFeed } = ground({ feedDays: 90, auditDays: 400 });
    await store.ensureIndexes();
    const feed = auditFeed();
    await insert(records, [recordOf('audit.door.open', time)]);
    expect((await feed.page(asked(), 10, undefined)).total).toBe(1);
    time += 89 * DAY;
    await insert(records, [recordOf('audit.door.open', time)]);
    expect((await feed.page(asked(), 10, undefined)).items.map(({ id }) => id)).toEqual(['r-000000', 'r-000001']);
    time += DAY + 1;
    await janitor.run(never);
    const { items, total } = await feed.page(asked(), 10, undefined);
    expect([items.map(({ id }) => id), total]).toEqual([['r-000001'], 1]);
    expect((await feed.page(asked({ after: 1 }), 10, undefined)).total).toBe(1);
    expect((await audit.list({}, { page: 1, pageSize: 10 })).total).toBe(2);
  });
});

describe('totals and pages of the syslog-events feed', () => {
  it.each([4, 5])('are those of a plain count, by time and by number, while old events and those beyond the most go (seed %i)', async (seed) => {
    const { below, sometimes } = chances(seed);
    const { logFeed } = ground({ feedDays: 5.5, auditDays: 400, logEvents: 100 });
    const replicas = [logFeed(), logFeed()];
    await store.ensureIndexes();
    const events = store.connection.models['log-event'] as unknown as Model<LogEventDocument>;
    for (let step = 0; step < 20; step += 1) {
      await insert(events, Array.from({ length: below(30) }, logEventOf));
      if (sometimes(0.4)) await replicas[0]?.removeOld(never);
      await Promise.all(replicas.filter(() => sometimes(0.5)).map((feed) => feed.advance()));
      const key = sometimes(0.5) ? undefined : below(made + 5);
      const query = asked({ startIndex: 1 + below(4), after: sometimes(0.5) ? undefined : time - below(7 * DAY), before: sometimes(0.6) ? undefined : time - below(4 * DAY) });
      const size = 1 + below(30);
      const { items, total } = await (replicas[step % 2] as LogFeed).page(query, size, key);
      const stored = (await events.collection.find({ feedNumber: { $ne: null } }).sort({ feedNumber: 1 }).toArray()) as unknown as LogEventDocument[];
      const all = stored.filter(({ feedCreated, feedNumber }) => {
        const created = feedCreated ?? 0;
        return created >= time - 5.5 * DAY && (key === undefined ? created > (query.after ?? 0) && created < (query.before ?? Infinity) : (feedNumber ?? 0) > key);
      });
      const skip = (query.startIndex - 1) * size;
      expect({ step, query, key, total, ids: items.map(({ id }) => id) }).toEqual({ step, query, key, total: all.length, ids: all.slice(skip, skip + size).map(({ _id }) => _id) });
      time += below(18 * HOUR);
    }
  }, 120_000);
});

describe('where a page begins', () => {
  it('is the run in which its first document lies', () => {
    const runs = [{ from: 10, count: 2 }, { from: 20, count: 0 }, { from: 30, count: 3 }];
    expect([0, 1, 2, 4, 5].map((skip) => startOf(runs, skip))).toEqual([{ from: 10, skip: 0 }, { from: 10, skip: 1 }, { from: 30, skip: 0 }, { from: 30, skip: 2 }, undefined]);
    expect(startOf([], 0)).toBeUndefined();
  });
});
