import type { EntitlementDocument } from '../../directory/entitlement.schema.js';
import { rejected, type MitigationAction, type PlannedTarget } from './mitigation-action.js';
import { removalTarget, type PlanContext } from './plan-context.js';

/** Makes an entitlement non-requestable and takes it from everybody who has it. First the former, so that nobody asks for it meanwhile. */
export const groupAction: MitigationAction = {
  type: 'application/group',
  async plan(alert, context) {
    const { application } = context;
    const entitlement = await context.directory.entitlement(application._id, alert.groupType ?? '', alert.groupName ?? '');
    if (!entitlement) return rejected('unknown-entitlement', `There is no entitlement "${alert.groupName ?? ''}" of type "${alert.groupType ?? ''}" on ${application.name}.`);
    return { type: 'targets', identity: null, targets: targetsOf(entitlement, context) };
  },
};

async function* targetsOf({ attribute, value }: EntitlementDocument, context: PlanContext): AsyncIterable<PlannedTarget> {
  const { application, directory } = context;
  yield { application, account: null, operation: 'make-not-requestable', entitlement: { attribute, value }, skip: null };
  for await (const account of directory.accountsHolding(application._id, attribute, value)) yield removalTarget(application, account, { attribute, value }, await context.ownerOf(account), await context.protection(account));
}
