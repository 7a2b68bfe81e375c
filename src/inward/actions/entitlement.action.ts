import { isEntitlementAttribute } from '../../directory/account-operation.js';
import { entitlementKey } from '../../directory/natural-key.js';
import { rejected, type MitigationAction } from './mitigation-action.js';
import { removalTarget } from './plan-context.js';

/** Takes one entitlement from the named account. Whether it has it is for the connected system to say. */
export const entitlementAction: MitigationAction = {
  type: 'identity/entitlement',
  async plan(alert, context) {
    const named = await context.namedAccount(alert);
    if (named.type === 'rejected') return named;
    const entitlement = { attribute: alert.groupType ?? '', value: alert.groupName ?? '' };
    const held = named.account.entitlementKeys.includes(entitlementKey(entitlement.attribute, entitlement.value));
    if (!held && !isEntitlementAttribute(context.application, entitlement.attribute)) return rejected('unknown-entitlement-type', `"${entitlement.attribute}" is no attribute of ${context.application.name} that holds entitlements.`);
    return { type: 'targets', identity: named.identity, targets: [removalTarget(context.application, named.account, entitlement, named.identity)] };
  },
};
