import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../contracts/clock.js';
import { silentLog } from '../../contracts/log.js';
import { noMetrics } from '../../contracts/metrics.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { feedContext, openFeed, pause, ScriptedTransport, testIntegration, testLane, until } from '../../../test/support/engine.js';
import type { LanePartition } from './lane-partition.js';
import { LostPositions } from './lost-positions.js';

describe('what the log no longer holds when it is to be delivered', () => {
  let log: TestEventLog;
  let first = 0;
  let now = 1_000_000;
  let refuse = false;
  let asked = 0;
  const records: AuditRecord[] = [];
  const warnings: unknown[] = [];
  const counted: Array<[string, number]> = [];
  const ends: Array<() => Promise<unknown>> = [];
  const losses = new LostPositions({
    eventLog: {
      ranges: () => {
        asked++;
        return Promise.resolve([{ partition: 0, first, next: 10_000 }]);
      },
    },
    audit: {
      record: (record) => {
        if (refuse) return Promise.reject(new Error('the document store is down'));
        records.push(record);
        return Promise.resolve();
      },
    },
    clock: { now: () => now },
    log: { ...silentLog, error: (facts: unknown) => void warnings.push(facts) },
    metrics: { ...noMetrics, counter: () => ({ add: (amount, labels) => void counted.push([labels?.['reason'] ?? '', amount ?? 1]) }) },
  });
  const from0 = (to: number) => [{ from: 0, to }];
  beforeEach(async () => {
    records.length = 0;
    warnings.length = 0;
    counted.length = 0;
    refuse = false;
    log = await openTestEventLog({ partitions: 1 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });
  /** In fault, so that nobody reads for it. */
  const partition = async (cursor: number): Promise<LanePartition> => {
    const feed = await openFeed(log.log, 0, 0, feedContext(log.log));
    const { lane } = testLane(testIntegration('one'), new ScriptedTransport(), { clock: systemClock, path: { code: 'settings-invalid', stage: 'tls', cause: 'x', fix: 'y', needsPerson: true } });
    ends.push(() => feed.stop(), () => lane.stop(0));
    return lane.add(feed, cursor, true);
  };
  const told = (): Array<[number, number]> => records.map(({ attributes }) => [Number(attributes?.['from']), Number(attributes?.['to'])]);

  it('is told with the count, and only then the cursor passes', async () => {
    const owned = await partition(100);
    first = 300;
    refuse = true;
    const passing = losses.pass(owned, 300, from0(300), () => false);
    await pause(30);
    expect([owned.cursor, owned.lane.counters.lost]).toEqual([100, 0]);
    refuse = false;
    await passing;
    expect([owned.cursor, owned.lane.counters.lost]).toEqual([300, 200]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ type: 'siem.retention.exceeded', attributes: { count: 200, partition: 0, from: 100, to: 300 }, notification: { kind: 'integration.events-lost', key: 'integration.events-lost:one:0:100:300', title: 'one lost 200 events', facts: { count: 200 } } });
  });

  it('passes positions that never held an event without a word and without asking the log', async () => {
    const owned = await partition(100);
    first = 50;
    asked = 0;
    await losses.pass(owned, 120, [], () => false);
    expect([owned.cursor, records.length, asked]).toEqual([120, 0, 0]);
  });

  it('tells what vanished otherwise with its positions and a reason of its own, once, and goes on behind it', async () => {
    const owned = await partition(100);
    first = 50;
    await losses.pass(owned, 103, [{ from: 100, to: 103 }, { from: 105, to: 106 }], () => false);
    expect([owned.cursor, owned.lane.counters.lost, owned.lane.counters.vanished]).toEqual([103, 4, 4]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      type: 'siem.state.changed', outcome: 'failure', attributes: { code: 'events-vanished', count: 4, partition: 0, from: 100, to: 106, positions: '100 to 102, 105' },
      notification: { kind: 'integration.events-lost', title: 'one lost 4 events that vanished from the log', facts: { reason: 'vanished', count: 4 } },
    });
    expect(owned.ledger.pending().filter(({ outcome }) => outcome === 'lost')).toMatchObject([{ first: 100, end: 103, lostBy: 'vanished' }, { first: 105, end: 106, lostBy: 'vanished' }]);
    owned.rewind();
    await losses.pass(owned, 103, [{ from: 105, to: 106 }], () => false);
    expect([records.length, owned.lane.counters.vanished]).toEqual([1, 4]);
    expect(warnings).toContainEqual(expect.objectContaining({ reason: 'vanished', partition: 0, from: 100, to: 106, count: 4 }));
    expect(counted).toEqual([['vanished', 4]]);
  });

  it('tells what retention removed and what vanished behind it apart', async () => {
    const owned = await partition(100);
    first = 110;
    await losses.pass(owned, 115, [{ from: 100, to: 115 }], () => false);
    expect(records.map(({ type, attributes }) => [type, attributes?.['from'], attributes?.['to']])).toEqual([['siem.retention.exceeded', 100, 110], ['siem.state.changed', 110, 115]]);
    expect([owned.lane.counters.lost, owned.lane.counters.vanished]).toEqual([15, 5]);
    expect(counted).toEqual([['retention', 10], ['vanished', 5]]);
  });

  it('gives up without passing when nobody waits any more', async () => {
    const owned = await partition(100);
    first = 300;
    refuse = true;
    await expect(losses.pass(owned, 300, from0(300), () => true)).rejects.toThrow('down');
    expect([owned.cursor, owned.taken, owned.lane.counters.lost]).toEqual([100, 100, 0]);
  });

  it('does not take a lane over the gap that a failure sent back meanwhile: what lies before it is read again', async () => {
    const owned = await partition(100);
    owned.taken = 500;
    owned.outstanding = 400;
    first = 600;
    refuse = true;
    const passing = losses.pass(owned, 600, from0(600), () => false);
    await pause(20);
    owned.rewind();
    refuse = false;
    await passing;
    expect([owned.cursor, owned.taken]).toEqual([100, 100]);
    expect(told()).toEqual([[500, 600]]);
  });

  it('tells after a failure what was in flight before an earlier loss, and nothing twice', async () => {
    const owned = await partition(100);
    owned.taken = 200;
    owned.outstanding = 100;
    first = 300;
    await losses.pass(owned, 300, from0(300), () => false);
    expect([owned.taken, owned.cursor]).toEqual([300, 100]);
    owned.taken = 400;
    first = 450;
    await losses.pass(owned, 450, from0(450), () => false);
    owned.rewind();
    first = 460;
    await losses.passWaiting(owned, 460, () => false);
    expect(owned.cursor).toBe(100);
    now += 60_000;
    await losses.passWaiting(owned, 460, () => false);
    expect(told()).toEqual([[200, 300], [400, 450], [100, 200], [300, 400], [450, 460]]);
    expect([owned.cursor, owned.lane.counters.lost]).toEqual([460, 360]);
  });

  it('is counted once when it is met from two sides', async () => {
    const owned = await partition(0);
    first = 40;
    await Promise.all([losses.pass(owned, 40, from0(40), () => false), losses.pass(owned, 40, from0(40), () => false), losses.passWaiting(owned, 40, () => false)]);
    expect([owned.cursor, owned.lane.counters.lost, records.length]).toEqual([40, 40, 1]);
  });

  it('has the same id when it is found again after a crash', async () => {
    first = 40;
    await losses.pass(await partition(0), 40, from0(40), () => false);
    await losses.pass(await partition(0), 40, from0(40), () => false);
    expect(records).toHaveLength(2);
    expect(records[0]?.id).toBe(records[1]?.id);
    await until('both are told', () => records.length === 2);
  });
});
