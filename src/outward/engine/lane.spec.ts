import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../demo/loopback-receiver.js';
import { filterSection, outputSection } from '../../model/integration.js';
import { encodeEnvelope } from '../../model/event-envelope.js';
import { sampleEvent } from '../../model/sample-events.js';
import { rendererOf } from '../delivery/delivery-path.js';
import { EventBatch } from '../delivery/event-batch.js';
import { compileFilter } from '../delivery/event-filter.js';
import { targetOf } from '../delivery/target.js';
import { TcpTransport } from '../transports/tcp/tcp.transport.js';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, MemoryDeadLetters, openFeed, pause, positionRenderer, positionsIn, REFUSED, ScriptedTransport, testIntegration, testLane, until, type LaneChanges, type TestLane } from '../../../test/support/engine.js';
import { freePort } from '../../../test/support/free-port.js';
import type { Renderer } from '../../contracts/format.js';
import { shapeOf } from '../delivery/shape.js';
import type { LanePartition } from './lane-partition.js';
import type { SharedFeed } from './shared-feed.js';

const TYPE = 'account.owner.changed';
const many = (count: number, type = TYPE) => new Array<string>(count).fill(type);

describe('the lane of an integration', () => {
  let log: TestEventLog;
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    log = await openTestEventLog({ partitions: 2 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });

  const feed = async (partition: number, deadLetters = new MemoryDeadLetters()): Promise<SharedFeed> => {
    const opened = await openFeed(log.log, partition, 0, feedContext(log.log, { deadLetters }));
    ends.push(() => opened.stop());
    return opened;
  };
  const lane = (transport: 'stream' | ScriptedTransport | TcpTransport, more: LaneChanges = {}, integration = testIntegration('one')): TestLane => {
    const built = testLane(integration, typeof transport === 'object' ? transport : new ScriptedTransport(transport), more);
    ends.push(() => built.lane.stop(0));
    return built;
  };
  /** Keys of partition 0 and 1. */
  const keys = async (): Promise<[string, string]> => {
    const found: Array<string | undefined> = [];
    for (let at = 0; found[0] === undefined || found[1] === undefined; at++) {
      const [position] = await appendTypes(log.log, ['audit.filler.event'], () => `key-${at}`);
      found[Number(position?.split('.')[0])] ??= `key-${at}`;
    }
    return [found[0], found[1]];
  };
  const nextOf = async (partition: number): Promise<number> => (await log.log.ranges())[partition]?.next ?? -1;

  it('tries a receiver that failed with one partition, and reads the others when it works', async () => {
    const script = new ScriptedTransport();
    script.onSend = (session) => {
      setTimeout(() => session.fail({ ...REFUSED, code: 'peer-closed' }), 1);
      return Promise.resolve({ type: 'taken' });
    };
    const [first, second] = await keys();
    const from = [await nextOf(0), await nextOf(1)];
    for (const key of [first, second]) await appendTypes(log.log, many(30), () => key);
    const { lane: one } = lane(script);
    const owned = [one.add(await feed(0), from[0] ?? 0, true), one.add(await feed(1), from[1] ?? 0, true)];
    await until('it failed some times', () => script.opens > 4);
    // From the first retry on, the probes are of one and the same partition.
    const probed = new Set(script.sessions.slice(2).flatMap(({ chunks }) => chunks.flatMap(positionsIn)).map((position) => position.split('.')[0]));
    expect(probed.size).toBe(1);
    script.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    await until('all partitions are done', () => owned.every(({ cursor }, at) => cursor === (from[at] ?? 0) + 30));
  });

  it('reads the other partitions too when nothing comes any more of the one that it was tried with', async () => {
    const script = new ScriptedTransport();
    script.onSend = (session, chunk) => {
      setTimeout(() => (positionsIn(chunk).includes('1.0') ? session.fail(REFUSED) : session.safe(chunk.number)), 1);
      return Promise.resolve({ type: 'taken' });
    };
    const [first] = await keys();
    const from = await nextOf(0);
    await appendTypes(log.log, many(5), () => first);
    const { lane: one } = lane(script);
    // What it gave once is gone when it is asked again.
    let given = false;
    const record = encodeEnvelope({ event: { ...sampleEvent(TYPE), id: 'e-1' }, producer: 'p', source: 's' });
    const gone = one.add({
      partition: 1, hasLive: () => true, detach: () => undefined, roomChanged: () => undefined,
      attach: (owned) => {
        if (!given) queueMicrotask(() => one.offer(owned, EventBatch.parse({ partition: 1, next: 1, records: [{ partition: 1, offset: 0, key: 'k', timestamp: 1, value: record }] }), [0]));
        given = true;
      },
    }, 0, true);
    await until('it failed', () => one.consecutiveFailures > 0);
    const owned = one.add(await feed(0), from, true);
    await until('the other one is done', () => owned.cursor === from + 5, 20_000);
    expect(one.state).toBe('idle');
    expect(gone.cursor).toBe(0);
  });

  describe('where much waits in the log', () => {
    const record = encodeEnvelope({ event: { ...sampleEvent(TYPE), id: 'e-1' }, producer: 'p', source: 's' });
    const batchAt = (offset: number, events = 1): EventBatch =>
      EventBatch.parse({ partition: 1, next: offset + events, records: Array.from({ length: events }, (_, at) => ({ partition: 1, offset: offset + at, key: 'k', timestamp: 1, value: record })) });
    const scripted = (): ScriptedTransport => {
      const script = new ScriptedTransport();
      script.onSend = (session, chunk) => {
        session.safe(chunk.number);
        return Promise.resolve({ type: 'taken' });
      };
      return script;
    };
    /** A lane that the test offers batches itself, from the cursor on as often as it is attached. */
    const fed = (script: ScriptedTransport, attach: (one: TestLane['lane'], owned: LanePartition) => void = () => undefined) => {
      const { lane: one } = lane(script);
      const owned: LanePartition = one.add({ partition: 1, hasLive: () => true, detach: () => undefined, roomChanged: () => undefined, attach: (given) => attach(one, given) }, 0, true);
      return { one, owned };
    };
    const sent = (script: ScriptedTransport): string[][] => script.sessions.flatMap(({ chunks }) => chunks.map(positionsIn));

    it('gathers little from several batches into one chunk', async () => {
      const script = scripted();
      const { one, owned } = fed(script);
      for (let offset = 0; offset < 5; offset++) {
        one.offer(owned, batchAt(offset), [0], true);
        await pause(1);
      }
      await until('all is sent', () => owned.cursor === 5);
      expect(sent(script)).toEqual([['1.0', '1.1', '1.2', '1.3', '1.4']]);
      expect(one.counters).toMatchObject({ delivered: 5, filtered: 0, repeated: 0 });
    });

    it('sends what gathered with the first batch that nothing follows, or when it is much', async () => {
      const script = scripted();
      const { one, owned } = fed(script);
      one.offer(owned, batchAt(0), [0], true);
      one.offer(owned, batchAt(1), [0], false);
      await pause(1);
      expect(sent(script)).toEqual([['1.0', '1.1']]);
      one.offer(owned, batchAt(2), [0], true);
      await pause(1);
      expect(sent(script)).toHaveLength(1);
      one.offer(owned, batchAt(3, 50), Array.from({ length: 50 }, (_, at) => at), true);
      await pause(1);
      expect(sent(script)).toHaveLength(2);
      expect(sent(script)[1]).toHaveLength(51);
      expect(owned.cursor).toBe(53);
    });

    it('begins anew when the receiver fails while it gathers', async () => {
      const script = scripted();
      script.onSend = () => Promise.resolve({ type: 'taken' });
      const { one, owned } = fed(script, (self, given) => {
        if (script.opens > 0) queueMicrotask(() => self.offer(given, batchAt(given.cursor, 2), [0, 1], true));
      });
      one.offer(owned, batchAt(0), [0], false);
      await until('the first is sent', () => sent(script).length === 1);
      one.offer(owned, batchAt(1), [0], true);
      await pause(1);
      script.onSend = scripted().onSend;
      script.session.fail(REFUSED);
      await until('all is sent', () => owned.cursor === 2);
      expect(sent(script)).toEqual([['1.0'], ['1.0', '1.1']]);
    });
  });

  describe('over TCP to a real receiver', () => {
    it('delivers in order, and the cursor stands at the end only when the receiver has read everything', async () => {
      const receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
      ends.push(() => receiver.stop());
      const [key] = await keys();
      const from = await nextOf(0);
      const positions = await appendTypes(log.log, many(2000), () => key);
      const { lane: one } = lane(new TcpTransport(), {}, testIntegration('one', { port: receiver.port, filter: filterSection.parse({ types: [TYPE] }) }));
      const owned = one.add(await feed(0), from, false);
      await until('the cursor at the end', () => owned.cursor === from + 2000);
      expect(receiver.texts).toEqual(positions);
      expect(one.counters).toMatchObject({ delivered: 2000, rejected: 0, repeated: 0 });
      expect(one.evidence).toBe('read');
      expect(one.state).toBe('idle');
    });

    it('loses nothing and keeps the order of first arrivals while the receiver crashes again and again', async () => {
      let receiver = await LoopbackReceiver.start({ protocol: 'tcp', port: await freePort(), faults: { readDelayMs: 1 } });
      const { port } = receiver;
      const seen = new Set<string>();
      const firsts: string[] = [];
      const watch = () => receiver.onMessage(({ text }) => {
        if (!seen.has(text)) firsts.push(text);
        seen.add(text);
      });
      watch();
      ends.push(() => receiver.stop());
      const [key] = await keys();
      const from = await nextOf(0);
      const positions: string[] = [];
      const { lane: one } = lane(new TcpTransport(), {}, testIntegration('one', { port, filter: filterSection.parse({ types: [TYPE] }) }));
      const owned = one.add(await feed(0), from, false);
      for (let round = 0; round < 6; round++) {
        positions.push(...(await appendTypes(log.log, many(700), () => key)));
        await pause(60);
        await receiver.crash();
        for (let offset = from; offset < owned.cursor; offset++) expect(seen.has(`0.${offset}`)).toBe(true);
        await pause(20);
        receiver = await LoopbackReceiver.start({ protocol: 'tcp', port });
        watch();
      }
      await until('the cursor at the end', () => owned.cursor === from + positions.length, 20_000);
      expect(firsts).toEqual(positions);
      expect(one.counters.delivered).toBe(positions.length);
    });

    it('stops within its grace while the receiver reads nothing, and the cursor stays', async () => {
      const receiver = await LoopbackReceiver.start({ protocol: 'tcp', faults: { neverReads: true } });
      ends.push(() => receiver.stop());
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, many(3000), () => key);
      const { lane: one, health } = lane(new TcpTransport(), {}, testIntegration('one', { port: receiver.port }));
      const owned = one.add(await feed(0), from, false);
      await until('something is on its way', () => receiver.accepted > 0);
      await one.stop(200);
      expect(owned.cursor).toBe(from);
      expect(health).toEqual([]);
      expect(one.consecutiveFailures).toBe(0);
    });
  });

  describe('gives a partition up', () => {
    it('with the cursor at what was in flight, never past what was only queued', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, many(200), () => key);
      const script = new ScriptedTransport();
      let letOn: () => void = () => undefined;
      script.onSend = (session) => (session.chunks.length < 2 ? Promise.resolve({ type: 'taken' }) : new Promise((resolve) => (letOn = () => resolve({ type: 'taken' }))));
      const { lane: one } = lane(script);
      const owned = one.add(await feed(0), from, true);
      await until('the second chunk is being sent', () => script.sessions[0]?.chunks.length === 2);
      await until('more waits in the queue', () => owned.taken === from + 200);
      const given = one.remove(0, 2000);
      letOn();
      await pause(10);
      script.session.safe(2);
      expect((await given)?.cursor).toBe(from + script.session.chunks.flatMap(positionsIn).length);
      expect(owned.cursor).toBeLessThan(from + 200);
      expect(owned.outstanding).toBe(0);
    });

    it('does not take it back when the receiver fails meanwhile', async () => {
      const [key, other] = await keys();
      const [from, otherFrom] = [await nextOf(0), await nextOf(1)];
      await appendTypes(log.log, many(20), () => key);
      const script = new ScriptedTransport();
      const { lane: one } = lane(script);
      const [feed0, feed1] = [await feed(0), await feed(1)];
      const owned = one.add(feed0, from, true);
      one.add(feed1, otherFrom, true);
      await until('it is in flight', () => script.sessions[0]?.chunks.length === 1);
      const given = one.remove(0, 2000);
      script.session.fail();
      expect((await given)?.cursor).toBe(from);
      await appendTypes(log.log, many(5), () => other);
      await until('a new session', () => script.sessions.length === 2 && script.session.chunks.length > 0);
      expect(owned.reading).toBe(false);
      expect(script.session.chunks.flatMap(positionsIn).filter((position) => position.startsWith('0.'))).toEqual([]);
    });

    it('and the room that it took goes to the other partitions', async () => {
      const [key, other] = await keys();
      const [from, otherFrom] = [await nextOf(0), await nextOf(1)];
      const script = new ScriptedTransport();
      let letOn: () => void = () => undefined;
      script.onSend = (session) => (session.chunks.length > 1 ? Promise.resolve({ type: 'taken' }) : new Promise((resolve) => (letOn = () => resolve({ type: 'taken' }))));
      const { lane: one } = lane(script, { queueBytes: 20_000 });
      one.add(await feed(0), from, true);
      const owned = one.add(await feed(1), otherFrom, true);
      await appendTypes(log.log, many(400), () => key);
      await until('the queue is full', () => !one.hasRoom);
      // The reader of the other partition waits for room: at once, or, when it was waiting for events, from the second batch on.
      await appendTypes(log.log, many(1), () => other);
      await pause(80);
      await appendTypes(log.log, many(10), () => other);
      await pause(80);
      await one.remove(0, 0);
      await until('the other partition goes on', () => owned.taken === otherFrom + 11);
      letOn();
    });
  });

  describe('and dead letters', () => {
    it('does not pass an event that cannot be rendered before its letter is stored', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, [TYPE, 'audit.bad.event', TYPE], () => key);
      const deadLetters = new MemoryDeadLetters();
      deadLetters.refuse = true;
      const script = new ScriptedTransport();
      script.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      const { lane: one } = lane(script, { deadLetters });
      const owned = one.add(await feed(0), from, true);
      await pause(100);
      expect(owned.cursor).toBe(from);
      deadLetters.refuse = false;
      await until('it moved on', () => owned.cursor === from + 3);
      expect([...deadLetters.stored.keys()]).toEqual([`one:0.${from + 1}`]);
      expect(one.counters).toMatchObject({ delivered: 2, rejected: 1 });
    });

    it('keeps of an event only what the integration may see', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, ['audit.bad.event'], () => key);
      const deadLetters = new MemoryDeadLetters();
      const script = new ScriptedTransport();
      const integration = testIntegration('one', { output: outputSection.parse({ mask: [{ field: 'subject.name', action: 'redact' }] }) });
      const path = { filter: compileFilter(integration.filter), transport: script, target: targetOf(integration), ...rendererOf(integration, 'host'), renderer: positionRenderer };
      const { lane: one } = lane(script, { deadLetters, path }, integration);
      const owned = one.add(await feed(0), from, true);
      await until('it moved on', () => owned.cursor === from + 1);
      const [letter] = deadLetters.stored.values();
      expect(letter?.event).toMatchObject({ id: 'event-0', subject: { id: 'acc-7001', name: '[redacted]' } });
      expect(JSON.stringify(letter)).not.toContain('svc-backup');
    });

    it('reads again from the cursor when the session ends while a letter is being stored', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      const positions = await appendTypes(log.log, [TYPE, TYPE, 'audit.bad.event', TYPE], () => key);
      const deadLetters = new MemoryDeadLetters();
      const script = new ScriptedTransport('message');
      const refusing = { type: 'taken' as const, rejected: [{ index: 0, code: 'message-too-long' as const, reason: 'EMSGSIZE' }] };
      script.onSend = (session, chunk) => {
        if (script.sessions.length === 1) {
          deadLetters.refuse = true;
          return Promise.resolve(refusing);
        }
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve(refusing);
      };
      const { lane: one } = lane(script, { deadLetters });
      const owned = one.add(await feed(0), from, true);
      await until('the first session sent', () => script.sessions[0]?.chunks.length === 1);
      await pause(20);
      script.session.fail();
      await pause(50);
      expect(owned.cursor).toBe(from);
      deadLetters.refuse = false;
      await until('it moved on', () => owned.cursor === from + 4);
      expect(positions.filter((position) => !script.session.chunks.flatMap((chunk) => chunk.buffers.map((buffer) => Buffer.from(buffer).toString('utf8').trim())).includes(position))).toEqual([positions[2]]);
      expect(deadLetters.stored.size).toBe(2);
      expect(one.counters).toMatchObject({ delivered: 2, rejected: 2 });
      expect(owned.outstanding).toBe(0);
    });

    it('stops within its grace while the letters cannot be stored', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, ['audit.bad.event'], () => key);
      const { lane: one, deadLetters } = lane('stream');
      deadLetters.refuse = true;
      const stuck = deadLetters.store.bind(deadLetters);
      deadLetters.store = (letters) => stuck(letters, () => false);
      const owned = one.add(await feed(0), from, true);
      await until('it is being stored', () => owned.outstanding === 1);
      await pause(20);
      await one.stop(100);
      expect(deadLetters.stored.size).toBe(0);
      expect(owned.cursor).toBe(from);
      deadLetters.refuse = false;
    });
  });

  describe('when something fails', () => {
    it('takes one batch at a time until the receiver is known to work again', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, many(1000), () => key);
      const script = new ScriptedTransport();
      script.onOpen = async () => {
        await pause(50);
        return REFUSED;
      };
      const { lane: one, health } = lane(script);
      const owned = one.add(await feed(0), from, true);
      await until('three tries', () => script.opens >= 3);
      await pause(30);
      expect(owned.taken - from).toBeLessThanOrEqual(50);
      expect(one.state).toBe('retrying');
      await until('it was told once', () => health.length === 1);
      expect(health[0]).toMatchObject({ to: 'down', failure: { code: 'connection-refused' } });
      script.onOpen = () => Promise.resolve(undefined);
      script.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      await until('everything went', () => owned.cursor === from + 1000);
      expect(health.map(({ to }) => to)).toEqual(['down', 'recovered']);
    });

    it('lets one small probe through before the stream opens again', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, many(1000), () => key);
      const script = new ScriptedTransport();
      let refusals = 1;
      script.onOpen = () => Promise.resolve(refusals-- > 0 ? REFUSED : undefined);
      const big: Renderer = { render: (_event, sequence) => ({ type: 'rendered', text: `${sequence ?? ''} ${'x'.repeat(1000)}`, shortened: false }) };
      const integration = testIntegration('one');
      const { lane: one } = lane(script, { path: { filter: compileFilter(integration.filter), transport: script, target: targetOf(integration), shape: shapeOf(integration, 'host'), renderer: big, view: null } }, integration);
      const owned = one.add(await feed(0), from, true);
      await until('the probe', () => script.sessions.length === 1 && script.session.chunks.length === 1);
      await pause(100);
      expect(script.session.chunks).toHaveLength(1);
      expect(script.session.chunks[0]?.bytes).toBeLessThanOrEqual(18_000);
      expect([one.breakerState, one.state]).toEqual(['half-open', 'retrying']);
      expect(owned.taken - from).toBeLessThanOrEqual(50);
      script.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      script.session.safe(1);
      await until('everything went', () => owned.cursor === from + 1000);
      expect(one.breakerState).toBe('closed');
      expect(one.failingSince).toBeNull();
      expect(one.counters).toMatchObject({ delivered: 1000, repeated: 0 });
    });

    it('waits ever longer while a person must act, and says since when', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, [TYPE], () => key);
      const script = new ScriptedTransport();
      const tries: number[] = [];
      script.onOpen = () => {
        tries.push(performance.now());
        return Promise.resolve({ ...REFUSED, code: 'certificate-expired', needsPerson: true });
      };
      const { lane: one, health } = lane(script);
      one.add(await feed(0), from, true);
      await until('five tries', () => tries.length >= 5);
      const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
      // First wait 50 ms, then in the upper half of 100, 200, 400 (with the random number 0.5: three quarters), at most 400.
      [49, 70, 145, 295].forEach((least, index) => expect(waits[index]).toBeGreaterThanOrEqual(least));
      expect([one.breakerState, one.state]).toEqual(['open', 'fault']);
      expect(one.failingSince).not.toBeNull();
      expect(health).toHaveLength(1);
    });

    it('does not take a dead letter for a proof that the receiver works', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, ['audit.bad.event'], () => key);
      const script = new ScriptedTransport();
      const { lane: one, health } = lane(script, { former: { counters: { delivered: 0, deliveredBytes: 0, filtered: 0, rejected: 0, repeated: 0, lost: 0, vanished: 0 }, evidence: null, lastDeliveredAt: null, lastFailure: null, down: true, failingSince: 5 } });
      const owned = one.add(await feed(0), from, true);
      await until('it is passed', () => owned.cursor === from + 1);
      expect([one.breakerState, one.failingSince, health.length]).toEqual(['half-open', 5, 0]);
      script.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      await appendTypes(log.log, [TYPE], () => key);
      await until('it arrived', () => owned.cursor === from + 2);
      expect([one.breakerState, one.failingSince]).toEqual(['closed', null]);
      expect(health).toEqual([{ to: 'recovered' }]);
    });

    it('does not count a link that ends while nothing is unproven', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      const script = new ScriptedTransport();
      script.onSend = (session, chunk) => {
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      const { lane: one } = lane(script);
      const owned = one.add(await feed(0), from, true);
      for (let round = 1; round <= 3; round++) {
        await appendTypes(log.log, [TYPE], () => key);
        await until('it arrived', () => owned.cursor === from + round);
        script.session.fail({ ...REFUSED, code: 'peer-closed' });
      }
      expect(script.opens).toBe(3);
      expect(one.consecutiveFailures).toBe(0);
      expect(one.counters.repeated).toBe(0);
    });

    it('tries again in time although the clock was set back', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, [TYPE], () => key);
      let now = 1_000_000_000;
      const script = new ScriptedTransport();
      script.onOpen = () => Promise.resolve(REFUSED);
      const { lane: one } = lane(script, { clock: { now: () => now } });
      one.add(await feed(0), from, true);
      await until('a try', () => script.opens === 1);
      now -= 3_600_000;
      await until('another try', () => script.opens >= 2);
      expect(one.consecutiveFailures).toBeGreaterThanOrEqual(1);
    });

    it('goes on after a fault of its own code, and loses nothing', async () => {
      const [key] = await keys();
      const from = await nextOf(0);
      await appendTypes(log.log, many(3), () => key);
      const script = new ScriptedTransport();
      script.onSend = (session, chunk) => {
        if (script.sessions.length === 1) throw new Error('a bug');
        setTimeout(() => session.safe(chunk.number), 1);
        return Promise.resolve({ type: 'taken' });
      };
      const { lane: one } = lane(script);
      const owned: LanePartition = one.add(await feed(0), from, true);
      await until('it arrived', () => owned.cursor === from + 3);
      expect(one.lastFailure).toMatchObject({ code: 'unexpected', cause: 'a bug' });
      expect(one.counters).toMatchObject({ delivered: 3, repeated: 3 });
    });
  });

  it('stays in fault without a way to the receiver: nothing is taken, nothing is sent, and the next lane tells the recovery', async () => {
    const [key] = await keys();
    const from = await nextOf(0);
    await appendTypes(log.log, [TYPE], () => key);
    const fault = { code: 'settings-invalid' as const, stage: 'tls' as const, cause: 'the key cannot be read', fix: 'restore it', needsPerson: true };
    const script = new ScriptedTransport();
    const { lane: broken, health } = lane(script, { path: fault });
    const shared = await feed(0);
    const owned = broken.add(shared, from, true);
    await pause(150);
    expect(broken.state).toBe('fault');
    expect(broken.lastFailure).toMatchObject(fault);
    expect(health).toEqual([{ to: 'down', failure: fault, consecutiveFailures: 1 }]);
    expect([owned.taken, owned.cursor, script.opens]).toEqual([from, from, 0]);
    await broken.stop(100);
    script.onSend = (session, chunk) => {
      setTimeout(() => session.safe(chunk.number), 1);
      return Promise.resolve({ type: 'taken' });
    };
    broken.counters.delivered = 41;
    const mended = lane(script, { former: broken.figures });
    const again = mended.lane.add(shared, from, true);
    await until('it arrived', () => again.cursor === from + 1);
    expect(mended.health).toEqual([{ to: 'recovered' }]);
    expect(mended.lane.counters.delivered).toBe(42);
  });

  it('stops at once while the connection is being opened', async () => {
    const [key] = await keys();
    const from = await nextOf(0);
    await appendTypes(log.log, [TYPE], () => key);
    const script = new ScriptedTransport();
    let letOn: () => void = () => undefined;
    script.onOpen = () => new Promise((resolve) => (letOn = () => resolve(undefined)));
    const { lane: one } = lane(script);
    const owned = one.add(await feed(0), from, true);
    await until('it opens', () => script.opens === 1);
    await one.stop(50);
    letOn();
    await until('the late session is closed', () => script.sessions[0]?.closed === true);
    expect(script.session.chunks).toEqual([]);
    expect(owned.cursor).toBe(from);
  });

  it('proves what is in flight while it stops, and takes no refusal of the closing session for a failure', async () => {
    const [key] = await keys();
    const from = await nextOf(0);
    await appendTypes(log.log, many(120), () => key);
    const script = new ScriptedTransport();
    let refuse: () => void = () => undefined;
    script.onSend = (session) => (session.chunks.length === 1 ? Promise.resolve({ type: 'taken' }) : new Promise((resolve) => (refuse = () => resolve({ type: 'failed', failure: { ...REFUSED, code: 'cancelled' } }))));
    script.onClose = async (session) => {
      refuse();
      await pause(20);
      session.safe(1);
    };
    const { lane: one, health } = lane(script);
    const owned = one.add(await feed(0), from, true);
    await until('the second chunk is being sent', () => script.sessions[0]?.chunks.length === 2);
    await one.stop(500);
    expect(owned.cursor).toBe(from + positionsIn(script.session.chunks[0] ?? { number: 0, buffers: [], events: 0, bytes: 0 }).length);
    expect([one.consecutiveFailures, health.length]).toEqual([0, 0]);
  });
});
