import type { AccountStore, StoreChange } from '../contracts/account-store.js';
import type { Clock } from '../contracts/clock.js';
import type { AccountEntitlement, ChangeContext, ConnectorAccount, ConnectorGroup } from '../contracts/connector.js';
import { v7 as uuidV7 } from 'uuid';
import { systemActor } from '../platform/audit/new-audit-record.js';
import type { AccountChanges, AccountChangeOutcome, DirectoryAct } from './account-changes.js';
import { distinctEntitlements, type AccountOperation } from './account-operation.js';
import { REMEMBERED_OPERATIONS, type AccountDocument } from './account.schema.js';
import type { DirectoryModels } from './directory-models.js';
import { isDuplicateWrite } from '../platform/documents/duplicate-writes.js';
import { entitlementKey, naturalKey, searchKeyOf } from './natural-key.js';
import type { EntitlementDocument } from './entitlement.schema.js';

/** The accounts of one application in the directory, as the built-in connector's connected system. */
export class StoredAccountStore implements AccountStore {
  constructor(
    private readonly applicationId: string,
    private readonly applicationName: string,
    private readonly models: DirectoryModels,
    private readonly changes: AccountChanges,
    private readonly clock: Clock,
  ) {}

  async list({ after, limit, changedSince }: { after?: string; limit: number; changedSince?: number }): Promise<ConnectorAccount[]> {
    const filter = {
      applicationId: this.applicationId,
      deletedAt: null,
      ...(after === undefined ? {} : { nativeIdKey: { $gt: naturalKey(after) } }),
      ...(changedSince === undefined ? { removedAt: null } : { updatedAt: { $gte: new Date(changedSince) } }),
    };
    const accounts = await this.models.accounts.find(filter, { auditOutbox: 0 }).sort({ nativeIdKey: 1 }).limit(limit).lean<AccountDocument[]>();
    return accounts.map(connectorAccount);
  }

  async listGroups({ after, limit }: { after?: { attribute: string; value: string }; limit: number }): Promise<ConnectorGroup[]> {
    const filter = { applicationId: this.applicationId, deleted: false, ...(after === undefined ? {} : { key: { $gt: entitlementKey(after.attribute, after.value) } }) };
    const groups = await this.models.entitlements.find(filter, { auditOutbox: 0 }).sort({ key: 1 }).limit(limit).lean<EntitlementDocument[]>();
    return groups.map(({ attribute, value, displayName }) => ({ attribute, value, ...(displayName === null ? {} : { displayName }) }));
  }

  async read(nativeId: string): Promise<ConnectorAccount | undefined> {
    const account = await this.models.accounts.findOne({ ...this.key(nativeId), removedAt: null }, { auditOutbox: 0 }).lean<AccountDocument>();
    return account ? connectorAccount(account) : undefined;
  }

  async insert(account: Omit<ConnectorAccount, 'modifiedAt' | 'removed'>, context: ChangeContext): Promise<StoreChange> {
    const now = new Date(this.clock.now());
    const { nativeId, displayName = null, disabled, passwordChangeRequired = false, attributes } = account;
    const fields = {
      nativeId, displayName, disabled, passwordChangeRequired, attributes, ...distinctEntitlements(account.entitlements), searchKey: searchKeyOf(nativeId, displayName), removedAt: null, modifiedAt: now, updatedAt: now,
    };
    for (;;) {
      const before = await this.models.accounts.findOne(this.key(nativeId)).lean<AccountDocument>();
      if (before?.operations.includes(context.operationId)) return { changed: false, repeated: true };
      if (before && !before.removedAt) return { changed: false };
      const _id = before?._id ?? uuidV7();
      const record = await this.changes.record({ _id, nativeId, applicationId: this.applicationId, identityId: before?.identityId ?? null }, 'create', actOf(context), [], { applicationName: this.applicationName });
      if (before) {
        const update = { $set: { ...fields, deletedAt: null, version: before.version + 1 }, $push: { operations: { $each: [context.operationId], $slice: -REMEMBERED_OPERATIONS }, auditOutbox: { $each: [record] } } };
        const { matchedCount } = await this.models.accounts.updateOne({ _id, version: before.version }, update);
        if (matchedCount === 0) continue;
      } else {
        const document: Partial<AccountDocument> = { _id, applicationId: this.applicationId, nativeIdKey: naturalKey(nativeId), ...fields, operations: [context.operationId], version: 1, createdAt: now, auditOutbox: [record] };
        try {
          await this.models.accounts.create(document);
        } catch (error) {
          if (isDuplicateWrite(error)) continue;
          throw error;
        }
      }
      this.models.changed();
      return { changed: true };
    }
  }

  async setDisabled(nativeId: string, disabled: boolean, context: ChangeContext): Promise<StoreChange | undefined> {
    return this.apply(nativeId, disabled ? 'disable' : 'enable', context);
  }

  async remove(nativeId: string, context: ChangeContext): Promise<StoreChange | undefined> {
    return this.apply(nativeId, 'delete', context);
  }

  async addEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<StoreChange | undefined> {
    return this.apply(nativeId, 'add-entitlement', context, entitlement);
  }

  async removeEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<StoreChange | undefined> {
    return this.apply(nativeId, 'remove-entitlement', context, entitlement);
  }

  async setPasswordChangeRequired(nativeId: string, context: ChangeContext): Promise<StoreChange | undefined> {
    return this.apply(nativeId, 'force-password-change', context);
  }

  private async apply(nativeId: string, operation: AccountOperation, context: ChangeContext, entitlement?: AccountEntitlement): Promise<StoreChange | undefined> {
    return storeChange(await this.changes.apply(this.key(nativeId), operation, actOf(context), { entitlement, applicationName: this.applicationName }));
  }

  private key(nativeId: string): { applicationId: string; nativeIdKey: string } {
    return { applicationId: this.applicationId, nativeIdKey: naturalKey(nativeId) };
  }
}

function storeChange(outcome: AccountChangeOutcome): StoreChange | undefined {
  switch (outcome.type) {
    case 'changed':
      return { changed: true };
    case 'already-so':
      return outcome.repeated ? { changed: false, repeated: true } : { changed: false };
    case 'absent':
      return undefined;
  }
}

function actOf({ operationId, correlationId, actor }: ChangeContext): DirectoryAct {
  return { operationId, actor: actor ?? systemActor('builtin-connector'), ...(correlationId === undefined ? {} : { correlationId }) };
}

function connectorAccount({ nativeId, displayName, disabled, passwordChangeRequired, entitlements, attributes, modifiedAt, removedAt }: AccountDocument): ConnectorAccount {
  return {
    nativeId,
    ...(displayName === null ? {} : { displayName }),
    disabled,
    passwordChangeRequired,
    entitlements: entitlements.map(({ attribute, value }) => ({ attribute, value })),
    attributes,
    ...(modifiedAt === null ? {} : { modifiedAt: modifiedAt.getTime() }),
    ...(removedAt === null ? {} : { removed: true }),
  };
}
