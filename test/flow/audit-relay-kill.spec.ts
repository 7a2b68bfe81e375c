import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Schema, type Model } from 'mongoose';
import { settingsFrom } from '../../src/config/settings.js';
import type { OwnEvent } from '../../src/contracts/event-sink.js';
import { silentLog } from '../../src/contracts/log.js';
import { auditOutboxField, type WithAuditOutbox } from '../../src/platform/audit/audit-outbox.js';
import type { AuditRecordDocument } from '../../src/platform/audit/audit-record.schema.js';
import { AuditRelay } from '../../src/platform/audit/audit.relay.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { Leases } from '../../src/platform/jobs/leases.js';
import { openTestDocuments } from '../support/documents.js';

interface Door extends WithAuditOutbox {
  _id: string;
  open: boolean;
}

describe('an act whose process is killed', () => {
  let store: DocumentStore;
  let directory: string;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    store = await openTestDocuments();
    directory = mkdtempSync(join(tmpdir(), 'tidegate-audit-kill-'));
  });
  afterEach(async () => {
    await kill();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const eventLog = () => join(directory, 'events.ndjson');
  const appended = (): OwnEvent[] => (existsSync(eventLog()) ? readFileSync(eventLog(), 'utf8') : '').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as OwnEvent);

  /** Runs the child until the point and kills it there. */
  async function killAt(point: string): Promise<void> {
    const { hosts, dbName } = connectionOf(store);
    child = spawn(process.execPath, [fileURLToPath(new URL('../support/audit-relay-child.js', import.meta.url)), `mongodb://${hosts}/?directConnection=true`, dbName, eventLog(), point], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = child;
    await new Promise<void>((resolve, reject) => {
      stdout?.once('data', () => resolve());
      child?.once('exit', (code) => reject(new Error(`the child ended early with ${code}`)));
    });
    await kill();
  }

  async function kill(): Promise<void> {
    const victim = child;
    child = undefined;
    if (!victim || victim.exitCode !== null || victim.signalCode !== null) return;
    const gone = new Promise((resolve) => victim.once('exit', resolve));
    victim.kill('SIGKILL');
    await gone;
  }

  it.each([
    ['after the act', 'after-act', { outboxes: 3, records: 0, events: 0 }, 3],
    ['between the insert of all records and the emptying of the outboxes', 'after-insert', { outboxes: 3, records: 3, events: 0 }, 3],
    ['before the append', 'before-append', { outboxes: 0, records: 3, events: 0 }, 3],
    ['between the append and the mark', 'after-append', { outboxes: 0, records: 3, events: 3 }, 6],
    ['after everything', 'end', { outboxes: 0, records: 3, events: 3 }, 3],
  ])('%s is told by the next process, under the same id', async (_words, point, left, appendsInTheEnd) => {
    await killAt(point);

    const doors = store.model<Door>('door', new Schema<Door>({ _id: String, open: Boolean, ...auditOutboxField }, { collection: 'doors', versionKey: false }));
    // The dead process may still hold the lease; the next one comes after it.
    const clock = { now: () => Date.now() + 11_000 };
    const relay = new AuditRelay(store, new Leases(store, clock), settingsFrom(), clock, silentLog);
    const records = store.connection.models['audit-record'] as unknown as Model<AuditRecordDocument>;
    expect(await doors.countDocuments({ open: true })).toBe(3);
    expect({ outboxes: await doors.countDocuments({ 'auditOutbox.0': { $exists: true } }), records: await records.countDocuments(), events: appended().length }).toEqual(left);

    relay.watch(doors);
    relay.useSink({
      publish: async (events) => {
        appendFileSync(eventLog(), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
        return events.map(() => ({ type: 'accepted', partition: 0, offset: 0, duplicate: false }));
      },
    });
    expect((await relay.pass()).ended).toBe('nothing-waits');

    const byId = new Map<string, Set<string>>();
    for (const event of appended()) byId.set(event.id, (byId.get(event.id) ?? new Set()).add(JSON.stringify(event)));
    expect(appended()).toHaveLength(appendsInTheEnd);
    expect([...byId.values()].map((texts) => texts.size)).toEqual([1, 1, 1]);
    expect(new Set(appended().map(({ subject }) => subject.id))).toEqual(new Set(['front', 'back', 'side']));
    expect(await records.countDocuments({ exportedAt: null })).toBe(0);
    expect(await records.countDocuments()).toBe(3);
    expect(await doors.countDocuments({ 'auditOutbox.0': { $exists: true } })).toBe(0);
  });
});

/** Where the store's own connection goes, so that another process can go there too. */
function connectionOf({ connection }: DocumentStore): { hosts: string; dbName: string } {
  const hosts = connection.getClient().options.hosts.map((host) => (host.socketPath === undefined ? `${host.host}:${host.port}` : encodeURIComponent(host.socketPath)));
  return { hosts: hosts.join(','), dbName: connection.name };
}
