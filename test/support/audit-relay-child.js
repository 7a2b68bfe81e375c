/**
 * Acts and relays in a process of its own until a given point, says so on standard output and stays there to be killed.
 * Arguments: connection string, database, file that stands for the event log, point.
 */
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';
import mongoose from 'mongoose';
import { settingsFrom } from '../../dist/config/settings.js';
import { systemClock } from '../../dist/contracts/clock.js';
import { silentLog } from '../../dist/contracts/log.js';
import { auditOutboxField, withAudit } from '../../dist/platform/audit/audit-outbox.js';
import { AuditRelay } from '../../dist/platform/audit/audit.relay.js';
import { newAuditRecord, systemActor } from '../../dist/platform/audit/new-audit-record.js';
import { MongooseDocumentStore } from '../../dist/platform/documents/mongoose-document-store.js';
import { Leases } from '../../dist/platform/jobs/leases.js';

const [uri, dbName, logFile, point] = process.argv.slice(2);

/** Says that the point is reached and never goes on. */
const stay = () => new Promise(() => process.stdout.write('reached\n'));

const store = await MongooseDocumentStore.connect({ uri, dbName });
const doors = store.model('door', new mongoose.Schema({ _id: String, open: Boolean, ...auditOutboxField }, { collection: 'doors', versionKey: false }));
const relay = new AuditRelay(store, new Leases(store, systemClock), settingsFrom(), systemClock, silentLog);
relay.watch(doors);
relay.useSink({
  async publish(events) {
    if (point === 'before-append') await stay();
    const file = openSync(logFile, 'a');
    appendFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    fsyncSync(file);
    closeSync(file);
    if (point === 'after-append') await stay();
    return events.map((_event, offset) => ({ type: 'accepted', partition: 0, offset, duplicate: false }));
  },
});
if (point === 'after-insert') {
  const keep = relay.keep.bind(relay);
  relay.keep = async (records) => {
    await keep(records);
    await stay();
  };
}
// Something keeps the process alive while it stays.
setInterval(() => {}, 60_000);
for (const id of ['front', 'back', 'side']) {
  const act = newAuditRecord({ type: 'audit.door.open', actor: systemActor('test'), subject: { kind: 'door', id }, attributes: { point } }, systemClock);
  await doors.updateOne({ _id: id }, withAudit({ $set: { open: true } }, act), { upsert: true });
}
if (point === 'after-act') await stay();
await relay.pass();
await stay();
