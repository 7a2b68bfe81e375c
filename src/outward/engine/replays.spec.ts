import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import { systemClock } from '../../contracts/clock.js';
import type { EventLog } from '../../contracts/event-log.js';
import { silentLog } from '../../contracts/log.js';
import { filterSection } from '../../model/integration.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, positionsIn, ScriptedTransport, testIntegration, testLane, until } from '../../../test/support/engine.js';
import { replaySchema, type ReplayDocument } from '../evidence/replay.schema.js';
import type { EngineIntegration } from '../integrations/integration-repository.js';
import type { SavedCursor } from './cursor-store.js';
import { markText } from './cursor.schema.js';
import { deadLetterSchema, type DeadLetterDocument } from './dead-letter.schema.js';
import { ReplayRun } from './replay-run.js';
import { ReplayRunner } from './replay-runner.js';

const TYPE = 'account.owner.changed';
const integration = testIntegration('one', { filter: filterSection.parse({ types: [TYPE] }) }) as EngineIntegration;

describe('replays of an engine', () => {
  let log: TestEventLog;
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    log = await openTestEventLog({ partitions: 1 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });

  const replay = (more: Partial<ReplayDocument> = {}): ReplayDocument => ({
    _id: 'replay', integrationId: 'one', integrationName: 'one', pool: 'default', requestedBy: 'admin', cause: 'administrator', parts: [{ partition: 0, at: 0, end: 1 }], positions: null, ids: null,
    eventsPerSecond: 10_000, state: 'new', engineId: null, leaseToken: null, leaseUntil: null, sent: 0, filtered: 0, rejected: 0, missing: 0, problem: null,
    createdAt: new Date(), endedAt: null, expiresAt: null, auditOutbox: [], ...more,
  });
  /** Says more than the log holds, or other things. */
  const saying = (more: Partial<EventLog>): EventLog => new Proxy<EventLog>(log.log, { get: (target, name): unknown => Reflect.get(more, name) ?? (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target) });
  const run = (document: ReplayDocument, transport: ScriptedTransport, eventLog: EventLog = log.log): ReplayRun => {
    const started = new ReplayRun(document, integration, { context: feedContext(eventLog), eventLog, clock: systemClock, lane: () => testLane(integration, transport).lane, resetsOf: () => 0 });
    ends.push(() => started.stop(0));
    return started;
  };
  const sentOver = (transport: ScriptedTransport) => transport.sessions.flatMap(({ chunks }) => chunks.flatMap(positionsIn));

  it('count what is left out once when another engine takes one over from the cursor', async () => {
    const types = Array.from({ length: 120 }, (_, index) => (index % 3 === 0 ? TYPE : 'user.synced.created'));
    await appendTypes(log.log, types);
    const transport = new ScriptedTransport();
    const first = run(replay({ parts: [{ partition: 0, at: 0, end: 120 }] }), transport);
    await until('all is handed over', () => sentOver(transport).length === 40);
    // The receiver proved the first chunk only.
    transport.session.safe(1);
    await until('some is safe', () => first.progress.sent > 0);
    await first.stop(0);
    const { parts, sent, filtered, missing } = first.progress;
    const at = parts[0]?.at ?? 0;
    expect(at).toBeLessThan(120);
    expect([sent, filtered, missing]).toEqual([Math.ceil(at / 3), at - Math.ceil(at / 3), 0]);
    const proving = new ScriptedTransport();
    proving.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    const second = run(replay({ parts, sent, filtered, missing }), proving);
    await until('it is done', () => second.progress.done);
    expect(second.progress).toMatchObject({ sent: 40, filtered: 80, missing: 0 });
  });

  it('end where the last position holds no record, and count none as missing that never was one', async () => {
    await appendTypes(log.log, [TYPE, TYPE, TYPE]);
    const transport = new ScriptedTransport();
    transport.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    // Two marks of transactions lie at the end.
    const marked = saying({ ranges: async () => (await log.log.ranges()).map((range) => ({ ...range, next: range.next + 2 })) });
    const started = run(replay({ parts: [{ partition: 0, at: 0, end: 5 }] }), transport, marked);
    await until('it is done', () => started.progress.done, 20_000);
    expect(started.progress).toMatchObject({ sent: 3, missing: 0, filtered: 0 });
    // Asked for by name, a place that holds no event is told.
    const named = run(replay({ parts: [{ partition: 0, at: 1, end: 5 }], positions: ['0.1', '0.4'] }), transport, marked);
    await until('it is done', () => named.progress.done, 20_000);
    expect(named.progress).toMatchObject({ sent: 1, missing: 1 });
  });

  describe('of a log that was replaced', () => {
    let documents: DocumentStore;
    let replays: Model<ReplayDocument>;
    beforeEach(async () => {
      documents = await openTestDocuments();
      replays = documents.model<ReplayDocument>('replay', replaySchema);
    });
    afterEach(() => documents.close());
    const runner = (cursor: Partial<SavedCursor> = {}, eventLog: EventLog = log.log): ReplayRunner => {
      const transport = new ScriptedTransport();
      transport.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      const made = new ReplayRunner({
        replays, deadLetters: documents.model<DeadLetterDocument>('dead-letter', deadLetterSchema), engineId: 'engine', pool: 'default', integrations: { get: () => Promise.resolve(integration) } as never, context: feedContext(eventLog),
        eventLog, clock: systemClock, log: silentLog, cursors: { load: () => Promise.resolve(new Map([['one:0', { position: 0, resets: 0, ...cursor }]])) }, lane: () => testLane(integration, transport).lane,
        ledger: () => ({ write: () => Promise.resolve() }),
      });
      ends.push(() => made.stop(0));
      return made;
    };
    const outcome = async (made: ReplayRunner, document: ReplayDocument): Promise<ReplayDocument | undefined> => {
      await replays.deleteMany({});
      await replays.create(document);
      let ended: ReplayDocument | null = null;
      for (let turn = 0; turn < 60 && !ended; turn++) {
        await made.turn();
        ended = await replays.findOne({ state: { $in: ['done', 'failed'] } }).lean<ReplayDocument>();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return ended ?? undefined;
    };

    it('fail with the reason, however that is told', async () => {
      await appendTypes(log.log, [TYPE, TYPE, TYPE]);
      const mark = await log.log.markBefore(0, 2);
      const known = { partition: 0, at: 0, end: 3, resets: 0, mark: markText(mark ?? { offset: -1, timestamp: 0 }) };
      const identity = await log.log.identity();
      expect(await outcome(runner(), replay({ log: identity, parts: [known] }))).toMatchObject({ state: 'done', sent: 3, problem: null });
      const failed = (why: string) => ({ state: 'failed', sent: 0, problem: expect.stringContaining(why) as unknown });
      expect(await outcome(runner(), replay({ log: 'embedded:former', parts: [known] }))).toMatchObject(failed('another name'));
      expect(await outcome(runner(), replay({ log: identity, parts: [{ ...known, end: 90 }] }))).toMatchObject(failed('ends before position 90'));
      expect(await outcome(runner(), replay({ log: identity, parts: [{ ...known, mark: markText({ offset: 1, timestamp: 5 }) }] }))).toMatchObject(failed('another record'));
      expect(await outcome(runner({ resets: 1 }), replay({ log: identity, parts: [known] }))).toMatchObject(failed('set back'));
    });
  });
});
