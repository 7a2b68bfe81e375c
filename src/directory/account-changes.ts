import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Actor, EventObject, FieldChange } from '../model/audit-event.js';
import type { UpdateQuery } from 'mongoose';
import { withAudit } from '../platform/audit/audit-outbox.js';
import type { AuditRecord } from '../platform/audit/audit-record.js';
import { newAuditRecord } from '../platform/audit/new-audit-record.js';
import { REMEMBERED_OPERATIONS, type AccountDocument } from './account.schema.js';
import { effectOf, OPERATION_VERBS, type AccountOperation, type Entitlement } from './account-operation.js';
import { DirectoryModels } from './directory-models.js';

/** Who acts, and why: what the audit of a change says. */
export interface DirectoryAct {
  actor: Actor;
  /** The alert's id, where an alert caused it. */
  correlationId?: string;
  /** The same for every repeat of one change: it is applied, and audited, at most once. */
  operationId?: string;
  reason?: string;
}

export type AccountChangeOutcome =
  | { type: 'changed'; account: AccountDocument }
  /** It was so before; `repeated` when this very operation made it so (or was undone since): nothing was done now. */
  | { type: 'already-so'; account: AccountDocument; repeated: boolean }
  | { type: 'absent' };

/** How often a change is applied again to what another writer stored in between. */
const MOST_TRIES = 50;

/** The one place where an operation changes an account: one write of one document, conditional on its version, with the audit record and the operation id in it. */
@Injectable()
export class AccountChanges {
  constructor(
    private readonly models: DirectoryModels,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Idempotent by the operation id and by the effect. An operation that changed nothing is remembered, and audited only with `auditAlways`
   * (it took place in a connected system, whose change reached the directory on another way first).
   */
  async apply(find: { accountId: string } | { applicationId: string; nativeIdKey: string }, operation: AccountOperation, act: DirectoryAct, options: { entitlement?: Entitlement; auditAlways?: boolean; applicationName?: string } = {}): Promise<AccountChangeOutcome> {
    const filter = 'accountId' in find ? { _id: find.accountId } : find;
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const before = await this.models.accounts.findOne({ ...filter, deletedAt: null }).lean<AccountDocument>();
      if (!before) return { type: 'absent' };
      if (act.operationId !== undefined && before.operations.includes(act.operationId)) return { type: 'already-so', account: before, repeated: true };
      if (before.removedAt && operation !== 'delete') return { type: 'absent' };
      const now = new Date(this.clock.now());
      const effect = effectOf(before, operation, options.entitlement, now);
      const audited = effect !== undefined || options.auditAlways === true;
      if (!audited && act.operationId === undefined) return { type: 'already-so', account: before, repeated: false };
      const set = { ...effect?.set, version: before.version + 1, ...(audited ? { modifiedAt: now, updatedAt: now } : {}) };
      const remember = act.operationId === undefined ? {} : { $push: { operations: { $each: [act.operationId], $slice: -REMEMBERED_OPERATIONS } } };
      const update: UpdateQuery<AccountDocument> = { $set: set, ...remember };
      const records = audited ? [await this.record(before, OPERATION_VERBS[operation], act, effect?.changes ?? [], options)] : [];
      const after = await this.models.accounts.findOneAndUpdate({ _id: before._id, version: before.version }, records.length > 0 ? withAudit(update, ...records) : update, { returnDocument: 'after' }).lean<AccountDocument>();
      if (!after) continue;
      if (audited) this.models.changed();
      return effect ? { type: 'changed', account: after } : { type: 'already-so', account: after, repeated: false };
    }
    throw new Error(`the account ${JSON.stringify(filter)} had ${MOST_TRIES} other writers at the same time`);
  }

  /** `audit.account.{verb}` with the application (read when its name is not given) and the identity that the account belongs to. */
  async record(account: Pick<AccountDocument, '_id' | 'nativeId' | 'applicationId' | 'identityId'>, verb: string, act: DirectoryAct, changes: FieldChange[], { entitlement, applicationName }: { entitlement?: Entitlement; applicationName?: string } = {}): Promise<AuditRecord> {
    const [application, identity] = await Promise.all([
      applicationName === undefined ? this.models.applications.findOne({ _id: account.applicationId }, { name: 1 }).lean<{ name: string }>() : { name: applicationName },
      account.identityId === null ? null : this.models.identities.findOne({ _id: account.identityId }, { name: 1 }).lean<{ name: string }>(),
    ]);
    return accountRecord(account, verb, act, changes, { application: application?.name, identity: identity?.name, entitlement }, this.clock);
  }
}

/** The record when the names are known already. */
export function accountRecord(
  account: Pick<AccountDocument, '_id' | 'nativeId' | 'applicationId' | 'identityId'>,
  verb: string,
  act: DirectoryAct,
  changes: FieldChange[],
  names: { application?: string; identity?: string; entitlement?: Entitlement },
  clock: Clock,
): AuditRecord {
  const objects: EventObject[] = [{ kind: 'application', id: account.applicationId, name: names.application }];
  if (account.identityId !== null) objects.push({ kind: 'identity', id: account.identityId, name: names.identity });
  if (names.entitlement) objects.push({ kind: 'entitlement', id: `${names.entitlement.attribute}=${names.entitlement.value}`, name: names.entitlement.value });
  return newAuditRecord(
    {
      type: `audit.account.${verb}`,
      actor: act.actor,
      subject: { kind: 'account', id: account._id, name: account.nativeId },
      objects,
      ...(names.application === undefined ? {} : { attributes: { domain: names.application } }),
      ...(changes.length > 0 ? { changes } : {}),
      ...(act.correlationId === undefined ? {} : { correlationId: act.correlationId }),
      ...(act.reason === undefined ? {} : { reason: act.reason }),
    },
    clock,
  );
}
