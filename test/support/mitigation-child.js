/**
 * A processor in a process of its own, over the embedded document store's directory that it shares with others (or over a server), until it is killed.
 * Arguments: directory or mongodb:// address, database, settings as JSON, milliseconds that each call to the connected system takes.
 * Says `ready` when it works and `call <target>` at each call to the connected system, on standard output.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Campaigns } from '../../dist/certification/campaigns.service.js';
import { settingsFrom } from '../../dist/config/settings.js';
import { systemClock } from '../../dist/contracts/clock.js';
import { silentLog } from '../../dist/contracts/log.js';
import { AccountChanges } from '../../dist/directory/account-changes.js';
import { ConnectorRegistry } from '../../dist/directory/connector-registry.js';
import { DirectoryModels } from '../../dist/directory/directory-models.js';
import { DirectoryService } from '../../dist/directory/directory.service.js';
import { MitigationSettings } from '../../dist/inward/alerts/mitigation-settings.service.js';
import { AlertJanitor } from '../../dist/inward/processor/alert-janitor.js';
import { ProcessorWake } from '../../dist/inward/processor/processor-wake.js';
import { ProcessorService } from '../../dist/inward/processor/processor.service.js';
import { UndoService } from '../../dist/inward/processor/undo/undo.service.js';
import { UndoWake } from '../../dist/inward/processor/undo/undo-wake.js';
import { AuditRelay } from '../../dist/platform/audit/audit.relay.js';
import { EmbeddedDocumentServer } from '../../dist/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../dist/platform/documents/mongoose-document-store.js';
import { JobHistory } from '../../dist/platform/jobs/job-history.js';
import { JobsService } from '../../dist/platform/jobs/jobs.service.js';
import { Leases } from '../../dist/platform/jobs/leases.js';
import { StoredSettings } from '../../dist/platform/settings/stored-settings.js';

const [where, dbName, settingsText, callMs] = process.argv.slice(2);
const settings = settingsFrom(JSON.parse(settingsText));
const uri = where.startsWith('mongodb://') ? where : (await EmbeddedDocumentServer.start({ directory: where, log: silentLog })).uri;
const documents = await MongooseDocumentStore.connect({ uri, dbName });
const leases = new Leases(documents, systemClock);
const relay = new AuditRelay(documents, leases, settings, systemClock, silentLog);
const models = new DirectoryModels(documents, relay);
const changes = new AccountChanges(models, systemClock);
const registry = new ConnectorRegistry(models, changes, systemClock);
const directory = new DirectoryService(models, changes, systemClock);
const connectorOf = registry.for.bind(registry);
/** Each call takes its time before and after the effect, so that a kill or a stop meets every point of it. */
registry.for = (application) => {
  const builtin = connectorOf(application);
  const slow = (change) => async (...given) => {
    process.stdout.write(`call ${given.at(-1).operationId}\n`);
    await wait(Number(callMs));
    const outcome = await change.apply(builtin, given);
    await wait(Number(callMs));
    return outcome;
  };
  return Object.assign(Object.create(builtin), { disable: slow(builtin.disable), delete: slow(builtin.delete), removeEntitlement: slow(builtin.removeEntitlement), forcePasswordChange: slow(builtin.forcePasswordChange), enable: slow(builtin.enable), addEntitlement: slow(builtin.addEntitlement) });
};
const policy = new MitigationSettings(new StoredSettings(documents, relay, systemClock), settings);
const jobs = new JobsService(documents, leases, new JobHistory(documents, settings), new SchedulerRegistry(), settings, systemClock, silentLog);
const processor = new ProcessorService(documents, settings, systemClock, silentLog, policy, directory, registry, new Campaigns(documents, systemClock, relay), relay, new ProcessorWake(), jobs);
const undo = new UndoService(documents, settings, systemClock, silentLog, policy, directory, models, registry, relay, new UndoWake(), jobs);
new AlertJanitor(documents, settings, systemClock, policy, relay, jobs);
jobs.onApplicationBootstrap();
processor.onApplicationBootstrap();
undo.onApplicationBootstrap();
process.stdout.write('ready\n');
