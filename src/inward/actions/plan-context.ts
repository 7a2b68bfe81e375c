import type { Connector } from '../../contracts/connector.js';
import type { AccountDocument } from '../../directory/account.schema.js';
import type { ApplicationDocument } from '../../directory/application.schema.js';
import type { DirectoryService } from '../../directory/directory.service.js';
import type { IdentityDocument } from '../../directory/identity.schema.js';
import { naturalKey } from '../../directory/natural-key.js';
import type { AlertDocument } from '../alerts/alert.schema.js';
import type { PlannedTarget, Reason } from './mitigation-action.js';

export interface PlanContextOptions {
  directory: DirectoryService;
  /** Undefined when this version has none for it. */
  connectorOf: (application: ApplicationDocument) => Connector | undefined;
  /** The application that the alert names. */
  application: ApplicationDocument;
  /** Names of identities and accounts that no alert acts upon. */
  protectedNames: readonly string[];
  callTimeoutMs: number;
}

/** The account that an alert names, and its owner where it has one. */
export interface NamedAccount {
  type: 'found';
  account: AccountDocument;
  identity: IdentityDocument | null;
}

/** Owners kept in memory during one plan. */
const MOST_IDENTITIES = 5000;

/** What an action may ask while it plans. Reads only. */
export class PlanContext {
  readonly application: ApplicationDocument;
  readonly directory: DirectoryService;
  private readonly protectedKeys: ReadonlySet<string>;
  private readonly identities = new Map<string, IdentityDocument | null>();
  private readonly applications = new Map<string, ApplicationDocument | null>();

  constructor(private readonly options: PlanContextOptions) {
    this.application = options.application;
    this.directory = options.directory;
    this.protectedKeys = new Set(options.protectedNames.map(naturalKey));
    this.applications.set(options.application._id, options.application);
  }

  /** The account `native_id` on the application; refused when there is none, or when it belongs to somebody whom no alert acts upon. */
  async namedAccount(alert: Pick<AlertDocument, 'nativeId'>): Promise<NamedAccount | ({ type: 'rejected' } & Reason)> {
    const named = await this.reviewedAccount(alert);
    if (named.type === 'rejected') return named;
    const { account, identity } = named;
    if (this.isProtected(account, identity)) return { type: 'rejected', code: 'protected-identity', reason: `The account "${account.nativeId}" belongs to ${identity?.name ?? 'somebody'} on the protected list; no alert acts upon it.` };
    return named;
  }

  /** As `namedAccount`, also of somebody whom no alert acts upon. */
  async reviewedAccount(alert: Pick<AlertDocument, 'nativeId'>): Promise<NamedAccount | ({ type: 'rejected' } & Reason)> {
    const nativeId = alert.nativeId ?? '';
    const accounts = await this.directory.accountsByNativeId(this.application._id, nativeId);
    const [account] = accounts;
    if (!account) return { type: 'rejected', code: 'unknown-account', reason: `There is no account "${nativeId}" on ${this.application.name}.` };
    if (accounts.length > 1) return { type: 'rejected', code: 'ambiguous-account', reason: `There are ${accounts.length} accounts "${nativeId}" on ${this.application.name}.` };
    return { type: 'found', account, identity: await this.ownerOf(account) };
  }

  /** A manager or an owner, unless there is none (any more). */
  async person(identityId: string | null): Promise<IdentityDocument | null> {
    return this.ownerOf({ identityId });
  }

  /** As `namedAccount`, with all accounts of its owner; an account without an owner has none to speak for. */
  async accountsOfOwner(alert: Pick<AlertDocument, 'nativeId'>): Promise<{ type: 'found'; identity: IdentityDocument; accounts: AccountDocument[] } | ({ type: 'rejected' } & Reason)> {
    const named = await this.namedAccount(alert);
    if (named.type === 'rejected') return named;
    if (!named.identity) return { type: 'rejected', code: 'account-without-owner', reason: `The account "${named.account.nativeId}" has no owner, so its owner's accounts are not known.` };
    return { type: 'found', identity: named.identity, accounts: await this.directory.accountsOfIdentity(named.identity._id) };
  }

  async applicationOf(account: Pick<AccountDocument, 'applicationId'>): Promise<ApplicationDocument | null> {
    const known = this.applications.get(account.applicationId);
    if (known !== undefined) return known;
    const application = await this.directory.applicationById(account.applicationId);
    this.applications.set(account.applicationId, application);
    return application;
  }

  /** The identity that an account belongs to, unless it has none. */
  async ownerOf({ identityId }: Pick<AccountDocument, 'identityId'>): Promise<IdentityDocument | null> {
    if (identityId === null) return null;
    const known = this.identities.get(identityId);
    if (known !== undefined) return known;
    const identity = await this.directory.identity(identityId);
    if (this.identities.size >= MOST_IDENTITIES) this.identities.clear();
    this.identities.set(identityId, identity);
    return identity;
  }

  /** Accounts of many owners: those of the protected ones are left out, with the reason. */
  async protection(account: AccountDocument): Promise<Reason | null> {
    const identity = await this.ownerOf(account);
    return this.isProtected(account, identity) ? { code: 'protected-identity', reason: `It belongs to ${identity?.name ?? account.nativeId} on the protected list.` } : null;
  }

  /**
   * The entitlements that an account has now: as the connected system says where it can be asked, for the directory's copy may lack one given since the last sync.
   * An account that is gone has none.
   */
  async currentEntitlements(application: ApplicationDocument, account: AccountDocument): Promise<{ type: 'found'; entitlements: Array<{ attribute: string; value: string }> } | ({ type: 'retry' } & Reason)> {
    const connector = this.options.connectorOf(application);
    const known = account.entitlements;
    if (!connector || connector.kind === 'builtin' || !connector.capabilities.has('read-account')) return { type: 'found', entitlements: known };
    const read = await connector.readAccount(account.nativeId, AbortSignal.timeout(this.options.callTimeoutMs));
    switch (read.type) {
      case 'found': {
        const attributes = new Set(application.entitlementAttributes.map(naturalKey));
        return { type: 'found', entitlements: read.account.entitlements.filter(({ attribute }) => attributes.has(naturalKey(attribute))) };
      }
      case 'absent':
        return { type: 'found', entitlements: [] };
      case 'transient':
        return { type: 'retry', code: read.code, reason: `${application.name}: ${read.reason}` };
      case 'permanent':
        return { type: 'found', entitlements: known };
    }
  }

  private isProtected(account: Pick<AccountDocument, 'nativeId'>, identity: IdentityDocument | null): boolean {
    return identity?.isProtected === true || this.protectedKeys.has(naturalKey(account.nativeId)) || (identity !== null && this.protectedKeys.has(naturalKey(identity.name)));
  }
}

/** An operation on a whole account. */
export function accountTarget(application: ApplicationDocument, account: AccountDocument, operation: 'disable' | 'delete' | 'force-password-change', skip: Reason | null = null): PlannedTarget {
  return { application, account, operation, entitlement: null, skip };
}

/** An entitlement that a role grants comes back with the next refresh of the identity; the directory knows the names of roles, not what they grant, so whoever has roles is named. */
export function removalTarget(application: ApplicationDocument, account: AccountDocument, { attribute, value }: { attribute: string; value: string }, identity: IdentityDocument | null, skip: Reason | null = null): PlannedTarget {
  const caution = skip ? undefined : roleCaution(identity);
  return { application, account, operation: 'remove-entitlement', entitlement: { attribute, value }, skip, ...(caution === undefined ? {} : { caution }) };
}

/** Roles that a caution names; the others are counted. */
const NAMED_ROLES = 5;

function roleCaution(identity: IdentityDocument | null): string | undefined {
  if (!identity || identity.roles.length === 0) return undefined;
  const { name, roles } = identity;
  const more = roles.length > NAMED_ROLES ? ` and ${roles.length - NAMED_ROLES} more` : '';
  return `${name} has the ${roles.length === 1 ? 'role' : 'roles'} ${roles.slice(0, NAMED_ROLES).join(', ')}${more}; if a role grants this entitlement, it may come back with the next refresh. Take the role away, too.`;
}

/** A sweep over all accounts of somebody leaves those of a source of identities out. */
export function authoritative(application: ApplicationDocument): Reason | null {
  return application.authoritative ? { code: 'authoritative-application', reason: `${application.name} is a source of identities; its accounts are not changed by an alert.` } : null;
}
