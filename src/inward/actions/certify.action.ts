import type { CampaignKind, CampaignScope, Named } from '../../certification/campaign.schema.js';
import type { IdentityDocument } from '../../directory/identity.schema.js';
import type { AlertType } from '../../model/alert.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import { rejected, type ActionPlan, type MitigationAction } from './mitigation-action.js';
import type { PlanContext } from './plan-context.js';

type CertifyType = Extract<AlertType, `${string}/certify${string}`>;

/** A review of somebody's or something's access: a campaign with its reviewer and its scope (inbound contract, section 7). Who is protected from changes may still be reviewed. */
export function certifyAction(type: CertifyType): MitigationAction {
  const plan = { 'identity/certify': ofAccount, 'identity/certify-all': ofIdentity, 'application/certify-group': ofEntitlement, 'application/certify-all': ofApplication }[type];
  return { type, plan };
}

async function ofAccount(alert: AlertDocument, context: PlanContext): Promise<ActionPlan> {
  return ofOwner(alert, context, { id: context.application._id, name: context.application.name });
}

async function ofIdentity(alert: AlertDocument, context: PlanContext): Promise<ActionPlan> {
  return ofOwner(alert, context, null);
}

/** The manager reviews. */
async function ofOwner(alert: AlertDocument, context: PlanContext, application: Named | null): Promise<ActionPlan> {
  const found = await context.reviewedAccount(alert);
  if (found.type === 'rejected') return found;
  const { account, identity } = found;
  if (!identity) return rejected('account-without-owner', `The account "${account.nativeId}" has no owner, so nobody's access can be reviewed.`);
  const manager = await context.person(identity.managerId);
  if (!manager) return noReviewer(`${identity.name} has no manager, who would review.`);
  const all = application ? '' : ' - All Accounts';
  return campaign(alert, { kind: 'identity', name: `SIEM Identity Certification for ${identity.name} - ${identity.displayName}${all}`, scope: { identity: named(identity), application, entitlement: null }, reviewer: manager, identity });
}

/** The owner of the entitlement reviews; where it has none, that of the application. */
async function ofEntitlement(alert: AlertDocument, context: PlanContext): Promise<ActionPlan> {
  const { application, directory } = context;
  const entitlement = await directory.entitlement(application._id, alert.groupType ?? '', alert.groupName ?? '');
  if (!entitlement) return rejected('unknown-entitlement', `There is no entitlement "${alert.groupName ?? ''}" of type "${alert.groupType ?? ''}" on ${application.name}.`);
  const { attribute, value } = entitlement;
  const reviewer = (await context.person(entitlement.ownerId)) ?? (await context.person(application.ownerId));
  if (!reviewer) return noReviewer(`Neither "${value}" nor ${application.name} has an owner, who would review.`);
  return campaign(alert, { kind: 'entitlement-owner', name: `SIEM Group Certification for : ${value}`, scope: { identity: null, application: named(application), entitlement: { attribute, value } }, reviewer, identity: null });
}

async function ofApplication(alert: AlertDocument, context: PlanContext): Promise<ActionPlan> {
  const { application } = context;
  const reviewer = await context.person(application.ownerId);
  if (!reviewer) return noReviewer(`${application.name} has no owner, who would review.`);
  return campaign(alert, { kind: 'application-owner', name: `SIEM Application Certification for : ${application.name}`, scope: { identity: null, application: named(application), entitlement: null }, reviewer, identity: null });
}

function campaign({ _id, receivedAt, postedBy }: AlertDocument, { kind, name, scope, reviewer, identity }: { kind: CampaignKind; name: string; scope: CampaignScope; reviewer: IdentityDocument; identity: IdentityDocument | null }): ActionPlan {
  return { type: 'certification', identity, campaign: { kind, name: `${name} [${receivedAt.toISOString().slice(0, 10)}]`, scope, reviewer: named(reviewer), alertId: _id, requestedBy: postedBy } };
}

function noReviewer(reason: string): ActionPlan {
  return { type: 'failed', code: 'no-reviewer', reason: `No certification was opened: ${reason}` };
}

function named({ _id, name }: { _id: string; name: string }): Named {
  return { id: _id, name };
}
