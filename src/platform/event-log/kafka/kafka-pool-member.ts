import type { Kafka } from 'kafkajs';
import type { OwnedPartition, PartitionRange, PoolHandler, PoolMember, ReadOptions } from '../../../contracts/event-log.js';
import type { BufferedReader } from './buffered-reader.js';
import { reasonOf } from './kafka-client.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { ReaderFeed } from './reader-feed.js';
import { TopicConsumer } from './topic-consumer.js';
import { within } from '../shared/within.js';

export interface PoolMemberPorts {
  kafka: Kafka;
  options: KafkaEventLogOptions;
  ranges: () => Promise<PartitionRange[]>;
  /** Partitions of this pool that a member of this process is giving back: whoever gets one waits for it. */
  handovers: Map<number, Promise<void>>;
  left(member: KafkaPoolMember): void;
}

interface Assignment {
  partition: number;
  generation: number;
  over: boolean;
  reader: BufferedReader | undefined;
  started: Promise<void>;
}

const RETRY_MS = 1000;
/** The default of `kafka.topic`, which this folder may not import; a test holds the two together. */
const USUAL_TOPIC = 'tidegate.events';

/** The Kafka group of a pool: `tidegate.pool.<name>`. Another topic is part of the name: members of one group that read different topics would be given partitions of each other's. */
export function poolGroup(topic: string, pool: string): string {
  return topic === USUAL_TOPIC ? `tidegate.pool.${pool}` : `tidegate.pool.${pool}.${topic}`;
}

/** Generations of assignments in this process: milliseconds, and never the same twice, so that they grow over processes whose clocks agree. */
let lastGeneration = 0;

/**
 * One engine in the group of its pool. kafkajs joins again at once when a rebalance begins, without asking: so within a process the next owner waits until the former one
 * gave the partition back; between processes a segment that is still open may be sent twice, and the cursors, which only move forward, keep the rest.
 */
export class KafkaPoolMember implements PoolMember {
  private readonly feed: ReaderFeed;
  private readonly consumer: TopicConsumer;
  private assignments: Assignment[] = [];
  private leaving: Promise<void> | undefined;

  constructor(private readonly pool: string, private readonly handler: PoolHandler, private readonly readOptions: ReadOptions | undefined, private readonly ports: PoolMemberPorts) {
    const { kafka, options, ranges } = ports;
    this.feed = new ReaderFeed({ consumer: () => this.consumer, signingKeys: options.signingKeys, ranges, closed: () => Promise.resolve() });
    this.consumer = new TopicConsumer(kafka, options, poolGroup(options.topic, pool), {
      joined: (partitions) => this.joined(partitions),
      left: () => {
        this.feed.left();
        void this.revokeAll();
      },
      messages: (partition, messages, end, vacant) => this.feed.messages(partition, messages, end, vacant),
    }, ranges);
  }

  leave(): Promise<void> {
    this.leaving ??= (async () => {
      await this.revokeAll();
      await this.consumer.stop();
      this.ports.left(this);
    })();
    return this.leaving;
  }

  private joined(partitions: readonly number[]): void {
    if (this.leaving) return;
    this.feed.joined(partitions);
    lastGeneration = Math.max(lastGeneration + 1, Date.now());
    for (const partition of partitions) {
      const assignment: Assignment = { partition, generation: lastGeneration, over: false, reader: undefined, started: Promise.resolve() };
      this.assignments.push(assignment);
      assignment.started = this.start(assignment);
    }
  }

  private async start(assignment: Assignment): Promise<void> {
    const { partition, generation } = assignment;
    const { log } = this.ports.options;
    await this.ports.handovers.get(partition);
    let position: number | undefined;
    while (!assignment.over && position === undefined) {
      try {
        const range = (await this.ports.ranges()).find((found) => found.partition === partition);
        if (range && !assignment.over) position = await this.handler.startAt(partition, range);
      } catch (error) {
        log.warn({ pool: this.pool, partition, reason: reasonOf(error) }, 'pool member cannot say where to start; asked again in a second');
        for (let waited = 0; waited < RETRY_MS && !assignment.over; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    if (assignment.over || position === undefined) return;
    const reader = this.feed.open(partition, position, this.readOptions ?? {});
    assignment.reader = reader;
    const owned: OwnedPartition = {
      partition,
      generation,
      reader,
      commit: async (to) => {
        if (assignment.over) return;
        await this.consumer.commit(partition, to).catch((error: unknown) => log.debug({ pool: this.pool, partition, reason: reasonOf(error) }, 'the pool\'s position was not committed'));
      },
    };
    try {
      await this.handler.assigned(owned);
    } catch (error) {
      log.error({ pool: this.pool, partition, generation, reason: reasonOf(error) }, 'pool member failed to take a partition');
    }
  }

  private async revokeAll(): Promise<void> {
    const revoked = this.assignments;
    this.assignments = [];
    await Promise.all(
      revoked.map((assignment) => {
        const done = this.revoke(assignment).finally(() => {
          if (this.ports.handovers.get(assignment.partition) === done) this.ports.handovers.delete(assignment.partition);
        });
        this.ports.handovers.set(assignment.partition, done);
        return done;
      }),
    );
  }

  private async revoke(assignment: Assignment): Promise<void> {
    const { partition } = assignment;
    const { revokeGraceMs, log } = this.ports.options;
    if (!assignment.reader) {
      assignment.over = true;
      return;
    }
    try {
      await within(revokeGraceMs, Promise.all([assignment.started, this.handler.revoked(partition, revokeGraceMs)]));
    } catch (error) {
      log.error({ pool: this.pool, partition, reason: reasonOf(error) }, 'pool member failed to give a partition back');
    }
    assignment.over = true;
    await assignment.reader.close();
  }
}
