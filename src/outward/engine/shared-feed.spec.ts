import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventLog, PartitionReader } from '../../contracts/event-log.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, MemoryDeadLetters, openFeed, pause, positionRenderer, positionsIn, REFUSED, ScriptedTransport, testIntegration, testLane, until, type LaneChanges } from '../../../test/support/engine.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { filterSection } from '../../model/integration.js';
import { sampleEvent } from '../../model/sample-events.js';
import { compileFilter } from '../delivery/event-filter.js';
import { shapeOf } from '../delivery/shape.js';
import { targetOf } from '../delivery/target.js';
import type { FeedContext } from './feed-context.js';
import type { Lane } from './lane.js';
import { SharedFeed } from './shared-feed.js';

const TYPE = 'account.owner.changed';
const many = (count: number, type = TYPE) => new Array<string>(count).fill(type);

describe('the shared reader of a partition', () => {
  let log: TestEventLog;
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    log = await openTestEventLog({ partitions: 1 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });

  /** The log with a count of the readers for catching up, by label. */
  const counted = (): { eventLog: EventLog; readers: string[] } => {
    const readers: string[] = [];
    const eventLog: EventLog = new Proxy<EventLog>(log.log, {
      get(target, name) {
        if (name === 'openReader') {
          return (...args: Parameters<EventLog['openReader']>): Promise<PartitionReader> => {
            readers.push(args[2]);
            return target.openReader(...args);
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    return { eventLog, readers };
  };
  const feed = async (context: FeedContext, from = 0): Promise<SharedFeed> => {
    const opened = await openFeed(log.log, 0, from, context);
    ends.push(() => opened.stop());
    return opened;
  };
  /** Events as the intake writes them: what lies otherwise is parsed when it is read. */
  const appendOurs = (count: number) =>
    log.log.append(Array.from({ length: count }, (_, at) => ({ key: 'subject', value: encodeEnvelope({ event: { ...sampleEvent(TYPE), id: `event-${at}` }, producer: 'test', source: '/test' }) })));
  /** A script that calls everything safe at once. */
  const good = (): ScriptedTransport => {
    const script = new ScriptedTransport();
    script.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    return script;
  };
  /** One that takes nothing until it is let on. */
  const stuck = (): { script: ScriptedTransport; letOn: () => void } => {
    const script = good();
    const { onSend } = script;
    let letOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letOn = resolve));
    script.onSend = async (session, chunk) => {
      await held;
      return onSend(session, chunk);
    };
    return { script, letOn };
  };
  const lane = (id: string, script: ScriptedTransport, more: LaneChanges = {}, types: string[] = []): Lane => {
    const { lane: built } = testLane(testIntegration(id, { filter: filterSection.parse({ types }) }), script, { queueBytes: 30_000, ...more });
    ends.push(() => built.stop(0));
    return built;
  };
  const received = (script: ScriptedTransport): string[] => script.sessions.flatMap(({ chunks }) => chunks.flatMap(positionsIn));

  it('reads, parses and renders each event once for all lanes of a shape', async () => {
    const { eventLog, readers } = counted();
    const shared = await feed(feedContext(eventLog));
    let rendered = 0;
    const renderer = { render: (...args: Parameters<typeof positionRenderer.render>) => (rendered++, positionRenderer.render(...args)) };
    const scripts = [good(), good(), good()];
    const lanes = scripts.map((script, at) => {
      const integration = testIntegration(`lane-${at}`);
      return lane(integration.id, script, { path: { filter: compileFilter(integration.filter), transport: script, target: targetOf(integration), shape: shapeOf(integration, 'host'), renderer, view: null } }).add(shared, 0, true);
    });
    const positions: string[] = [];
    for (let round = 0; round < 10; round++) {
      positions.push(...(await appendTypes(log.log, many(20))));
      await until('all have it', () => lanes.every(({ cursor }) => cursor === positions.length));
    }
    for (const script of scripts) expect(received(script)).toEqual(positions);
    expect(rendered).toBe(200);
    expect(readers).toEqual([]);
  });

  it('keeps nothing that was parsed for a filter where an event is wanted in one shape, or by nobody', async () => {
    const shared = await feed(feedContext(log.log));
    const rendered = new Map<string, number>();
    const renderer = { render: (...args: Parameters<typeof positionRenderer.render>) => (rendered.set(args[0].id, (rendered.get(args[0].id) ?? 0) + 1), positionRenderer.render(...args)) };
    const kept: boolean[] = [];
    const taking = (id: string, ids: string[], outputType: 'json' | 'cef' = 'json') => {
      const integration = testIntegration(id, { outputType, filter: filterSection.parse({ include: [{ name: 'own', conditions: [{ field: 'id', operator: 'in', values: ids }] }] }) });
      const script = good();
      const built = lane(id, script, { path: { filter: compileFilter(integration.filter), transport: script, target: targetOf(integration), shape: shapeOf(integration, 'host'), renderer, view: null } });
      const offer = built.offer.bind(built);
      built.offer = (owned, batch, wanted) => {
        for (let index = 0; index < batch.length; index++) kept[batch.offsets[index] ?? 0] = batch.isSpare(index);
        offer(owned, batch, wanted);
      };
      return { script, owned: built.add(shared, 0, true) };
    };
    const [one, same, other] = [taking('one', ['event-0', 'event-1']), taking('same', ['event-1']), taking('other', ['event-2', 'event-3'], 'cef')];
    const both = taking('both', ['event-3']);
    await appendOurs(5);
    await until('all are through', () => [one, same, other, both].every(({ owned }) => owned.cursor === 5));
    expect([one, same, other, both].map(({ script }) => received(script))).toEqual([['0.0', '0.1'], ['0.1'], ['0.2', '0.3'], ['0.3']]);
    expect(kept).toEqual([false, false, false, true, false]);
    expect(Object.fromEntries(rendered)).toEqual({ 'event-0': 1, 'event-1': 1, 'event-2': 1, 'event-3': 2 });
  });

  it('renders nothing early for a receiver that is not known to work', async () => {
    const shared = await feed(feedContext(log.log));
    let rendered = 0;
    const integration = testIntegration('down', { filter: filterSection.parse({ severityMin: 0 }) });
    const script = good();
    const renderer = { render: (...args: Parameters<typeof positionRenderer.render>) => (rendered++, positionRenderer.render(...args)) };
    let open = (): void => undefined;
    script.onOpen = () => new Promise((resolve) => (open = () => resolve(undefined)));
    const former = { counters: { delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0 }, evidence: null, lastDeliveredAt: null, lastFailure: null, down: true, failingSince: null };
    const owned = lane('down', script, { former, path: { filter: compileFilter(integration.filter), transport: script, target: targetOf(integration), shape: shapeOf(integration, 'host'), renderer, view: null } }).add(shared, 0, true);
    await appendOurs(5);
    await until('it was offered all', () => owned.taken === 5);
    expect(rendered).toBe(0);
    open();
    await until('it has all', () => owned.cursor === 5);
    expect(received(script)).toEqual(['0.0', '0.1', '0.2', '0.3', '0.4']);
  });

  it('leaves a lane without room behind, goes on for the others, and takes it back when it has caught up', async () => {
    const { eventLog, readers } = counted();
    const shared = await feed(feedContext(eventLog));
    const slow = stuck();
    const fast = good();
    const [behind, ahead] = [lane('slow', slow.script).add(shared, 0, true), lane('fast', fast).add(shared, 0, true)];
    const positions = await appendTypes(log.log, many(1500));
    await until('the fast one has all', () => ahead.cursor === 1500);
    expect(behind.cursor).toBe(0);
    expect(behind.taken).toBeLessThan(500);
    expect(behind.lane.state).toBe('catching-up');
    slow.letOn();
    await until('the slow one has all', () => behind.cursor === 1500);
    await until('it is back', () => shared.hasLive(behind));
    expect(received(slow.script)).toEqual(positions);
    expect(readers.every((label) => label === 'catchup.slow.engine')).toBe(true);
    positions.push(...(await appendTypes(log.log, many(10))));
    await until('both have the rest', () => behind.cursor === 1510 && ahead.cursor === 1510);
  });

  /** Two that work off a backlog and take so many milliseconds for a piece, while the process is never idle; answers the readers beside the shared one, and where the slower stood when the faster had all. */
  const workOff = async (slowerMs: number, fasterMs: number) => {
    let working = true;
    const work = () => {
      if (working) setImmediate(work);
    };
    work();
    const { eventLog, readers } = counted();
    const positions: string[] = [];
    for (let round = 0; round < 3; round++) positions.push(...(await appendTypes(log.log, many(1000))));
    const taking = (ms: number) => {
      const script = good();
      const { onSend } = script;
      script.onSend = async (session, chunk) => {
        await pause(ms);
        return onSend(session, chunk);
      };
      return script;
    };
    const [slow, fast] = [taking(slowerMs), taking(fasterMs)];
    const shared = await feed(feedContext(eventLog));
    const [slower, faster] = [lane('slower', slow).add(shared, 0, true), lane('faster', fast).add(shared, 0, true)];
    await until('the faster has all', () => faster.cursor === 3000, 20_000);
    const slowerAt = slower.cursor;
    working = false;
    await until('both have all', () => slower.cursor === 3000, 20_000);
    expect(received(slow)).toEqual(positions);
    expect(received(fast)).toEqual(positions);
    return { readers, slowerAt };
  };

  it('waits in a backlog for a lane that is full and gets on, so that all is read once', async () => {
    const { readers, slowerAt } = await workOff(20, 10);
    expect(readers).toEqual([]);
    expect(slowerAt).toBeGreaterThan(2000);
  });

  it('waits in a backlog for no lane that is much slower than the fastest', async () => {
    const { readers, slowerAt } = await workOff(160, 2);
    expect(readers).toContain('catchup.slower.engine');
    expect(slowerAt).toBeLessThan(1500);
  });

  it('waits in a backlog for a lane that is a little behind, so that both go on together', async () => {
    const { eventLog, readers } = counted();
    const positions: string[] = [];
    for (let round = 0; round < 6; round++) positions.push(...(await appendTypes(log.log, many(1000))));
    const shared = await feed(feedContext(eventLog), 300);
    const [first, second] = [good(), good()];
    const ahead = lane('ahead', first).add(shared, 300, true);
    const near = lane('near', second).add(shared, 0, true);
    await until('it is back', () => shared.hasLive(near));
    expect(near.taken).toBeLessThan(5000);
    await until('both have all', () => near.cursor === 6000 && ahead.cursor === 6000, 20_000);
    expect(received(second)).toEqual(positions);
    expect(received(first)).toEqual(positions.slice(300));
    expect(readers).toEqual(['catchup.near.engine']);
  });

  it('begins where the last of those stands that are near the furthest', () => {
    expect(SharedFeed.startOf([5])).toBe(5);
    expect(SharedFeed.startOf([90_000, 81_000, 80_000, 79_999, 3])).toBe(80_000);
  });

  it('waits for nobody where batches are small: what is new is not late for one that is slow', async () => {
    const shared = await feed(feedContext(log.log));
    const slow = stuck();
    const fast = good();
    const [behind, ahead] = [lane('slow', slow.script, { queueBytes: 2000 }).add(shared, 0, true), lane('fast', fast).add(shared, 0, true)];
    for (let round = 1; round <= 10; round++) {
      await appendTypes(log.log, many(5));
      await until('the fast one has it', () => ahead.cursor === 5 * round);
    }
    expect(behind.cursor).toBe(0);
    expect(shared.hasLive(behind)).toBe(false);
    slow.letOn();
    await until('the slow one has all', () => behind.cursor === 50);
  });

  it('goes at once to where a lane stands that is far ahead: it does not wait for the backlog of another', async () => {
    const shared = await feed(feedContext(log.log));
    for (let at = 0; at < 12; at++) await appendTypes(log.log, many(1000));
    const slow = stuck();
    const behind = lane('slow', slow.script).add(shared, 0, true);
    await until('the slow one is full', () => !behind.lane.hasRoom);
    const fast = good();
    const ahead = lane('fast', fast).add(shared, 12_000, true);
    expect(shared.position).toBe(12_000);
    expect(shared.hasLive(behind)).toBe(false);
    const [fresh] = await appendTypes(log.log, [TYPE]);
    await until('the fast one has the new event', () => ahead.cursor === 12_001);
    expect(received(fast)).toEqual([fresh]);
    slow.letOn();
    await until('the slow one caught up', () => behind.cursor === 12_001, 25_000);
    expect(received(slow.script)).toHaveLength(12_001);
  });

  it('reads nothing for a lane whose receiver takes no connection, however often it is tried', async () => {
    const { eventLog, readers } = counted();
    const positions = await appendTypes(log.log, many(200));
    const shared = await feed(feedContext(eventLog));
    const fast = good();
    const script = good();
    script.onOpen = () => Promise.resolve(REFUSED);
    const [dead, alive] = [lane('dead', script).add(shared, 0, true), lane('alive', fast).add(shared, 0, true)];
    await until('it was tried', () => script.opens > 0 && alive.cursor === 200);
    const tried = script.opens;
    readers.length = 0;
    positions.push(...(await appendTypes(log.log, many(500))));
    await until('it was tried again', () => script.opens > tried + 5);
    expect(readers).toEqual([]);
    expect(shared.hasLive(dead)).toBe(false);
    script.onOpen = () => Promise.resolve(undefined);
    await until('it has all', () => dead.cursor === 700);
    expect(received(script)).toEqual(positions);
  });

  it('does not let a lane in twice, and one that left gets nothing more', async () => {
    const shared = await feed(feedContext(log.log));
    const script = good();
    const one = lane('one', script);
    const owned = one.add(shared, 0, true);
    shared.attach(owned);
    shared.attach(owned);
    await appendTypes(log.log, many(30));
    await until('it arrived', () => owned.cursor === 30);
    shared.detach(owned);
    await appendTypes(log.log, many(30));
    await pause(80);
    expect(owned.taken).toBe(30);
    shared.attach(owned);
    await until('it arrived', () => owned.cursor === 60);
    expect(received(script)).toHaveLength(60);
  });

  it('keeps lanes apart that want different types, also audit types that nobody named before', async () => {
    const shared = await feed(feedContext(log.log));
    const [all, audits, one] = [good(), good(), good()];
    const owned = [lane('all', all).add(shared, 0, true), lane('audits', audits, {}, ['audit.*']).add(shared, 0, true), lane('one', one, {}, [TYPE, 'audit.user.update']).add(shared, 0, true)];
    const types = Array.from({ length: 2500 }, (_, index) => (index % 500 === 0 ? TYPE : index % 500 === 1 ? 'audit.user.update' : `audit.object${index}.made`));
    await appendTypes(log.log, types);
    await until('all are through', () => owned.every(({ cursor }) => cursor === 2500));
    expect(received(all)).toHaveLength(2500);
    expect(received(audits)).toHaveLength(2495);
    expect(received(one)).toHaveLength(10);
    expect(owned.map((each) => each.lane.counters.filtered)).toEqual([0, 5, 2490]);
  });

  it('reads again after the log failed, and parks a record that is no event once', async () => {
    const deadLetters = new MemoryDeadLetters();
    const context = feedContext(log.log, { deadLetters });
    const reader = await log.log.openReader(0, 0, 'test', context.readOptions);
    let failures = 0;
    const next = reader.next.bind(reader);
    reader.next = async () => {
      const batch = await next();
      if (batch.records.length > 0 && failures++ < 1) throw new Error('the log failed');
      return batch;
    };
    const shared = new SharedFeed({ partition: 0, generation: 1, reader, commit: () => Promise.resolve() }, 0, context);
    ends.push(() => shared.stop());
    const script = good();
    const owned = lane('one', script).add(shared, 0, true);
    await appendTypes(log.log, many(2));
    await log.log.append([{ key: 'x', value: Buffer.from('{"no event') }]);
    await appendTypes(log.log, many(2));
    await until('all went', () => owned.cursor === 5);
    expect(received(script)).toEqual(['0.0', '0.1', '0.3', '0.4']);
    expect([...deadLetters.parked.keys()]).toEqual(['0.2']);
    expect(failures).toBeGreaterThan(0);
  });

  it('sends once what was picked before a record that cannot be parsed after all, and parks that one', async () => {
    const deadLetters = new MemoryDeadLetters();
    const context = feedContext(log.log, { deadLetters });
    const ours = (id: string): Buffer => encodeEnvelope({ event: { ...sampleEvent(TYPE), id }, producer: 'test', source: '/test' });
    const broken = Buffer.from(ours('event-4').toString('utf8').replace('"actor":', '"actor";'));
    await log.log.append([0, 1, 2, 3, 4, 5].map((at) => ({ key: 'subject', value: at === 4 ? broken : ours(`event-${at}`) })));
    const shared = await feed(context);
    const script = good();
    const filter = filterSection.parse({ include: [{ name: 'own', conditions: [{ field: 'id', operator: 'in', values: ['event-1', 'event-3', 'event-5'] }] }] });
    const owned = testLane(testIntegration('some', { filter }), script, { queueBytes: 30_000 });
    ends.push(() => owned.lane.stop(0));
    const some = owned.lane.add(shared, 0, true);
    await until('all went', () => some.cursor === 6);
    expect(received(script)).toEqual(['0.1', '0.3', '0.5']);
    expect([...deadLetters.parked.keys()]).toEqual(['0.4']);
  });

  it('holds a lane at a gap until it was told, and goes on behind it', async () => {
    const gaps: Array<[number, number]> = [];
    let told: () => void = () => undefined;
    const telling = new Promise<void>((resolve) => (told = resolve));
    const context = feedContext(log.log, {
      passGap: async (owned, to) => {
        gaps.push([owned.taken, to]);
        await telling;
        owned.taken = to;
        owned.settle();
      },
    });
    await appendTypes(log.log, many(40));
    await log.reopen({ retentionMs: 1, retentionIntervalMs: 10 });
    const limit = performance.now() + 10_000;
    while (((await log.log.ranges())[0]?.first ?? 0) < 40 && performance.now() < limit) {
      await appendTypes(log.log, [TYPE]);
      await pause(20);
    }
    const first = (await log.log.ranges())[0]?.first ?? 0;
    expect(first).toBeGreaterThanOrEqual(40);
    const shared = await openFeed(log.log, 0, 5, { ...context, eventLog: log.log });
    ends.push(() => shared.stop());
    const script = good();
    const owned = lane('one', script).add(shared, 5, true);
    await until('the gap was met', () => gaps.length > 0);
    await pause(30);
    expect([owned.cursor, owned.taken, script.opens]).toEqual([5, 5, 0]);
    told();
    const next = (await log.log.ranges())[0]?.next ?? 0;
    await until('it went on', () => owned.cursor === next);
    expect(gaps[0]?.[0]).toBe(5);
    expect(gaps[0]?.[1]).toBeGreaterThanOrEqual(first);
  });
});
