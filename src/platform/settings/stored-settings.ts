import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import type { FieldChange } from '../../model/audit-event.js';
import type { JsonValue } from '../../model/json.js';
import type { Principal } from '../access/rights.js';
import { withAudit } from '../audit/audit-outbox.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { actorOf, newAuditRecord } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import { isDuplicateWrite } from '../documents/duplicate-writes.js';
import { Problem } from '../http/problem.js';
import { settingsDocumentSchema, type SettingsDocument } from './settings.schema.js';

export interface StoredValues {
  values: Readonly<Record<string, unknown>>;
  /** 0 before the first change. */
  version: number;
  updatedAt: Date | null;
}

const CACHE_MS = 1000;
const MOST_TRIES = 20;

/** Settings documents by name: read often (remembered for a second), changed rarely, each change recorded in the same write. */
@Injectable()
export class StoredSettings {
  private readonly documents: Model<SettingsDocument>;
  private readonly cache = new Map<string, { readAt: number; stored: Promise<StoredValues> }>();

  constructor(store: DocumentStore, private readonly relay: AuditRelay, @Inject(CLOCK) private readonly clock: Clock) {
    this.documents = store.model<SettingsDocument>('settings', settingsDocumentSchema);
    relay.watch(this.documents);
  }

  /** At most a second old. @throws when the document store does not answer */
  async get(name: string): Promise<StoredValues> {
    const now = this.clock.now();
    const known = this.cache.get(name);
    if (known && Math.abs(now - known.readAt) < CACHE_MS) return known.stored;
    const stored = this.read(name);
    this.cache.set(name, { readAt: now, stored });
    stored.catch(() => this.cache.delete(name));
    return stored;
  }

  /**
   * Sets values; undefined takes one away again. A change that changes nothing is no act.
   * @param shown what a value is for the record, when it has none of its own (the default)
   * @throws Problem 409 when another version than `version` is stored
   */
  async change(name: string, patch: Readonly<Record<string, unknown>>, { version, principal, shown }: { version?: number; principal: Principal; shown: (key: string) => unknown }): Promise<StoredValues> {
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const before = await this.read(name);
      if (version !== undefined && version !== before.version) throw conflict(before.version);
      const values: Record<string, unknown> = { ...before.values, ...patch };
      for (const [key, value] of Object.entries(patch)) if (value === undefined) delete values[key];
      const changes: FieldChange[] = Object.keys(patch).flatMap((field): FieldChange[] => {
        const [old, next] = [own(before.values, field) ?? shown(field), own(values, field) ?? shown(field)] as [JsonValue, JsonValue];
        return JSON.stringify(old) === JSON.stringify(next) ? [] : [{ field, old, new: next }];
      });
      if (changes.length === 0 && JSON.stringify(values) === JSON.stringify(before.values)) return before;
      const record = newAuditRecord({ type: 'audit.setting.update', actor: actorOf(principal), subject: { kind: 'setting', id: name, name }, changes }, this.clock);
      const next: StoredValues = { values, version: before.version + 1, updatedAt: new Date(this.clock.now()) };
      if (!(await this.store(name, before.version, next, record))) continue;
      this.cache.delete(name);
      this.relay.wake();
      return next;
    }
    throw conflict((await this.read(name)).version);
  }

  /** One write, only onto the version that was read. */
  private async store(name: string, before: number, next: StoredValues, record: Parameters<typeof withAudit>[1]): Promise<boolean> {
    const fields = { values: next.values as Record<string, unknown>, version: next.version, updatedAt: next.updatedAt ?? new Date(this.clock.now()) };
    if (before > 0) return (await this.documents.updateOne({ _id: name, version: before }, withAudit<SettingsDocument>({ $set: fields }, record))).matchedCount === 1;
    try {
      await this.documents.create({ _id: name, ...fields, auditOutbox: [record] });
      return true;
    } catch (error) {
      if (isDuplicateWrite(error)) return false;
      throw error;
    }
  }

  private async read(name: string): Promise<StoredValues> {
    const found = await this.documents.findById(name, { auditOutbox: 0 }).lean<SettingsDocument | null>();
    return found ? { values: found.values, version: found.version, updatedAt: found.updatedAt } : { values: {}, version: 0, updatedAt: null };
  }
}

/** A name like `constructor` is a value only where it was set. */
function own(values: Readonly<Record<string, unknown>>, field: string): unknown {
  return Object.hasOwn(values, field) ? values[field] : undefined;
}

function conflict(version: number): Problem {
  return new Problem(409, 'version-conflict', `These settings have version ${version} by now; read them again and repeat your change.`, { currentVersion: version });
}
