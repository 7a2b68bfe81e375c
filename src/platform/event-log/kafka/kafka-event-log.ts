import { randomUUID } from 'node:crypto';
import type { Admin, Kafka } from 'kafkajs';
import type { AppendOutcome, EventLog, LogHealth, LogMark, LogRecord, LogRetention, NewRecord, PartitionRange, PartitionReader, PoolHandler, PoolMember, ReadOptions, Recognition } from '../../../contracts/event-log.js';
import { OutOfPatience, withLimit } from '../shared/with-limit.js';
import { within } from '../shared/within.js';
import { CatchUpConsumer } from './catch-up-consumer.js';
import { KafkaAppender } from './kafka-appender.js';
import { CALL_MS, errorType, kafkaClient, reasonOf } from './kafka-client.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { KafkaPoolMember } from './kafka-pool-member.js';
import { connectionFault, ConnectionRefused } from './connection-fault.js';
import { RecordSizes } from './record-sizes.js';
import { ensureTopic, retentionOf, TopicMisfit } from './topic.js';

const FIRST_TRY_MS = 5000;
const RETRY_MS = 5000;
const BETWEEN_TRIES_MS = 200;
const ADMIN_TRIES = 5;
const HEALTH_MS = 1500;
/** A client that does not end is left to itself. */
const CLOSE_MS = 5000;
/** How long one record may take to be read. */
const LOOK_MS = 15_000;

/** The event log on Apache Kafka. See docs/decisions/0007-kafka-event-log.md. */
export class KafkaEventLog implements EventLog {
  private appender: KafkaAppender | undefined;
  private admin: Promise<Admin> | undefined;
  private closing: Promise<void> | undefined;
  private preparing: Promise<void> | undefined;
  private asking: Promise<PartitionRange[]> | undefined;
  /** Why the topic cannot be used; undefined once it is there as the settings say. */
  private notReady: string | undefined = 'Kafka was not reached yet.';
  /** What the last attempt that was not cut short ended with. */
  private lastFault: string | undefined;
  private readonly catchUps = new Map<string, CatchUpConsumer>();
  private readonly members = new Set<KafkaPoolMember>();
  /** Ends the names of readers' groups: two processes that read under one label would share the partitions between them, and each miss some. */
  private readonly processId = randomUUID().slice(0, 8);
  private readonly sizes = new RecordSizes((...args) => this.openReader(...args));
  /** What is not known of the topic's limits. */
  private note: string | undefined;
  private readonly handovers = new Map<string, Map<number, Promise<void>>>();

  constructor(private readonly options: KafkaEventLogOptions, private readonly kafka: Kafka = kafkaClient(options)) {}

  /** Waits a few seconds for the brokers; when none answers it goes on trying by itself. @throws TopicMisfit; ConnectionRefused when the brokers refuse the settings all this time */
  async open(): Promise<void> {
    if (this.appender) return;
    this.appender = new KafkaAppender(this.kafka, this.options, () => this.notReady, () => this.prepareAnew());
    const end = performance.now() + FIRST_TRY_MS;
    let refused: TopicMisfit | ConnectionRefused | undefined;
    while (this.notReady !== undefined && performance.now() < end && !(refused instanceof TopicMisfit)) refused = await this.tryPrepare(end - performance.now(), refused);
    if (this.notReady !== undefined && refused) {
      await this.close();
      throw refused;
    }
    if (this.notReady !== undefined) void this.keepPreparing();
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  async append(records: readonly NewRecord[]): Promise<AppendOutcome[]> {
    if (this.appender) return await this.appender.append(records);
    return records.map(() => ({ type: 'unavailable', code: 'log-closed', reason: 'The event log is not open.', retryAfterMs: 1000 }));
  }

  async ranges(): Promise<PartitionRange[]> {
    const offsets = await this.asked((admin) => admin.fetchTopicOffsets(this.options.topic));
    return offsets.map(({ partition, low, high }) => ({ partition, first: Number(low), next: Number(high) })).sort((left, right) => left.partition - right.partition);
  }

  /** kafkajs does not tell the id that Kafka gave the topic when it was made: a topic made again under its name has the same name here, and marks tell it apart. */
  async identity(): Promise<string> {
    const { clusterId } = await this.asked((admin) => admin.describeCluster());
    return `kafka:${clusterId}/${this.options.topic}`;
  }

  /**
   * Where times never fall (LogAppendTime) two questions to the broker tell which record was the first of that millisecond and which the first after it. Where producers give the times that is
   * no proof, so what does not fit is read.
   */
  async recognise(partition: number, mark: LogMark): Promise<Recognition> {
    const { offset, timestamp } = mark;
    // Asked now: an answer from before the record was stored would say that the log ends there.
    const range = (await this.ranges()).find((found) => found.partition === partition);
    if (!range || offset >= range.next) return 'other';
    if (offset < range.first) return 'gone';
    const [from, after] = [await this.positionAt(partition, timestamp), await this.positionAt(partition, timestamp + 1)];
    if (from <= offset && offset < after) return 'same';
    return (await this.recordAt(partition, offset))?.timestamp === timestamp ? 'same' : 'other';
  }

  async markBefore(partition: number, position: number): Promise<LogMark | undefined> {
    const offset = position - 1;
    const range = (await this.sharedRanges()).find((found) => found.partition === partition);
    if (!range || offset < range.first || offset >= range.next) return undefined;
    const record = await this.recordAt(partition, offset);
    return record && { offset, timestamp: record.timestamp };
  }

  /** The record at the offset; undefined when there is none, but later ones are. @throws when nothing comes */
  private async recordAt(partition: number, offset: number): Promise<LogRecord | undefined> {
    const reader = await this.openReader(partition, offset, 'look', { maxRecords: 1, maxWaitMs: 500 });
    try {
      for (const end = performance.now() + LOOK_MS; performance.now() < end; ) {
        const [record] = (await reader.next()).records;
        if (record) return record.offset === offset ? record : undefined;
        // What was the end may be a mark of Kafka's own (of a transaction), which no reader gets.
        if (offset + 1 >= ((await this.sharedRanges()).find((found) => found.partition === partition)?.next ?? 0) && performance.now() > end - LOOK_MS / 2) return undefined;
      }
    } finally {
      await reader.close();
    }
    throw new Error(`record ${offset} of partition ${partition} was not read within ${LOOK_MS / 1000} s`);
  }

  async positionAt(partition: number, timeMs: number): Promise<number> {
    const offsets = await this.asked((admin) => admin.fetchTopicOffsetsByTimestamp(this.options.topic, Math.max(0, Math.ceil(timeMs))));
    const found = offsets.find((entry) => entry.partition === partition);
    if (!found) throw new RangeError(`Topic ${this.options.topic} has no partition ${partition}.`);
    return Number(found.offset);
  }

  /** The topic's own, which others may have set. How many bytes a partition has the brokers tell, but kafkajs does not ask: it is reckoned from samples. */
  async retention(): Promise<LogRetention> {
    const { ageMs, partitionBytes, compression } = await this.asked((admin) => retentionOf(admin, this.options.topic));
    if (partitionBytes === null) {
      this.note = undefined;
      return { ageMs, bytes: null };
    }
    const ranges = await this.sharedRanges();
    const recordBytes = await this.sizes.of(ranges, (compression === 'producer' ? this.options.compression : compression) === 'gzip');
    const unknown = ranges.filter(({ partition, first, next }) => next > first && !recordBytes.has(partition)).map(({ partition }) => partition);
    this.note = `Topic ${this.options.topic} has retention.bytes=${partitionBytes}; ${unknown.length === 0 ? 'how near its partitions are to it is reckoned from samples of their records' : `how near partitions ${unknown.join(', ')} are to it is not known, so nobody is warned of what goes for that`}.`;
    return { ageMs, bytes: null, perPartition: { bytes: partitionBytes, recordBytes } };
  }

  async openReader(partition: number, from: number, label: string, options?: ReadOptions): Promise<PartitionReader> {
    this.use();
    let groupId = `tidegate.${label}.${this.processId}`;
    let consumer = this.catchUps.get(groupId);
    if (consumer?.has(partition)) {
      groupId = `${groupId}.${randomUUID().slice(0, 8)}`;
      consumer = undefined;
    }
    if (!consumer) {
      const made = new CatchUpConsumer(groupId, {
        kafka: this.kafka,
        options: this.options,
        ranges: () => this.sharedRanges(),
        idle: (idle) => {
          if (this.catchUps.get(groupId) === idle) this.catchUps.delete(groupId);
        },
      });
      this.catchUps.set(groupId, made);
      consumer = made;
    }
    return consumer.open(partition, from, options ?? {});
  }

  async join(pool: string, handler: PoolHandler, options?: ReadOptions): Promise<PoolMember> {
    this.use();
    const handovers = this.handovers.get(pool) ?? new Map<number, Promise<void>>();
    this.handovers.set(pool, handovers);
    const member = new KafkaPoolMember(pool, handler, options, { kafka: this.kafka, options: this.options, ranges: () => this.sharedRanges(), handovers, left: (gone) => this.members.delete(gone) });
    this.members.add(member);
    return member;
  }

  async health(): Promise<LogHealth> {
    if (!this.appender || this.closing) return { ok: false, reason: 'The event log is not open.' };
    if (this.notReady !== undefined) return { ok: false, reason: this.notReady };
    if (this.appender.trouble !== undefined) return { ok: false, reason: this.appender.trouble };
    try {
      await withLimit(this.ranges(), HEALTH_MS);
      return { ok: true, ...(this.note === undefined ? {} : { note: this.note }) };
    } catch (error) {
      return { ok: false, reason: `Kafka (${this.options.brokers.join(', ')}) does not answer for topic ${this.options.topic}: ${connectionFault(error, this.options)?.sentence ?? reasonOf(error)}.` };
    }
  }

  /** One question for all that want to know at the same time; may be as old as the question. */
  private sharedRanges(): Promise<PartitionRange[]> {
    this.asking ??= this.ranges().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private use(): void {
    if (!this.appender || this.closing) throw new Error('The event log is not open.');
  }

  private async shut(): Promise<void> {
    if (!this.appender) return;
    await Promise.all([...this.members].map((member) => member.leave()));
    await Promise.all([this.appender.close(), ...[...this.catchUps.values()].map((consumer) => consumer.close())]);
    await within(CLOSE_MS, (this.admin ?? Promise.resolve(undefined)).then((admin) => admin?.disconnect())).catch(() => undefined);
  }

  /** Looks whether the topic is there, for at most so long; why not, when that is a matter of settings. An attempt that is cut short keeps what the last one said. */
  private async tryPrepare(patienceMs: number, before?: TopicMisfit | ConnectionRefused): Promise<TopicMisfit | ConnectionRefused | undefined> {
    this.preparing ??= this.withAdmin((admin) => ensureTopic(admin, this.options)).finally(() => {
      this.preparing = undefined;
    });
    try {
      await withLimit(this.preparing, Math.max(1, patienceMs));
      this.notReady = undefined;
      return undefined;
    } catch (error) {
      if (error instanceof TopicMisfit) {
        this.notReady = error.message;
        return error;
      }
      if (error instanceof OutOfPatience) {
        this.notReady = this.lastFault ?? `Kafka (${this.options.brokers.join(', ')}) is not reached: ${error.message}.`;
        return before;
      }
      const fault = connectionFault(error, this.options);
      this.notReady = this.lastFault = `Kafka (${this.options.brokers.join(', ')}) is not reached: ${fault?.sentence ?? reasonOf(error)}.`;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
      return fault?.settings === true ? new ConnectionRefused(this.notReady) : undefined;
    }
  }

  /** Somebody deleted the topic: it is made again, as at the start. */
  private prepareAnew(): void {
    if (this.notReady !== undefined || this.closing) return;
    this.notReady = `Topic ${this.options.topic} is not known to Kafka (${this.options.brokers.join(', ')}).`;
    void this.keepPreparing();
  }

  private async keepPreparing(): Promise<void> {
    this.options.log.warn({ brokers: this.options.brokers, topic: this.options.topic, reason: this.notReady }, 'Kafka is not ready yet; tried again until it is');
    while (!this.closing && this.notReady !== undefined) {
      const refused = await this.tryPrepare(RETRY_MS);
      if (!refused) continue;
      this.options.log.error({ topic: this.options.topic, reason: refused.message }, 'Kafka cannot be used; producers are refused until it is mended');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
    if (!this.closing) this.options.log.info({ topic: this.options.topic }, 'Kafka is ready');
  }

  /** A question that may be repeated: a topic that was just made, or a leader that just moved, is known a moment later. */
  private async asked<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.withAdmin(work);
      } catch (error) {
        if (tries >= ADMIN_TRIES || this.closing || !MOVING.has(errorType(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
      }
    }
  }

  /** One connected admin client; a new one after an error, because kafkajs keeps what it believes of a cluster. */
  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= this.connectAdmin();
    const current = this.admin;
    try {
      return await withLimit(current.then(work), this.options.callMs ?? CALL_MS);
    } catch (error) {
      if (this.admin === current) {
        this.admin = undefined;
        void current.then((admin) => admin.disconnect()).catch(() => undefined);
      }
      throw error;
    }
  }

  private async connectAdmin(): Promise<Admin> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
    } catch (error) {
      void admin.disconnect().catch(() => undefined);
      throw error;
    }
    return admin;
  }
}

/** Errors that pass by themselves, by the broker's names. */
const MOVING = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'OFFSET_NOT_AVAILABLE']);
