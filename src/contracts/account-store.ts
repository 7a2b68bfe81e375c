import type { AccountEntitlement, ConnectorAccount, ConnectorGroup } from './connector.js';

/** What the built-in connector acts upon: the directory's own accounts of one application, as a connected system would keep them. Each change is one atomic document write. */
export interface AccountStore {
  list(options: { after?: string; limit: number }): Promise<ConnectorAccount[]>;
  listGroups(options: { after?: string; limit: number }): Promise<ConnectorGroup[]>;
  read(nativeId: string): Promise<ConnectorAccount | undefined>;
  /** False when it is there already. */
  insert(account: Omit<ConnectorAccount, 'modifiedAt'>): Promise<boolean>;
  /** `changed` false when it was so already; undefined when there is no such account. */
  setDisabled(nativeId: string, disabled: boolean): Promise<{ changed: boolean } | undefined>;
  remove(nativeId: string): Promise<boolean>;
  addEntitlement(nativeId: string, entitlement: AccountEntitlement): Promise<{ changed: boolean } | undefined>;
  removeEntitlement(nativeId: string, entitlement: AccountEntitlement): Promise<{ changed: boolean } | undefined>;
  setPasswordChangeRequired(nativeId: string): Promise<{ changed: boolean } | undefined>;
}
