import type { Model } from 'mongoose';
import type { AccountDocument } from '../../../directory/account.schema.js';
import type { DirectoryModels } from '../../../directory/directory-models.js';
import type { EntitlementDocument } from '../../../directory/entitlement.schema.js';
import { entitlementKey } from '../../../directory/natural-key.js';
import type { TargetOperation } from '../../../model/alert.js';
import type { AuditRecord } from '../../../platform/audit/audit-record.js';
import { toRecord, type AuditRecordDocument } from '../../../platform/audit/audit-record.schema.js';
import type { Reason } from '../../actions/mitigation-action.js';
import type { MitigationTargetDocument } from '../mitigation-target.schema.js';

/** Records of one subject that are looked at; who has more changed something. */
const MOST_RECORDS = 200;

/** What an alert did to one target, and when (ms since 1970). */
type Done = Pick<MitigationTargetDocument, 'alertId' | 'applicationId' | 'accountId' | 'operation' | 'entitlement'> & { at: Date };

/** What happened to a target since an alert acted upon it, from the audit records: each change of the directory leaves one. */
export class SinceThen {
  constructor(
    private readonly records: Model<AuditRecordDocument>,
    private readonly targets: Model<MitigationTargetDocument>,
    private readonly directory: DirectoryModels,
  ) {}

  /** Whether the alert itself changed it: a target that was found as asked may have been changed by an earlier try, whose answer was lost. */
  async didIt(target: MitigationTargetDocument): Promise<boolean> {
    if (!target.alreadySo) return true;
    const subject = await this.subjectOf(target);
    if (!subject) return false;
    const own = await this.recordsOf(subject, new Date(0));
    return own.some((record) => record.correlationId === target.alertId && concerns(record, target));
  }

  /** Why it should not be given back blindly: it is gone, somebody changed the same since, or another alert asks for it, too. */
  async standsInTheWay(done: Done): Promise<Reason | undefined> {
    const subject = await this.subjectOf(done);
    if (!subject) return GONE;
    const later = (await this.recordsOf(subject, done.at)).find((record) => record.correlationId !== done.alertId && concerns(record, done));
    if (later) return { code: 'changed-since', reason: `${later.actor.name ?? later.actor.id ?? 'Somebody'} changed the same at ${later.occurredAt} (${later.type}); it was left as it is. Order the undo with evenIfChanged to give it back all the same.` };
    const other = await this.otherAlert(done);
    return other === undefined ? undefined : { code: 'asked-by-another-alert', reason: `The alert ${other} asks for the same and was not undone; it was left as it is. Order the undo with evenIfChanged to give it back all the same.` };
  }

  async isGone(done: Done): Promise<Reason | undefined> {
    return (await this.subjectOf(done)) ? undefined : GONE;
  }

  /** The document that is changed, with the records that have not left it yet. */
  private async subjectOf({ applicationId, accountId, entitlement }: Pick<Done, 'applicationId' | 'accountId' | 'entitlement'>): Promise<{ _id: string; auditOutbox: AuditRecord[] } | null> {
    if (accountId !== null) return this.directory.accounts.findOne({ _id: accountId, removedAt: null }, { auditOutbox: 1 }).lean<AccountDocument>();
    return this.directory.entitlements.findOne({ applicationId, key: entitlementKey(entitlement?.attribute ?? '', entitlement?.value ?? ''), deleted: false }, { auditOutbox: 1 }).lean<EntitlementDocument>();
  }

  private async recordsOf({ _id, auditOutbox }: { _id: string; auditOutbox: AuditRecord[] }, after: Date): Promise<AuditRecord[]> {
    // As text both have the same form, so their order is that of the times.
    const from = after.toISOString();
    const moved = await this.records.find({ 'subject.id': _id, occurredAt: { $gt: from } }).sort({ occurredAt: -1 }).limit(MOST_RECORDS).lean<AuditRecordDocument[]>();
    return [...auditOutbox.filter(({ occurredAt }) => occurredAt > from), ...moved.map(toRecord)];
  }

  private async otherAlert({ alertId, accountId, operation, entitlement }: Done): Promise<string | undefined> {
    if (accountId === null) return undefined;
    const others = await this.targets.find({ accountId, state: 'done' }).limit(MOST_RECORDS).lean<MitigationTargetDocument[]>();
    const key = (one: MitigationTargetDocument['entitlement']) => (one ? entitlementKey(one.attribute, one.value) : '');
    const same = others.filter((other) => other.alertId !== alertId && key(other.entitlement) === key(entitlement));
    const givenBack = new Set(same.filter((other) => other.undoOf !== undefined && other.undoOf !== null).map((other) => other.alertId));
    return same.find((other) => other.operation === operation && !givenBack.has(other.alertId))?.alertId;
  }
}

const GONE: Reason = { code: 'not-found', reason: 'It is no longer there, so nothing can be given back to it.' };

const ACCOUNT_STATE = ['audit.account.disable', 'audit.account.enable', 'audit.account.delete', 'audit.account.create'];
const ENTITLEMENT_STATE = ['audit.entitlement.disable', 'audit.entitlement.enable', 'audit.entitlement.delete', 'audit.entitlement.create'];

/** Whether a record tells of the same thing that an operation changes. */
function concerns({ type, objects = [], changes = [] }: AuditRecord, { operation, entitlement }: { operation: TargetOperation; entitlement: MitigationTargetDocument['entitlement'] }): boolean {
  switch (operation) {
    case 'disable':
    case 'enable':
      return ACCOUNT_STATE.includes(type);
    case 'remove-entitlement':
    case 'add-entitlement': {
      const key = entitlementKey(entitlement?.attribute ?? '', entitlement?.value ?? '');
      const about = entitlementKey(`entitlements.${entitlement?.attribute ?? ''}`, '');
      if (type === 'audit.account.grant' || type === 'audit.account.revoke') return objects.some(({ kind, id }) => kind === 'entitlement' && typeof id === 'string' && entitlementKey(...parted(id)) === key);
      return type === 'audit.account.delete' || type === 'audit.account.create' || changes.some(({ field }) => entitlementKey(field, '') === about);
    }
    case 'make-not-requestable':
    case 'make-requestable':
      return ENTITLEMENT_STATE.includes(type) || changes.some(({ field }) => field === 'requestable');
    case 'delete':
    case 'force-password-change':
      return false;
  }
}

/** `attribute=value`, as the record of a grant names it; an attribute has no equals sign. */
function parted(id: string): [string, string] {
  const at = id.indexOf('=');
  return [id.slice(0, at), id.slice(at + 1)];
}
