import kafkajs, { type Consumer, type EachBatchPayload, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs';
import type { PartitionRange, PositionRun } from '../../../contracts/event-log.js';
import { heldBack } from './held-back.js';
import { CALL_MS, reasonOf } from './kafka-client.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { Doze } from '../shared/doze.js';
import { withLimit } from '../shared/with-limit.js';
import { within } from '../shared/within.js';

// A CommonJS package: Node finds not all of its names as exports.
const { AssignerProtocol } = kafkajs;

const HEARTBEAT_MS = 1000;
/**
 * A fetch asks for partitions that have room when it begins: where those have nothing, it keeps the others waiting for so long, even when they have room again.
 * So a single busy partition among quiet ones reads what it holds in memory and one fetch more in this time.
 */
const MAX_FETCH_WAIT_MS = 100;
const PARTITION_BYTES = 131_072;
const FETCH_BYTES = 1_048_576;
const RESTART_MS = 1000;
const LONGEST_RESTART_MS = 30_000;
/** A consumer that neither fetched nor told anything for so long, or that left what there is to read unread, is built anew. */
const STALLED_MS = 60_000;
/** One that stands still may never end; its membership does, by the session timeout. */
const LONGEST_DROP_MS = 5000;

/** Where a partition is that was started. */
interface Place {
  /** What comes next. */
  next: number;
  /** Its reader has enough. */
  paused: boolean;
  /** Since when there was more to read (performance.now()) and nothing came. */
  behindSince: number | undefined;
}

/** Called by the consumer; none of these may throw or block. */
export interface ConsumerHandler {
  /** The group assigned these partitions. They are paused: `start` begins one. */
  joined(partitions: readonly number[]): void;
  /** The assignment is over (a rebalance began, or the consumer is built anew). */
  left(): void;
  /**
   * @param end where the partition ended when these were fetched
   * @param vacant positions among them (or, without messages, instead of them) at which Kafka holds something that is not for readers
   */
  messages(partition: number, messages: readonly KafkaMessage[], end: number, vacant: readonly PositionRun[]): void;
}

/**
 * One member of a consumer group that watches over itself: kafkajs gives up for good on what it calls not retriable, and can stand still; then a new consumer takes its place.
 * Handlers take everything at once and pause the partition when they have enough, because a handler that waits stops all partitions of a broker.
 */
export class TopicConsumer {
  private consumer: Consumer | undefined;
  private stopped = false;
  private restarts = 0;
  private aliveAt = 0;
  private building: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly started = new Map<number, Place>();
  private readonly stalledMs: number;
  private looking = false;
  /** Ends the wait for a partition that has room. */
  private readonly untilRoom = new Doze();

  constructor(private readonly kafka: Kafka, private readonly options: KafkaEventLogOptions, readonly groupId: string, private readonly handler: ConsumerHandler, private readonly ranges: () => Promise<PartitionRange[]>) {
    this.stalledMs = options.stalledMs ?? STALLED_MS;
    this.track(this.build());
    this.timer = setInterval(() => void this.watch(), this.stalledMs / 6);
    this.timer.unref();
  }

  /** Begins an assigned partition, or moves it. */
  start(partition: number, position: number): void {
    const { topic } = this.options;
    try {
      this.consumer?.seek({ topic, partition, offset: String(position) });
      this.started.set(partition, { next: position, paused: false, behindSince: undefined });
      this.consumer?.resume([{ topic, partitions: [partition] }]);
      this.untilRoom.wake();
    } catch (error) {
      this.options.log.debug({ partition, reason: reasonOf(error) }, 'consumer is not running: the next assignment begins anew');
    }
  }

  pause(partition: number): void {
    const place = this.started.get(partition);
    if (place) place.paused = true;
    try {
      this.consumer?.pause([{ topic: this.options.topic, partitions: [partition] }]);
    } catch {
      // Not running: the next assignment begins paused.
    }
  }

  resume(partition: number): void {
    const place = this.started.get(partition);
    if (!place) return;
    Object.assign(place, { paused: false, behindSince: undefined });
    try {
      this.consumer?.resume([{ topic: this.options.topic, partitions: [partition] }]);
    } catch {
      // Not running: the next assignment begins anew.
    }
    this.untilRoom.wake();
  }

  /** No more of this partition until `start`. */
  end(partition: number): void {
    this.started.delete(partition);
    this.pause(partition);
  }

  /** @throws when the group does not take it */
  async commit(partition: number, position: number): Promise<void> {
    const { consumer } = this;
    if (consumer) await withLimit(consumer.commitOffsets([{ topic: this.options.topic, partition, offset: String(position) }]), this.callMs);
  }

  /** Leaves the group at once instead of after the session timeout. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.untilRoom.wake();
    await this.building;
    await this.drop(this.consumer);
  }

  private async build(): Promise<void> {
    while (!this.stopped) {
      const consumer = this.make();
      this.consumer = consumer;
      this.aliveAt = performance.now();
      try {
        await withLimit(this.begin(consumer), this.callMs + this.rebalanceMs);
        return;
      } catch (error) {
        this.options.log.debug({ groupId: this.groupId, reason: reasonOf(error) }, 'consumer could not be started; it is tried again');
        await this.drop(consumer);
        await this.pauseBeforeRestart();
      }
    }
  }

  private async begin(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [this.options.topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 1, eachBatch: (payload) => this.take(consumer, payload) });
  }

  private get callMs(): number {
    return this.options.callMs ?? CALL_MS;
  }

  private get rebalanceMs(): number {
    return this.options.sessionTimeoutMs + this.options.revokeGraceMs;
  }

  private async take(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    if (consumer === this.consumer && !payload.isStale() && this.started.has(batch.partition)) this.handler.messages(batch.partition, batch.messages, Number(batch.highWatermark), heldBack(batch));
    payload.resolveOffset(batch.lastOffset());
    // With nothing to ask for the client would sleep through its longest wait, whatever has room meanwhile.
    while (consumer === this.consumer && !this.stopped && !payload.isStale() && this.isFull()) {
      await this.untilRoom.for(MAX_FETCH_WAIT_MS);
      await payload.heartbeat();
    }
  }

  /** Nothing is to be fetched: each partition has enough. */
  private isFull(): boolean {
    for (const { paused } of this.started.values()) if (!paused) return false;
    return this.started.size > 0;
  }

  private make(): Consumer {
    const { topic, sessionTimeoutMs } = this.options;
    const consumer = this.kafka.consumer({
      groupId: this.groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: this.rebalanceMs,
      heartbeatInterval: Math.min(HEARTBEAT_MS, sessionTimeoutMs / 3),
      maxBytesPerPartition: PARTITION_BYTES,
      maxBytes: FETCH_BYTES,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      minBytes: 1,
      partitionAssigners: [inTurn],
      retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 8, restartOnFailure: async () => !this.stopped },
    });
    const current = (): boolean => consumer === this.consumer && !this.stopped;
    const { GROUP_JOIN, REBALANCING, CRASH, FETCH, HEARTBEAT, END_BATCH_PROCESS } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (!current()) return;
      this.restarts = 0;
      const partitions = payload.memberAssignment[topic] ?? [];
      this.left();
      consumer.pause([{ topic, partitions }]);
      this.handler.joined([...partitions].sort((left, right) => left - right));
    });
    consumer.on(REBALANCING, () => {
      if (current()) this.left();
    });
    consumer.on(CRASH, ({ payload }) => {
      if (!current()) return;
      this.options.log.warn({ groupId: this.groupId, reason: reasonOf(payload.error), restart: payload.restart }, 'consumer stopped reading; it begins anew by itself');
      this.left();
      if (!payload.restart) this.rebuild();
    });
    const alive = (): void => {
      this.aliveAt = performance.now();
    };
    consumer.on(FETCH, alive);
    consumer.on(HEARTBEAT, alive);
    // Also told of what no handler gets: fetches that hold nothing but marks of transactions, or what was given up.
    consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      const place = current() ? this.started.get(payload.partition) : undefined;
      if (!place) return;
      const next = Number(payload.lastOffset) + 1;
      Object.assign(place, { next, behindSince: undefined });
      const { firstOffset } = payload as { firstOffset: string | null };
      if (payload.batchSize === 0 && firstOffset !== null) this.handler.messages(payload.partition, [], Number(payload.highWatermark), [{ from: Number(firstOffset), to: next }]);
    });
    return consumer;
  }

  private left(): void {
    this.started.clear();
    this.untilRoom.wake();
    this.handler.left();
  }

  private async watch(): Promise<void> {
    if (this.stopped || this.building || this.looking) return;
    this.looking = true;
    const { consumer } = this;
    const silent = performance.now() - this.aliveAt >= this.stalledMs;
    const unread = silent ? undefined : await this.unread();
    this.looking = false;
    if (this.stopped || this.building || consumer !== this.consumer || (!silent && unread === undefined)) return;
    this.options.log.warn({ groupId: this.groupId, forMs: this.stalledMs, partition: unread }, 'consumer stands still; a new one takes its place');
    this.left();
    this.rebuild();
  }

  /** A partition of which nothing came for long although there is more: fetches of other brokers go on while one is stuck. */
  private async unread(): Promise<number | undefined> {
    if (this.started.size === 0) return undefined;
    const ranges = await this.ranges().catch(() => undefined);
    const now = performance.now();
    for (const { partition, next } of ranges ?? []) {
      const place = this.started.get(partition);
      if (!place || place.paused) continue;
      place.behindSince = place.next < next ? (place.behindSince ?? now) : undefined;
      if (place.behindSince !== undefined && now - place.behindSince >= this.stalledMs) return partition;
    }
    return undefined;
  }

  private rebuild(): void {
    if (this.stopped) return;
    const { consumer } = this;
    this.consumer = undefined;
    this.track(
      (this.building ?? Promise.resolve())
        .then(() => this.drop(consumer))
        .then(() => this.pauseBeforeRestart())
        .then(() => this.build()),
    );
  }

  private track(building: Promise<void>): void {
    const done = building.finally(() => {
      if (this.building === done) this.building = undefined;
    });
    this.building = done;
  }

  private async pauseBeforeRestart(): Promise<void> {
    const waitMs = Math.min(LONGEST_RESTART_MS, RESTART_MS * 2 ** this.restarts++);
    for (let waited = 0; waited < waitMs && !this.stopped; waited += 100) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  private async drop(consumer: Consumer | undefined): Promise<void> {
    if (!consumer) return;
    try {
      await within(LONGEST_DROP_MS, consumer.disconnect());
    } catch (error) {
      this.options.log.debug({ groupId: this.groupId, reason: reasonOf(error) }, 'consumer did not disconnect cleanly');
    }
  }
}

/** Partitions in turn over the members sorted by id, as the embedded log shares them. */
const inTurn: PartitionAssigner = ({ cluster }) => ({
  name: 'tidegate-in-turn',
  version: 1,
  protocol: ({ topics }) => ({ name: 'tidegate-in-turn', metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }) }),
  assign: async ({ members, topics }) => {
    const ids = members.map(({ memberId }) => memberId).sort();
    const shares = new Map(ids.map((id) => [id, new Map<string, number[]>()]));
    for (const topic of topics) {
      for (const { partitionId } of cluster.findTopicPartitionMetadata(topic)) {
        const share = shares.get(ids[partitionId % ids.length] ?? '');
        if (share) share.set(topic, [...(share.get(topic) ?? []), partitionId]);
      }
    }
    return ids.map((memberId) => ({ memberId, memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 1, assignment: Object.fromEntries(shares.get(memberId) ?? []), userData: Buffer.alloc(0) }) }));
  },
});
