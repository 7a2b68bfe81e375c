import type { Clock } from '../../../contracts/clock.js';
import type { AppendOutcome, EventLog, LogHealth, LogMark, LogRetention, NewRecord, PartitionRange, PartitionReader, PoolHandler, PoolMember, ReadOptions, Recognition } from '../../../contracts/event-log.js';
import type { Log } from '../../../contracts/log.js';
import type { ProducerKeys } from '../../../contracts/producer-keys.js';
import { Appender } from './appender.js';
import { BatchStore } from './batch-store.js';
import { EmbeddedProducerKeys } from './embedded-producer-keys.js';
import { EmbeddedReader } from './embedded-reader.js';
import { LogEnvironment } from './environment.js';
import { Pool } from './pool.js';
import { PoolLease } from './pool-lease.js';
import { positionAt } from './position-search.js';
import { Retention } from './retention.js';
import { Tail } from './tail.js';

export interface EmbeddedEventLogOptions {
  /** Made when missing, mode 0700. One local disk; several processes may open it. */
  directory: string;
  /** Fixed once the log exists. */
  partitions: number;
  retentionMs: number;
  /** Beyond this many stored bytes the oldest batches go. */
  retentionBytes: number;
  /** Beyond this many stored bytes appends are refused. */
  fullBytes: number;
  minFreeDiskBytes: number;
  /** How often retention and the ageing of producer keys run. */
  retentionIntervalMs: number;
  /** How long producer keys are remembered. */
  producerKeyMs: number;
  /** How long a process that stopped answering keeps a pool's partitions. */
  poolLeaseMs: number;
  /** How long a member may take to give its partitions back. */
  revokeGraceMs: number;
  clock: Clock;
  log: Log;
}

/** More damaged batches than this are not listed: the disk is lost. */
const DAMAGE_SHOWN = 1000;

interface OpenLog {
  environment: LogEnvironment;
  stores: BatchStore[];
  tail: Tail;
  appender: Appender;
  retention: Retention;
  producerKeys: EmbeddedProducerKeys;
  timer: NodeJS.Timeout;
}

/** The event log on the machine's own disk, over LMDB. See docs/decisions/0002-embedded-event-log.md. */
export class EmbeddedEventLog implements EventLog {
  private opened: OpenLog | undefined;
  private closing: Promise<void> | undefined;
  private readonly readers = new Set<EmbeddedReader>();
  private readonly pools = new Map<string, Pool>();
  /** Damaged batches that were met, `partition.offset` -> records: each is reported once. */
  private readonly damaged = new Map<string, number>();

  constructor(private readonly options: EmbeddedEventLogOptions) {}

  /** What producers sent, in the same environment. Usable while the log is open. */
  get producerKeys(): ProducerKeys {
    return this.use().producerKeys;
  }

  /** Forgets the producer keys that aged out now instead of at the next interval. */
  async sweepProducerKeys(): Promise<void> {
    await this.use().producerKeys.sweep();
  }

  async open(): Promise<void> {
    if (this.opened) return;
    const { directory, partitions, fullBytes, clock, log, retentionIntervalMs } = this.options;
    const environment = LogEnvironment.open({ directory, partitions, fullBytes });
    const stores = Array.from({ length: partitions }, (_, partition) => new BatchStore(environment, partition));
    const tail = new Tail(environment);
    const retention = new Retention(environment, stores, this.options);
    const appender = new Appender(
      environment,
      this.options,
      (grown) => tail.appended(grown),
      () => void retention.run(),
    );
    const producerKeys = new EmbeddedProducerKeys(environment, this.options.producerKeyMs, clock, log);
    const timer = setInterval(() => {
      void retention.run();
      void producerKeys.sweep();
    }, retentionIntervalMs);
    timer.unref();
    this.opened = { environment, stores, tail, appender, retention, producerKeys, timer };
    this.closing = undefined;
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  async append(records: readonly NewRecord[]): Promise<AppendOutcome[]> {
    const appender = this.closing ? undefined : this.opened?.appender;
    if (appender) return await appender.append(records);
    return records.map(() => ({ type: 'unavailable', code: 'log-closed', reason: 'The event log is not open.', retryAfterMs: 1000 }));
  }

  async ranges(): Promise<PartitionRange[]> {
    const { environment } = this.use();
    await environment.ready();
    environment.refresh();
    return environment.readState().map(({ first, next, bytes }, partition) => ({ partition, first, next, bytes }));
  }

  async identity(): Promise<string> {
    const { environment } = this.use();
    await environment.ready();
    return `embedded:${environment.readIdentity()}`;
  }

  async recognise(partition: number, { offset, timestamp }: LogMark): Promise<Recognition> {
    const { first, next } = await this.range(partition);
    if (offset >= next) return 'other';
    if (offset < first) return 'gone';
    const found = this.use().stores[partition]?.timestampOf(offset);
    // A damaged batch tells nothing.
    return found === undefined ? 'gone' : found === timestamp ? 'same' : 'other';
  }

  async markBefore(partition: number, position: number): Promise<LogMark | undefined> {
    const { first, next } = await this.range(partition);
    const offset = position - 1;
    const timestamp = offset < first || offset >= next ? undefined : this.use().stores[partition]?.timestampOf(offset);
    return timestamp === undefined ? undefined : { offset, timestamp };
  }

  async positionAt(partition: number, timeMs: number): Promise<number> {
    const { environment, stores } = this.use();
    await environment.ready();
    environment.refresh();
    const state = environment.readState()[partition];
    const store = stores[partition];
    if (!state || !store) throw new RangeError(`The event log has no partition ${partition}.`);
    return positionAt(store, state, timeMs);
  }

  retention(): Promise<LogRetention> {
    return Promise.resolve({ ageMs: this.options.retentionMs, bytes: this.options.retentionBytes });
  }

  async openReader(partition: number, from: number, _label: string, options?: ReadOptions): Promise<PartitionReader> {
    return this.reader(partition, from, options);
  }

  async join(pool: string, handler: PoolHandler, options?: ReadOptions): Promise<PoolMember> {
    const { environment } = this.use();
    await environment.ready();
    let joined = this.pools.get(pool);
    if (!joined) {
      const { partitions, poolLeaseMs: leaseMs, revokeGraceMs: graceMs, clock, log } = this.options;
      joined = new Pool(pool, {
        partitions,
        leaseMs,
        graceMs,
        log,
        lease: new PoolLease(environment, pool, leaseMs, clock),
        range: (partition) => this.range(partition),
        openReader: (partition, from, readOptions) => this.reader(partition, from, readOptions),
      });
      this.pools.set(pool, joined);
    }
    return joined.join(handler, options);
  }

  async health(): Promise<LogHealth> {
    if (!this.opened || this.closing) return { ok: false, reason: 'The event log is not open.' };
    const reason = await this.opened.appender.trouble();
    if (reason) return { ok: false, reason };
    const damagedRecords = [...this.damaged.values()].reduce((sum, records) => sum + records, 0);
    if (damagedRecords > 0) return { ok: false, reason: `${damagedRecords} stored events could not be read and were left out since the start; see the log for their positions.` };
    return { ok: true };
  }

  private async shut(): Promise<void> {
    const { opened } = this;
    if (!opened) return;
    clearInterval(opened.timer);
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
    await opened.appender.close();
    await Promise.all([...this.readers].map((reader) => reader.close()));
    opened.tail.close();
    await Promise.all([opened.retention.stop(), opened.producerKeys.stop()]);
    this.pools.clear();
    this.opened = undefined;
    await opened.environment.close();
  }

  private use(): OpenLog {
    if (!this.opened || this.closing) throw new Error('The event log is not open.');
    return this.opened;
  }

  private async range(partition: number): Promise<PartitionRange> {
    const { environment } = this.use();
    await environment.ready();
    environment.refresh();
    const { first, next, bytes } = environment.readState()[partition] ?? { first: 0, next: 0, bytes: 0 };
    return { partition, first, next, bytes };
  }

  private reader(partition: number, from: number, options: ReadOptions | undefined): EmbeddedReader {
    const { environment, stores, tail } = this.use();
    const batches = stores[partition];
    if (!batches) throw new RangeError(`The event log has no partition ${partition}.`);
    const reader = new EmbeddedReader(partition, from, options ?? {}, {
      environment,
      batches,
      tail,
      damaged: (number, start, end) => this.reportDamage(number, start, end),
      closed: (closed) => this.readers.delete(closed),
    });
    this.readers.add(reader);
    return reader;
  }

  private reportDamage(partition: number, from: number, to: number): void {
    const batch = `${partition}.${from}`;
    if (this.damaged.has(batch) || this.damaged.size >= DAMAGE_SHOWN) return;
    this.damaged.set(batch, to - from);
    this.options.log.error({ partition, from, to, records: to - from, directory: this.options.directory }, 'event log: a stored batch is damaged; its events are left out and have to be sent again by their producers');
  }
}
