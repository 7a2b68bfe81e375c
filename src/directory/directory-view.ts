import { z } from 'zod';
import type { AccountDocument } from './account.schema.js';
import type { ApplicationDocument } from './application.schema.js';
import { ENTITLEMENT_STATES, type EntitlementDocument } from './entitlement.schema.js';
import type { IdentityDocument } from './identity.schema.js';
import type { References } from './references.js';

/** How records of the directory are answered. What they name is told with its id and name. */

const named = z.object({ id: z.string(), name: z.string().nullable().meta({ description: 'Null when it is no longer there.' }) });
const time = z.iso.datetime();
const kept = { id: z.string(), version: z.int().meta({ description: 'Grows by one with each change; also the ETag.' }), createdAt: time, updatedAt: time };

export const applicationView = z.object({
  ...kept, name: z.string(), type: z.string(), connector: z.string(), owner: named.nullable(), authoritative: z.boolean(), entitlementAttributes: z.array(z.string()), passwordChange: z.boolean(),
});
export const identityView = z.object({
  ...kept, name: z.string(), displayName: z.string(), email: z.string().nullable(), manager: named.nullable(), roles: z.array(z.string()), requestsSubmitted: z.int(), requestsTargeting: z.int(),
  lastLoginAt: time.nullable(), modifiedAt: time.nullable(), protected: z.boolean(),
});
export const entitlementView = z.object({
  ...kept, application: named, attribute: z.string(), value: z.string(), displayName: z.string().nullable(), owner: named.nullable(), requestable: z.boolean(), state: z.enum(ENTITLEMENT_STATES),
});
export const accountView = z.object({
  ...kept, application: named, nativeId: z.string(), displayName: z.string().nullable(), identity: named.nullable(), owners: z.array(named), disabled: z.boolean(), passwordChangeRequired: z.boolean(),
  entitlements: z.array(z.object({ attribute: z.string(), value: z.string() })), attributes: z.record(z.string(), z.union([z.string(), z.array(z.string())])), renewalDue: time.nullable(),
  endOfLife: z.object({ at: time, action: z.string() }).nullable(), secretId: z.string().nullable(), modifiedAt: time.nullable(), removedAt: time.nullable().meta({ description: 'Removed in the connected system; kept for the history.' }),
});

type View<S extends z.ZodType> = z.output<S>;

export function viewOfApplication(document: ApplicationDocument, references: References): View<typeof applicationView> {
  const { name, type, connector, ownerId, authoritative, entitlementAttributes, passwordChange } = document;
  return { ...keptOf(document), name, type, connector, owner: identityOf(ownerId, references), authoritative, entitlementAttributes, passwordChange };
}

export function viewOfIdentity(document: IdentityDocument, references: References): View<typeof identityView> {
  const { name, displayName, email, managerId, roles, requestsSubmitted, requestsTargeting, lastLoginAt, modifiedAt, isProtected } = document;
  return {
    ...keptOf(document), name, displayName, email, manager: identityOf(managerId, references), roles, requestsSubmitted, requestsTargeting, lastLoginAt: lastLoginAt?.toISOString() ?? null, modifiedAt: modifiedAt?.toISOString() ?? null,
    protected: isProtected,
  };
}

export function viewOfEntitlement(document: EntitlementDocument, references: References): View<typeof entitlementView> {
  const { applicationId, attribute, value, displayName, ownerId, requestable, state } = document;
  return { ...keptOf(document), application: applicationOf(applicationId, references), attribute, value, displayName, owner: identityOf(ownerId, references), requestable, state };
}

export function viewOfAccount(document: AccountDocument, references: References): View<typeof accountView> {
  const { applicationId, nativeId, displayName, identityId, owners, disabled, passwordChangeRequired, entitlements, attributes, renewalDue, endOfLife, secretId, modifiedAt, removedAt } = document;
  return {
    ...keptOf(document), application: applicationOf(applicationId, references), nativeId, displayName, identity: identityOf(identityId, references), owners: owners.map((owner) => ({ id: owner, name: references.identity(owner)?.name ?? null })),
    disabled, passwordChangeRequired, entitlements: entitlements.map(({ attribute, value }) => ({ attribute, value })), attributes, renewalDue: renewalDue?.toISOString() ?? null,
    endOfLife: endOfLife === null ? null : { at: endOfLife.at.toISOString(), action: endOfLife.action }, secretId, modifiedAt: modifiedAt?.toISOString() ?? null, removedAt: removedAt?.toISOString() ?? null,
  };
}

function keptOf({ _id, version, createdAt, updatedAt }: { _id: string; version: number; createdAt: Date; updatedAt: Date }) {
  return { id: _id, version, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

function identityOf(id: string | null, references: References): z.output<typeof named> | null {
  return id === null ? null : { id, name: references.identity(id)?.name ?? null };
}

function applicationOf(id: string, references: References): z.output<typeof named> {
  return { id, name: references.application(id)?.name ?? null };
}
