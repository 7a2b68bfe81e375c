import type { MitigationAction, PlannedTarget } from './mitigation-action.js';
import { accountTarget } from './plan-context.js';

/** As identity/password for every account of the owner; accounts where a password change cannot be forced are left out and do not make it a failure. */
export const passwordsAction: MitigationAction = {
  type: 'identity/passwords',
  async plan(alert, context) {
    const owner = await context.accountsOfOwner(alert);
    if (owner.type === 'rejected') return owner;
    const targets: PlannedTarget[] = [];
    for (const account of owner.accounts) {
      const application = await context.applicationOf(account);
      if (!application) continue;
      const skip = application.passwordChange ? await context.protection(account) : { code: 'password-change-not-available', reason: `A password change cannot be forced on ${application.name} (${application.type}).` };
      targets.push(accountTarget(application, account, 'force-password-change', skip));
    }
    return { type: 'targets', identity: owner.identity, targets };
  },
};
