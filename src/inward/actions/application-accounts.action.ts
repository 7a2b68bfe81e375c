import type { AlertAction } from '../../model/alert.js';
import { rejected, type MitigationAction, type PlannedTarget } from './mitigation-action.js';
import { accountTarget, authoritative, type PlanContext } from './plan-context.js';

/** Disables or deletes every account on an application, those without an owner among them; never on a source of identities. */
export const applicationAccountsAction: MitigationAction = {
  type: 'application/accounts',
  plan(alert, context) {
    const refusal = authoritative(context.application);
    return Promise.resolve(refusal ? rejected(refusal.code, refusal.reason) : { type: 'targets', identity: null, targets: targetsOf(alert.action, context) });
  },
};

async function* targetsOf(action: AlertAction, context: PlanContext): AsyncIterable<PlannedTarget> {
  const { application, directory } = context;
  for await (const account of directory.accountsOfApplication(application._id)) yield accountTarget(application, account, action, await context.protection(account));
}
