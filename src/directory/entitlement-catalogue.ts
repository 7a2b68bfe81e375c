import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidV7 } from 'uuid';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import type { DirectoryAct } from './account-changes.js';
import type { Entitlement } from './account-operation.js';
import { DirectoryModels } from './directory-models.js';
import { isDuplicateWrite } from '../platform/documents/duplicate-writes.js';
import type { EntitlementDocument } from './entitlement.schema.js';
import { searchKeyOf } from './natural-key.js';

const CHUNK = 500;

/** What accounts hold is known to the catalogue, so that it can be named, owned and made not requestable. */
@Injectable()
export class EntitlementCatalogue {
  constructor(
    private readonly models: DirectoryModels,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Adds what is not known yet, before the account that holds it is stored. Anything but an account holds nothing. @returns how many were added */
  async learn(fields: object, act: DirectoryAct, options: { audit?: boolean } = {}): Promise<number> {
    if (!holdsEntitlements(fields)) return 0;
    const { applicationId, entitlements, entitlementKeys } = fields;
    let learned = 0;
    for (let at = 0; at < entitlementKeys.length; at += CHUNK) {
      const keys = entitlementKeys.slice(at, at + CHUNK);
      const known = await this.models.entitlements.find({ applicationId, key: { $in: keys }, deleted: false }, { key: 1 }).lean<Array<{ key: string }>>();
      const knownKeys = new Set(known.map(({ key }) => key));
      for (const [index, key] of keys.entries()) {
        const entitlement = entitlements[at + index];
        if (!entitlement || knownKeys.has(key)) continue;
        if (await this.add(applicationId, entitlement, key, act, options.audit !== false)) learned += 1;
      }
    }
    return learned;
  }

  private async add(applicationId: string, { attribute, value }: Entitlement, key: string, act: DirectoryAct, audited: boolean): Promise<boolean> {
    const now = new Date(this.clock.now());
    const id = uuidV7();
    const record = newAuditRecord(
      { type: 'audit.entitlement.create', actor: act.actor, subject: { kind: 'entitlement', id, name: value }, objects: [{ kind: 'application', id: applicationId }], reason: 'An account holds it.', ...(act.correlationId === undefined ? {} : { correlationId: act.correlationId }) },
      this.clock,
    );
    const document: EntitlementDocument = {
      _id: id, applicationId, attribute, value, key, searchKey: searchKeyOf(attribute, value), displayName: null, ownerId: null, requestable: true, state: 'enabled', version: 1, createdAt: now, updatedAt: now, deleted: false, deletedAt: null,
      auditOutbox: audited ? [record] : [],
    };
    try {
      await this.models.entitlements.create(document);
      return true;
    } catch (error) {
      if (isDuplicateWrite(error)) return false;
      throw error;
    }
  }
}

function holdsEntitlements(fields: object): fields is { applicationId: string; entitlements: Entitlement[]; entitlementKeys: string[] } {
  return 'entitlements' in fields && 'entitlementKeys' in fields && 'applicationId' in fields;
}
