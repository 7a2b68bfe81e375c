import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestEventLog, type TestEventLog } from '../../../test/support/embedded-event-log.js';
import { appendTypes, feedContext, MemoryDeadLetters, openFeed, pause, testIntegration, testLane, until, type TestLane } from '../../../test/support/engine.js';
import { HttpReceiver, type HttpReceiverOptions } from '../../../test/support/http-receiver.js';
import type { Renderer } from '../../contracts/format.js';
import { connectionSection, type Integration } from '../../model/integration.js';
import type { DeliveryPath } from '../delivery/delivery-path.js';
import { compileFilter } from '../delivery/event-filter.js';
import { shapeOf } from '../delivery/shape.js';
import { targetOf } from '../delivery/target.js';
import { ElasticBulkTransport } from '../transports/elastic-bulk/elastic-bulk.transport.js';
import { HttpTransport } from '../transports/http/http.transport.js';
import type { LanePartition } from './lane-partition.js';

const TYPE = 'account.owner.changed';
/** A JSON object with the position as its text, as the stand-in reads it. */
const textRenderer: Renderer = { render: (_event, sequence) => ({ type: 'rendered', text: JSON.stringify({ text: sequence }), shortened: false }) };

describe('the lane of an integration whose chunks are requests', () => {
  let log: TestEventLog;
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    log = await openTestEventLog({ partitions: 4 });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await log.dispose();
  });

  interface Ground extends TestLane {
    receiver: HttpReceiver;
    owned: LanePartition[];
  }
  async function ground(kind: 'http' | 'elastic-bulk', batch: DeliveryPath['batch'], options: Partial<HttpReceiverOptions> = {}, connection: Partial<Integration['connection']> = {}): Promise<Ground> {
    const receiver = await HttpReceiver.start({ kind, ...options });
    ends.push(() => receiver.stop());
    const integration = testIntegration('one', { protocol: kind, serverUrl: `http://127.0.0.1:${receiver.port}`, port: receiver.port, filter: { ...testIntegration('x').filter, types: [TYPE] } }, connection);
    const transport = kind === 'http' ? new HttpTransport() : new ElasticBulkTransport();
    const path: DeliveryPath = { transport, target: targetOf(integration), shape: shapeOf(integration, 'host'), renderer: textRenderer, filter: compileFilter(integration.filter), view: null, batch };
    const built = testLane(integration, transport, { path, deadLetters: new MemoryDeadLetters() });
    ends.push(() => built.lane.stop(0));
    const owned: LanePartition[] = [];
    for (let partition = 0; partition < 4; partition++) {
      const feed = await openFeed(log.log, partition, 0, feedContext(log.log));
      ends.push(() => feed.stop());
      owned.push(built.lane.add(feed, 0, false));
    }
    return { ...built, receiver, owned };
  }
  const atEnd = async ({ owned }: Ground): Promise<boolean> => (await log.log.ranges()).every(({ partition, next }) => owned[partition]?.cursor === next);
  async function resolved(one: Ground, count: number): Promise<void> {
    await until(`${count} events`, () => one.lane.counters.delivered + one.lane.counters.rejected >= count, 20_000);
    expect(await atEnd(one)).toBe(true);
  }
  const many = (count: number) => appendTypes(log.log, new Array<string>(count).fill(TYPE), (index) => `key-${index % 23}`);

  it('lets the events of all partitions share requests, within the limits, and keeps the order of each', async () => {
    const one = await ground('http', { events: 100, bytes: 4000, waitMs: 60 }, { delayMs: 5 });
    const positions = await many(1000);
    await resolved(one, 1000);
    expect([...one.receiver.texts].sort()).toEqual([...positions].sort());
    for (let partition = 0; partition < 4; partition++) {
      const own = (texts: readonly string[]) => texts.filter((text) => text.startsWith(`${partition}.`));
      expect(own(one.receiver.texts)).toEqual(own(positions));
    }
    for (const { texts, body } of one.receiver.requests) {
      expect(texts.length).toBeLessThanOrEqual(100);
      expect(body.length).toBeLessThanOrEqual(4000);
    }
    expect(one.receiver.requests.length).toBeLessThan(60);
    expect(one.receiver.requests.some(({ texts }) => new Set(texts.map((text) => text.split('.')[0])).size > 1)).toBe(true);
    expect(one.lane.counters).toMatchObject({ delivered: 1000, repeated: 0, rejected: 0 });
    expect(one.lane.evidence).toBe('accepted');
  });

  it('sends a lone event when its wait is over, and not before', async () => {
    const one = await ground('http', { events: 100, bytes: 100_000, waitMs: 300 });
    await pause(50);
    const begun = performance.now();
    await many(1);
    await resolved(one, 1);
    expect(performance.now() - begun).toBeGreaterThan(250);
  });

  it('waits at least as long as the receiver asks before it tries again', async () => {
    let busy = true;
    const times: number[] = [];
    const one = await ground('http', { events: 100, bytes: 100_000, waitMs: 0 }, { answer: () => { times.push(performance.now()); return busy ? { status: 429, headers: { 'retry-after': '1' } } : undefined; } });
    await many(1);
    await until('the refusal', () => one.lane.consecutiveFailures === 1);
    expect(one.lane.lastFailure).toMatchObject({ code: 'receiver-busy', retryAfterMs: 1000 });
    busy = false;
    await resolved(one, 1);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
    expect(one.lane.counters).toMatchObject({ delivered: 1, repeated: 1 });
  });

  it('makes dead letters of the events that the receiver refuses, each with its reason, and delivers the rest', async () => {
    const one = await ground('http', { events: 50, bytes: 100_000, waitMs: 30 }, { answer: ({ texts }) => (texts.some((text) => text.endsWith('.3')) ? { status: 400, body: { error: 'bad field' } } : undefined) });
    const positions = await many(200);
    await resolved(one, 200);
    const bad = positions.filter((position) => position.endsWith('.3'));
    expect(one.deadLetters.stored.size).toBe(bad.length);
    for (const position of bad) expect(one.deadLetters.stored.get(`one:${position}`)).toMatchObject({ code: 'refused-by-receiver', reason: 'HTTP 400: {"error":"bad field"}' });
    expect(one.receiver.texts).toHaveLength(200 - bad.length);
    expect(one.lane.counters).toMatchObject({ delivered: 200 - bad.length, rejected: bad.length });
  });

  it.each([400, 413])('goes on after a lone event that is answered %i as the first since the start, and stands in fault at the fifth of them, without a loss', async (status) => {
    let refusing = (text: string): boolean => text === first;
    const one = await ground('http', { events: 1, bytes: 100_000, waitMs: 0 }, { answer: ({ texts }) => (texts.some((text) => refusing(text)) ? { status } : undefined) });
    const [first = ''] = await many(1);
    await until('the dead letter', () => one.deadLetters.stored.has(`one:${first}`));
    const more = await many(3);
    await resolved(one, 4);
    expect(one.lane).toMatchObject({ state: 'idle', counters: { delivered: 3, rejected: 1 }, lastFailure: null });
    expect(one.health).toEqual([]);

    await one.lane.stop(0);
    refusing = () => true;
    const stuck = await ground('http', { events: 1, bytes: 100_000, waitMs: 0 }, { answer: ({ texts }) => (texts.some((text) => refusing(text)) ? { status } : undefined) });
    const later = await many(6);
    await until('the fault', () => stuck.lane.state === 'fault');
    expect(stuck.lane.lastFailure).toMatchObject({ code: 'request-refused', needsPerson: true, fix: expect.stringContaining('dead letters') as unknown });
    await pause(300);
    expect(stuck.deadLetters.stored.size).toBe(4);
    refusing = () => false;
    await until('all is resolved', () => stuck.lane.counters.delivered + stuck.lane.counters.rejected >= 10, 20_000);
    const dead = [...stuck.deadLetters.stored.keys()].map((key) => key.replace('one:', ''));
    expect([...stuck.receiver.texts, ...dead].sort()).toEqual([first, ...more, ...later].sort());
    expect(stuck.health.map(({ to }) => to)).toEqual(['down', 'recovered']);
  });

  it('repeats a _bulk request of which some items were put off, and nothing comes to be there twice', async () => {
    let putOff = 3;
    const one = await ground('elastic-bulk', { events: 40, bytes: 100_000, waitMs: 20 }, {
      answer: ({ texts }) => (putOff-- > 0 ? { status: 200, body: { errors: true, items: texts.map((_, index) => ({ create: { status: index % 2 === 0 ? 201 : 429 } })) } } : undefined),
    });
    const positions = await many(120);
    await resolved(one, 120);
    expect([...one.receiver.texts].sort()).toEqual([...positions].sort());
    expect(one.lane.counters.delivered).toBe(120);
  });

  it('proves a request under way while it stops', async () => {
    const one = await ground('http', { events: 100, bytes: 100_000, waitMs: 0 }, { delayMs: 200 }, connectionSection.parse({}));
    await many(1);
    await until('the request', () => one.receiver.requests.length === 1);
    await one.lane.stop(2000);
    expect(one.lane.counters.delivered).toBe(1);
    expect(await atEnd(one)).toBe(true);
  });
});
