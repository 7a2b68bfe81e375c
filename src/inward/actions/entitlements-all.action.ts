import type { MitigationAction, PlannedTarget } from './mitigation-action.js';
import { authoritative, removalTarget } from './plan-context.js';

/** Takes every entitlement from every account of the named account's owner, those on sources of identities left out. */
export const entitlementsAllAction: MitigationAction = {
  type: 'identity/entitlements-all',
  async plan(alert, context) {
    const owner = await context.accountsOfOwner(alert);
    if (owner.type === 'rejected') return owner;
    const targets: PlannedTarget[] = [];
    for (const account of owner.accounts) {
      const application = await context.applicationOf(account);
      if (!application) continue;
      const skip = authoritative(application) ?? (await context.protection(account));
      const current = skip ? { type: 'found' as const, entitlements: account.entitlements } : await context.currentEntitlements(application, account);
      if (current.type === 'retry') return current;
      targets.push(...current.entitlements.map((entitlement) => removalTarget(application, account, entitlement, owner.identity, skip)));
    }
    return { type: 'targets', identity: owner.identity, targets };
  },
};
