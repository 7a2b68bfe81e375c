import type { AccountEntitlement, ChangeContext, ConnectorAccount, ConnectorGroup } from './connector.js';

/** `changed` false when it was so already, or when the operation was applied before (`repeated`): each operation id is applied at most once. */
export interface StoreChange {
  changed: boolean;
  repeated?: boolean;
}

/**
 * What the built-in connector acts upon: the directory's own accounts of one application, as a connected system would keep them. Each change is one atomic
 * document write with its audit record and the operation id in it. Undefined = there is no such account.
 */
export interface AccountStore {
  /** In the order of their native ids. With `changedSince` (ms) those changed at or after it, the removed ones among them. */
  list(options: { after?: string; limit: number; changedSince?: number }): Promise<ConnectorAccount[]>;
  listGroups(options: { after?: { attribute: string; value: string }; limit: number }): Promise<ConnectorGroup[]>;
  read(nativeId: string): Promise<ConnectorAccount | undefined>;
  /** `changed` false when it is there already. */
  insert(account: Omit<ConnectorAccount, 'modifiedAt' | 'removed'>, context: ChangeContext): Promise<StoreChange>;
  setDisabled(nativeId: string, disabled: boolean, context: ChangeContext): Promise<StoreChange | undefined>;
  remove(nativeId: string, context: ChangeContext): Promise<StoreChange | undefined>;
  addEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<StoreChange | undefined>;
  removeEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<StoreChange | undefined>;
  setPasswordChangeRequired(nativeId: string, context: ChangeContext): Promise<StoreChange | undefined>;
}
