import { randomBytes } from 'node:crypto';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { campaignSchema, type CampaignDocument } from '../../src/certification/campaign.schema.js';
import { Campaigns } from '../../src/certification/campaigns.service.js';
import { settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { systemClock, type Clock } from '../../src/contracts/clock.js';
import type { Connector } from '../../src/contracts/connector.js';
import { silentLog, type Log } from '../../src/contracts/log.js';
import { AccountChanges } from '../../src/directory/account-changes.js';
import { distinctEntitlements } from '../../src/directory/account-operation.js';
import type { AccountDocument } from '../../src/directory/account.schema.js';
import type { ApplicationDocument } from '../../src/directory/application.schema.js';
import { ConnectorRegistry } from '../../src/directory/connector-registry.js';
import { DirectoryModels } from '../../src/directory/directory-models.js';
import { DirectoryService } from '../../src/directory/directory.service.js';
import type { EntitlementDocument } from '../../src/directory/entitlement.schema.js';
import type { IdentityDocument } from '../../src/directory/identity.schema.js';
import { entitlementKey, naturalKey } from '../../src/directory/natural-key.js';
import { alertSchema, type AlertDocument } from '../../src/inward/alerts/alert.schema.js';
import { MitigationSettings } from '../../src/inward/alerts/mitigation-settings.service.js';
import { StoredSettings } from '../../src/platform/settings/stored-settings.js';
import { AlertJanitor } from '../../src/inward/processor/alert-janitor.js';
import { mitigationTargetSchema, type MitigationTargetDocument } from '../../src/inward/processor/mitigation-target.schema.js';
import { ProcessorWake } from '../../src/inward/processor/processor-wake.js';
import { ProcessorService } from '../../src/inward/processor/processor.service.js';
import { UndoService } from '../../src/inward/processor/undo/undo.service.js';
import { UndoWake } from '../../src/inward/processor/undo/undo-wake.js';
import { LEVEL_RANK } from '../../src/model/alert.js';
import { AuditRelay } from '../../src/platform/audit/audit.relay.js';
import type { AuditRecord } from '../../src/platform/audit/audit-record.js';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { JobHistory } from '../../src/platform/jobs/job-history.js';
import { JobsService } from '../../src/platform/jobs/jobs.service.js';
import { Leases } from '../../src/platform/jobs/leases.js';
import { openTestDocuments } from './documents.js';

export interface TestMitigationOptions {
  settings?: SettingsInput;
  clock?: Clock;
  log?: Log;
  /** Another connector for applications of a kind; the built-in one stands behind it. */
  connector?: (application: Pick<ApplicationDocument, '_id' | 'name' | 'connector'>, builtin: Connector) => Connector;
  /** Kept open at the end when given. */
  documents?: DocumentStore;
}

export interface TestMitigation {
  documents: DocumentStore;
  directory: DirectoryService;
  alerts: Model<AlertDocument>;
  targets: Model<MitigationTargetDocument>;
  models: DirectoryModels;
  processor: ProcessorService;
  janitor: AlertJanitor;
  jobs: JobsService;
  /** Stores an alert as the door does and answers its id. */
  post: (alert: Partial<AlertDocument> & Pick<AlertDocument, 'type'>) => Promise<string>;
  /** Processes all that is due now and waits for it. */
  process: () => Promise<void>;
  /** Carries out the undo orders that are due now and waits for it. */
  undo: () => Promise<void>;
  alert: (id: string) => Promise<AlertDocument>;
  targetsOf: (id: string) => Promise<MitigationTargetDocument[]>;
  account: (application: string, nativeId: string) => Promise<AccountDocument | null>;
  application: (name: string, more?: Partial<ApplicationDocument>) => Promise<ApplicationDocument>;
  identity: (name: string, more?: Partial<IdentityDocument>) => Promise<IdentityDocument>;
  addAccount: (application: ApplicationDocument, nativeId: string, more?: Partial<AccountDocument>) => Promise<AccountDocument>;
  entitlement: (application: ApplicationDocument, attribute: string, value: string) => Promise<EntitlementDocument>;
  /** Every record of an alert: of itself and of the accounts that it changed, in the order of their making. */
  recordsOf: (id: string) => Promise<AuditRecord[]>;
  close: () => Promise<void>;
}

/** The processor over the real directory and document store, without the door and without a listener. */
export async function openTestMitigation(options: TestMitigationOptions = {}): Promise<TestMitigation> {
  const { clock = systemClock, log = silentLog } = options;
  const settings = settingsFrom({ ...options.settings, processor: { retryInitialMs: 10, retryMaxMs: 20, ...options.settings?.processor } });
  const documents = options.documents ?? (await openTestDocuments());
  const leases = new Leases(documents, clock);
  const relay = new AuditRelay(documents, leases, settings, clock, log);
  const models = new DirectoryModels(documents, relay);
  const changes = new AccountChanges(models, clock);
  const directory = new DirectoryService(models, changes, clock);
  const registry = new ConnectorRegistry(models, changes, clock);
  if (options.connector) {
    const builtin = registry.for.bind(registry);
    const replace = options.connector;
    registry.for = (application) => replace(application, builtin({ ...application, connector: 'builtin' }));
  }
  const policy = new MitigationSettings(new StoredSettings(documents, relay, clock), settings);
  const jobs = new JobsService(documents, leases, new JobHistory(documents, settings), new SchedulerRegistry(), settings, clock, log);
  const processor = new ProcessorService(documents, settings, clock, log, policy, directory, registry, new Campaigns(documents, clock, relay), relay, new ProcessorWake(), jobs);
  const undo = new UndoService(documents, settings, clock, log, policy, directory, models, registry, relay, new UndoWake(), jobs);
  const janitor = new AlertJanitor(documents, settings, clock, policy, relay, jobs);
  const alerts = documents.model<AlertDocument>('alert', alertSchema);
  const targets = documents.model<MitigationTargetDocument>('mitigation-target', mitigationTargetSchema);
  await documents.ensureIndexes();
  let posted = 0;
  const found = async (id: string) => {
    const alert = await alerts.findById(id).lean<AlertDocument>();
    if (!alert) throw new Error(`there is no alert ${id}`);
    return alert;
  };
  return {
    documents, directory, alerts, targets, models, processor, janitor, jobs,
    async post(alert) {
      const _id = randomBytes(16).toString('hex');
      const now = new Date(clock.now() + (posted++ % 1000) / 1000);
      const level = alert.level ?? 'medium';
      await alerts.create({ _id, application: 'Active Directory', action: 'disable', level, levelRank: LEVEL_RANK[level], alertDate: now, receivedAt: now, dueAt: now, postedBy: 'siem', mergeKey: _id, state: 'new', ...alert });
      return _id;
    },
    async process() {
      processor.onApplicationBootstrap();
      await processor.settled();
    },
    async undo() {
      undo.onApplicationBootstrap();
      await undo.settled();
    },
    alert: found,
    targetsOf: (id) => targets.find({ alertId: id }).sort({ number: 1 }).lean<MitigationTargetDocument[]>(),
    async account(application, nativeId) {
      const of = await directory.applicationByName(application);
      return models.accounts.findOne({ applicationId: of?._id, nativeIdKey: naturalKey(nativeId) }).lean<AccountDocument>();
    },
    application: (name, more = {}) => stored(models.applications, { _id: uuidV7(), name, nameKey: naturalKey(name), searchKey: naturalKey(name), type: 'Built-in', connector: 'builtin', entitlementAttributes: ['memberOf'], passwordChange: true, ...more }),
    identity: (name, more = {}) => stored(models.identities, { _id: uuidV7(), name, nameKey: naturalKey(name), searchKey: naturalKey(name), displayName: name, ...more }),
    addAccount: (application, nativeId, { entitlements = [], ...more } = {}) =>
      stored(models.accounts, { _id: uuidV7(), applicationId: application._id, nativeId, nativeIdKey: naturalKey(nativeId), searchKey: naturalKey(nativeId), ...distinctEntitlements(entitlements), ...more }),
    entitlement: (application, attribute, value) => stored(models.entitlements, { _id: uuidV7(), applicationId: application._id, attribute, value, key: entitlementKey(attribute, value), searchKey: naturalKey(value), requestable: true }),
    async recordsOf(id) {
      const [own, accounts, entitlements, campaigns, ofTargets] = await Promise.all([
        alerts.find({ _id: id }).lean<AlertDocument[]>(), models.accounts.find({ 'auditOutbox.correlationId': id }).lean<AccountDocument[]>(), models.entitlements.find({ 'auditOutbox.correlationId': id }).lean<EntitlementDocument[]>(),
        documents.model<CampaignDocument>('campaign', campaignSchema).find({ 'auditOutbox.correlationId': id }).lean<CampaignDocument[]>(),
        targets.find({ alertId: id }).lean<MitigationTargetDocument[]>(),
      ]);
      // After the outboxes: a record moves from there to the other place, never back.
      const moved = await documents.connection.collection('audit_records').find({ correlationId: id }).toArray();
      const waiting = [...own, ...accounts, ...entitlements, ...campaigns, ...ofTargets].flatMap(({ auditOutbox }) => auditOutbox ?? []).filter(({ correlationId }) => correlationId === id);
      // One that is on its way to the audit may be seen in both places.
      const records = new Map([...waiting, ...moved.map(({ _id, ...record }) => ({ ...record, id: String(_id) }) as unknown as AuditRecord)].map((record) => [record.id, record]));
      return [...records.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
    },
    async close() {
      await processor.beforeApplicationShutdown();
      await undo.beforeApplicationShutdown();
      await jobs.beforeApplicationShutdown();
      await relay.beforeApplicationShutdown();
      if (!options.documents) await documents.close();
    },
  };
}

async function stored<T extends { _id: string }>(model: Model<T>, document: Partial<T>): Promise<T> {
  const made = await model.create(document as T);
  return (Array.isArray(made) ? made[0] : made).toObject() as T;
}
