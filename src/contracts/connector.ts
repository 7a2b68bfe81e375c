import type { Actor } from '../model/audit-event.js';

/**
 * Changes in a connected system. A connector is a plain class, built with `new`; it reports and never retries: the processor decides.
 * Every change is idempotent by its effect: asked twice for the same end state it answers `done` with `alreadySo`.
 */

export const CONNECTOR_CAPABILITIES = [
  'list-accounts', 'read-account', 'list-groups', 'changes-since', 'create-account', 'enable', 'disable', 'delete', 'add-entitlement', 'remove-entitlement', 'force-password-change', 'reset-password',
] as const;
export type ConnectorCapability = (typeof CONNECTOR_CAPABILITIES)[number];

export interface AccountEntitlement {
  /** Attribute of the account that holds it, for example `memberOf`. Compared ignoring case. */
  attribute: string;
  value: string;
}

/** An account as the connected system has it. */
export interface ConnectorAccount {
  nativeId: string;
  displayName?: string;
  disabled: boolean;
  /** The password must be changed at the next logon. */
  passwordChangeRequired?: boolean;
  entitlements: AccountEntitlement[];
  attributes: Record<string, string | string[]>;
  /** Milliseconds since 1970. */
  modifiedAt?: number;
  /** Only in answers since a cursor: the account is no longer there. */
  removed?: boolean;
}

export interface ConnectorGroup {
  attribute: string;
  value: string;
  displayName?: string;
  description?: string;
}

/** Why a call did not work: transient = may work later; permanent = will not, a person or another request is needed. */
export interface ConnectorFault {
  type: 'transient' | 'permanent';
  code: 'unreachable' | 'timeout' | 'busy' | 'refused' | 'not-found' | 'not-supported' | 'not-permitted' | 'invalid' | 'unexpected';
  /** One sentence for the administrator, without secrets. */
  reason: string;
  retryAfterMs?: number;
}

export type ChangeOutcome =
  /** The system is in the state asked for; `alreadySo` when nothing had to be changed. */
  | { type: 'done'; alreadySo: boolean; detail?: string }
  /** The request went out and its answer did not come back: read the account before anything is repeated. */
  | { type: 'not-confirmed'; reason: string }
  | ConnectorFault;

export type ReadOutcome = { type: 'found'; account: ConnectorAccount } | { type: 'absent' } | ConnectorFault;

export interface ConnectorPage<T> {
  items: T[];
  /** Ask with it for the next page; undefined on the last. */
  nextPage?: string;
  /** On the last page: ask with it later for what changed since (capability `changes-since`). */
  changesCursor?: string;
}
export type ListOutcome<T> = { type: 'page'; page: ConnectorPage<T> } | ConnectorFault;

export interface ChangeContext {
  /** The same for every repeat of one change, so that systems that know idempotency keys can use it. */
  operationId: string;
  /** Ends the call; the outcome is then `not-confirmed` when the request may have gone out. */
  signal?: AbortSignal;
  /** What caused it, for systems that keep a trail: the alert's id. */
  correlationId?: string;
  /** On whose behalf, for systems that keep a trail. */
  actor?: Actor;
}

/** Ask with `page` for the next page and with `since` for what changed since a cursor (capability `changes-since`); what is told twice is harmless. */
export interface ListOptions {
  page?: string;
  since?: string;
  pageSize?: number;
  signal?: AbortSignal;
}

export interface Connector {
  readonly kind: string;
  readonly capabilities: ReadonlySet<ConnectorCapability>;
  /** Can the system be reached and used with what is configured? */
  test(signal?: AbortSignal): Promise<{ type: 'ok'; detail: string } | ConnectorFault>;
  listAccounts(options: ListOptions): Promise<ListOutcome<ConnectorAccount>>;
  listGroups(options: Omit<ListOptions, 'since'>): Promise<ListOutcome<ConnectorGroup>>;
  readAccount(nativeId: string, signal?: AbortSignal): Promise<ReadOutcome>;
  createAccount(account: Omit<ConnectorAccount, 'modifiedAt' | 'removed'>, context: ChangeContext): Promise<ChangeOutcome>;
  enable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome>;
  disable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome>;
  /** An account that is not there is `done` with `alreadySo`. */
  delete(nativeId: string, context: ChangeContext): Promise<ChangeOutcome>;
  addEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome>;
  removeEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome>;
  /** Must be changed at the next logon; makes no new password. */
  forcePasswordChange(nativeId: string, context: ChangeContext): Promise<ChangeOutcome>;
  /** Sets a new random password that nobody is told. Only with capability `reset-password`. */
  resetPassword(nativeId: string, context: ChangeContext): Promise<ChangeOutcome>;
}
