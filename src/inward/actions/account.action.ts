import { rejected, type MitigationAction } from './mitigation-action.js';
import { accountTarget, authoritative } from './plan-context.js';

/** Disables or deletes the named account. */
export const accountAction: MitigationAction = {
  type: 'identity/account',
  async plan(alert, context) {
    const named = await context.namedAccount(alert);
    if (named.type === 'rejected') return named;
    const refusal = authoritative(context.application);
    if (refusal) return rejected(refusal.code, refusal.reason);
    return { type: 'targets', identity: named.identity, targets: [accountTarget(context.application, named.account, alert.action)] };
  },
};
