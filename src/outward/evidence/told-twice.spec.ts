import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestDocuments } from '../../../test/support/documents.js';
import type { OwnEvent } from '../../contracts/event-sink.js';
import type { Principal } from '../../platform/access/rights.js';
import type { AuditRelay } from '../../platform/audit/audit.relay.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import type { JobsService } from '../../platform/jobs/jobs.service.js';
import { cursorSchema, type CursorDocument } from '../engine/cursor.schema.js';
import { BacklogService } from '../integrations/backlog.service.js';
import type { IntegrationStatusService } from '../integrations/integration-status.service.js';
import { HeartbeatService } from './heartbeat.service.js';
import { LedgerLookup } from './ledger-lookup.js';
import { LedgerRun } from './ledger-run.js';
import { LedgerStore, type LedgerSource } from './ledger-store.js';
import { ledgerPageSchema, type LedgerPageDocument } from './ledger.schema.js';
import { ReceiptsService } from './receipts.service.js';
import type { ReplaysService } from './replays.service.js';

interface Told { from: number; to: number; sent: number; filtered: number; rejected: number; lost: number; unrecorded: number; exact: boolean }

describe('what a ledger tells twice since an engine crashed between a row and its cursor', () => {
  let documents: DocumentStore;
  let heartbeats: HeartbeatService;
  let receipts: ReceiptsService;
  let ledgers: Record<'crashed' | 'next', LedgerStore>;
  let now = 0;
  const sent: OwnEvent[] = [];
  const clock = { now: () => now };
  const principal: Principal = { kind: 'user', id: 'search', name: 'search', rights: ['receipts:write'] } as unknown as Principal;
  beforeEach(async () => {
    documents = await openTestDocuments();
    now = Date.parse('2026-11-02T10:00:00Z');
    sent.length = 0;
    const lookup = new LedgerLookup(documents);
    const pages = documents.model<LedgerPageDocument>('ledger-page', ledgerPageSchema);
    ledgers = { crashed: new LedgerStore(pages, clock, 'crashed', 30), next: new LedgerStore(pages, clock, 'next', 30) };
    const eventLog = { ranges: () => Promise.resolve([{ partition: 0, first: 0, next: 500 }]) };
    const backlog = new BacklogService(documents, eventLog as never);
    const status = { summary: () => Promise.resolve({ state: 'streaming', lastFailure: null }) } as unknown as IntegrationStatusService;
    heartbeats = new HeartbeatService(
      documents, { register: () => undefined } as unknown as JobsService, lookup, backlog, status, eventLog,
      { publish: (events: readonly OwnEvent[]) => Promise.resolve(events.map((event) => (sent.push(event), { type: 'accepted' as const, id: event.id, position: '0.0', duplicate: false }))) } as never, clock, { evidence: { heartbeatLookMs: 100 } } as never,
    );
    receipts = new ReceiptsService(documents, { watch: () => undefined, wake: () => undefined } as unknown as AuditRelay, lookup, {} as ReplaysService, clock, { evidence: { ledgerDays: 30 } } as never);
    await documents.connection.collection('integrations').insertOne({ _id: 'one', name: 'one', nameKey: 'one', deleted: false, enabled: true, version: 1, enginePool: 'default', connection: { heartbeatSeconds: 1 }, filter: {}, startPositions: { 0: 0 } } as never);
  });
  afterEach(() => documents.close());

  const cursor = (position: number, more: Partial<CursorDocument> = {}) =>
    documents.model<CursorDocument>('cursor', cursorSchema).updateOne({ _id: 'one:0' }, { $set: { integrationId: 'one', partition: 0, position, updatedAt: new Date(now), ...more } }, { upsert: true });
  const engine = (name: 'crashed' | 'next', start: number) => {
    const source: LedgerSource = { integrationId: 'one', partition: 0, ledger: new LedgerRun(start, 1) };
    return async (end: number, delivered: number, rejected = 0) => {
      source.ledger.safe({ end, at: now, evidence: 'read', attempts: 1, delivered, rejected, bytes: 1 });
      source.ledger.count('account.provisioned', delivered);
      await ledgers[name].write([source]);
    };
  };
  const beat = async (): Promise<Told | undefined> => {
    now += 2000;
    await heartbeats.run(new AbortController().signal);
    return (sent.at(-1)?.attributes as { partitions?: Told[] } | undefined)?.partitions?.[0];
  };
  const found = (from: number, to: number, count: number) => receipts.accept({ integration: 'one', partition: 0, from, to, count }, principal);

  it('is counted once by heartbeats, and a receipt for it is taken', async () => {
    await cursor(100);
    await beat();
    const crashed = engine('crashed', 100);
    await crashed(120, 12, 3);
    await cursor(120);
    await crashed(160, 30, 1);
    now += 1000;
    const next = engine('next', 120);
    await next(150, 22, 1);
    await next(180, 21, 2);
    await cursor(180);
    const told = await beat();
    expect(told).toMatchObject({ from: 100, to: 180, sent: 55, rejected: 6, filtered: 19, unrecorded: 0, exact: true });
    expect(sent.at(-1)?.attributes).toMatchObject({ sent: 55, types: [{ type: 'account.provisioned', count: 55 }] });
    await next(200, 20);
    await cursor(200);
    expect(await beat()).toMatchObject({ from: 180, to: 200, sent: 20, filtered: 0 });
    expect(await found(100, 180, 55)).toMatchObject({ state: 'found', sent: 55 });
    expect(await found(180, 200, 20)).toMatchObject({ state: 'found', sent: 20 });
    expect(await found(185, 190, 5)).toMatchObject({ state: 'found', sent: 5 });
    // Of 12 events among 20 positions nobody knows how many lie in the first half.
    await expect(found(100, 110, 5)).rejects.toMatchObject({ code: 'run-not-countable' });
  });

  it('of a log that was replaced is not counted, and what nobody wrote down is no filtered event', async () => {
    const former = engine('crashed', 0);
    await former(90, 80);
    await cursor(90);
    await beat();
    now += 1000;
    await cursor(40, { position: 40, resets: 1, resetAt: new Date(now) });
    now += 1000;
    await engine('next', 10)(40, 25);
    expect(await beat()).toMatchObject({ from: 0, to: 40, sent: 25, filtered: 5, unrecorded: 10 });
    expect(await found(10, 40, 25)).toMatchObject({ state: 'found', sent: 25 });
    await expect(found(40, 90, 50)).rejects.toMatchObject({ code: 'not-resolved' });
  });

  it('of many partitions is told in parts that together tell each once, and come again under their ids when not all could be stored', async () => {
    const ranges = Array.from({ length: 60 }, (_, partition) => ({ partition, first: 0, next: 5_000_500 }));
    let refuse = true;
    const published: OwnEvent[][] = [];
    const eventLog = { ranges: () => Promise.resolve(ranges) };
    const many = new HeartbeatService(
      documents, { register: () => undefined } as unknown as JobsService, new LedgerLookup(documents), new BacklogService(documents, eventLog as never), { summary: () => Promise.resolve({ state: 'streaming', lastFailure: null }) } as unknown as IntegrationStatusService, eventLog,
      { publish: (events: readonly OwnEvent[]) => Promise.resolve((published.push([...events]), events.map((_, index) => (refuse && index === 1 ? { type: 'retry', reason: 'full' } : { type: 'accepted' })))) } as never, clock, { evidence: { heartbeatLookMs: 100 } } as never,
    );
    const cursors = documents.model<CursorDocument>('cursor', cursorSchema);
    const stand = (position: number) => cursors.bulkWrite(ranges.map(({ partition }) => ({ updateOne: { filter: { _id: `one:${partition}` }, update: { $set: { integrationId: 'one', partition, position, updatedAt: new Date(now) } }, upsert: true } })));
    await stand(1_000_000);
    await many.run(new AbortController().signal);
    now += 2000;
    await stand(1_000_500);
    await many.run(new AbortController().signal);
    refuse = false;
    await many.run(new AbortController().signal);
    expect(published).toHaveLength(2);
    const [first = [], again = []] = published;
    expect(first.length).toBeGreaterThan(2);
    expect(again).toEqual(first);
    expect(first.map(({ id }) => id)).toEqual(first.map((_, index) => `heartbeat-one-1-${index + 1}`));
    expect(first.map(({ attributes }) => [attributes?.['number'], attributes?.['part'], attributes?.['parts']])).toEqual(first.map((_, index) => [1, index + 1, first.length]));
    const told = first.flatMap(({ attributes }) => (attributes as unknown as { partitions: Told[] }).partitions);
    expect(told.map(({ from, to }) => [from, to])).toEqual(ranges.map(() => [1_000_000, 1_000_500]));
    expect(first.reduce((sum, { attributes }) => sum + Number(attributes?.['unrecorded']), 0)).toBe(60 * 500);
    for (const { message } of first) expect(Buffer.byteLength(message ?? '')).toBeLessThanOrEqual(1023);
    now += 100;
    await many.run(new AbortController().signal);
    expect(published).toHaveLength(2);
  });
});
