import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidV7 } from 'uuid';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import { withAudit } from '../platform/audit/audit-outbox.js';
import type { AuditRecord } from '../platform/audit/audit-record.js';
import { Problem, type ProblemItem } from '../platform/http/problem.js';
import { checkPrecondition, etagOf, type Precondition } from '../platform/http/version-check.js';
import type { DirectoryAct } from './account-changes.js';
import type { DirectoryRecord, StoredFields } from './directory-kind.js';
import type { RecordFilter, RecordUpdate, StoredKind } from './directory-kinds.js';
import { DirectoryModels } from './directory-models.js';
import { isDuplicateWrite } from '../platform/documents/duplicate-writes.js';
import { EntitlementCatalogue } from './entitlement-catalogue.js';
import { auditOfChange } from './record-audit.js';
import { ReferenceReader, type References } from './references.js';

/** How one body was stored; `learned` = entitlements that the catalogue did not know before. */
export type PutOutcome<T> =
  | { type: 'created' | 'changed' | 'unchanged'; document: T; learned: number }
  | { type: 'refused'; items: ProblemItem[] }
  /** Another writer came in between: read again and repeat. */
  | { type: 'conflict' };

/** How often a change without a precondition is applied again to what another writer stored in between. */
const MOST_TRIES = 20;

/** Creates, changes and removes records of any kind: one write of one document each, with its audit records in it and the version as the condition. */
@Injectable()
export class DirectoryRecords {
  constructor(
    private readonly models: DirectoryModels,
    private readonly references: ReferenceReader,
    private readonly catalogue: EntitlementCatalogue,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Problem 404 */
  async get<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, id: string): Promise<T> {
    const document = await kind.model.findOne({ _id: id, ...kind.live } as RecordFilter<T>).lean<T>();
    if (!document) throw new Problem(404, `${kind.name}-not-found`, `There is no ${kind.name} ${id.slice(0, 100).toWellFormed()}.`);
    return document;
  }

  /** @throws Problem 400, 409 (the name is taken) */
  async create<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, body: B, act: DirectoryAct): Promise<T> {
    const outcome = await this.put(kind, body, null, await this.references.read(kind.wants(body)), act);
    switch (outcome.type) {
      case 'created':
      case 'changed':
      case 'unchanged':
        return outcome.document;
      case 'refused':
        throw invalid(outcome.items);
      case 'conflict':
        throw taken(kind, body);
    }
  }

  /**
   * @param merge the whole body from what is stored and what was sent
   * @throws Problem 400, 404, 409, 412
   */
  async change<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, id: string, merge: (before: T) => B, precondition: Precondition, act: DirectoryAct): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const before = await this.get(kind, id);
      checkPrecondition(precondition, before.version);
      const body = merge(before);
      const outcome = await this.put(kind, body, before, await this.references.read(kind.wants(body), kind.refersTo(before)), act);
      switch (outcome.type) {
        case 'created':
        case 'changed':
        case 'unchanged':
          return outcome.document;
        case 'refused':
          throw invalid(outcome.items);
        case 'conflict': {
          const { version } = await this.get(kind, id);
          if (version === before.version) throw taken(kind, body);
          if (tries >= MOST_TRIES) throw new Problem(409, 'version-conflict', `Too many writers at the same time; the version is ${version} by now. Try again.`, { currentVersion: version, headers: { ETag: etagOf(version) } });
        }
      }
    }
  }

  /**
   * Leaves a mark for a while, until the act has become an event.
   * @param refusal looks whether something still needs it
   * @throws Problem 404, 409, 412
   */
  async remove<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, id: string, refusal: (before: T) => Promise<Problem | undefined>, precondition: Precondition, act: DirectoryAct): Promise<T> {
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const before = await this.get(kind, id);
      checkPrecondition(precondition, before.version);
      const refused = await refusal(before);
      if (refused) throw refused;
      const references = await this.references.read(kind.refersTo(before));
      const records = auditOfChange(kind, { id, before, after: null }, references, act, this.clock);
      const now = new Date(this.clock.now());
      const mark = { ...('removedAt' in before ? { removedAt: now, modifiedAt: now } : { deleted: true, deletedAt: now }), version: before.version + 1, updatedAt: now };
      const update: RecordUpdate<T> = { $set: mark };
      const { matchedCount } = await kind.model.updateOne({ _id: id, version: before.version, ...kind.live } as RecordFilter<T>, withAudit(update, ...records));
      if (matchedCount === 0) continue;
      this.models.changed();
      return before;
    }
    throw new Problem(409, 'version-conflict', 'Too many writers at the same time. Try again.');
  }

  /**
   * Stores a body as a new record, or over the one that is there; nothing is stored when it is refused.
   * @param options `audit: false` stores no record with it: whoever asks audits the whole in one
   */
  async put<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, body: B, before: T | null, references: References, act: DirectoryAct, options: { audit?: boolean } = {}): Promise<PutOutcome<T>> {
    const now = new Date(this.clock.now());
    const plan = kind.plan(body, before, references, now);
    if (plan.type === 'faults') return { type: 'refused', items: plan.items };
    const { set } = plan;
    const id = before?._id ?? uuidV7();
    if (before) {
      const differs = auditOfChange(kind, { id, before, after: set }, references, act, this.clock);
      if (differs.length === 0) return { type: 'unchanged', document: before, learned: 0 };
      const learned = await this.catalogue.learn(set, act, options);
      const after = await this.write(kind, { _id: id, version: before.version, ...kind.live }, set, options.audit === false ? [] : differs, now);
      return after ? { type: 'changed', document: after, learned } : { type: 'conflict' };
    }
    const learned = await this.catalogue.learn(set, act, options);
    const records = (documentId: string) => (options.audit === false ? [] : auditOfChange(kind, { id: documentId, before: null, after: set }, references, act, this.clock));
    const document = { _id: id, ...set, version: 1, createdAt: now, updatedAt: now, deletedAt: null, auditOutbox: records(id) } as unknown as T;
    try {
      await kind.model.create(document);
    } catch (error) {
      if (!isDuplicateWrite(error)) throw error;
      const revived = await this.revive(kind, set, records, now);
      return revived ? { type: 'created', document: revived, learned } : { type: 'conflict' };
    }
    this.models.changed();
    return { type: 'created', document, learned };
  }

  /** An account that was removed and comes back is the same document again. */
  private async revive<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, set: StoredFields<T>, records: (id: string) => AuditRecord[], now: Date): Promise<T | null> {
    if (!('nativeIdKey' in set) || !('applicationId' in set)) return null;
    const removed = await kind.model.findOne({ applicationId: set.applicationId, nativeIdKey: set.nativeIdKey, removedAt: { $ne: null } } as RecordFilter<T>).lean<T>();
    if (!removed) return null;
    const { operations: _kept, ...fields } = set as StoredFields<T> & { operations?: unknown };
    return this.write(kind, { _id: removed._id, version: removed.version }, { ...fields, deletedAt: null }, records(removed._id), now, removed.version);
  }

  private async write<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, filter: { _id: string; version: number }, set: object, records: AuditRecord[], now: Date, version = filter.version): Promise<T | null> {
    const update = { $set: { ...set, version: version + 1, updatedAt: now } } as RecordUpdate<T>;
    try {
      const after = await kind.model.findOneAndUpdate(filter as unknown as RecordFilter<T>, records.length > 0 ? withAudit(update, ...records) : update, { returnDocument: 'after' }).lean<T>();
      if (after) this.models.changed();
      return after;
    } catch (error) {
      if (isDuplicateWrite(error)) return null;
      throw error;
    }
  }
}

function invalid(errors: ProblemItem[]): Problem {
  return new Problem(400, 'invalid-request', `The request has ${errors.length} fault(s); see "errors" for each place.`, { errors });
}

function taken<T extends DirectoryRecord, B>(kind: StoredKind<T, B>, body: B): Problem {
  const pointer = { application: '/name', identity: '/name', account: '/nativeId', entitlement: '/value' }[kind.name];
  return new Problem(409, 'name-taken', `There is an ${kind.name} "${kind.title(body)}" already (upper and lower case count as equal).`, { errors: [{ pointer, message: 'is taken' }] });
}
