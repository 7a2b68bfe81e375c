import kafkajs, { type CompressionTypes as CompressionType, type Kafka, type Message, type Producer } from 'kafkajs';
import type { AppendOutcome, NewRecord } from '../../../contracts/event-log.js';
import { OutOfPatience, withLimit } from '../shared/with-limit.js';
import { within } from '../shared/within.js';
import { partitionOf } from '../shared/partitioner.js';
import { connectionFault } from './connection-fault.js';
import { sealedGzip } from './gzip-codec.js';
import { CALL_MS, errorType, isRetriable, reasonOf } from './kafka-client.js';
import type { KafkaEventLogOptions } from './kafka-options.js';
import { messagesOf, sealedBatch } from './record-seal.js';

// A CommonJS package: Node finds not all of its names as exports.
const { CompressionTypes } = kafkajs;

const BATCH_RECORDS = 500;
const BATCH_BYTES = 524_288;
const WAITING_BYTES = 67_108_864;
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** While sends fail, a new record waits no longer than this. */
const FAILING_WAIT_MS = 1000;
const RETRY_AFTER_MS = 5000;
/** A producer that does not end is left to itself. */
const DROP_MS = 5000;

type Unavailable = Extract<AppendOutcome, { type: 'unavailable' }>;

interface Entry {
  record: NewRecord;
  bytes: number;
  /** performance.now() at which it is given up. */
  until: number;
  answer: (outcome: AppendOutcome) => void;
}

/**
 * Producer by the rules that kafkajs 2.2.4 needs to lose nothing: acks=all, idempotence off, and **one partition a send** (with several, a send succeeds although the records of a
 * partition whose leader moved were never sent; kafkajs issue 1303). One open send a partition keeps its order. A send that failed is repeated in place, so that nothing behind it overtakes;
 * a broker that died before it answered may have stored it: such a record comes twice, with the same event id.
 */
export class KafkaAppender {
  private producer: Producer | undefined;
  private connecting: Promise<Producer> | undefined;
  private readonly lanes: { entries: Entry[]; running: Promise<void>; busy: boolean }[];
  private waitingBytes = 0;
  private closed = false;
  private failures = 0;
  private lastReason: string | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly options: KafkaEventLogOptions,
    /** Why nothing may be sent at all, for example while the topic does not fit. */
    private readonly barred: () => string | undefined,
    /** Called when the brokers say that they do not know the topic. */
    private readonly topicUnknown: () => void,
  ) {
    this.lanes = Array.from({ length: options.partitions }, () => ({ entries: [], running: Promise.resolve(), busy: false }));
  }

  /** Why sends fail at the moment, or undefined. */
  get trouble(): string | undefined {
    return this.failures > 0 ? this.lastReason : undefined;
  }

  append(records: readonly NewRecord[]): Promise<AppendOutcome[]> {
    const refused = this.refusal();
    if (refused) return Promise.resolve(records.map(() => refused));
    const until = performance.now() + (this.failures > 1 ? Math.min(FAILING_WAIT_MS, this.options.appendTimeoutMs) : this.options.appendTimeoutMs);
    return Promise.all(records.map((record) => this.queue(record, until)));
  }

  /** Ends when every open record is answered. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.lanes.map((lane) => lane.running));
    const producer = this.producer ?? (await this.connecting?.catch(() => undefined));
    this.producer = undefined;
    if (producer) await this.drop(producer);
  }

  private refusal(): Unavailable | undefined {
    if (this.closed) return unavailable('log-closed', 'The event log is closed: the service stops.');
    const barred = this.barred();
    if (barred !== undefined) return unavailable('log-unreachable', barred);
    if (this.waitingBytes > WAITING_BYTES) return unavailable('log-unreachable', `More than ${WAITING_BYTES / 1_048_576} MiB wait for Kafka.`);
    return undefined;
  }

  private queue(record: NewRecord, until: number): Promise<AppendOutcome> {
    const partition = partitionOf(record.key, this.options.partitions);
    const lane = this.lanes[partition];
    if (!lane) throw new RangeError(`The topic has no partition ${partition}.`);
    return new Promise((answer) => {
      const bytes = record.value.length + record.key.length + 100;
      this.waitingBytes += bytes;
      lane.entries.push({ record, bytes, until, answer });
      // Records of one call gather before the first send.
      if (!lane.busy) {
        lane.busy = true;
        lane.running = Promise.resolve().then(() => this.run(partition, lane));
      }
    });
  }

  private async run(partition: number, lane: { entries: Entry[]; busy: boolean }): Promise<void> {
    let pauseMs = PAUSE_MS;
    while (lane.entries.length > 0) {
      const batch = nextBatch(lane.entries);
      const failure = await this.send(partition, batch);
      if (failure === undefined) {
        lane.entries.splice(0, batch.length);
        pauseMs = PAUSE_MS;
        continue;
      }
      const expired = this.closed ? lane.entries.length : expiredCount(lane.entries);
      if (expired > 0) this.give(lane.entries.splice(0, expired), failure);
      if (lane.entries.length > 0) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      }
    }
    lane.busy = false;
  }

  /** Sends and answers; undefined when it is done, else why the batch has to be sent again. */
  private async send(partition: number, batch: Entry[]): Promise<string | undefined> {
    let producer: Producer | undefined;
    try {
      producer = await this.connected();
      const sending = producer.send({
        topic: this.options.topic,
        acks: -1,
        ...this.sealed(batch.map(({ record }) => record), partition),
      });
      const [sent] = await withLimit(sending, this.callMs);
      const base = Number(sent?.baseOffset ?? sent?.offset);
      batch.forEach(({ bytes, answer }, index) => {
        this.waitingBytes -= bytes;
        answer({ type: 'appended', partition, offset: base + index });
      });
      if (this.failures > 0) this.options.log.info({ topic: this.options.topic, partition, failures: this.failures }, 'Kafka takes events again');
      this.failures = 0;
      return undefined;
    } catch (error) {
      return await this.failed(partition, batch, error, producer);
    }
  }

  /** What is packed bears its seal outside of what is packed. */
  private sealed(records: readonly NewRecord[], partition: number): { compression: CompressionType; messages: Message[] } {
    const { compression, signingKeys } = this.options;
    const [key] = signingKeys;
    if (!key) throw new RangeError('no key signs the records');
    const inGzip = compression === 'gzip';
    const messages = inGzip ? messagesOf(records) : sealedBatch(records, signingKeys);
    return { compression: inGzip ? sealedGzip(key) : CompressionTypes.None, messages: messages.map((message) => ({ ...message, partition })) };
  }

  private async failed(partition: number, batch: Entry[], error: unknown, producer: Producer | undefined): Promise<string | undefined> {
    const type = errorType(error);
    const reason = `Kafka did not take the events: ${connectionFault(error, this.options)?.sentence ?? reasonOf(error)}.`;
    if (TOO_LARGE.has(type)) {
      if (batch.length > 1) return await this.sendHalves(partition, batch);
      this.give(batch, `Topic ${this.options.topic} does not take this event: ${type} (see max.message.bytes).`);
      return undefined;
    }
    this.failures++;
    this.lastReason = reason;
    if (this.failures === 1) this.options.log.warn({ topic: this.options.topic, partition, type, reason }, 'Kafka did not take events; they are sent again');
    // Once may be a broker that has just started.
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' && this.failures > 1) this.topicUnknown();
    // kafkajs keeps what it wrongly believes of a topic as long as the producer lives (issue 1146).
    if (producer && producer === this.producer && (error instanceof OutOfPatience || !isRetriable(error) || type === 'UNKNOWN_TOPIC_OR_PARTITION' || this.failures % 3 === 0)) {
      this.producer = undefined;
      await this.drop(producer);
    }
    return reason;
  }

  private async sendHalves(partition: number, batch: Entry[]): Promise<string | undefined> {
    const middle = Math.ceil(batch.length / 2);
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (;;) {
        const failure = await this.send(partition, half);
        if (failure === undefined) break;
        if (this.closed || expiredCount(half) > 0) {
          this.give(half, failure);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
    return undefined;
  }

  private give(entries: readonly Entry[], reason: string): void {
    const outcome = unavailable('log-unreachable', reason);
    for (const { bytes, answer } of entries) {
      this.waitingBytes -= bytes;
      answer(outcome);
    }
  }

  private async connected(): Promise<Producer> {
    if (this.producer) return this.producer;
    this.connecting ??= this.connect().finally(() => {
      this.connecting = undefined;
    });
    return await this.connecting;
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({ allowAutoTopicCreation: false, idempotent: false, maxInFlightRequests: undefined, metadataMaxAge: 60_000 });
    try {
      await withLimit(producer.connect(), this.callMs);
    } catch (error) {
      await this.drop(producer);
      throw error;
    }
    this.producer = producer;
    return producer;
  }

  private async drop(producer: Producer): Promise<void> {
    await within(DROP_MS, producer.disconnect()).catch(() => undefined);
  }

  private get callMs(): number {
    return this.options.callMs ?? CALL_MS;
  }
}

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

function nextBatch(entries: readonly Entry[]): Entry[] {
  const batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length === BATCH_RECORDS || (batch.length > 0 && bytes + entry.bytes > BATCH_BYTES)) break;
    batch.push(entry);
    bytes += entry.bytes;
  }
  return batch;
}

/** How many from the front have waited long enough. */
function expiredCount(entries: readonly Entry[]): number {
  const now = performance.now();
  let count = 0;
  while (count < entries.length && (entries[count]?.until ?? 0) <= now) count++;
  return count;
}

function unavailable(code: Unavailable['code'], reason: string): Unavailable {
  return { type: 'unavailable', code, reason, retryAfterMs: RETRY_AFTER_MS };
}
