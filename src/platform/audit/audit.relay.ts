import { Inject, Injectable, Optional, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Model, mongo } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_SINK } from '../../contracts/event-sink.js';
import type { EventSink, SinkOutcome } from '../../contracts/event-sink.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { sequenceOf } from '../../model/audit-event.js';
import { DocumentStore } from '../documents/document-store.js';
import { Leases, type Lease } from '../jobs/leases.js';
import type { MayHaveAuditOutbox } from './audit-outbox.js';
import type { AuditRecord } from './audit-record.js';
import { auditRecordSchema, toDocument, toRecord, type AuditRecordDocument } from './audit-record.schema.js';

export interface WatchOptions {
  /** Documents with `deletedAt` set are removed once their outbox is empty and the grace time (`audit.removedGraceHours`) is over. */
  removeWhenEmpty?: boolean;
}

/** What one pass did. `busy`: another replica exports; `retry`: the event log cannot take more now. */
export interface RelayPass {
  moved: number;
  exported: number;
  refused: number;
  ended: 'nothing-waits' | 'busy' | 'retry' | 'no-sink' | 'lease-lost' | 'stopping';
}

const LEASE_NAME = 'audit-relay';
/** Also how long records wait after the process that exported was killed. */
const LEASE_MS = 5000;
const STOP_GRACE_MS = 5000;

/**
 * Brings every act to the event log: outbox entries of watched collections -> audit_records -> event log (under the record's id, in order) -> marked.
 * Each step may be repeated after a crash and is harmless then; none can be forgotten, for the mark of a step is stored after it.
 */
@Injectable()
export class AuditRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly records: Model<AuditRecordDocument>;
  private readonly watched = new Map<string, { model: Model<unknown>; removeWhenEmpty: boolean }>();
  private readonly log: Log;
  private sink: EventSink | undefined;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private started = false;
  private stopping = false;
  /** Reason of the present trouble, so that it is logged once and not each second. */
  private trouble: string | undefined;
  private unmovableTold = 0;
  private readonly tellers: Array<() => void> = [];

  constructor(
    store: DocumentStore,
    private readonly leases: Leases,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'audit'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
    @Optional() private readonly modules?: ModuleRef,
  ) {
    this.records = store.model<AuditRecordDocument>('audit-record', auditRecordSchema);
    this.log = log.child('audit-relay');
  }

  /** Registers a collection whose schema has `auditOutboxField`; called in the constructor of the service that owns it. */
  watch<T extends MayHaveAuditOutbox>(model: Model<T>, options: WatchOptions = {}): void {
    this.watched.set(model.modelName, { model: model as unknown as Model<unknown>, removeWhenEmpty: options.removeWhenEmpty ?? false });
  }

  /** Where events go; found by its token at the start of the application, given by hand elsewhere. Without one records are kept and wait. */
  useSink(sink: EventSink): void {
    this.sink = sink;
  }

  /** Called when records with a notification are among what was kept in this process: a hint to look for them at once. */
  onNotifications(listener: () => void): void {
    this.tellers.push(listener);
  }

  /** Collections whose removed documents the janitor takes away. */
  removable(): Array<Model<unknown>> {
    return [...this.watched.values()].filter(({ removeWhenEmpty }) => removeWhenEmpty).map(({ model }) => model);
  }

  onApplicationBootstrap(): void {
    this.sink ??= this.findSink();
    if (!this.sink) this.log.info({}, 'no event sink in this process: audit records are kept and wait for a process that has one');
    this.start();
  }

  /** Begins to look for waiting records, now and at each interval. */
  start(): void {
    this.started = true;
    this.wake();
  }

  /** Ends after the step that runs, waited for at most 5 s; what is left waits in its documents. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    if (!this.running) return;
    let grace: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (grace = setTimeout(resolve, STOP_GRACE_MS)));
    await Promise.race([this.running, late]);
    clearTimeout(grace);
  }

  /** An act was stored in this process: relay it at once. Never throws, never waits. */
  wake(): void {
    if (!this.started || this.stopping) return;
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.running = this.loop().finally(() => {
      this.running = undefined;
      if (this.stopping) return;
      if (this.again) return this.wake();
      this.timer = setTimeout(() => this.wake(), this.settings.audit.relayIntervalMs);
      this.timer.unref();
    });
  }

  /** One pass over all that waits now. @throws when documents cannot be read or written, or the sink throws; then nothing is lost. */
  async pass(): Promise<RelayPass> {
    const result: RelayPass = { moved: 0, exported: 0, refused: 0, ended: 'nothing-waits' };
    const unmovable: unknown[] = [];
    for (const { model } of this.watched.values()) result.moved += await this.moveOutboxes(model, unmovable);
    this.tellUnmovable(unmovable);
    if (!this.sink) return { ...result, ended: 'no-sink' };
    if (!(await this.records.exists(WAITING))) return result;
    // Order, not safety: two replicas that export at once would repeat events under the same ids.
    const lease = await this.leases.claim(LEASE_NAME, LEASE_MS);
    if (!lease) return { ...result, ended: 'busy' };
    try {
      return await this.exportWaiting(this.sink, lease, result);
    } finally {
      await lease.release();
    }
  }

  private async loop(): Promise<void> {
    do {
      this.again = false;
      try {
        const { ended } = await this.pass();
        if (ended !== 'retry') this.recovered();
      } catch (error) {
        this.troubled(error instanceof Error ? error.message : String(error));
        return;
      }
    } while (this.again && !this.stopping);
  }

  /** Insert first, then pull: an entry is never in neither place. */
  private async moveOutboxes(model: Model<unknown>, unmovable: unknown[]): Promise<number> {
    let moved = 0;
    // One document that cannot be moved holds back no other.
    const skipped: unknown[] = [];
    while (!this.stopping && skipped.length < this.settings.audit.relayBatchRecords) {
      const documents = await model.collection
        .find({ ...OUTBOX_NOT_EMPTY, _id: { $nin: skipped as never[] } }, { projection: { auditOutbox: 1 }, sort: { 'auditOutbox.id': 1 }, limit: this.settings.audit.relayBatchRecords })
        .toArray();
      if (documents.length === 0) return moved;
      try {
        moved += await this.moveTogether(model, documents);
      } catch (error) {
        if (!isRefusalOfData(error)) throw error;
        // One of them cannot be moved: each by itself, so that it is found and holds back no other.
        for (const document of documents) {
          try {
            moved += await this.moveTogether(model, [document]);
          } catch (refusal) {
            if (!isRefusalOfData(refusal)) throw refusal;
            skipped.push(document._id);
            unmovable.push(refusal);
          }
        }
      }
    }
    return moved;
  }

  /** Two durable writes for all of them, whatever their number. @throws when one cannot be kept; then none is taken out of its document */
  private async moveTogether(model: Model<unknown>, documents: readonly mongo.WithId<mongo.Document>[]): Promise<number> {
    const outboxes = documents.map((document) => ({ _id: document._id, entries: document['auditOutbox'] as AuditRecord[] }));
    await this.keep(outboxes.flatMap(({ entries }) => entries));
    const pulls = outboxes.map(({ _id, entries }): mongo.AnyBulkWriteOperation => ({ updateOne: { filter: { _id }, update: { $pull: { auditOutbox: { id: { $in: entries.map(({ id }) => id) } } } as never } } }));
    await model.collection.bulkWrite(pulls, { ordered: false });
    return outboxes.reduce((sum, { entries }) => sum + entries.length, 0);
  }

  /** Stores records unless they are there already. Durable when it answers. */
  async keep(records: readonly AuditRecord[]): Promise<void> {
    const recordedAt = new Date(this.clock.now());
    const writes = records.map((record): mongo.AnyBulkWriteOperation => {
      const { _id, ...fields } = toDocument(record, recordedAt);
      return { updateOne: { filter: { _id } as unknown as mongo.Filter<mongo.Document>, update: { $setOnInsert: fields }, upsert: true } };
    });
    await this.records.collection.bulkWrite(writes, { ordered: false });
    if (records.some(({ notification }) => notification !== undefined)) for (const tell of this.tellers) tell();
  }

  private async exportWaiting(sink: EventSink, lease: Lease, result: RelayPass): Promise<RelayPass> {
    for (;;) {
      const waiting = await this.records.find(WAITING).sort({ occurredAt: 1, _id: 1 }).limit(this.settings.audit.relayBatchRecords).lean<AuditRecordDocument[]>();
      if (waiting.length === 0) return { ...result, ended: 'nothing-waits' };
      for (const wave of wavesOf(waiting)) {
        if (this.stopping) return { ...result, ended: 'stopping' };
        if (!(await lease.renew())) return { ...result, ended: 'lease-lost' };
        const outcomes = await sink.publish(wave.map(toRecord));
        const held = await this.mark(wave, outcomes, result);
        if (held !== undefined) {
          this.troubled(held);
          return { ...result, ended: 'retry' };
        }
      }
    }
  }

  /** Stores what became of each; answers the reason of the first that has to wait. */
  private async mark(wave: readonly AuditRecordDocument[], outcomes: readonly SinkOutcome[], result: RelayPass): Promise<string | undefined> {
    if (outcomes.length !== wave.length) throw new Error(`the event sink answered ${outcomes.length} outcomes for ${wave.length} events`);
    const at = new Date(this.clock.now());
    const writes: mongo.AnyBulkWriteOperation[] = [];
    let held: string | undefined;
    wave.forEach((record, index) => {
      const outcome = outcomes[index] as SinkOutcome;
      const filter = { _id: record._id } as unknown as mongo.Filter<mongo.Document>;
      switch (outcome.type) {
        case 'accepted':
          result.exported += 1;
          writes.push({ updateOne: { filter, update: { $set: { exportedAt: at, sequence: sequenceOf(outcome.partition, outcome.offset) } } } });
          return;
        case 'refused':
          result.refused += 1;
          writes.push({ updateOne: { filter, update: { $set: { refusedAt: at, refusedReason: outcome.reason } } } });
          this.log.error({ recordId: record._id, type: record.type, reason: outcome.reason }, 'an audit record was refused as an event; it stays in the audit list, a person is needed');
          return;
        case 'retry':
          held ??= outcome.reason;
      }
    });
    if (writes.length > 0) await this.records.collection.bulkWrite(writes, { ordered: false });
    return held;
  }

  private troubled(reason: string): void {
    if (this.trouble === reason) return;
    this.trouble = reason;
    this.log.warn({ reason }, 'audit records wait: they cannot be handed to the event log now, tried again');
  }

  /** Once for the same number, not each second. */
  private tellUnmovable(unmovable: readonly unknown[]): void {
    if (unmovable.length > 0 && unmovable.length !== this.unmovableTold) this.log.error({ documents: unmovable.length, error: unmovable[0] }, 'acts cannot be moved out of their documents; they stay there and are tried again');
    this.unmovableTold = unmovable.length;
  }

  private recovered(): void {
    if (this.trouble === undefined) return;
    this.log.info({ after: this.trouble }, 'audit records are handed to the event log again');
    this.trouble = undefined;
  }

  private findSink(): EventSink | undefined {
    try {
      return this.modules?.get<EventSink>(EVENT_SINK, { strict: false });
    } catch {
      return undefined;
    }
  }
}

/** The server answered and would not have this data, as against a server that does not answer. */
function isRefusalOfData(error: unknown): boolean {
  return error instanceof Error && (error.name === 'MongoBulkWriteError' || error.name === 'MongoServerError' || error.name.startsWith('BSON') || error instanceof TypeError);
}

const WAITING = { exportedAt: null, refusedAt: null };
/** A range over strings: it matches no empty list, and any index on the field serves it. */
const OUTBOX_NOT_EMPTY = { 'auditOutbox.id': { $gt: '' } };

/** Runs with each subject at most once: while one record of a subject has to wait, a later one of it is not yet handed over. */
function wavesOf(records: readonly AuditRecordDocument[]): AuditRecordDocument[][] {
  const waves: AuditRecordDocument[][] = [];
  let subjects = new Set<string>();
  for (const record of records) {
    const wave = waves.at(-1);
    if (wave && !subjects.has(record.subject.id)) {
      wave.push(record);
    } else {
      waves.push([record]);
      subjects = new Set();
    }
    subjects.add(record.subject.id);
  }
  return waves;
}
