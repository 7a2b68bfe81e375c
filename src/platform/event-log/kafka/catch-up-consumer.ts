import type { Kafka } from 'kafkajs';
import type { PartitionRange, ReadOptions } from '../../../contracts/event-log.js';
import type { BufferedReader } from './buffered-reader.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { ReaderFeed } from './reader-feed.js';
import { TopicConsumer } from './topic-consumer.js';

export interface CatchUpPorts {
  kafka: Kafka;
  options: KafkaEventLogOptions;
  ranges: () => Promise<PartitionRange[]>;
  /** The last reader was closed: the consumer is over. */
  idle(consumer: CatchUpConsumer): void;
}

/** Readers of single partitions under one label: a short-lived group of its own, with one member that owns all partitions and fetches those that are read. */
export class CatchUpConsumer {
  private readonly feed: ReaderFeed;
  private readonly consumer: TopicConsumer;
  private stopping: Promise<void> | undefined;

  constructor(groupId: string, private readonly ports: CatchUpPorts) {
    const { kafka, options, ranges } = ports;
    this.feed = new ReaderFeed({ consumer: () => this.consumer, signingKeys: options.signingKeys, ranges, closed: () => this.closed() });
    this.consumer = new TopicConsumer(kafka, options, groupId, this.feed, ranges);
  }

  has(partition: number): boolean {
    return this.feed.has(partition);
  }

  open(partition: number, from: number, options: ReadOptions): BufferedReader {
    return this.feed.open(partition, from, options);
  }

  async close(): Promise<void> {
    await this.feed.closeAll();
    await this.stop();
  }

  private async closed(): Promise<void> {
    if (this.feed.size === 0) await this.stop();
  }

  private stop(): Promise<void> {
    this.stopping ??= (async () => {
      this.ports.idle(this);
      await this.consumer.stop();
    })();
    return this.stopping;
  }
}
