import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Schema, type Model } from 'mongoose';
import { openTestDocuments } from '../../../test/support/documents.js';
import { settingsFrom } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { EventSink, OwnEvent, SinkOutcome } from '../../contracts/event-sink.js';
import { silentLog, type Log } from '../../contracts/log.js';
import { DocumentStore } from '../documents/document-store.js';
import { Leases } from '../jobs/leases.js';
import { auditOutboxField, indexAuditOutbox, withAudit, type WithAuditOutbox, type WithRemovalMark } from './audit-outbox.js';
import type { AuditRecordDocument } from './audit-record.schema.js';
import { AuditRelay } from './audit.relay.js';
import { AuditService } from './audit.service.js';
import { newAuditRecord, systemActor } from './new-audit-record.js';

interface Door extends WithAuditOutbox, WithRemovalMark {
  _id: string;
  open: boolean;
}
const doorSchema = new Schema<Door>({ _id: String, open: Boolean, ...auditOutboxField, deletedAt: { type: Date, default: null } }, { collection: 'doors', versionKey: false });
indexAuditOutbox(doorSchema);

/** An event log in memory that recognises a repeated id, as intake does. */
class RecordingSink implements EventSink {
  readonly events: OwnEvent[] = [];
  answer: (event: OwnEvent) => SinkOutcome | undefined = () => undefined;
  afterAppend: () => void = () => {};

  async publish(events: readonly OwnEvent[]): Promise<SinkOutcome[]> {
    const outcomes = events.map((event): SinkOutcome => {
      const special = this.answer(event);
      if (special) return special;
      const known = this.events.findIndex(({ id }) => id === event.id);
      if (known >= 0) return { type: 'accepted', partition: 0, offset: known, duplicate: true };
      this.events.push(event);
      return { type: 'accepted', partition: 0, offset: this.events.length - 1, duplicate: false };
    });
    this.afterAppend();
    return outcomes;
  }
}

describe('AuditRelay', () => {
  let store: DocumentStore;
  let doors: Model<Door>;
  let records: Model<AuditRecordDocument>;
  let sink: RecordingSink;
  let time = Date.parse('2026-03-01T10:00:00Z');
  const clock: Clock = { now: () => time };
  const settings = settingsFrom({ audit: { relayIntervalMs: 50, relayBatchRecords: 3 } });

  const relayOver = (log: Log = silentLog) => {
    const relay = new AuditRelay(store, new Leases(store, clock), settings, clock, log);
    relay.watch(doors);
    return relay;
  };
  const opened = (door: string) => newAuditRecord({ type: 'audit.door.update', actor: systemActor('test'), subject: { kind: 'door', id: door }, changes: [{ field: 'open', old: false, new: true }] }, clock);

  beforeEach(async () => {
    store = await openTestDocuments();
    doors = store.model<Door>('door', doorSchema);
    sink = new RecordingSink();
    records = (relayOver(), store.connection.models['audit-record'] as unknown as Model<AuditRecordDocument>);
    await store.ensureIndexes();
  });
  afterEach(() => store.close());

  it('brings acts of a document to the event log under their ids, in order, and empties the outbox', async () => {
    await doors.create({ _id: 'front', open: false });
    const acts = ['front', 'front', 'front', 'front', 'front'].map(opened);
    for (const act of acts) await doors.updateOne({ _id: 'front' }, withAudit<Door>({ $set: { open: true } }, act));
    const relay = relayOver();
    relay.useSink(sink);

    expect(await relay.pass()).toEqual({ moved: 5, exported: 5, refused: 0, ended: 'nothing-waits' });

    expect(sink.events.map(({ id }) => id)).toEqual(acts.map(({ id }) => id));
    expect(sink.events[0]).toEqual(acts[0]);
    expect((await doors.findById('front').lean())?.auditOutbox).toEqual([]);
    const kept = await records.find().sort({ _id: 1 }).lean();
    expect(kept.map(({ sequence }) => sequence)).toEqual(['0.0', '0.1', '0.2', '0.3', '0.4']);
    expect(kept.every(({ exportedAt }) => exportedAt instanceof Date)).toBe(true);
    expect(await relay.pass()).toMatchObject({ moved: 0, exported: 0 });
  });

  it('keeps records while there is no event sink and hands them over when one comes', async () => {
    await doors.create({ _id: 'front', open: true, auditOutbox: [opened('front')] });
    const relay = relayOver();
    expect(await relay.pass()).toMatchObject({ moved: 1, exported: 0, ended: 'no-sink' });
    relay.useSink(sink);
    expect(await relay.pass()).toMatchObject({ exported: 1, ended: 'nothing-waits' });
  });

  it('repeats under the same id after a crash between append and mark', async () => {
    await doors.create({ _id: 'front', open: true, auditOutbox: [opened('front')] });
    sink.afterAppend = () => {
      throw new Error('the process died here');
    };
    const crashing = relayOver();
    crashing.useSink(sink);
    await expect(crashing.pass()).rejects.toThrow('died here');
    expect(sink.events).toHaveLength(1);
    expect(await records.countDocuments({ exportedAt: null })).toBe(1);

    sink.afterAppend = () => {};
    const next = relayOver();
    next.useSink(sink);
    expect(await next.pass()).toMatchObject({ exported: 1 });
    expect(sink.events).toHaveLength(1);
    expect(await records.countDocuments({ exportedAt: null })).toBe(0);
  });

  it('keeps one copy after a crash between insert and pull', async () => {
    const act = opened('front');
    await doors.create({ _id: 'front', open: true, auditOutbox: [act] });
    const relay = relayOver();
    await relay.keep([act]);
    relay.useSink(sink);
    await relay.pass();
    expect(await records.countDocuments()).toBe(1);
    expect(sink.events).toHaveLength(1);
    expect((await doors.findById('front').lean())?.auditOutbox).toEqual([]);
  });

  it('leaves an act that was pushed while its document was being moved', async () => {
    await doors.create({ _id: 'front', open: true, auditOutbox: [opened('front')] });
    const late = opened('front');
    const relay = relayOver();
    const keep = relay.keep.bind(relay);
    relay.keep = async (entries) => {
      await keep(entries);
      if (!entries.some(({ id }) => id === late.id)) await doors.updateOne({ _id: 'front' }, withAudit<Door>({}, late));
    };
    relay.useSink(sink);
    await relay.pass();
    expect(sink.events.map(({ id }) => id)).toContain(late.id);
  });

  it('marks a refused record with the reason, logs an error and goes on with the next', async () => {
    const acts = ['a', 'b', 'c'].map(opened);
    const errors: object[] = [];
    const log: Log = { ...silentLog, error: (facts) => errors.push(facts), child: () => log };
    sink.answer = (event) => (event.subject.id === 'b' ? { type: 'refused', reason: 'too large' } : undefined);
    const relay = relayOver(log);
    relay.useSink(sink);
    await relay.keep(acts);
    expect(await relay.pass()).toMatchObject({ exported: 2, refused: 1, ended: 'nothing-waits' });
    expect(await records.findById(acts[1]?.id).lean()).toMatchObject({ exportedAt: null, refusedReason: 'too large' });
    expect(errors).toEqual([{ recordId: acts[1]?.id, type: 'audit.door.update', reason: 'too large' }]);
    sink.answer = () => undefined;
    expect(await relay.pass()).toMatchObject({ exported: 0, refused: 0 });
  });

  it('tries again when the event log is full, and never lets a later act of the same subject overtake', async () => {
    const acts = ['a', 'a', 'b', 'a'].map(opened);
    let full = true;
    sink.answer = (event) => (full && event.id === acts[1]?.id ? { type: 'retry', reason: 'log-full' } : undefined);
    const relay = relayOver();
    relay.useSink(sink);
    await relay.keep(acts);
    expect(await relay.pass()).toMatchObject({ ended: 'retry' });
    full = false;
    expect(await relay.pass()).toMatchObject({ ended: 'nothing-waits' });
    expect(sink.events.filter(({ subject }) => subject.id === 'a').map(({ id }) => id)).toEqual([acts[0], acts[1], acts[3]].map((act) => act?.id));
    expect(sink.events).toHaveLength(4);
  });

  it('goes on with other documents when the acts of one cannot be moved', async () => {
    await doors.create([{ _id: 'bad', open: true, auditOutbox: [opened('bad')] }, { _id: 'good', open: true, auditOutbox: [opened('good')] }]);
    const errors: object[] = [];
    const log: Log = { ...silentLog, error: (facts) => errors.push(facts), child: () => log };
    const relay = relayOver(log);
    const keep = relay.keep.bind(relay);
    relay.keep = async (entries) => {
      if (entries.some(({ subject }) => subject.id === 'bad')) throw new TypeError('this cannot be stored');
      return keep(entries);
    };
    relay.useSink(sink);
    expect(await relay.pass()).toMatchObject({ moved: 1, exported: 1 });
    expect(errors).toMatchObject([{ documents: 1 }]);
    expect((await doors.findById('bad').lean())?.auditOutbox).toHaveLength(1);
    relay.keep = keep;
    expect(await relay.pass()).toMatchObject({ moved: 1, exported: 1 });
  });

  it('exports in one replica at a time', async () => {
    await relayOver().keep([opened('a')]);
    const held = await new Leases(store, clock).claim('audit-relay', 10_000);
    const relay = relayOver();
    relay.useSink(sink);
    expect(await relay.pass()).toMatchObject({ ended: 'busy', exported: 0 });
    time += 10_001;
    expect(await relay.pass()).toMatchObject({ exported: 1 });
    expect(await held?.renew()).toBe(false);
  });

  it('relays an act of this process at once, and by interval what others left', async () => {
    const relay = relayOver();
    relay.useSink(sink);
    relay.start();
    try {
      const service = new AuditService(store, relay);
      const own = opened('own');
      await service.record(own);
      await until(() => sink.events.some(({ id }) => id === own.id));
      const other = opened('other');
      await doors.create({ _id: 'other', open: true, auditOutbox: [other] });
      await until(() => sink.events.some(({ id }) => id === other.id));
    } finally {
      await relay.beforeApplicationShutdown();
    }
    relay.wake();
    await relay.keep([opened('after the stop')]);
    await relay.beforeApplicationShutdown();
    expect(sink.events).toHaveLength(2);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
