import { naturalKey, entitlementKey } from './natural-key.js';
import type { AccountDocument } from './account.schema.js';
import type { FieldChange } from '../model/audit-event.js';

/** What can be done to an account that is there. */
export const ACCOUNT_OPERATIONS = ['enable', 'disable', 'delete', 'add-entitlement', 'remove-entitlement', 'force-password-change', 'reset-password'] as const;
export type AccountOperation = (typeof ACCOUNT_OPERATIONS)[number];

export interface Entitlement {
  attribute: string;
  value: string;
}

/** The verb of `audit.account.{verb}`. */
export const OPERATION_VERBS: Record<AccountOperation, string> = {
  enable: 'enable',
  disable: 'disable',
  delete: 'delete',
  'add-entitlement': 'grant',
  'remove-entitlement': 'revoke',
  'force-password-change': 'password',
  'reset-password': 'password',
};

export interface AccountEffect {
  set: Partial<AccountDocument>;
  changes: FieldChange[];
}

/** What an operation changes on an account as it is; undefined when it is so already. A new password leaves no trace on the account. */
export function effectOf(account: AccountDocument, operation: AccountOperation, entitlement: Entitlement | undefined, now: Date): AccountEffect | undefined {
  switch (operation) {
    case 'enable':
      return account.disabled ? { set: { disabled: false }, changes: [{ field: 'disabled', old: true, new: false }] } : undefined;
    case 'disable':
      return account.disabled ? undefined : { set: { disabled: true }, changes: [{ field: 'disabled', old: false, new: true }] };
    case 'delete':
      return account.removedAt ? undefined : { set: { removedAt: now }, changes: [{ field: 'removedAt', new: now.toISOString() }] };
    case 'add-entitlement': {
      const { attribute, value } = named(entitlement, operation);
      const key = entitlementKey(attribute, value);
      if (account.entitlementKeys.includes(key)) return undefined;
      return { set: { entitlements: [...account.entitlements, { attribute, value }], entitlementKeys: [...account.entitlementKeys, key] }, changes: [{ field: attribute, new: value }] };
    }
    case 'remove-entitlement': {
      const { attribute, value } = named(entitlement, operation);
      const key = entitlementKey(attribute, value);
      const held = account.entitlements.filter((one) => entitlementKey(one.attribute, one.value) === key);
      if (held.length === 0) return undefined;
      const left = account.entitlements.filter((one) => entitlementKey(one.attribute, one.value) !== key);
      return { set: { entitlements: left, entitlementKeys: left.map((one) => entitlementKey(one.attribute, one.value)) }, changes: held.map((one) => ({ field: one.attribute, old: one.value })) };
    }
    case 'force-password-change':
      return account.passwordChangeRequired ? undefined : { set: { passwordChangeRequired: true }, changes: [{ field: 'passwordChangeRequired', old: false, new: true }] };
    case 'reset-password':
      return undefined;
  }
}

function named(entitlement: Entitlement | undefined, operation: AccountOperation): Entitlement {
  if (!entitlement) throw new TypeError(`${operation} needs the entitlement that it is about`);
  return entitlement;
}

/** Attribute and value of what is the same entitlement once, in the order given. */
export function distinctEntitlements(entitlements: readonly Entitlement[]): { entitlements: Entitlement[]; entitlementKeys: string[] } {
  const byKey = new Map<string, Entitlement>();
  for (const { attribute, value } of entitlements) {
    const key = entitlementKey(attribute, value);
    if (!byKey.has(key)) byKey.set(key, { attribute, value });
  }
  return { entitlements: [...byKey.values()], entitlementKeys: [...byKey.keys()] };
}

/** Whether an application counts the values of an attribute as entitlements. */
export function isEntitlementAttribute(application: { entitlementAttributes: readonly string[] }, attribute: string): boolean {
  return application.entitlementAttributes.some((known) => naturalKey(known) === naturalKey(attribute));
}
