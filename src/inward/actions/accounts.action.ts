import type { MitigationAction, PlannedTarget } from './mitigation-action.js';
import { accountTarget, authoritative } from './plan-context.js';

/** Disables or deletes every account of the named account's owner, those on sources of identities left out. */
export const accountsAction: MitigationAction = {
  type: 'identity/accounts',
  async plan(alert, context) {
    const owner = await context.accountsOfOwner(alert);
    if (owner.type === 'rejected') return owner;
    const targets: PlannedTarget[] = [];
    for (const account of owner.accounts) {
      const application = await context.applicationOf(account);
      if (application) targets.push(accountTarget(application, account, alert.action, authoritative(application) ?? (await context.protection(account))));
    }
    return { type: 'targets', identity: owner.identity, targets };
  },
};
