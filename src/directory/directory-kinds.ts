import { Injectable } from '@nestjs/common';
import type { Model, QueryFilter, UpdateQuery } from 'mongoose';
import { accountKind, type AccountBody } from './account.kind.js';
import type { AccountDocument } from './account.schema.js';
import { applicationKind, type ApplicationBody } from './application.kind.js';
import type { ApplicationDocument } from './application.schema.js';
import type { DirectoryKind, DirectoryRecord } from './directory-kind.js';
import { DirectoryModels } from './directory-models.js';
import { entitlementKind, type EntitlementBody } from './entitlement.kind.js';
import type { EntitlementDocument } from './entitlement.schema.js';
import { identityKind, type IdentityBody } from './identity.kind.js';
import type { IdentityDocument } from './identity.schema.js';

/** Queries and changes of any kind of record. */
export type RecordFilter<T> = QueryFilter<T>;
export type RecordUpdate<T> = UpdateQuery<T>;

/** A kind with its collection. */
export interface StoredKind<T extends DirectoryRecord, B> extends DirectoryKind<T, B> {
  model: Model<T>;
}

/** The four kinds with their collections. */
@Injectable()
export class DirectoryKinds {
  readonly application: StoredKind<ApplicationDocument, ApplicationBody>;
  readonly identity: StoredKind<IdentityDocument, IdentityBody>;
  readonly entitlement: StoredKind<EntitlementDocument, EntitlementBody>;
  readonly account: StoredKind<AccountDocument, AccountBody>;

  constructor(models: DirectoryModels) {
    this.application = { ...applicationKind, model: models.applications };
    this.identity = { ...identityKind, model: models.identities };
    this.entitlement = { ...entitlementKind, model: models.entitlements };
    this.account = { ...accountKind, model: models.accounts };
  }
}
