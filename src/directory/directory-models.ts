import { Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { AuditRelay } from '../platform/audit/audit.relay.js';
import { DocumentStore } from '../platform/documents/document-store.js';
import { accountSchema, type AccountDocument } from './account.schema.js';
import { applicationSchema, type ApplicationDocument } from './application.schema.js';
import { entitlementSchema, type EntitlementDocument } from './entitlement.schema.js';
import { identitySchema, type IdentityDocument } from './identity.schema.js';

/** The four collections of the directory; the acts in their outboxes become events. */
@Injectable()
export class DirectoryModels {
  readonly applications: Model<ApplicationDocument>;
  readonly identities: Model<IdentityDocument>;
  readonly accounts: Model<AccountDocument>;
  readonly entitlements: Model<EntitlementDocument>;

  constructor(store: DocumentStore, private readonly relay: AuditRelay) {
    this.applications = store.model<ApplicationDocument>('application', applicationSchema);
    this.identities = store.model<IdentityDocument>('identity', identitySchema);
    this.accounts = store.model<AccountDocument>('account', accountSchema);
    this.entitlements = store.model<EntitlementDocument>('entitlement', entitlementSchema);
    relay.watch(this.applications, { removeWhenEmpty: true });
    relay.watch(this.identities, { removeWhenEmpty: true });
    relay.watch(this.entitlements, { removeWhenEmpty: true });
    relay.watch(this.accounts, { removeWhenEmpty: true });
  }

  /** An act was stored: it leaves as an event at once. */
  changed(): void {
    this.relay.wake();
  }
}
