import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../contracts/clock.js';
import type { EventLog, LogBatch, PartitionReader, PositionRun } from '../../contracts/event-log.js';
import { silentLog } from '../../contracts/log.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, openFeed, positionsIn, ScriptedTransport, testIntegration, testLane, until } from '../../../test/support/engine.js';
import type { FeedContext } from './feed-context.js';
import { LostPositions } from './lost-positions.js';

const TYPE = 'account.owner.changed';
const many = (count: number): string[] => Array.from({ length: count }, () => TYPE);
const inRun = (offset: number) => ({ from, to }: PositionRun): boolean => from <= offset && offset < to;

/** The log with positions at which it gives nothing; of some of them it says that nothing of ours ever lay there. */
function holed(log: EventLog, gone: readonly PositionRun[], vacant: readonly PositionRun[] = []): EventLog {
  const holes = [...gone, ...vacant];
  const reader = (inner: PartitionReader): PartitionReader => {
    let at = 0;
    return {
      partition: inner.partition,
      seek: (position) => {
        at = position;
        inner.seek(position);
      },
      close: () => inner.close(),
      next: async (): Promise<LogBatch> => {
        const batch = await inner.next();
        const passed = vacant.filter(({ from, to }) => from < batch.next && to > at).map(({ from, to }) => ({ from, to: Math.min(to, batch.next) }));
        at = batch.next;
        return { ...batch, records: [...batch.records].filter(({ offset }) => !holes.some(inRun(offset))), ...(passed.length > 0 ? { vacant: passed } : {}) };
      },
    };
  };
  return new Proxy(log, {
    get: (target, name) => (name === 'openReader' ? async (...args: Parameters<EventLog['openReader']>) => reader(await target.openReader(...args)) : Reflect.get(target, name).bind(target)),
  });
}

describe('events that vanished from the log', () => {
  let log: TestEventLog;
  let records: AuditRecord[];
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    records = [];
    log = await openTestEventLog({ partitions: 1 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });

  const context = (eventLog: EventLog): FeedContext => {
    const losses = new LostPositions({ eventLog, audit: { record: (record) => Promise.resolve(void records.push(record)) }, clock: systemClock, log: silentLog });
    return feedContext(eventLog, { passGap: (owned, to, missing, abandoned) => losses.pass(owned, to, missing, abandoned), readOptions: { maxRecords: 10, maxBytes: 65_536, maxWaitMs: 20 } });
  };
  const lane = (id: string) => {
    const script = new ScriptedTransport();
    script.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    const made = testLane(testIntegration(id), script);
    ends.push(() => made.lane.stop(0));
    return { lane: made.lane, sent: () => script.sessions.flatMap(({ chunks }) => chunks.flatMap((chunk) => positionsIn(chunk))) };
  };
  const told = () => records.map(({ subject, attributes }) => [subject.id, attributes?.['positions']]);

  it('are told to each integration before, between and behind what is read, and everything else is delivered', async () => {
    await appendTypes(log.log, many(40));
    const eventLog = holed(log.log, [{ from: 0, to: 2 }, { from: 5, to: 6 }, { from: 17, to: 23 }, { from: 39, to: 40 }]);
    const feed = await openFeed(eventLog, 0, 0, context(eventLog));
    ends.push(() => feed.stop());
    const [one, two] = [lane('one'), lane('two')];
    const partitions = [one.lane.add(feed, 0, true), two.lane.add(feed, 0, true)];
    await until('both went to the end', () => partitions.every(({ cursor }) => cursor === 40));
    for (const { sent } of [one, two]) expect(sent()).toHaveLength(40 - 10);
    expect([one.lane.counters, two.lane.counters]).toMatchObject([{ lost: 10, vanished: 10, delivered: 30 }, { lost: 10, vanished: 10, delivered: 30 }]);
    for (const id of ['one', 'two']) expect(told().filter(([subject]) => subject === id).map(([, positions]) => positions)).toEqual(['0 to 1, 5', '17 to 19', '20 to 22', '39']);
  });

  it('are told to one that reads for itself', async () => {
    await appendTypes(log.log, many(40));
    const eventLog = holed(log.log, [{ from: 5, to: 6 }, { from: 12, to: 14 }]);
    const feed = await openFeed(eventLog, 0, 40, context(eventLog));
    ends.push(() => feed.stop());
    lane('ahead').lane.add(feed, 40, true);
    const behind = lane('behind');
    const owned = behind.lane.add(feed, 0, true);
    await until('it has caught up', () => owned.cursor === 40);
    expect(told()).toEqual([['behind', '5'], ['behind', '12 to 13']]);
    expect(behind.sent()).toHaveLength(37);
  });

  it('are not what the log says never held an event: that is passed without a word and without a wait', async () => {
    await appendTypes(log.log, many(200));
    const marks = Array.from({ length: 100 }, (_, index) => ({ from: 2 * index + 1, to: 2 * index + 2 }));
    const eventLog = holed(log.log, [], marks);
    let asked = 0;
    const counted = new Proxy(eventLog, { get: (target, name) => (name === 'ranges' ? () => (asked++, target.ranges()) : Reflect.get(target, name)) });
    const feed = await openFeed(counted, 0, 0, context(counted));
    ends.push(() => feed.stop());
    const one = lane('one');
    const owned = one.lane.add(feed, 0, true);
    await until('it went to the end', () => owned.cursor === 200);
    expect([one.sent().length, records.length, one.lane.counters.lost, asked]).toEqual([100, 0, 0, 0]);
  });
});
