import { z } from 'zod';
import type { JsonValue } from '../model/json.js';
import type { ProblemItem } from '../platform/http/problem.js';
import { distinctEntitlements, isEntitlementAttribute } from './account-operation.js';
import type { AccountDocument } from './account.schema.js';
import { attributeName, flag, optionalText, reference, text, textList, time } from './body-fields.js';
import { chosen, type DirectoryKind } from './directory-kind.js';
import { noEntitlementAttribute } from './entitlement.kind.js';
import { naturalKey, searchKeyOf } from './natural-key.js';
import type { KnownIdentity, References } from './references.js';

const attributeValue = z.union([z.string().max(4096), z.array(z.string().max(4096)).max(1000), z.null()]);
const entitlement = z.strictObject({ attribute: attributeName, value: text(2048, 'For example the name of a group.') });

export const accountBody = z.strictObject({
  application: text(255, 'Name or id of its application.'),
  nativeId: text(1024, 'As the application names the account: a login name or a distinguished name. Unique on the application; upper and lower case count as equal.'),
  displayName: optionalText(255, 'For people.'),
  identity: reference('the identity behind it. Left out, it is found by the mail address (attribute mail, email or emailAddress), then by the native id; null = nobody'),
  owners: textList(100, 255, 'Names or ids of the identities that own it, apart from the one behind it.'),
  disabled: flag('Default false.'),
  passwordChangeRequired: flag('The password must be changed at the next logon. Default false.'),
  entitlements: z.array(entitlement).max(10_000).nullable().optional().meta({ description: 'What it holds, all of it. What the catalogue does not know yet is added to it.' }),
  attributes: z.record(attributeName, attributeValue).refine((record) => Object.keys(record).length <= 200, 'at most 200').nullable().optional().meta({ description: 'Other attributes. Those left out stay; null removes one.' }),
  renewalDue: time('When its renewal is due.'),
  endOfLife: z.strictObject({ at: z.iso.datetime({ offset: true }).transform((value) => new Date(value)), action: text(32, 'What is done then, for example `disable`.') }).nullable().optional().meta({ description: 'What is planned at its end of life, and when.' }),
  secretId: optionalText(255, 'Id of its secret in a vault; never the secret.'),
});
export type AccountBody = z.output<typeof accountBody>;

const EMAIL_ATTRIBUTES = new Set(['mail', 'email', 'emailaddress']);

export const accountKind: DirectoryKind<AccountDocument, AccountBody> = {
  name: 'account',
  body: accountBody,
  live: { removedAt: null, deletedAt: null },
  wants: ({ application, identity, nativeId, owners, attributes }) => ({ applications: [application], identities: [identity, nativeId, ...(owners ?? [])], emails: emailsOf(attributes ?? {}) }),
  refersTo: ({ applicationId, identityId, owners, attributes }) => ({ applications: [applicationId], identities: [identityId, ...owners], emails: emailsOf(attributes) }),
  keyOf({ application, nativeId }, references) {
    const found = references.application(application);
    return found && { applicationId: found._id, nativeIdKey: naturalKey(nativeId) };
  },
  title: ({ application, nativeId }) => `${application}: ${nativeId}`,
  subjectName: ({ nativeId }) => nativeId,
  plan(body, before, references, now) {
    const application = references.application(body.application);
    if (!application) return { type: 'faults', items: [{ pointer: '/application', message: `there is no application "${body.application}"` }] };
    const items: ProblemItem[] = [];
    const known = (nameOrId: string, pointer: string): KnownIdentity | undefined => {
      const identity = references.identity(nameOrId);
      if (!identity) items.push({ pointer, message: `there is no identity "${nameOrId}"` });
      return identity;
    };
    const attributes = mergedAttributes(before?.attributes ?? {}, body.attributes);
    const explicit = typeof body.identity === 'string' ? known(body.identity, '/identity') : undefined;
    const owners = body.owners?.map((owner, index) => known(owner, `/owners/${index}`)?._id ?? '');
    const sent = (body.entitlements ?? []).map(({ attribute, value }, index) => {
      if (!isEntitlementAttribute(application, attribute)) items.push({ pointer: `/entitlements/${index}/attribute`, message: noEntitlementAttribute(application, attribute) });
      return { attribute: application.entitlementAttributes.find((one) => naturalKey(one) === naturalKey(attribute)) ?? attribute, value };
    });
    if (items.length > 0) return { type: 'faults', items };
    // What a person correlated, or a sync before, stays; who is unknown is looked for again.
    const found = body.identity === undefined ? (before?.identityId ?? correlated(body.nativeId, attributes, references)?._id) : explicit?._id;
    const displayName = body.displayName === undefined ? (before?.displayName ?? null) : body.displayName;
    return {
      type: 'plan',
      set: {
        applicationId: application._id,
        nativeId: body.nativeId,
        nativeIdKey: naturalKey(body.nativeId),
        searchKey: searchKeyOf(body.nativeId, displayName, ...emailsOf(attributes)),
        displayName,
        identityId: found ?? null,
        owners: owners === undefined ? (body.owners === null ? [] : (before?.owners ?? [])) : [...new Set(owners)],
        disabled: chosen(body.disabled, before?.disabled, false),
        passwordChangeRequired: chosen(body.passwordChangeRequired, before?.passwordChangeRequired, false),
        ...distinctEntitlements(body.entitlements === undefined ? (before?.entitlements ?? []) : sent),
        attributes,
        renewalDue: body.renewalDue === undefined ? (before?.renewalDue ?? null) : body.renewalDue,
        endOfLife: body.endOfLife === undefined ? (before?.endOfLife ?? null) : body.endOfLife,
        secretId: body.secretId === undefined ? (before?.secretId ?? null) : body.secretId,
        operations: before?.operations ?? [],
        removedAt: null,
        modifiedAt: now,
      },
    };
  },
  shown: (account, references) => {
    const named = (id: string): string => references.identity(id)?.name ?? id;
    const shown: Record<string, JsonValue | undefined> = {
      nativeId: account.nativeId,
      displayName: account.displayName,
      identity: account.identityId === null ? undefined : named(account.identityId),
      owner: account.owners.length === 0 ? undefined : account.owners.map(named).sort(),
      disabled: account.disabled,
      passwordChangeRequired: account.passwordChangeRequired,
      renewalDue: account.renewalDue?.toISOString(),
      endOfLife: account.endOfLife === null ? undefined : `${account.endOfLife.action} at ${account.endOfLife.at.toISOString()}`,
      secretId: account.secretId,
    };
    // In one order, so that a list read in another order is the same.
    for (const { attribute, value } of [...account.entitlements].sort((a, b) => (a.value < b.value ? -1 : 1))) shown[`entitlements.${attribute}`] = [...((shown[`entitlements.${attribute}`] as string[] | undefined) ?? []), value];
    for (const [name, value] of Object.entries(account.attributes)) shown[`attributes.${name}`] = value;
    return shown;
  },
  objects: ({ applicationId, identityId }, references) => [
    { kind: 'application', id: applicationId, name: references.application(applicationId)?.name },
    ...(identityId === null ? [] : [{ kind: 'identity', id: identityId, name: references.identity(identityId)?.name }]),
  ],
};

/** The only identity with the account's mail address, else the one that is named like the account. */
function correlated(nativeId: string, attributes: AccountDocument['attributes'], references: References): KnownIdentity | undefined {
  for (const email of emailsOf(attributes)) {
    const identity = references.identityByEmail(email);
    if (identity) return identity;
  }
  return references.identity(nativeId);
}

function emailsOf(attributes: Readonly<Record<string, string | string[] | null>>): string[] {
  return Object.entries(attributes).flatMap(([name, value]) => (EMAIL_ATTRIBUTES.has(naturalKey(name)) && value !== null ? value : []));
}

function mergedAttributes(before: AccountDocument['attributes'], sent: AccountBody['attributes']): AccountDocument['attributes'] {
  if (sent === null) return {};
  const merged = Object.entries({ ...before, ...sent }).filter((entry): entry is [string, string | string[]] => entry[1] !== null);
  return Object.fromEntries(merged);
}
