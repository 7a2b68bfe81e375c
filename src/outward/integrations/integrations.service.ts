import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { EVENT_LOG } from '../../contracts/event-log.js';
import type { EventLog, PartitionRange } from '../../contracts/event-log.js';
import { SECRETS } from '../../contracts/secrets.js';
import type { Secrets } from '../../contracts/secrets.js';
import type { FieldChange } from '../../model/audit-event.js';
import { isEncrypted, type IntegrationSettings } from '../../model/integration.js';
import type { JsonObject } from '../../model/json.js';
import type { Principal } from '../../platform/access/rights.js';
import { withAudit } from '../../platform/audit/audit-outbox.js';
import { AuditRelay } from '../../platform/audit/audit.relay.js';
import type { AuditRecord } from '../../platform/audit/audit-record.js';
import { actorOf, newAuditRecord } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { Problem, type ProblemItem } from '../../platform/http/problem.js';
import { EngineWake } from '../engine/engine-wake.js';
import type { IntegrationPatch, StartFrom } from './integration-body.js';
import { changesBetween } from './integration-changes.js';
import { illFormedTexts, ruleFaults } from './integration-rules.js';
import { openIntegration, sealSettings, withoutSealed, type OpenedIntegration } from './integration-secrets.js';
import { integrationDocumentSchema, type IntegrationDocument } from './integration.schema.js';
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

  constructor(
    store: DocumentStore,
    private readonly relay: AuditRelay,
    private readonly engineWake: EngineWake,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SECRETS) private readonly secrets: Secrets,
    @Inject(EVENT_LOG) private readonly eventLog: Pick<EventLog, 'ranges' | 'positionAt' | 'identity'>,
  ) {
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
   * @param startFrom where delivery begins, of one that was never enabled before
   * @throws Problem 400, 404, 409, 412, 503
   */
  async change(id: string, patch: IntegrationPatch, precondition: Precondition, principal: Principal, startFrom?: StartFrom): Promise<OpenedIntegration> {
    return this.conditionally(id, precondition, async (before) => {
      if (startFrom !== undefined && before.document.startPositions !== undefined) throw alreadyBegun();
      const settings = this.checked(before, patch);
      const cleared = clearedSecrets(patch);
      const sealed = sealSettings(id, settings, this.secrets, before, cleared);
      const changes = changesBetween(before.settings, settings);
      for (const field of cleared) if (before.unreadable.has(field)) changes.push({ field, old: 'unreadable' });
      if (changes.length === 0) return before.document;
      const start = settings.enabled && before.document.startPositions === undefined ? await this.start(startFrom) : {};
      const subject = { id, name: settings.name };
      const switched = changes.filter((change) => change.field === 'enabled');
      const others = changes.filter((change) => change.field !== 'enabled');
      const records: AuditRecord[] = [];
      if (others.length > 0) records.push(this.record('update', subject, principal, settings, others));
      if (switched.length > 0) records.push(this.record(settings.enabled ? 'enable' : 'disable', subject, principal, settings, switched, startFrom === undefined ? {} : { startFrom }));
      return this.store(before.document, { ...sealed, ...keysOf(settings), ...start }, records);
    });
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

  private record(verb: Verb, subject: { id: string; name: string }, principal: Principal, settings: IntegrationSettings, changes: FieldChange[], more: JsonObject = {}): AuditRecord {
    const unverified = isEncrypted(settings) && !settings.connection.tls.verify;
    const attributes: JsonObject = { enginePool: settings.enginePool, serverUrl: settings.serverUrl, protocol: settings.protocol, ...(unverified ? { tlsVerify: false } : {}), ...more };
    return newAuditRecord(
      {
        type: `audit.integration.${verb}`,
        actor: actorOf(principal),
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
