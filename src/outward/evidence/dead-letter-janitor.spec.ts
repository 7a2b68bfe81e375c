import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import { openTestDocuments } from '../../../test/support/documents.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { DeadLetterJanitor } from './dead-letter-janitor.js';

const DAY_MS = 86_400_000;

describe('dead letters that grew old', () => {
  let documents: DocumentStore;
  let letters: Model<DeadLetterDocument>;
  let janitor: DeadLetterJanitor;
  let records: AuditRecord[];
  let refuse = false;
  const now = Date.parse('2026-11-02T10:00:00Z');
  const never = new AbortController().signal;
  beforeEach(async () => {
    documents = await openTestDocuments();
    letters = documents.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
    records = [];
    refuse = false;
    const audit = { record: (record: AuditRecord) => (refuse ? Promise.reject(new Error('no room')) : Promise.resolve(void records.push(record))) };
    janitor = new DeadLetterJanitor(documents, { register: () => undefined } as never, audit as never, { evidence: { deadLetterDays: 90 } } as never, { now: () => now });
  });
  afterEach(() => documents.close());

  const store = (integrationId: string, count: number, days: number, replayed = false) =>
    letters.create(Array.from({ length: count }, (_, offset) => ({
      _id: `${integrationId}:0.${days * 10_000 + offset}`, integrationId, integrationName: `SIEM ${integrationId}`, partition: 0, offset: days * 10_000 + offset, code: 'refused-by-receiver' as const, reason: 'no',
      createdAt: new Date(now - days * DAY_MS), replayedAt: replayed ? new Date(now) : null,
    })));

  it('are removed, however many; those that never reached their receiver are counted for each integration, and younger ones stay', async () => {
    await store('one', 620, 91);
    await store('two', 3, 100);
    await store('two', 4, 95, true);
    await store('two', 5, 89);
    expect(await janitor.run(never)).toEqual({ removed: 627, undelivered: 623 });
    expect(await letters.distinct('integrationId')).toEqual(['two']);
    expect(await letters.countDocuments()).toBe(5);
    const counted = (id: string) => records.filter(({ type, subject }) => type === 'audit.dead-letter.purge' && subject.id === id).reduce((sum, { attributes }) => sum + Number(attributes?.['count']), 0);
    expect([counted('one'), counted('two')]).toEqual([620, 3]);
    expect(await janitor.run(never)).toEqual({ removed: 0, undelivered: 0 });
  });

  it('stay while it cannot be recorded that they go', async () => {
    await store('one', 2, 91);
    refuse = true;
    await expect(janitor.run(never)).rejects.toThrow('no room');
    expect(await letters.countDocuments()).toBe(2);
  });
});
