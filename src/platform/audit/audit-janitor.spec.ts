import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Schema, type Model } from 'mongoose';
import { openTestDocuments } from '../../../test/support/documents.js';
import { settingsFrom } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobHistory } from '../jobs/job-history.js';
import { JobsService } from '../jobs/jobs.service.js';
import { Leases } from '../jobs/leases.js';
import { AuditJanitor } from './audit-janitor.js';
import { auditOutboxField, indexAuditOutbox, withAudit, type WithAuditOutbox, type WithRemovalMark } from './audit-outbox.js';
import type { AuditRecordDocument } from './audit-record.schema.js';
import { AuditRelay } from './audit.relay.js';
import { AuditService } from './audit.service.js';
import { newAuditRecord, systemActor } from './new-audit-record.js';

interface Door extends WithAuditOutbox, WithRemovalMark {
  _id: string;
}
const doorSchema = new Schema<Door>({ _id: String, ...auditOutboxField, deletedAt: { type: Date, default: null } }, { collection: 'doors', versionKey: false });
indexAuditOutbox(doorSchema);

describe('AuditJanitor', () => {
  let store: DocumentStore;
  let doors: Model<Door>;
  let relay: AuditRelay;
  let janitor: AuditJanitor;
  let time: number;
  const clock = { now: () => time };
  const settings = settingsFrom({ audit: { retentionDays: 30, removedGraceHours: 24 } });
  const never = new AbortController().signal;
  const act = (id = 'front') => newAuditRecord({ type: 'audit.door.delete', actor: systemActor('test'), subject: { kind: 'door', id } }, clock);

  beforeEach(async () => {
    time = Date.parse('2026-03-01T10:00:00Z');
    store = await openTestDocuments();
    doors = store.model<Door>('door', doorSchema);
    const leases = new Leases(store, clock);
    relay = new AuditRelay(store, leases, settings, clock, silentLog);
    relay.watch(doors, { removeWhenEmpty: true });
    janitor = new AuditJanitor(store, new JobsService(store, leases, new JobHistory(store, settings), new SchedulerRegistry(), settings, clock, silentLog), relay, settings, clock);
    await store.ensureIndexes();
  });
  afterEach(() => store.close());

  it('removes a document marked as deleted only after its removal is recorded and the grace time is over', async () => {
    await doors.create([{ _id: 'front' }, { _id: 'back' }]);
    await doors.updateOne({ _id: 'front' }, withAudit<Door>({ $set: { deletedAt: new Date(time) } }, act()));
    time += 24 * 3_600_000;
    expect(await janitor.run(never)).toEqual({ recordsRemoved: 0, documentsRemoved: 0 });
    await relay.pass();
    time -= 1;
    expect(await janitor.run(never)).toEqual({ recordsRemoved: 0, documentsRemoved: 0 });
    time += 1;
    expect(await janitor.run(never)).toEqual({ recordsRemoved: 0, documentsRemoved: 1 });
    expect(await doors.distinct('_id')).toEqual(['back']);
  });

  it('removes old records that are events, never one that is not', async () => {
    const service = new AuditService(store, relay);
    const [exported, waiting, refused] = [act('exported'), act('waiting'), act('refused')];
    relay.useSink({ publish: async (events) => events.map(({ subject }) => (subject.id === 'refused' ? { type: 'refused', reason: 'no' } : { type: 'accepted', partition: 0, offset: 0, duplicate: false })) });
    await service.record(exported, refused);
    await relay.pass();
    await service.record(waiting);
    time += 30 * 86_400_000;
    const young = act('young');
    await service.record(young);
    time += 1;
    expect(await janitor.run(never)).toEqual({ recordsRemoved: 1, documentsRemoved: 0 });
    const left = (store.connection.models['audit-record'] as unknown as Model<AuditRecordDocument>).distinct('_id');
    expect(new Set(await left)).toEqual(new Set([waiting.id, refused.id, young.id]));
  });

  it('takes a record that came late to the feed for as old as its place there, and says first from where on none is missing', async () => {
    const service = new AuditService(store, relay);
    const records = store.connection.models['audit-record'] as unknown as Model<AuditRecordDocument>;
    relay.useSink({ publish: async (events) => events.map(() => ({ type: 'accepted', partition: 0, offset: 0, duplicate: false })) });
    const [old, late] = [act('old'), act('late')];
    await service.record(old, late);
    await relay.pass();
    const placed = time;
    await records.updateOne({ _id: old.id }, { $set: { feedCreated: placed } });
    await records.updateOne({ _id: late.id }, { $set: { feedCreated: placed + 5 * 86_400_000 } });
    time += 30 * 86_400_000;
    expect(await janitor.run(never)).toMatchObject({ recordsRemoved: 0 });
    expect(await service.intactFrom()).toBe(0);
    time += 1;
    expect(await janitor.run(never)).toMatchObject({ recordsRemoved: 1 });
    expect(await records.distinct('_id')).toEqual([late.id]);
    expect(await service.intactFrom()).toBe(placed + 1);
    time += 5 * 86_400_000;
    expect(await janitor.run(never)).toMatchObject({ recordsRemoved: 1 });
    expect(await service.intactFrom()).toBe(placed + 1 + 5 * 86_400_000);
  });
});
