import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../contracts/clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Connector } from '../contracts/connector.js';
import { AccountChanges } from './account-changes.js';
import type { ApplicationDocument } from './application.schema.js';
import { CONNECTORS } from './connectors/index.js';
import { DirectoryModels } from './directory-models.js';
import { StoredAccountStore } from './stored-account-store.js';

/** The connector of an application. */
@Injectable()
export class ConnectorRegistry {
  constructor(
    private readonly models: DirectoryModels,
    private readonly changes: AccountChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Plain and cheap to make, so it is made for each use. @throws UnknownConnector when this version has none of the kind */
  for(application: Pick<ApplicationDocument, '_id' | 'name' | 'connector'>): Connector {
    const found = CONNECTORS.find(({ kind }) => kind === application.connector);
    if (!found) throw new UnknownConnector(application);
    return found.make({ accounts: new StoredAccountStore(application._id, application.name, this.models, this.changes, this.clock), clock: this.clock });
  }

  /** As `for`; undefined when this version has none of the kind. */
  known(application: Pick<ApplicationDocument, '_id' | 'name' | 'connector'>): Connector | undefined {
    try {
      return this.for(application);
    } catch (error) {
      if (error instanceof UnknownConnector) return undefined;
      throw error;
    }
  }
}

/** The application names a kind of connector that this version does not have. */
export class UnknownConnector extends Error {
  constructor(application: Pick<ApplicationDocument, 'name' | 'connector'>) {
    super(`the application "${application.name}" names the connector "${application.connector}"; this version has ${CONNECTORS.map(({ kind }) => kind).join(', ')}`);
    this.name = 'UnknownConnector';
  }
}
