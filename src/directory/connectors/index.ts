import type { AccountStore } from '../../contracts/account-store.js';
import type { Clock } from '../../contracts/clock.js';
import type { Connector } from '../../contracts/connector.js';
import { BuiltinConnector } from './builtin/builtin.connector.js';

/** What a connector is made from. */
export interface ConnectorGround {
  /** The directory's own accounts of the application, for the connector that acts upon them. */
  accounts: AccountStore;
  clock: Clock;
}

export interface ConnectorKind {
  /** As it is written in `application.connector`. */
  kind: string;
  displayName: string;
  make(ground: ConnectorGround): Connector;
}

/** Every connector. A new one is a folder, a line here, and a run of the contract suite. */
export const CONNECTORS: readonly ConnectorKind[] = [{ kind: 'builtin', displayName: 'Built-in (the directory keeps the accounts)', make: ({ accounts, clock }) => new BuiltinConnector(accounts, clock) }];
