import { rejected, type MitigationAction } from './mitigation-action.js';
import { accountTarget } from './plan-context.js';

/** The named account must change its password at the next logon; no new password is made. */
export const passwordAction: MitigationAction = {
  type: 'identity/password',
  async plan(alert, context) {
    const named = await context.namedAccount(alert);
    if (named.type === 'rejected') return named;
    const { application } = context;
    if (!application.passwordChange) return rejected('password-change-not-available', `A password change cannot be forced on ${application.name} (${application.type}).`);
    return { type: 'targets', identity: named.identity, targets: [accountTarget(application, named.account, 'force-password-change')] };
  },
};
