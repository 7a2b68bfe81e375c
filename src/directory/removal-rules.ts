import { Injectable } from '@nestjs/common';
import { Problem } from '../platform/http/problem.js';
import type { ApplicationDocument } from './application.schema.js';
import { DirectoryModels } from './directory-models.js';
import type { EntitlementDocument } from './entitlement.schema.js';
import type { IdentityDocument } from './identity.schema.js';

/** What may not be removed while something else needs it. */
@Injectable()
export class RemovalRules {
  constructor(private readonly models: DirectoryModels) {}

  async ofApplication({ _id, name }: ApplicationDocument): Promise<Problem | undefined> {
    const accounts = await this.models.accounts.countDocuments({ applicationId: _id, removedAt: null });
    return inUse('application', name, { accounts }, 'Delete or move its accounts first.');
  }

  async ofIdentity({ _id, name }: IdentityDocument): Promise<Problem | undefined> {
    const [accounts, ownedAccounts, managedIdentities, ownedApplications, ownedEntitlements] = await Promise.all([
      this.models.accounts.countDocuments({ identityId: _id, removedAt: null }),
      this.models.accounts.countDocuments({ owners: _id, removedAt: null }),
      this.models.identities.countDocuments({ managerId: _id, deleted: false }),
      this.models.applications.countDocuments({ ownerId: _id, deleted: false }),
      this.models.entitlements.countDocuments({ ownerId: _id, deleted: false }),
    ]);
    return inUse('identity', name, { accounts, ownedAccounts, managedIdentities, ownedApplications, ownedEntitlements }, 'Give them to somebody else first.');
  }

  async ofEntitlement({ applicationId, key, value }: EntitlementDocument): Promise<Problem | undefined> {
    const accounts = await this.models.accounts.countDocuments({ applicationId, entitlementKeys: key, removedAt: null });
    return inUse('entitlement', value, { accounts }, 'Take it from the accounts that hold it first.');
  }
}

function inUse(kind: string, name: string, counts: Record<string, number>, fix: string): Problem | undefined {
  const used = Object.entries(counts).filter(([, count]) => count > 0);
  if (used.length === 0) return undefined;
  return new Problem(409, `${kind}-in-use`, `The ${kind} "${name}" is needed by ${used.map(([what, count]) => `${count} ${what}`).join(', ')}. ${fix}`, { inUseBy: Object.fromEntries(used) });
}
