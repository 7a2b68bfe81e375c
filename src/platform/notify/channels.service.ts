import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { v7 as uuidV7 } from 'uuid';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { SECRETS } from '../../contracts/secrets.js';
import type { Secrets } from '../../contracts/secrets.js';
import type { FieldChange } from '../../model/audit-event.js';
import type { JsonValue } from '../../model/json.js';
import type { Principal } from '../access/rights.js';
import { withAudit } from '../audit/audit-outbox.js';
import type { AuditRecord } from '../audit/audit-record.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { actorOf, newAuditRecord } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import { Problem, type ProblemItem } from '../http/problem.js';
import { checkPrecondition, etagOf, type Precondition } from '../http/version-check.js';
import { mergeChannel, type ChannelPatch, type CreateBody } from './channel-body.js';
import { openChannel, sealedFields, sealSection, type OpenedChannel } from './channel-secrets.js';
import type { ChannelSettings, ChannelType } from './channel-settings.js';
import { channelDocumentSchema, NO_HEALTH, type ChannelDocument } from './notification-channel.schema.js';

/** How often a change without a precondition is applied again to what another writer stored in between. */
const MOST_TRIES = 20;
const MASKED = '********';

/** What administrators do to notification channels. Each act is one write of one document, with its audit record in it and the version as the condition. */
@Injectable()
export class ChannelsService {
  private readonly channels: Model<ChannelDocument>;

  constructor(store: DocumentStore, private readonly relay: AuditRelay, @Inject(CLOCK) private readonly clock: Clock, @Inject(SECRETS) private readonly secrets: Secrets) {
    this.channels = store.model<ChannelDocument>('notification-channel', channelDocumentSchema);
    relay.watch(this.channels, { removeWhenEmpty: true });
  }

  /** By name. */
  async list(): Promise<OpenedChannel[]> {
    const documents = await this.channels.find({ deleted: false }, { auditOutbox: 0 }).sort({ nameKey: 1 }).lean<ChannelDocument[]>();
    return documents.map((document) => openChannel(document, this.secrets));
  }

  /** @throws Problem 404 */
  async get(id: string): Promise<OpenedChannel> {
    const document = await this.channels.findOne({ _id: id, deleted: false }).lean<ChannelDocument>();
    if (!document) throw new Problem(404, 'notification-channel-not-found', `There is no notification channel ${id.slice(0, 100).toWellFormed()}.`);
    return openChannel(document, this.secrets);
  }

  /** @throws Problem 400, 409 (name taken) */
  async create({ type, ...body }: CreateBody, principal: Principal): Promise<OpenedChannel> {
    const { settings } = checked(type, body, null);
    const now = new Date(this.clock.now());
    const id = uuidV7();
    const document = {
      _id: id, ...settings, section: sealSection(id, settings, this.secrets, null, new Set()), nameKey: nameKeyOf(settings.name), version: 1, createdAt: now, updatedAt: now, deleted: false, deletedAt: null, health: NO_HEALTH,
      auditOutbox: [this.record('create', id, settings, principal, changesBetween(null, settings))],
    } as ChannelDocument;
    await this.channels.create(document).catch((error: unknown) => {
      throw nameTaken(error, settings.name) ?? error;
    });
    this.relay.wake();
    return openChannel(document, this.secrets);
  }

  /** A change of any fields (RFC 7396). One that changes nothing is no act: version and audit stay. @throws Problem 400, 404, 409, 412 */
  async change(id: string, patch: ChannelPatch, precondition: Precondition, principal: Principal): Promise<OpenedChannel> {
    return this.conditionally(id, precondition, async (before) => {
      const { settings, cleared } = checked(before.document.type, patch, before);
      const changes = changesBetween(before.settings, settings);
      for (const field of cleared) if (before.unreadable.has(field)) changes.push({ field: `${settings.type}.${field}`, old: 'unreadable' });
      if (changes.length === 0) return before.document;
      // What was wrong before may be mended by the change: it is tried at once.
      return this.store(before.document, { ...settings, section: sealSection(id, settings, this.secrets, before, cleared), nameKey: nameKeyOf(settings.name), 'health.nextTryAt': null }, this.record('update', id, settings, principal, changes));
    });
  }

  /** Leaves a mark without secrets for a while. @throws Problem 404, 409, 412 */
  async delete(id: string, precondition: Precondition, principal: Principal): Promise<OpenedChannel> {
    let last: OpenedChannel | undefined;
    await this.conditionally(id, precondition, async (before) => {
      last = before;
      const section = Object.fromEntries(Object.entries(before.document.section).filter(([field]) => !sealedFields(before.document.type).includes(field)));
      return this.store(before.document, { section, enabled: false, deleted: true, deletedAt: new Date(this.clock.now()) }, this.record('delete', id, before.settings, principal, changesBetween(before.settings, null)));
    });
    return last ?? this.get(id);
  }

  /** Records that it was tried. */
  async recordTest({ document, settings }: OpenedChannel, principal: Principal, facts: Partial<AuditRecord>): Promise<void> {
    await this.channels.updateOne({ _id: document._id }, withAudit<ChannelDocument>({}, { ...this.record('test', document._id, settings, principal, []), ...facts }));
    this.relay.wake();
  }

  private async conditionally(id: string, precondition: Precondition, act: (before: OpenedChannel) => Promise<ChannelDocument | null>): Promise<OpenedChannel> {
    for (let tries = 1; ; tries += 1) {
      const before = await this.get(id);
      checkPrecondition(precondition, before.document.version);
      const after = await act(before);
      if (after) return after === before.document ? before : openChannel(after, this.secrets);
      if (tries >= MOST_TRIES) throw new Problem(409, 'version-conflict', 'Too many writers at the same time. Try again.', { currentVersion: before.document.version, headers: { ETag: etagOf(before.document.version) } });
    }
  }

  /** One write, only onto the version that was read; null when it is another one by now. */
  private async store(before: ChannelDocument, fields: Record<string, unknown>, record: AuditRecord): Promise<ChannelDocument | null> {
    const set = { ...fields, version: before.version + 1, updatedAt: new Date(this.clock.now()) };
    const after = await this.channels
      .findOneAndUpdate({ _id: before._id, version: before.version, deleted: false }, withAudit<ChannelDocument>({ $set: set }, record), { returnDocument: 'after' })
      .lean<ChannelDocument>()
      .catch((error: unknown) => {
        throw nameTaken(error, typeof fields['name'] === 'string' ? fields['name'] : before.name) ?? error;
      });
    if (after) this.relay.wake();
    return after;
  }

  private record(verb: 'create' | 'update' | 'delete' | 'test', id: string, settings: ChannelSettings, principal: Principal, changes: FieldChange[]): AuditRecord {
    const receiver = settings.type === 'mail' ? `${settings.section.host}:${settings.section.port}` : new URL(settings.section.url).origin;
    return newAuditRecord({ type: `audit.notify-channel.${verb}`, actor: actorOf(principal), subject: { kind: 'notify-channel', id, name: settings.name }, attributes: { channel: settings.type, receiver }, ...(changes.length > 0 ? { changes } : {}) }, this.clock);
  }
}

function checked(type: ChannelType, patch: ChannelPatch, before: OpenedChannel | null): { settings: ChannelSettings; cleared: Set<string> } {
  const outcome = mergeChannel(type, patch, before);
  if (outcome.type === 'faults') throw invalid(outcome.faults);
  return outcome;
}

/** What differs, field by field, as the audit shows it; secrets masked. */
function changesBetween(before: ChannelSettings | null, after: ChannelSettings | null): FieldChange[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const secret = new Set(sealedFields((after ?? before)?.type ?? 'mail').map((field) => `${(after ?? before)?.type ?? 'mail'}.${field}`));
  const changes: FieldChange[] = [];
  for (const field of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(field), now.get(field)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    const shown = (value: JsonValue) => (secret.has(field) ? MASKED : value);
    changes.push({ field, ...(was === undefined ? {} : { old: shown(was) }), ...(is === undefined ? {} : { new: shown(is) }) });
  }
  return changes;
}

function leavesOf(settings: ChannelSettings | null): Map<string, JsonValue> {
  if (settings === null) return new Map();
  const { section, type, ...general } = settings;
  return new Map<string, JsonValue>([...Object.entries(general), ...Object.entries(section).flatMap(([name, value]) => (value === undefined ? [] : [[`${type}.${name}`, value] as [string, JsonValue]]))]);
}

function nameKeyOf(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function invalid(errors: ProblemItem[]): Problem {
  return new Problem(400, 'invalid-request', `The request has ${errors.length} fault(s); see "errors" for each place.`, { errors });
}

function nameTaken(error: unknown, name: string): Problem | undefined {
  const duplicate = error instanceof Error && 'code' in error && error.code === 11000;
  return duplicate ? new Problem(409, 'name-taken', `There is a notification channel "${name}" already (upper and lower case count as equal). Choose another name.`, { errors: [{ pointer: '/name', message: 'is taken' }] }) : undefined;
}
