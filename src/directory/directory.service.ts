import { Inject, Injectable } from '@nestjs/common';
import type { Model, QueryFilter } from 'mongoose';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import { withAudit } from '../platform/audit/audit-outbox.js';
import type { AuditRecord } from '../platform/audit/audit-record.js';
import { AccountChanges, type AccountChangeOutcome, type DirectoryAct } from './account-changes.js';
import type { AccountOperation, Entitlement } from './account-operation.js';
import type { AccountDocument } from './account.schema.js';
import type { ApplicationDocument } from './application.schema.js';
import { DirectoryModels } from './directory-models.js';
import type { EntitlementDocument } from './entitlement.schema.js';
import type { IdentityDocument } from './identity.schema.js';
import { entitlementKey, naturalKey } from './natural-key.js';

/** Accounts read in one go by the paged readers. */
const PAGE = 500;

/** What alerts act upon, as the inward wing asks for it. Names and native ids are compared ignoring case; removed accounts are left out. */
@Injectable()
export class DirectoryService {
  constructor(
    private readonly models: DirectoryModels,
    private readonly accountChanges: AccountChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async applicationByName(name: string): Promise<ApplicationDocument | null> {
    return this.models.applications.findOne({ nameKey: naturalKey(name), deleted: false }).lean<ApplicationDocument>();
  }

  async applicationById(id: string): Promise<ApplicationDocument | null> {
    return this.models.applications.findOne({ _id: id, deleted: false }).lean<ApplicationDocument>();
  }

  /** In the order of the names. */
  async applicationNames(): Promise<string[]> {
    const applications = await this.models.applications.find({ deleted: false }, { name: 1 }).sort({ nameKey: 1 }).lean<Array<{ name: string }>>();
    return applications.map(({ name }) => name);
  }

  async account(id: string): Promise<AccountDocument | null> {
    return this.models.accounts.findOne({ _id: id, removedAt: null }).lean<AccountDocument>();
  }

  /** None or one. */
  async accountsByNativeId(applicationId: string, nativeId: string): Promise<AccountDocument[]> {
    return this.models.accounts.find({ applicationId, nativeIdKey: naturalKey(nativeId), removedAt: null }).lean<AccountDocument[]>();
  }

  /** At most one on each application. */
  async accountsByNativeIdAnywhere(nativeId: string): Promise<AccountDocument[]> {
    return this.models.accounts.find({ nativeIdKey: naturalKey(nativeId), removedAt: null }).lean<AccountDocument[]>();
  }

  /** The accounts correlated with an identity, those that it merely owns left out. */
  async accountsOfIdentity(identityId: string): Promise<AccountDocument[]> {
    return this.models.accounts.find({ identityId, removedAt: null }).sort({ _id: 1 }).lean<AccountDocument[]>();
  }

  async identity(id: string): Promise<IdentityDocument | null> {
    return this.models.identities.findOne({ _id: id, deleted: false }).lean<IdentityDocument>();
  }

  async identityByName(name: string): Promise<IdentityDocument | null> {
    return this.models.identities.findOne({ nameKey: naturalKey(name), deleted: false }).lean<IdentityDocument>();
  }

  async entitlement(applicationId: string, attribute: string, value: string): Promise<EntitlementDocument | null> {
    return this.models.entitlements.findOne({ applicationId, key: entitlementKey(attribute, value), deleted: false }).lean<EntitlementDocument>();
  }

  /** In the order of their ids, page by page, never all in memory; accounts that come or go meanwhile may be told or not. */
  accountsHolding(applicationId: string, attribute: string, value: string): AsyncIterable<AccountDocument> {
    return byId(this.models.accounts, { applicationId, entitlementKeys: entitlementKey(attribute, value), removedAt: null });
  }

  /** As `accountsHolding`. */
  accountsOfApplication(applicationId: string): AsyncIterable<AccountDocument> {
    return byId(this.models.accounts, { applicationId, removedAt: null });
  }

  /** How many, without reading them: for a limit that is checked before anything is planned. */
  async countAccountsOfApplication(applicationId: string): Promise<number> {
    return this.models.accounts.countDocuments({ applicationId, removedAt: null });
  }

  async countAccountsHolding(applicationId: string, attribute: string, value: string): Promise<number> {
    return this.models.accounts.countDocuments({ applicationId, entitlementKeys: entitlementKey(attribute, value), removedAt: null });
  }

  /** Whether people may ask for an entitlement, with the record of the act in the same write; no record when it was so already. */
  async setRequestable(entitlementId: string, requestable: boolean, auditRecord: AuditRecord): Promise<'changed' | 'already-so' | 'absent'> {
    const now = new Date(this.clock.now());
    const update = withAudit<EntitlementDocument>({ $set: { requestable, updatedAt: now }, $inc: { version: 1 } }, auditRecord);
    const { matchedCount } = await this.models.entitlements.updateOne({ _id: entitlementId, deleted: false, requestable: { $ne: requestable } }, update);
    if (matchedCount > 0) {
      this.models.changed();
      return 'changed';
    }
    return (await this.models.entitlements.exists({ _id: entitlementId, deleted: false })) ? 'already-so' : 'absent';
  }

  /**
   * After a change in the connected system: brings the directory's copy in line and audits the change (`audit.account.disable|enable|delete|grant|revoke|password`)
   * in one write. Idempotent: the same `act.operationId` again does nothing, and neither does it after the built-in connector, which made this write itself.
   * @param options `systemAlreadySo`: the connected system had nothing to change either, so there is no act to audit unless the copy changes.
   */
  async applyChange(accountId: string, operation: AccountOperation, act: DirectoryAct, options: { entitlement?: Entitlement; systemAlreadySo?: boolean } = {}): Promise<AccountChangeOutcome> {
    return this.accountChanges.apply({ accountId }, operation, act, { entitlement: options.entitlement, auditAlways: act.operationId !== undefined && options.systemAlreadySo !== true });
  }
}

async function* byId(accounts: Model<AccountDocument>, filter: QueryFilter<AccountDocument>): AsyncIterable<AccountDocument> {
  let after: string | undefined;
  for (;;) {
    const page = await accounts.find(after === undefined ? filter : { ...filter, _id: { $gt: after } }, { auditOutbox: 0 }).sort({ _id: 1 }).limit(PAGE).lean<AccountDocument[]>();
    yield* page;
    after = page.at(-1)?._id;
    if (page.length < PAGE || after === undefined) return;
  }
}
