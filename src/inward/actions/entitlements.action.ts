import type { MitigationAction } from './mitigation-action.js';
import { removalTarget } from './plan-context.js';

/** Takes every entitlement from the named account. */
export const entitlementsAction: MitigationAction = {
  type: 'identity/entitlements',
  async plan(alert, context) {
    const named = await context.namedAccount(alert);
    if (named.type === 'rejected') return named;
    const current = await context.currentEntitlements(context.application, named.account);
    if (current.type === 'retry') return current;
    return { type: 'targets', identity: named.identity, targets: current.entitlements.map((entitlement) => removalTarget(context.application, named.account, entitlement, named.identity)) };
  },
};
