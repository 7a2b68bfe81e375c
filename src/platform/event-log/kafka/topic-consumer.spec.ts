import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConsumerRunConfig, EachBatchPayload, Kafka } from 'kafkajs';
import { silentLog } from '../../../contracts/log.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { TopicConsumer } from './topic-consumer.js';

const STALLED_MS = 1000;
const CALL_MS = 300;
const EVENTS = { GROUP_JOIN: 'join', REBALANCING: 'rebalancing', CRASH: 'crash', FETCH: 'fetch', HEARTBEAT: 'heartbeat', END_BATCH_PROCESS: 'batch' };

/** As much of the client's consumer as is looked at. Fetches of another broker go on all the time. */
class FakeConsumer {
  readonly events = EVENTS;
  readonly emitter = new EventEmitter();
  disconnects = 0;
  heartbeats = 0;
  private readonly fetches = setInterval(() => this.emitter.emit(EVENTS.FETCH, {}), 20);

  ends = true;

  on(name: string, listener: (event: unknown) => void): void {
    this.emitter.on(name, listener);
  }
  connects = true;
  async connect(): Promise<void> {
    if (!this.connects) await new Promise(() => undefined);
  }
  async subscribe(): Promise<void> {}
  private handler: ConsumerRunConfig['eachBatch'];
  async run({ eachBatch }: ConsumerRunConfig): Promise<void> {
    this.handler = eachBatch;
    setTimeout(() => this.emitter.emit(EVENTS.GROUP_JOIN, { payload: { memberAssignment: { t: [0, 1] } } }), 10);
  }
  seek(): void {}
  pause(): void {}
  resume(): void {}
  batch(partition: number, lastOffset: number): void {
    this.emitter.emit(EVENTS.END_BATCH_PROCESS, { payload: { topic: 't', partition, lastOffset: String(lastOffset) } });
  }
  /** Hands one record to the handler. */
  deliver(partition: number): { done: boolean; end: Promise<void> } {
    const batch = { topic: 't', partition, highWatermark: '5', messages: [{ offset: '4' }], lastOffset: () => '4' };
    const work = this.handler?.({ batch, isStale: () => false, resolveOffset: () => undefined, heartbeat: async () => void this.heartbeats++ } as unknown as EachBatchPayload) ?? Promise.resolve();
    const delivery = { done: false, end: work.then(() => { delivery.done = true; }) };
    return delivery;
  }
  async commitOffsets(): Promise<void> {
    await new Promise(() => undefined);
  }
  async disconnect(): Promise<void> {
    this.disconnects++;
    if (this.ends) clearInterval(this.fetches);
    else await new Promise(() => undefined);
  }
  end(): void {
    clearInterval(this.fetches);
  }
}

describe('a Kafka consumer that stands still although fetches of other brokers go on', () => {
  let made: FakeConsumer[];
  let joined: number;
  let left: number;
  let next: number;
  let connects: boolean;
  /** Partitions whose reader has enough when it gets something. */
  let enough: ReadonlySet<number>;
  let consumer: TopicConsumer;
  beforeEach(() => {
    made = [];
    enough = new Set();
    [joined, left, next, connects] = [0, 0, 0, true];
    const kafka = {
      consumer: () => {
        const one = new FakeConsumer();
        one.connects = connects;
        made.push(one);
        return one;
      },
    } as unknown as Kafka;
    const options = { topic: 't', sessionTimeoutMs: 1000, revokeGraceMs: 100, stalledMs: STALLED_MS, callMs: CALL_MS, log: silentLog } as KafkaEventLogOptions;
    consumer = new TopicConsumer(kafka, options, 'g', { joined: () => joined++, left: () => left++, messages: (partition) => { if (enough.has(partition)) consumer.pause(partition); } }, async () => [{ partition: 0, first: 0, next }, { partition: 1, first: 0, next: 0 }]);
  });
  afterEach(async () => {
    for (const one of made) one.end();
    await consumer.stop();
  });
  const until = async (condition: () => boolean) => {
    for (const giveUpAt = performance.now() + 15_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 10))) if (performance.now() > giveUpAt) throw new Error('it did not come to that');
  };
  const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  it('is replaced when nothing comes of a partition that holds more', async () => {
    await until(() => joined === 1);
    consumer.start(0, 0);
    consumer.start(1, 0);
    next = 5;
    await until(() => joined === 2);
    expect(made).toHaveLength(2);
    expect(made[0]?.disconnects).toBe(1);
  });

  it('is replaced also when the old one never ends, as one whose handler never settles', async () => {
    await until(() => joined === 1);
    const [first] = made;
    if (first) first.ends = false;
    consumer.start(0, 0);
    next = 5;
    await until(() => joined === 2);
    expect(first?.disconnects).toBe(1);
  }, 20_000);

  it('stays while it moves, while its reader has enough, and while there is nothing to read', async () => {
    await until(() => joined === 1);
    consumer.start(0, 0);
    await pass(2 * STALLED_MS);
    next = 1000;
    for (let offset = 0; offset < 20; offset++) {
      await pass(STALLED_MS / 10);
      made[0]?.batch(0, offset);
    }
    consumer.pause(0);
    await pass(2 * STALLED_MS);
    made[0]?.batch(0, 999);
    consumer.resume(0);
    await pass(2 * STALLED_MS);
    expect(made).toHaveLength(1);
    expect(left).toBe(1);
  });

  it('is replaced when it cannot be begun, for a call of the client may never end', async () => {
    await until(() => joined === 1);
    connects = false;
    made[0]?.emitter.emit(EVENTS.CRASH, { payload: { error: new Error('gone'), restart: false } });
    await until(() => made.length === 2);
    connects = true;
    await until(() => joined === 2);
    expect(made).toHaveLength(3);
    expect(made[1]?.disconnects).toBe(1);
  });

  /** What needs no timer has happened then. */
  const promisesSettle = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };

  it('does not ask for more while each partition has enough, as the client would sleep then, and asks at once when one has room', async () => {
    await until(() => joined === 1);
    consumer.start(0, 0);
    consumer.start(1, 0);
    enough = new Set([0, 1]);
    const [first, second] = [made[0]?.deliver(0), made[0]?.deliver(1)];
    await promisesSettle();
    expect(first?.done).toBe(true);
    expect(second?.done).toBe(false);
    consumer.resume(0);
    await promisesSettle();
    expect(second?.done).toBe(true);
  });

  it('waits for room however long, stays a member meanwhile, and asks at once when the assignment is over', async () => {
    await until(() => joined === 1);
    consumer.start(0, 0);
    enough = new Set([0]);
    const waiting = made[0]?.deliver(0);
    await until(() => (made[0]?.heartbeats ?? 0) >= 3);
    expect(waiting?.done).toBe(false);
    made[0]?.emitter.emit(EVENTS.REBALANCING, {});
    await until(() => waiting?.done === true);
  });

  it('fails a commit that is never answered', async () => {
    await until(() => joined === 1);
    await expect(consumer.commit(0, 5)).rejects.toThrow(/no answer within 300 ms/);
  });
});
