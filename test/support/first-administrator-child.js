/**
 * Starts users and rights in a process of its own and makes the first administrator. Arguments: connection string, database, `tell` or `die` (at the moment the password should be told).
 * Prints what it told, as JSON.
 */
import 'reflect-metadata';
import { settingsFrom } from '../../dist/config/settings.js';
import { systemClock } from '../../dist/contracts/clock.js';
import { silentLog } from '../../dist/contracts/log.js';
import { CredentialCache } from '../../dist/platform/access/credential-cache.js';
import { FirstAdministrator } from '../../dist/platform/access/first-administrator.js';
import { PasswordHash } from '../../dist/platform/access/password-hash.js';
import { UsersService } from '../../dist/platform/access/users.service.js';
import { AuditRelay } from '../../dist/platform/audit/audit.relay.js';
import { MongooseDocumentStore } from '../../dist/platform/documents/mongoose-document-store.js';
import { Leases } from '../../dist/platform/jobs/leases.js';

const [uri, dbName, end] = process.argv.slice(2);
const store = await MongooseDocumentStore.connect({ uri, dbName });
const settings = settingsFrom();
const leases = new Leases(store, systemClock);
const users = new UsersService(store, new AuditRelay(store, leases, settings, systemClock, silentLog), leases, new PasswordHash(), new CredentialCache(settings, systemClock), systemClock);
await store.ensureIndexes();
const told = [];
const first = new FirstAdministrator(
  users,
  async (credentials) => {
    if (end === 'die') process.kill(process.pid, 'SIGKILL');
    told.push(credentials);
  },
  settings,
  systemClock,
  silentLog,
);
await first.onApplicationBootstrap();
process.stdout.write(JSON.stringify(told));
await store.close();
