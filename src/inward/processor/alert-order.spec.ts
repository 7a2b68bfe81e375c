import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Connector } from '../../contracts/connector.js';
import { alertSchema, type AlertDocument } from '../alerts/alert.schema.js';
import { openTestMitigation, type TestMitigation } from '../../../test/support/mitigation.js';
import { AlertQueue } from './alert-queue.js';
import { retryDelayMs } from './retry-delay.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const BEGIN = Date.parse('2026-11-02T10:00:00Z');

describe('the order of alerts', () => {
  let now: number;
  let mitigation: TestMitigation;
  let order: string[];
  const clock = { now: () => now };
  const open = async (settings = {}) => {
    order = [];
    const told = (builtin: Connector): Connector => Object.assign(Object.create(builtin) as Connector, { disable: async (nativeId: string, context: { operationId: string }) => (order.push(nativeId), builtin.disable(nativeId, context)) });
    mitigation = await openTestMitigation({ clock, connector: (_application, builtin) => told(builtin), settings: { processor: { alertsAtOnce: 1 }, mitigation: { ageingMinutes: 10, ...settings } } });
    const application = await mitigation.application('Active Directory');
    for (const name of ['low', 'medium', 'high', 'another', 'old']) await mitigation.addAccount(application, name);
  };
  beforeEach(() => {
    now = BEGIN;
  });
  afterEach(async () => {
    await mitigation.close();
  });
  const post = (nativeId: string, level: AlertDocument['level'], receivedAt = now) => mitigation.post({ type: 'identity/account', nativeId, level, receivedAt: new Date(receivedAt), dueAt: new Date(receivedAt) });

  it('is by level, and within a level as they came', async () => {
    await open();
    await post('low', 'low', now - 4000);
    await post('another', 'medium', now - 1000);
    await post('medium', 'medium', now - 3000);
    await post('high', 'high', now - 2000);
    await mitigation.process();
    expect(order).toEqual(['high', 'medium', 'another', 'low']);
  });

  it('is as they came when levels do not count', async () => {
    await open({ prioritizeByLevel: false });
    await post('low', 'low', now - 4000);
    await post('high', 'high', now - 2000);
    await post('medium', 'medium', now - 3000);
    await mitigation.process();
    expect(order).toEqual(['low', 'medium', 'high']);
  });

  it('lets an alert that waited long come before new high ones, so that low never starves', async () => {
    await open();
    const old = await post('old', 'low');
    now += 10 * MINUTE_MS;
    expect(await mitigation.janitor.age()).toBe(1);
    expect((await mitigation.alert(old)).levelRank).toBe(1);
    expect(await mitigation.janitor.age()).toBe(0);
    now += 10 * MINUTE_MS;
    expect(await mitigation.janitor.age()).toBe(1);
    expect(await mitigation.alert(old)).toMatchObject({ levelRank: 0, level: 'low' });
    await post('high', 'high');
    await post('medium', 'medium');
    await mitigation.process();
    expect(order).toEqual(['old', 'high', 'medium']);
  });

  it('ages at once by as many levels as are due', async () => {
    await open();
    const [low, medium] = [await post('low', 'low'), await post('medium', 'medium')];
    now += 60 * MINUTE_MS;
    await mitigation.janitor.age();
    expect([(await mitigation.alert(low)).levelRank, (await mitigation.alert(medium)).levelRank]).toEqual([0, 0]);
  });

  it('holds an alert back until its next try is due', async () => {
    await open();
    const id = await mitigation.post({ type: 'identity/account', nativeId: 'low', dueAt: new Date(now + 1000) });
    await mitigation.process();
    expect((await mitigation.alert(id)).state).toBe('new');
    now += 1000;
    await mitigation.process();
    expect((await mitigation.alert(id)).state).toBe('succeeded');
  });

  it('gives each alert to one of many that claim at the same time', async () => {
    await open();
    const ids = await Promise.all(Array.from({ length: 40 }, () => post('low', 'low')));
    const alerts = mitigation.documents.model<AlertDocument>('alert', alertSchema);
    const queues = Array.from({ length: 4 }, () => new AlertQueue(alerts, clock, 60_000));
    const claimed = await Promise.all(queues.flatMap((queue) => Array.from({ length: 15 }, () => queue.claim(true))));
    const taken = claimed.flatMap((claim) => (claim ? [claim.alert._id] : []));
    expect(taken).toHaveLength(40);
    expect(new Set(taken)).toEqual(new Set(ids));
  });

  it('takes an alert whose lease ran out, by its rank, and not before', async () => {
    await open();
    const dead = await mitigation.post({ type: 'identity/account', nativeId: 'medium', level: 'medium', state: 'processing', leaseToken: 'dead', leaseOwner: 'gone:1', leaseUntil: new Date(now + 5000) });
    const queue = new AlertQueue(mitigation.alerts, clock, 60_000);
    expect(await queue.claim(true)).toBeUndefined();
    now += 5000;
    const high = await post('high', 'high', now - 1);
    await post('low', 'low', now - 2);
    expect([(await queue.claim(true))?.alert._id, (await queue.claim(true))?.alert._id]).toEqual([high, dead]);
    expect(await mitigation.alert(dead)).toMatchObject({ attempts: 1 });
    expect((await mitigation.alert(dead)).leaseToken).not.toBe('dead');
  });

  it('frees the lease of an owner that is gone, and of no other', async () => {
    await open();
    const dead = await mitigation.post({ type: 'identity/account', state: 'processing', leaseToken: 'dead', leaseOwner: 'gone:1', leaseUntil: new Date(now - 1) });
    const alive = await mitigation.post({ type: 'identity/account', state: 'processing', leaseToken: 'alive', leaseOwner: 'here:1', leaseUntil: new Date(now + 1) });
    expect(await mitigation.janitor.freeLeases()).toBe(1);
    expect([(await mitigation.alert(dead)).leaseToken, (await mitigation.alert(alive)).leaseToken]).toEqual([null, 'alive']);
  });

  it('purges closed alerts by the time they were closed, with their targets and a record, and never an open one', async () => {
    await open({ purgeByDays: 30 });
    const done = await post('low', 'low');
    await mitigation.process();
    const waiting = await mitigation.post({ type: 'identity/account', nativeId: 'high', state: 'waiting', alertDate: new Date(0), receivedAt: new Date(0) });
    now += 29 * DAY_MS;
    const young = await post('medium', 'medium');
    await mitigation.process();
    expect(await mitigation.janitor.purge(new AbortController().signal)).toBe(0);
    now += DAY_MS;
    expect(await mitigation.janitor.purge(new AbortController().signal)).toBe(1);
    expect((await mitigation.alert(done)).state).toBe('purged');
    expect((await mitigation.alert(done)).deletedAt).toEqual(new Date(now));
    expect(await mitigation.targetsOf(done)).toEqual([]);
    expect((await mitigation.recordsOf(done)).map(({ type }) => type)).toEqual(['audit.account.disable', 'mitigation.alert.processed', 'mitigation.alert.purged']);
    expect([(await mitigation.alert(waiting)).state, (await mitigation.alert(young)).state]).toEqual(['waiting', 'succeeded']);
    expect(await mitigation.janitor.purge(new AbortController().signal)).toBe(0);
  });

  it('removes at the next purge the targets that a purge left when its process ended, and keeps the alert until then', async () => {
    await open({ purgeByDays: 30 });
    const ids = [await post('low', 'low'), await post('medium', 'medium')];
    await mitigation.process();
    const young = await post('high', 'high', now + 20 * DAY_MS);
    now += 20 * DAY_MS;
    await mitigation.process();
    now += 10 * DAY_MS;
    const ending = jest.spyOn(mitigation.targets, 'deleteMany').mockImplementationOnce(() => {
      throw new Error('the process ended here');
    });
    await expect(mitigation.janitor.purge(new AbortController().signal)).rejects.toThrow('the process ended here');
    ending.mockRestore();
    for (const id of ids) {
      expect(await mitigation.alert(id)).toMatchObject({ state: 'purged' });
      // Without it the janitor of the audit takes no document away.
      expect((await mitigation.alert(id)).deletedAt ?? null).toBeNull();
      expect(await mitigation.targetsOf(id)).toHaveLength(1);
    }
    now += 1000;
    expect(await mitigation.janitor.purge(new AbortController().signal)).toBe(0);
    for (const id of ids) {
      expect(await mitigation.targetsOf(id)).toEqual([]);
      expect((await mitigation.alert(id)).deletedAt).toEqual(new Date(now));
      expect((await mitigation.recordsOf(id)).filter(({ type }) => type === 'mitigation.alert.purged')).toHaveLength(1);
    }
    expect((await mitigation.alert(young)).state).toBe('succeeded');
    expect(await mitigation.targetsOf(young)).toHaveLength(1);
  });

  it('keeps the targets of an alert whose undo was ordered while it was about to be purged', async () => {
    await open({ purgeByDays: 30 });
    const id = await post('low', 'low');
    await mitigation.process();
    now += 31 * DAY_MS;
    const marking = mitigation.alerts.bulkWrite.bind(mitigation.alerts) as (...parameters: unknown[]) => Promise<unknown>;
    const ordered = jest.spyOn(mitigation.alerts, 'bulkWrite').mockImplementationOnce((async (...parameters: unknown[]) => {
      await mitigation.alerts.updateOne({ _id: id }, { $set: { undo: { state: 'ordered', dueAt: new Date(now) } } });
      return marking(...parameters);
    }) as never);
    expect(await mitigation.janitor.purge(new AbortController().signal)).toBe(0);
    ordered.mockRestore();
    expect((await mitigation.alert(id)).state).toBe('succeeded');
    expect(await mitigation.targetsOf(id)).toHaveLength(1);
  });

  it('waits longer with each try, up to the longest wait, and not all the same', () => {
    expect([1, 2, 3, 10].map((attempt) => retryDelayMs(attempt, 1000, 8000, 0))).toEqual([500, 1000, 2000, 4000]);
    expect([1, 2, 3, 10].map((attempt) => retryDelayMs(attempt, 1000, 8000, 0.999999))).toEqual([1000, 2000, 4000, 8000]);
  });
});
