/**
 * Alerts over HTTP on loopback into the embedded store, over a history of stored alerts: how many a second are accepted durably, how many a second the processor closes
 * with the built-in connector (claim, plan, intent, change, outcome, close, each durable), and how long one takes from the POST to its close at a moderate rate.
 * The poster runs in the same process and shares its CPU. A benchmark, not a test: nothing is asserted but that every alert succeeded.
 *   npm run bench:alerts [-- stored alerts seconds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { v7 as uuidV7 } from 'uuid';
import { ConfigModule } from '../../src/config/config.module.js';
import { settingsFrom } from '../../src/config/settings.js';
import { LOG, silentLog } from '../../src/contracts/log.js';
import { DirectoryModels } from '../../src/directory/directory-models.js';
import { naturalKey } from '../../src/directory/natural-key.js';
import { AlertsModule } from '../../src/inward/alerts/alerts.module.js';
import { alertSchema, type AlertDocument } from '../../src/inward/alerts/alert.schema.js';
import { ProcessorModule } from '../../src/inward/processor/processor.module.js';
import { ProcessorService } from '../../src/inward/processor/processor.service.js';
import { AccessModule } from '../../src/platform/access/access.module.js';
import { UsersService } from '../../src/platform/access/users.service.js';
import { AuditModule } from '../../src/platform/audit/audit.module.js';
import { systemActor } from '../../src/platform/audit/new-audit-record.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { createHttpApplication } from '../../src/platform/http/create-http-application.js';
import { JobsModule } from '../../src/platform/jobs/jobs.module.js';
import { machine, report } from './results.js';

const [stored = 100_000, alerts = 2000, seconds = 15] = process.argv.slice(2).map(Number);
const PASSWORD = 'a-password-for-the-bench';
const APPLICATION = 'Active Directory';
const PATH = '/identityiq/plugin/rest/SIEMPlugin/identity/account';
const CONNECTIONS = 16;
const RATE = 10;

const about = machine();
const directory = mkdtempSync(join(tmpdir(), 'tidegate-alerts-bench-'));
const server = await EmbeddedDocumentServer.start({ directory, log: silentLog });
const documents = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'bench' });
const settings = settingsFrom({ admin: { password: PASSWORD }, http: { port: 0 }, dataDir: directory, mitigation: { accountsPerHour: 10_000_000, mergeWindowSeconds: 0, alertsPerMinute: 0 } });

@Global()
@Module({ providers: [{ provide: DocumentStore, useValue: documents }, { provide: LOG, useValue: silentLog }], exports: [DocumentStore, LOG] })
class GroundModule {}
@Module({ imports: [ConfigModule.forRoot(settings), GroundModule, JobsModule, AuditModule, AccessModule.forRoot(), AlertsModule, ProcessorModule] })
class BenchModule {}

const http = await createHttpApplication(BenchModule, { settings, log: silentLog });
await documents.ensureIndexes();
const processor = http.app.get(ProcessorService, { strict: false });
// The first part measures the door alone: the processor starts with the second.
const startProcessor = processor.onApplicationBootstrap.bind(processor);
processor.onApplicationBootstrap = () => undefined;
const { url } = await http.listen();
await http.app.get(UsersService, { strict: false }).create({ name: 'siem', password: PASSWORD, roles: ['SIEMPluginAdministrator'], rights: [], disabled: false }, systemActor('bench'));
const model = documents.model<AlertDocument>('alert', alertSchema);
await fill();

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const rows: Array<Record<string, number | string>> = [];
/** On a machine with other work this compares where alerts a second do not. */
const cpuMs = (before: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
await post(0);
const cpuBefore = process.cpuUsage();
const accepted = await acceptAll();
rows.push({ what: 'CPU to accept one alert, ms', value: Math.round(cpuMs(cpuBefore) / alerts), note: 'all threads, the poster among them' });
rows.push({ what: 'alerts accepted durably a second', value: Math.round(accepted.rate), note: `${alerts} alerts, ${CONNECTIONS} connections, answer p50 ${accepted.p50} ms, p99 ${accepted.p99} ms` });
rows.push(await processAll());
rows.push(await endToEnd());
const states = await model.aggregate<{ _id: string; count: number }>([{ $match: { postedBy: 'siem' } }, { $group: { _id: '$state', count: { $sum: 1 } } }]);
if (states.length !== 1 || states[0]?._id !== 'succeeded') throw new Error(`not every alert succeeded: ${JSON.stringify(states)}`);
rows.push({ what: 'peak resident memory, MB', value: Math.round(process.resourceUsage().maxRSS / 1024), note: 'poster, service and document store in one process' });
report('alerts', { ...about, storedAlerts: stored }, rows);
agent.destroy();
await http.close();
await documents.close();
await server.stop();
rmSync(directory, { recursive: true, force: true });

/** Closed alerts of former days, and the accounts to be acted upon. */
async function fill(): Promise<void> {
  const { applications, accounts } = http.app.get(DirectoryModels, { strict: false });
  const applicationId = uuidV7();
  await applications.create({ _id: applicationId, name: APPLICATION, nameKey: naturalKey(APPLICATION), searchKey: naturalKey(APPLICATION), type: 'Built-in', connector: 'builtin', entitlementAttributes: ['memberOf'] });
  for (let from = 0; from < alerts + RATE * seconds + 1; from += 1000) {
    await accounts.insertMany(Array.from({ length: 1000 }, (_, index) => ({ _id: uuidV7(), applicationId, nativeId: `account-${from + index}`, nativeIdKey: `account-${from + index}`, searchKey: `account-${from + index}` })));
  }
  for (let from = 0; from < stored; from += 1000) {
    const at = new Date(Date.now() - 86_400_000 - from);
    const history = Array.from({ length: Math.min(1000, stored - from) }, () => {
      const _id = randomBytes(16).toString('hex');
      return { _id, type: 'identity/account' as const, application: APPLICATION, nativeId: 'former', action: 'disable' as const, level: 'medium' as const, levelRank: 1, alertDate: at, receivedAt: at, dueAt: at, closedAt: at, postedBy: 'history', mergeKey: _id, state: 'succeeded' as const };
    });
    await model.insertMany(history);
  }
}

interface Posted {
  id: string;
  /** Milliseconds since 1970 at which the request was begun. */
  sentAt: number;
  /** Until the answer. */
  ms: number;
}

function post(number: number): Promise<Posted> {
  const body = JSON.stringify({ application: APPLICATION, native_id: `account-${number}`, action: 'disable', level: ['High', 'Medium', 'Low'][number % 3], date: String(Date.now()) });
  const headers = { authorization: `Basic ${Buffer.from(`siem:${PASSWORD}`).toString('base64')}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const [sentAt, begun] = [Date.now(), performance.now()];
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${PATH}`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => {
        const ms = performance.now() - begun;
        const id = /[0-9a-f]{32}/.exec(text)?.[0];
        if (response.statusCode !== 200 || id === undefined) return reject(new Error(`answer ${response.statusCode ?? 0}: ${text.slice(0, 200)}`));
        resolve({ id, sentAt, ms });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

async function acceptAll(): Promise<{ rate: number; p50: number; p99: number }> {
  const latencies: number[] = [];
  let next = 1;
  const begun = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (next <= alerts) latencies.push((await post(next++)).ms);
  }));
  const rate = latencies.length / ((performance.now() - begun) / 1000);
  return { rate, p50: share(latencies, 0.5), p99: share(latencies, 0.99) };
}

async function processAll(): Promise<Record<string, number | string>> {
  const begun = performance.now();
  const before = process.cpuUsage();
  startProcessor();
  await processor.settled();
  rows.push({ what: 'CPU to process one alert, ms', value: Math.round(cpuMs(before) / (alerts + 1)), note: 'all threads: service and document store' });
  const open = await model.countDocuments({ state: { $in: ['new', 'processing'] } });
  return { what: 'alerts processed a second', value: Math.round((alerts + 1 - open) / ((performance.now() - begun) / 1000)), note: `built-in connector, ${settings.processor.alertsAtOnce} at once, ${open} left open` };
}

async function endToEnd(): Promise<Record<string, number | string>> {
  const count = RATE * seconds;
  const posts: Array<Promise<Posted>> = [];
  for (let each = 0; each < count; each += 1) {
    posts.push(post(alerts + 1 + each));
    await new Promise((resolve) => setTimeout(resolve, 1000 / RATE));
  }
  const posted = await Promise.all(posts);
  const deadline = Date.now() + 60_000;
  while ((await model.countDocuments({ state: { $in: ['new', 'processing'] } })) > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  const closed = new Map((await model.find({ _id: { $in: posted.map(({ id }) => id) } }, { closedAt: 1 }).lean<Array<{ _id: string; closedAt: Date | null }>>()).map(({ _id, closedAt }) => [_id, closedAt]));
  const times = posted.map(({ id, sentAt }) => (closed.get(id) ?? new Date()).getTime() - sentAt);
  return { what: 'p99 from the POST to closed, ms', value: share(times, 0.99), note: `${count} alerts at ${RATE} a second, from the begin of the request, p50 ${share(times, 0.5)} ms` };
}

function share(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
}
