import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import { silentLog } from '../../contracts/log.js';
import { sampleEvent } from '../../model/sample-events.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { feedContext, openFeed, ScriptedTransport, testIntegration, testLane } from '../../../test/support/engine.js';
import { CursorStore } from './cursor-store.js';
import { cursorSchema, type CursorDocument } from './cursor.schema.js';
import { DeadLetterStore } from './dead-letter-store.js';
import { deadLetterSchema, type DeadLetterDocument } from './dead-letter.schema.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from './integration-status.schema.js';
import type { LanePartition } from './lane-partition.js';
import { StatusWriter } from './status-writer.js';

const noLedger = { write: () => Promise.resolve() };

describe('documents of the engine', () => {
  let documents: DocumentStore;
  let log: TestEventLog;
  let now = 1_000_000;
  const clock = { now: () => now };
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    documents = await openTestDocuments();
    log = await openTestEventLog({ partitions: 1 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
    await documents.close();
  });

  describe('cursors', () => {
    let model: Model<CursorDocument>;
    beforeEach(() => {
      model = documents.model<CursorDocument>('cursor', cursorSchema);
    });
    const partition = async (id: string, cursor: number, saved: boolean): Promise<LanePartition> => {
      const feed = await openFeed(log.log, 0, 0, feedContext(log.log));
      const { lane } = testLane(testIntegration(id), new ScriptedTransport(), { path: { code: 'settings-invalid', stage: 'tls', cause: 'x', fix: 'y', needsPerson: true } });
      ends.push(() => feed.stop(), () => lane.stop(0));
      return lane.add(feed, cursor, saved);
    };

    it('move forward only, whoever writes last', async () => {
      const store = new CursorStore(model, clock, noLedger);
      const [fast, late] = [await partition('one', 0, true), await partition('one', 0, true)];
      [fast.cursor, late.cursor] = [90, 40];
      expect(await store.save([fast], true)).toBe(1);
      expect(await store.save([late], true)).toBe(1);
      expect(await store.load(['one', 'other'])).toEqual(new Map([['one:0', { position: 90, resets: 0 }]]));
    });

    it('remember the log and the last record that was seen, also when somebody slower writes last', async () => {
      const store = new CursorStore(model, clock, noLedger);
      store.log = 'embedded:a';
      const [fast, late] = [await partition('one', 0, true), await partition('one', 0, true)];
      fast.moveCursor(1_000, { offset: 999, timestamp: 5 });
      late.moveCursor(90, { offset: 89, timestamp: 7 });
      await store.save([fast], true);
      await store.save([late], true);
      expect(await store.load(['one'])).toEqual(new Map([['one:0', { position: 1_000, resets: 0, log: 'embedded:a', mark: { offset: 999, timestamp: 5 } }]]));
    });

    it('are not saved before their place in the log was recognised', async () => {
      const store = new CursorStore(model, clock, noLedger);
      const owned = await partition('one', 0, true);
      [owned.recognised, owned.cursor] = [false, 90];
      expect(await store.save([owned], true)).toBe(0);
      owned.recognised = true;
      expect(await store.save([owned], true)).toBe(1);
    });

    it('are set back once when the log was replaced, and whoever still reads the former log does not move them again', async () => {
      const store = new CursorStore(model, clock, noLedger);
      const [zombie, other] = [await partition('one', 0, true), await partition('two', 0, true)];
      zombie.moveCursor(90, { offset: 89, timestamp: 7 });
      other.cursor = 5;
      await store.save([zombie], true);
      expect(await Promise.all([store.reset('one', 0, 0, 3, 'embedded:b'), store.reset('one', 0, 0, 3, 'embedded:b')])).toEqual([{ position: 3, resets: 1, log: 'embedded:b' }, { position: 3, resets: 1, log: 'embedded:b' }]);
      zombie.cursor = 95;
      expect(await store.save([zombie, other], true)).toBe(1);
      expect(zombie.overtaken).toBe(true);
      expect(await store.save([zombie], true)).toBe(0);
      expect((await store.load(['one', 'two'])).get('one:0')).toMatchObject({ position: 3, resets: 1 });
      expect((await store.load(['one', 'two'])).get('two:0')).toMatchObject({ position: 5 });
      expect(await store.reset('new', 0, 0, 7, 'embedded:b')).toEqual({ position: 7, resets: 1, log: 'embedded:b' });
    });

    it('are saved at once after a delivery, and after a while when only unwanted events went by', async () => {
      const store = new CursorStore(model, clock, noLedger);
      const owned = await partition('one', 0, true);
      owned.cursor = 10;
      owned.resolvedSinceSave = true;
      expect(await store.save([owned])).toBe(1);
      owned.cursor = 500;
      expect(await store.save([owned])).toBe(0);
      now += 30_000;
      expect(await store.save([owned])).toBe(1);
      expect(await store.save([owned], true)).toBe(0);
      owned.cursor = 600;
      now -= 3_600_000;
      expect(await store.save([owned])).toBe(1);
    });

    it('of a new integration are saved although they did not move, and go with it', async () => {
      const store = new CursorStore(model, clock, noLedger);
      expect(await store.save([await partition('new', 0, false), await partition('known', 7, true)])).toBe(1);
      expect(await store.load(['new', 'known'])).toEqual(new Map([['new:0', { position: 0, resets: 0 }]]));
      await store.forget('new');
      expect(await store.load(['new'])).toEqual(new Map());
    });

    it('that could not be saved are saved the next time', async () => {
      let refuse = true;
      const flaky = new Proxy(model, { get: (target, name): unknown => (name === 'bulkWrite' && refuse ? () => Promise.reject(new Error('down')) : Reflect.get(target, name)) });
      const store = new CursorStore(flaky, clock, noLedger);
      const owned = await partition('one', 0, true);
      owned.cursor = 5;
      owned.resolvedSinceSave = true;
      await expect(store.save([owned])).rejects.toThrow('down');
      refuse = false;
      expect(await store.save([owned])).toBe(1);
      expect(await store.load(['one'])).toEqual(new Map([['one:0', { position: 5, resets: 0 }]]));
    });
  });

  it('of an integration that went down are recalled by the engine that starts next, with counters at zero', async () => {
    const model = documents.model<IntegrationStatusDocument>('integration-status', integrationStatusSchema);
    const integration = testIntegration('one');
    const failure = { code: 'settings-invalid', stage: 'tls', cause: 'x', fix: 'y', needsPerson: true } as const;
    const { lane } = testLane(integration, new ScriptedTransport(), { path: failure, clock });
    ends.push(() => lane.stop(0));
    lane.counters.delivered = 7;
    await new StatusWriter(model, clock, 'engine-1', 'default', 1).write([lane], new Map());
    expect(await model.findOne({ integrationId: 'one' }).lean()).toMatchObject({ breaker: 'open', down: true, failingSince: new Date(now), nextTryAt: null, version: 1 });
    const next = new StatusWriter(model, clock, 'engine-2', 'default', 2);
    const recalled = await next.recall([integration, testIntegration('two')]);
    expect([...recalled.keys()]).toEqual(['one']);
    expect(recalled.get('one')).toMatchObject({ down: true, failingSince: now, lastFailure: { ...failure, at: now }, counters: { delivered: 0 } });
    expect((await next.recall([testIntegration('one', { version: 2 })])).get('one')).toMatchObject({ down: true, failingSince: null });
  });

  describe('dead letters', () => {
    let model: Model<DeadLetterDocument>;
    beforeEach(() => {
      model = documents.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
    });
    const letter = (offset: number, more: Record<string, unknown> = {}) => ({ integration: { id: 'one', name: 'One', version: 3 }, partition: 2, offset, event: { ...sampleEvent('account.owner.changed'), ...more }, rendered: `<134>1 event ${offset}`, code: 'not-renderable' as const, reason: 'because' });

    it('are one for each integration and position, however often it is tried', async () => {
      const store = new DeadLetterStore(model, clock, silentLog);
      await store.store([letter(1), letter(2)], () => false);
      await store.store([letter(2)], () => false);
      await store.park(2, [{ offset: 2, reason: 'no JSON', excerpt: '{' }], () => false);
      const stored = await model.find().sort({ _id: 1 }).lean();
      expect(stored.map(({ _id, attempts, code }) => [_id, attempts, code])).toEqual([['*:2.2', 1, 'record-unreadable'], ['one:2.1', 1, 'not-renderable'], ['one:2.2', 2, 'not-renderable']]);
    });

    it('keep the event and the message by the settings of the last refusal, cut on a character border with a word of it', async () => {
      const store = new DeadLetterStore(model, clock, silentLog, 1000);
      await store.store([letter(1)], () => false);
      await store.store([{ ...letter(1), integration: { id: 'one', name: 'One', version: 4 }, event: { ...sampleEvent('account.owner.changed'), message: 'é'.repeat(900) }, rendered: 'é'.repeat(700), reason: 'again' }], () => false);
      const stored = await model.findOne({ _id: 'one:2.1' }).lean();
      expect(stored).toMatchObject({ version: 4, attempts: 2, reason: 'again', renderedCut: true, rendered: 'é'.repeat(500), eventCut: true });
      expect(Buffer.byteLength(stored?.event ?? '')).toBeLessThanOrEqual(1000);
      expect(stored?.event).not.toContain('\uFFFD');
      await store.store([letter(1)], () => false);
      expect(await model.findOne({ _id: 'one:2.1' }).lean()).toMatchObject({ version: 3, rendered: '<134>1 event 1', renderedCut: false, event: JSON.stringify(letter(1).event), eventCut: false });
    });

    it('are told apart when the log was replaced, and another event lies at the same place', async () => {
      const store = new DeadLetterStore(model, clock, silentLog);
      await store.store([letter(1), { ...letter(1), resets: 1 }], () => false);
      await store.park(2, [{ offset: 2, storedAt: 5, reason: 'no JSON', excerpt: '{' }, { offset: 2, storedAt: 9, reason: 'no JSON', excerpt: '[' }], () => false);
      expect((await model.find().sort({ _id: 1 }).lean()).map(({ _id }) => _id)).toEqual(['*:2.2@5', '*:2.2@9', 'one:2.1', 'one:2.1:1']);
    });

    it.each(['not a time', 17, null, undefined])('are stored for an event whose time is %p', async (occurredAt) => {
      await new DeadLetterStore(model, clock, silentLog).store([letter(5, { occurredAt })], () => false);
      expect(await model.countDocuments({ _id: 'one:2.5' })).toBe(1);
    });

    it('wait for a store that refuses, and are given up only when nobody waits', async () => {
      let refusals = 2;
      const flaky = new Proxy(model, { get: (target, name): unknown => (name === 'bulkWrite' && refusals-- > 0 ? () => Promise.reject(new Error('down')) : Reflect.get(target, name)) });
      await new DeadLetterStore(flaky, clock, silentLog).store([letter(8)], () => false);
      expect(await model.countDocuments()).toBe(1);
      refusals = 1000;
      await new DeadLetterStore(flaky, clock, silentLog).store([letter(9)], () => true);
      expect(await model.countDocuments()).toBe(1);
    });
  });
});
