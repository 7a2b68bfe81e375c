import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Kafka } from 'kafkajs';
import type { OwnedPartition } from '../../src/contracts/event-log.js';
import { silentLog, type Log } from '../../src/contracts/log.js';
import { CatchUpConsumer } from '../../src/platform/event-log/kafka/catch-up-consumer.js';
import { kafkaClient } from '../../src/platform/event-log/kafka/kafka-client.js';
import { KafkaPoolMember } from '../../src/platform/event-log/kafka/kafka-pool-member.js';
import { append, record, rangeOf, text } from '../contract/event-log/event-log.contract.js';
import { kafkaMissing, startKafka, type TestKafka } from '../support/kafka.js';
import { kafkaOptions, openKafkaEventLog, type TestKafkaEventLog } from '../support/kafka-event-log.js';
import { describeWithPeer } from '../support/peers.js';
import { eventually } from '../support/service.js';

jest.setTimeout(180_000);
const SLOW_MS = 90_000;
/** Below the patience of the client, so that it is ours that is seen. */
const STALLED_MS = 4000;

describeWithPeer('a Kafka consumer that stands still', (await kafkaMissing()) ?? null, () => {
  let kafka: TestKafka;
  let fixture: TestKafkaEventLog;
  let replaced = 0;
  const log: Log = { ...silentLog, warn: (_facts, message) => void (replaced += message.includes('a new one takes its place') ? 1 : 0), child: () => log };
  beforeAll(async () => {
    kafka = await startKafka(1);
    fixture = await openKafkaEventLog(kafka.brokers, { partitions: 2, stalledMs: STALLED_MS, log });
  }, 240_000);
  afterAll(async () => {
    await fixture?.dispose();
    await kafka?.stop();
  }, 60_000);
  const options = () => kafkaOptions(kafka.brokers, { topic: fixture.topic, partitions: 2, stalledMs: STALLED_MS, log });
  const ranges = () => fixture.log.ranges();
  const write = (prefix: string, count: number) => append(fixture.log, Array.from({ length: count }, (_, index) => record(`k${index % 20}`, `${prefix}-${index}`)));

  /** A client of which the handler of the first consumer never settles from the nth batch on. */
  function stuckAt(batch: number): { client: Kafka; stuck: () => boolean } {
    const client = kafkaClient(options());
    const make = client.consumer.bind(client);
    let consumers = 0;
    let stuck = false;
    client.consumer = (config) => {
      const consumer = make(config);
      const run = consumer.run.bind(consumer);
      const first = consumers++ === 0;
      let batches = 0;
      consumer.run = (settings) =>
        run({
          ...settings,
          eachBatch: async (payload) => {
            if (first && ++batches >= batch) {
              stuck = true;
              await new Promise(() => undefined);
            }
            await settings?.eachBatch?.(payload);
          },
        });
      return consumer;
    };
    return { client, stuck: () => stuck };
  }

  it('in a handler that never settles is replaced, and its readers go on without a gap or a repeat', async () => {
    const before = replaced;
    await write('handler', 400);
    const { client, stuck } = stuckAt(2);
    const consumer = new CatchUpConsumer(`stuck-${fixture.topic}`, { kafka: client, options: options(), ranges, idle: () => undefined });
    const readers = [0, 1].map((partition) => consumer.open(partition, 0, { maxRecords: 50, maxWaitMs: 200 }));
    const seen = new Map(readers.map(({ partition }) => [partition, [] as number[]]));
    let reading = true;
    const work = readers.map(async (reader) => {
      while (reading) seen.get(reader.partition)?.push(...Array.from((await reader.next()).records, ({ offset }) => offset));
    });
    await eventually('the handler is stuck', stuck, SLOW_MS);
    await write('later', 100);
    const whole = async () => (await ranges()).every(({ partition, next }) => (seen.get(partition)?.length ?? 0) >= next);
    await eventually('everything was read', whole, SLOW_MS);
    reading = false;
    await Promise.all(work);
    await consumer.close();
    for (const { partition, next } of await ranges()) expect(seen.get(partition)).toEqual(Array.from({ length: next }, (_, offset) => offset));
    expect(replaced).toBeGreaterThan(before);
  });

  it('in a pool gives its partitions back and takes them again, and nothing is missed', async () => {
    const before = replaced;
    const { client, stuck } = stuckAt(2);
    const cursors = new Map<number, number>();
    const generations: number[] = [];
    const marks = new Set<string>();
    const reading: Array<Promise<void>> = [];
    let revoked = 0;
    const read = async ({ partition, reader }: OwnedPartition): Promise<void> => {
      for (let open = true; open; ) {
        const { records, next } = await reader.next();
        for (const each of records) marks.add(text(each));
        if (records.length > 0) cursors.set(partition, next);
        open = !over.has(reader);
      }
    };
    const over = new Set<unknown>();
    const owned = new Map<number, OwnedPartition>();
    const member = new KafkaPoolMember(`stuck-${fixture.topic.slice(5, 13)}`, {
      startAt: async (partition, { first }) => cursors.get(partition) ?? first,
      assigned: async (each) => {
        generations.push(each.generation);
        owned.set(each.partition, each);
        reading.push(read(each));
      },
      revoked: async (partition) => {
        revoked++;
        over.add(owned.get(partition)?.reader);
      },
    }, { maxWaitMs: 200 }, { kafka: client, options: options(), ranges, handovers: new Map(), left: () => undefined });
    await eventually('it owns both', () => owned.size === 2, SLOW_MS);
    await write('pool', 200);
    for (let more = 0; !stuck(); more++) await write(`more-${more}`, 20);
    await write('behind', 50);
    const { next } = await rangeOf(fixture.log, 0);
    await eventually('it owns both again', () => generations.length === 4, SLOW_MS);
    await eventually('everything was read', () => (cursors.get(0) ?? 0) >= next && Array.from({ length: 50 }, (_, index) => `k${index % 20}:behind-${index}`).every((mark) => marks.has(mark)), SLOW_MS);
    expect(Array.from({ length: 200 }, (_, index) => `k${index % 20}:pool-${index}`).filter((mark) => !marks.has(mark))).toEqual([]);
    expect(revoked).toBe(2);
    expect(Math.min(...generations.slice(2))).toBeGreaterThan(Math.max(...generations.slice(0, 2)));
    expect(replaced).toBeGreaterThan(before);
    await member.leave();
    await Promise.all(reading);
  });

  it('in a fetch that is frozen with the broker is replaced, and goes on when the broker does', async () => {
    const before = replaced;
    const { next: from } = await rangeOf(fixture.log, 0);
    const reader = await fixture.log.openReader(0, from, 'frozen', { maxWaitMs: 200 });
    await write('before', 40);
    const seen: number[] = [];
    const more = async () => seen.push(...Array.from((await reader.next()).records, ({ offset }) => offset));
    while (seen.length === 0) await more();
    kafka.signal(0, 'SIGSTOP');
    try {
      await eventually('a new one takes its place', () => replaced > before, SLOW_MS);
    } finally {
      kafka.signal(0, 'SIGCONT');
    }
    await eventually('records are taken again', async () => (await fixture.log.append([record('k0', 'after')]))[0]?.type === 'appended', SLOW_MS);
    const { next } = await rangeOf(fixture.log, 0);
    await eventually('everything was read', async () => {
      await more();
      return (seen.at(-1) ?? 0) >= next - 1;
    }, SLOW_MS);
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => from + index));
    await reader.close();
  });
});
