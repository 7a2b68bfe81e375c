import type { KafkaMessage } from 'kafkajs';
import type { PartitionRange, PositionRun, ReadOptions } from '../../../contracts/event-log.js';
import { BufferedReader, type RecordSource } from './buffered-reader.js';
import type { TopicConsumer } from './topic-consumer.js';

export interface ReaderFeedPorts {
  /** Asked late: the consumer's handler needs the feed first. */
  consumer(): TopicConsumer;
  signingKeys: readonly Buffer[];
  ranges: () => Promise<PartitionRange[]>;
  closed(reader: BufferedReader): Promise<void>;
}

/** The readers that one consumer feeds, at most one a partition: brings the consumer to where each of them wants to read. */
export class ReaderFeed implements RecordSource {
  private readonly readers = new Map<number, BufferedReader>();
  /** Where the reader of a partition wants to go, until fetching began there. */
  private readonly wanted = new Map<number, number>();
  private assigned: ReadonlySet<number> = new Set();

  constructor(private readonly ports: ReaderFeedPorts) {}

  get size(): number {
    return this.readers.size;
  }

  has(partition: number): boolean {
    return this.readers.has(partition);
  }

  open(partition: number, from: number, options: ReadOptions): BufferedReader {
    const reader = new BufferedReader(partition, from, options, this.ports.signingKeys, this);
    this.readers.set(partition, reader);
    this.seek(partition, from);
    return reader;
  }

  /** The consumer owns these partitions now; every open reader goes on where it stands. */
  joined(partitions: readonly number[]): void {
    this.assigned = new Set(partitions);
    for (const [partition, reader] of this.readers) {
      if (!this.wanted.has(partition)) this.wanted.set(partition, reader.resumeAt);
      void this.begin(partition);
    }
  }

  left(): void {
    this.assigned = new Set();
  }

  messages(partition: number, messages: readonly KafkaMessage[], end: number, vacant: readonly PositionRun[]): void {
    this.readers.get(partition)?.feed(messages, end, vacant);
  }

  seek(partition: number, position: number): void {
    this.wanted.set(partition, position);
    this.ports.consumer().end(partition);
    void this.begin(partition);
  }

  pause(partition: number): void {
    this.ports.consumer().pause(partition);
  }

  resume(partition: number): void {
    this.ports.consumer().resume(partition);
  }

  async closed(reader: BufferedReader): Promise<void> {
    if (this.readers.get(reader.partition) === reader) {
      this.readers.delete(reader.partition);
      this.wanted.delete(reader.partition);
      this.ports.consumer().end(reader.partition);
    }
    await this.ports.closed(reader);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.readers.values()].map((reader) => reader.close()));
  }

  /** Positions that are no longer held, or not yet, become where the log begins or ends: kafkajs would begin anew from the oldest record. */
  private async begin(partition: number): Promise<void> {
    for (let tries = 0; this.assigned.has(partition); tries++) {
      const position = this.wanted.get(partition);
      if (position === undefined) return;
      try {
        const range = (await this.ports.ranges()).find((found) => found.partition === partition);
        if (this.wanted.get(partition) !== position) continue;
        const reader = this.readers.get(partition);
        if (!this.assigned.has(partition) || !reader) return;
        if (!range) throw new RangeError(`the brokers do not name partition ${partition}`);
        const from = Math.min(Math.max(position, range.first), range.next);
        this.wanted.delete(partition);
        reader.startFrom(from);
        this.ports.consumer().start(partition, from);
        return;
      } catch {
        // No broker answers: the reader waits meanwhile, and health says so.
        await new Promise((resolve) => setTimeout(resolve, Math.min(2000, 100 * 2 ** tries)));
      }
    }
  }
}
