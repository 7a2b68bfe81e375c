import type { NewCampaign } from '../../certification/campaign.schema.js';
import type { AlertType, TargetOperation } from '../../model/alert.js';
import type { AccountDocument } from '../../directory/account.schema.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { IdentityDocument } from '../../directory/identity.schema.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { PlanContext } from './plan-context.js';

/** One thing that an alert is going to act upon. With `skip` it is left out on purpose, and the outcome says why. */
export interface PlannedTarget {
  application: Pick<ApplicationDocument, '_id' | 'name'>;
  /** Null for an act on an entitlement itself. */
  account: Pick<AccountDocument, '_id' | 'nativeId' | 'identityId'> | null;
  operation: TargetOperation;
  /** Of remove-entitlement and make-not-requestable. */
  entitlement: { attribute: string; value: string } | null;
  skip: Reason | null;
  /** What the change alone may not settle; told with the outcome. */
  caution?: string;
}

/** Why, for machines and for people. */
export interface Reason {
  /** Lower-case words with hyphens, for example `unknown-account`. */
  code: string;
  reason: string;
}

export type ActionPlan =
  /** `targets` is read once, in order, and never held in memory as a whole; targets of one account follow each other. */
  | { type: 'targets'; identity: IdentityDocument | null; targets: AsyncIterable<PlannedTarget> | Iterable<PlannedTarget> }
  /** A review of access is to be opened; nothing is changed. */
  | { type: 'certification'; identity: IdentityDocument | null; campaign: NewCampaign }
  /** The alert names something that is not there, or that no alert may act upon: nothing is done. */
  | ({ type: 'rejected' } & Reason)
  /** It cannot be done by this version. */
  | ({ type: 'failed' } & Reason)
  /** What the plan needs could not be read now; it is tried again. */
  | ({ type: 'retry' } & Reason);

/**
 * What an alert type means. An action only finds out what is to be done: it changes nothing, so it may run again after a crash.
 * Everything else is the processor's: leases, limits, order, calls, repeats and outcomes are the same for all.
 */
export interface MitigationAction {
  readonly type: AlertType;
  plan(alert: AlertDocument, context: PlanContext): Promise<ActionPlan>;
}

export function rejected(code: string, reason: string): ActionPlan {
  return { type: 'rejected', code, reason };
}
