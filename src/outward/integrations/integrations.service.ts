import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, PartitionRange } from '../../contracts/event-log.js';
import { SECRETS } from '../../contracts/secrets.js';
import type { Secrets } from '../../contracts/secrets.js';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import type { Actor, FieldChange } from '../../model/audit-event.js';
import { isEncrypted, type IntegrationSettings } from '../../model/integration.js';
import type { JsonObject } from '../../model/json.js';
import { completeNotification, type Notification } from '../../model/notification.js';
import type { Principal } from '../../platform/access/rights.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { actorOf, newAuditRecord, systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem, type ProblemItem } from '../../platform/http/problem.js';
import { EngineWake } from '../engine/engine-wake.js';
import { lossRecord } from '../engine/loss-records.js';
import { ledgerPageSchema, type LedgerPageDocument } from '../evidence/ledger.schema.js';
import { ledgerExpiry, recordSkipped } from '../evidence/skipped-runs.js';
import { BacklogService } from './backlog.service.js';
import type { IntegrationPatch, Start, StartFrom } from './integration-body.js';
import { changesBetween } from './integration-changes.js';
import { illFormedTexts, ruleFaults } from './integration-rules.js';
import { openIntegration, sealSettings, withoutSealed, type OpenedIntegration } from './integration-secrets.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
import { IntegrationStatusService } from './integration-status.service.js';
import { clearedSecrets, mergeSettings } from './merge-settings.js';
import { textAt } from './sealed-fields.js';
import { checkPrecondition, etagOf, type Precondition } from '../../platform/http/version-check.js';

type Verb = 'create' | 'update' | 'delete' | 'enable' | 'disable' | 'test';

/** How often a change without a precondition is applied again to what another writer stored in between. */
const MOST_TRIES = 20;

/**
 * What administrators do to integrations. Each act is one write of one document, with its audit record in it and the version as the condition:
 * of two writers that read the same version one wins, the other is told.
 */
@Injectable()
export class IntegrationsService {
  private readonly integrations: Model<IntegrationDocument>;
  private readonly ledger: Model<LedgerPageDocument>;

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly engineWake: EngineWake,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SECRETS) private readonly secrets: Secrets,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'positionAt' | 'identity'>,
    private readonly backlog: BacklogService,
    private readonly status: IntegrationStatusService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'evidence'>,
  ) {
    this.ledger = store.model<LedgerPageDocument>('ledger-page', ledgerPageSchema);
    this.integrations = store.model<IntegrationDocument>('integration', integrationDocumentSchema);
    this.relay.watch(this.integrations, { removeWhenEmpty: true });
  }

  /** @throws Problem 404 */
  async get(id: string): Promise<OpenedIntegration> {
    const document = await this.integrations.findOne({ _id: id, deleted: false }).lean<IntegrationDocument>();
    if (!document) throw notFound(id);
    return openIntegration(document, this.secrets);
  }

  /** Always disabled at first. @throws Problem 400, 409 (name taken) */
  async create(body: IntegrationPatch, principal: Principal): Promise<OpenedIntegration> {
    const settings = { ...this.checked(null, body), enabled: false };
    const now = new Date(this.clock.now());
    const id = uuidV7();
    const document: IntegrationDocument = {
      _id: id,
      ...sealSettings(id, settings, this.secrets),
      ...keysOf(settings),
      version: 1,
      createdAt: now,
      updatedAt: now,
      changedAt: now,
      deleted: false,
      deletedAt: null,
      auditOutbox: [this.record('create', { id, name: settings.name }, principal, settings, changesBetween(null, settings))],
    };
    await this.integrations.create(document).catch((error: unknown) => {
      throw nameTaken(error, settings.name) ?? error;
    });
    this.changed();
    return openIntegration(document, this.secrets);
  }

  /**
   * A change of any fields (RFC 7396). One that changes nothing is no act: version and audit stay.
   * @param start where delivery begins, of one that was never enabled before, or what it takes of what waits
   * @throws Problem 400, 404, 409, 412, 503
   */
  async change(id: string, patch: IntegrationPatch, precondition: Precondition, principal: Principal, { startFrom, resume }: Start = {}): Promise<OpenedIntegration> {
    const opened = await this.conditionally(id, precondition, async (before) => {
      if (startFrom !== undefined && before.document.startPositions !== undefined) throw alreadyBegun();
      if (resume !== undefined && before.document.startPositions === undefined) throw notBegun();
      const settings = this.checked(before, patch);
      const cleared = clearedSecrets(patch);
      const sealed = sealSettings(id, settings, this.secrets, before, cleared);
      const changes = changesBetween(before.settings, settings);
      for (const field of cleared) if (before.unreadable.has(field)) changes.push({ field, old: 'unreadable' });
      if (changes.length === 0) return before.document;
      const start = settings.enabled && before.document.startPositions === undefined ? await this.start(startFrom) : {};
      const subject = { id, name: settings.name };
      const going = await this.goingOn(before, settings.enabled, resume);
      const switched = changes.filter((change) => change.field === 'enabled');
      const others = changes.filter((change) => change.field !== 'enabled');
      const records: AuditRecord[] = [];
      if (others.length > 0) records.push(this.record('update', subject, principal, settings, others));
      if (switched.length > 0) records.push(this.record(settings.enabled ? 'enable' : 'disable', subject, principal, settings, switched, { ...(startFrom === undefined ? {} : { startFrom }), ...going.facts }));
      return this.store(before.document, { ...sealed, ...keysOf(settings), ...start, ...going.fields }, [...records, ...going.losses]);
    });
    // The act is done; what fails here is repeated by the job that looks after integrations.
    await this.settleSkipped(opened.document).catch(() => undefined);
    return opened;
  }

  /**
   * Disables one that failed for long, with its positions kept.
   * @returns false when somebody changed it since it was seen
   */
  async disableFailing(id: string, seenVersion: number, reason: string, notification: Notification): Promise<boolean> {
    const document = await this.integrations.findOne({ _id: id, deleted: false }).lean<IntegrationDocument>();
    if (!document || document.version !== seenVersion || !document.enabled) return false;
    const { settings } = openIntegration(document, this.secrets);
    const resumePositions = await this.backlog.positions(document);
    const record = { ...this.record('disable', { id, name: document.name }, systemActor('engine'), settings, [{ field: 'enabled', old: true, new: false }]), reason, notification: completeNotification(notification, this.clock.now()) };
    return (await this.store(document, { enabled: false, resumePositions }, [record])) !== null;
  }

  /** Puts into the ledger what an integration goes past without delivery, and forgets it here. Harmless when repeated. */
  async settleSkipped({ _id: id, skippedRuns, version }: IntegrationDocument): Promise<void> {
    if (!skippedRuns || skippedRuns.length === 0) return;
    await recordSkipped(this.ledger, id, skippedRuns, ledgerExpiry(this.clock.now(), this.settings.evidence.ledgerDays));
    // Only those that were read: a later act has a later version.
    await this.integrations.updateOne({ _id: id, version }, { $unset: { skippedRuns: 1 } });
  }

  /** What a change of `enabled` does to the positions: those of one that stops are kept with it; one that goes on may leave out what waits. */
  private async goingOn({ document, settings: before }: OpenedIntegration, enabled: boolean, resume: string | undefined): Promise<{ fields: Partial<IntegrationDocument>; facts: JsonObject; losses: AuditRecord[] }> {
    if (document.startPositions === undefined) return { fields: {}, facts: {}, losses: [] };
    if (before.enabled && !enabled) return { fields: { resumePositions: await this.backlog.positions(document) }, facts: {}, losses: [] };
    if (before.enabled || resume === undefined || resume === 'all') return { fields: {}, facts: resume === undefined ? {} : { resume }, losses: [] };
    // An engine that still holds it would go on delivering what is left out.
    if (await this.status.isHeld(document._id)) throw stillStopping();
    const { resumePositions, runs, skipped } = await this.backlog.plan(document, resume);
    const at = new Date(this.clock.now());
    const skippedRuns = [...(document.skippedRuns ?? []), ...runs.map((run) => ({ ...run, at, version: document.version + 1 }))];
    const subject = { id: document._id, name: document.name };
    const losses = runs.filter(({ outcome }) => outcome === 'lost').map(({ partition, first, end }) => lossRecord(subject, { partition, from: first, to: end, resets: resumePositions[String(partition)]?.resets ?? 0 }, this.clock));
    return { fields: { resumePositions, skippedRuns }, facts: { resume, skipped }, losses };
  }

  /** The settings that a change would make, without making it. @throws Problem 400, 404 */
  async proposed(id: string, patch: IntegrationPatch): Promise<IntegrationSettings> {
    return this.checked(await this.get(id), patch);
  }

  /** Leaves a mark without secrets, so that engines stop. @returns the document as it was. @throws Problem 404, 409, 412 */
  async delete(id: string, precondition: Precondition, principal: Principal): Promise<{ before: OpenedIntegration; deletedAt: Date }> {
    let deletedAt = new Date(this.clock.now());
    let last: OpenedIntegration | undefined;
    await this.conditionally(id, precondition, async (before) => {
      last = before;
      deletedAt = new Date(this.clock.now());
      const { connection, output, filter } = withoutSealed(before.document);
      const mark = { connection, output, filter, enabled: false, deleted: true, deletedAt };
      return this.store(before.document, mark, [this.record('delete', { id, name: before.settings.name }, principal, before.settings, changesBetween(before.settings, null))]);
    });
    if (!last) throw notFound(id);
    return { before: last, deletedAt };
  }

  /** Records an act that does not change the settings: in the same document, the version stays. */
  async recordAct(opened: OpenedIntegration, verb: Verb, principal: Principal, facts: Partial<AuditRecord>): Promise<void> {
    const { _id: id, name } = opened.document;
    const record = { ...this.record(verb, { id, name }, principal, opened.settings, []), ...facts };
    await this.integrations.updateOne({ _id: id }, withAudit<IntegrationDocument>({}, record));
    this.relay.wake();
  }

  private checked(before: OpenedIntegration | null, patch: IntegrationPatch): IntegrationSettings {
    const illFormed = illFormedTexts(patch);
    if (illFormed.length > 0) throw invalid(illFormed);
    const outcome = mergeSettings(before?.settings ?? null, patch);
    if (outcome.type === 'faults') throw invalid(outcome.faults);
    const cleared = clearedSecrets(patch);
    const unreadable = new Set([...(before?.unreadable.keys() ?? [])].filter((path) => textAt(patch, path) === undefined && !cleared.has(path)));
    const faults = ruleFaults(outcome.settings, { before: before?.settings ?? null, unreadable });
    if (faults.length > 0) throw invalid(faults);
    return outcome.settings;
  }

  /** Reads, checks the precondition, acts; again when another writer came in between and the caller named no version. */
  private async conditionally(id: string, precondition: Precondition, act: (before: OpenedIntegration) => Promise<IntegrationDocument | null>): Promise<OpenedIntegration> {
    for (let tries = 1; ; tries += 1) {
      const before = await this.get(id);
      checkPrecondition(precondition, before.document.version);
      const after = await act(before);
      if (after) return after === before.document ? before : openIntegration(after, this.secrets);
      if (tries >= MOST_TRIES) {
        const { version } = (await this.get(id)).document;
        throw new Problem(409, 'version-conflict', `Too many writers at the same time; the version is ${version} by now. Try again.`, { currentVersion: version, headers: { ETag: etagOf(version) } });
      }
    }
  }

  /** One write, only onto the version that was read; null when it is another one by now. */
  private async store(before: IntegrationDocument, fields: Partial<IntegrationDocument>, records: AuditRecord[]): Promise<IntegrationDocument | null> {
    const now = new Date(this.clock.now());
    const set = { ...fields, version: before.version + 1, updatedAt: now, changedAt: now };
    const after = await this.integrations
      .findOneAndUpdate({ _id: before._id, version: before.version, deleted: false }, withAudit<IntegrationDocument>({ $set: set }, ...records), { returnDocument: 'after' })
      .lean<IntegrationDocument>()
      .catch((error: unknown) => {
        throw nameTaken(error, fields.name ?? before.name) ?? error;
      });
    if (after) this.changed();
    return after;
  }

  /** The ends of the log unless told otherwise: what was accepted before an integration was enabled for the first time is not sent to it. */
  private async start(startFrom: StartFrom = 'now'): Promise<{ startPositions: Record<string, number>; startLog: string }> {
    try {
      const [startLog, ranges] = [await this.eventLog.identity(), await this.eventLog.ranges()];
      return { startLog, startPositions: Object.fromEntries(await Promise.all(ranges.map(async (range) => [String(range.partition), await this.positionIn(range, startFrom)] as const))) };
    } catch (error) {
      throw new Problem(503, 'event-log-unavailable', `The event log does not answer (${error instanceof Error ? error.message : String(error)}), so it is not known where delivery starts. Try again.`, { headers: { 'Retry-After': '5' } });
    }
  }

  private async positionIn({ partition, first, next }: PartitionRange, startFrom: StartFrom): Promise<number> {
    switch (startFrom) {
      case 'now': return next;
      case 'beginning': return first;
      default: return Math.max(first, await this.eventLog.positionAt(partition, Date.parse(startFrom)));
    }
  }

  private record(verb: Verb, subject: { id: string; name: string }, actor: Principal | Actor, settings: IntegrationSettings, changes: FieldChange[], more: JsonObject = {}): AuditRecord {
    const unverified = isEncrypted(settings) && !settings.connection.tls.verify;
    const attributes: JsonObject = { enginePool: settings.enginePool, serverUrl: settings.serverUrl, protocol: settings.protocol, ...(unverified ? { tlsVerify: false } : {}), ...more };
    return newAuditRecord(
      {
        type: `audit.integration.${verb}`,
        actor: 'kind' in actor ? actor : actorOf(actor),
        subject: { kind: 'integration', ...subject },
        attributes,
        ...(changes.length > 0 ? { changes } : {}),
        ...(unverified ? { severity: 5, reason: 'TLS without verification of the receiver (connection.tls.verify is false).' } : {}),
      },
      this.clock,
    );
  }

  private changed(): void {
    this.relay.wake();
    this.engineWake.wake();
  }
}

function alreadyBegun(): Problem {
  return new Problem(409, 'delivery-began', 'This integration was enabled before: it goes on where it stopped, so startFrom has no meaning. Leave it out, or create another integration.', { errors: [{ pointer: '/startFrom', message: 'only for the first enabling' }] });
}

function notBegun(): Problem {
  return new Problem(409, 'delivery-not-begun', 'This integration was never enabled, so nothing waits for it: resume has no meaning. Say with startFrom where delivery begins.', { errors: [{ pointer: '/resume', message: 'only for one that was enabled before' }] });
}

function stillStopping(): Problem {
  return new Problem(409, 'delivery-stopping', 'An engine still holds this integration, so it may go on delivering what would be left out. Try again in a few seconds.', { headers: { 'Retry-After': '2' } });
}

export function notFound(id: string): Problem {
  return new Problem(404, 'integration-not-found', `There is no integration ${id.slice(0, 100).toWellFormed()}.`);
}

function keysOf(settings: IntegrationSettings): Pick<IntegrationDocument, 'nameKey' | 'searchKey'> {
  const lower = (text: string) => text.normalize('NFC').toLowerCase();
  return { nameKey: lower(settings.name), searchKey: [settings.name, settings.serverUrl, settings.enginePool].map(lower).join('\n') };
}

function invalid(errors: ProblemItem[]): Problem {
  return new Problem(400, 'invalid-request', `The request has ${errors.length} fault(s); see "errors" for each place.`, { errors });
}

function nameTaken(error: unknown, name: string): Problem | undefined {
  const duplicate = error instanceof Error && 'code' in error && error.code === 11000;
  return duplicate ? new Problem(409, 'name-taken', `There is an integration "${name}" already (upper and lower case count as equal). Choose another name.`, { errors: [{ pointer: '/name', message: 'is taken' }] }) : undefined;
}
