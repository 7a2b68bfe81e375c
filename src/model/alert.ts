/** The words of the inward wing: alerts that a SIEM posts, and what becomes of them. Pure values and rules. */

/** Canonical alert types: the path of the endpoint. Aliases are stored under these. `operation`: what it does in one word, for events and the audit feed; null = the alert's action. */
export const ALERT_TYPES = {
  'identity/account': { index: 1, displayName: 'SIEM Identity Account', target: 'identity', needs: ['native_id'], usesAction: true, operation: null, certification: false },
  'identity/accounts': { index: 2, displayName: 'SIEM Identity Accounts', target: 'identity', needs: ['native_id'], usesAction: true, operation: null, certification: false },
  'identity/entitlement': { index: 3, displayName: 'SIEM Identity Entitlement', target: 'identity', needs: ['native_id', 'group_name', 'group_type'], usesAction: false, operation: 'remove', certification: false },
  'identity/entitlements': { index: 4, displayName: 'SIEM Identity Entitlements', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'remove', certification: false },
  'identity/entitlements-all': { index: 5, displayName: 'SIEM Identity All Entitlements', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'remove', certification: false },
  'identity/password': { index: 6, displayName: 'SIEM Identity Password', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'password', certification: false },
  'identity/passwords': { index: 7, displayName: 'SIEM Identity Passwords', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'password', certification: false },
  'identity/certify': { index: 8, displayName: 'SIEM Identity Account Certification', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'certify', certification: true },
  'identity/certify-all': { index: 9, displayName: 'SIEM Identity Certification', target: 'identity', needs: ['native_id'], usesAction: false, operation: 'certify', certification: true },
  'application/group': { index: 10, displayName: 'SIEM Application Group', target: 'application', needs: ['group_name', 'group_type'], usesAction: false, operation: 'remove', certification: false },
  'application/accounts': { index: 11, displayName: 'SIEM Application Accounts', target: 'application', needs: [], usesAction: true, operation: null, certification: false },
  'application/certify-group': { index: 12, displayName: 'SIEM Application Group Certification', target: 'application', needs: ['group_name', 'group_type'], usesAction: false, operation: 'certify', certification: true },
  'application/certify-all': { index: 13, displayName: 'SIEM Application Certification', target: 'application', needs: [], usesAction: false, operation: 'certify', certification: true },
} as const satisfies Record<string, { index: number; displayName: string; target: 'identity' | 'application'; needs: readonly string[]; usesAction: boolean; operation: string | null; certification: boolean }>;
export type AlertType = keyof typeof ALERT_TYPES;

/** Other spellings of an endpoint, stored under the canonical one. */
export const ALERT_TYPE_ALIASES: Record<string, AlertType> = { 'identity/passwords-all': 'identity/passwords', 'application/groups': 'application/group' };

export type AlertLevel = 'high' | 'medium' | 'low';
export type AlertAction = 'disable' | 'delete';

/** Smaller is sooner. */
export const LEVEL_RANK: Record<AlertLevel, number> = { high: 0, medium: 1, low: 2 };

/** `waiting` = for an approval or another system; the last four are closed. */
export const ALERT_STATES = ['new', 'processing', 'waiting', 'succeeded', 'partially-failed', 'failed', 'rejected', 'purged'] as const;
export type AlertState = (typeof ALERT_STATES)[number];
export const CLOSED_STATES: readonly AlertState[] = ['succeeded', 'partially-failed', 'failed', 'rejected'];

/** What an alert does to one target. */
export type MitigationOperation = 'disable' | 'delete' | 'remove-entitlement' | 'force-password-change' | 'make-not-requestable';
/** What gives it back. */
export type GivingBackOperation = 'enable' | 'add-entitlement' | 'make-requestable';
export type TargetOperation = MitigationOperation | GivingBackOperation;

/** What an undo does for each operation; null = it cannot be given back. */
export const GIVEN_BACK_BY: Record<MitigationOperation, GivingBackOperation | null> = {
  disable: 'enable',
  'remove-entitlement': 'add-entitlement',
  'make-not-requestable': 'make-requestable',
  delete: null,
  'force-password-change': null,
};

/** An undo is ordered, then worked on, then closed: all given back, some, or none. */
export const UNDO_STATES = ['ordered', 'processing', 'succeeded', 'partially-failed', 'failed'] as const;
export type UndoState = (typeof UNDO_STATES)[number];

/**
 * planned = not begun; intent = about to call, or called and not known how it ended; done; skipped = on purpose, with the reason; failed = for good;
 * not-confirmed = tried to find out and could not.
 */
export type TargetState = 'planned' | 'intent' | 'done' | 'skipped' | 'failed' | 'not-confirmed';
