import type { AccountStore, StoreChange } from '../../../contracts/account-store.js';
import type { Clock } from '../../../contracts/clock.js';
import type {
  AccountEntitlement, ChangeContext, ChangeOutcome, Connector, ConnectorAccount, ConnectorCapability, ConnectorFault, ConnectorGroup, ListOptions, ListOutcome, ReadOutcome,
} from '../../../contracts/connector.js';

const PAGE_SIZE = 500;
const MOST_PAGE_SIZE = 1000;
/** A cursor reaches back a while: a write that was on its way while the list was read is told the next time. What is told twice is harmless. */
const OVERLAP_MS = 60_000;

/** The embedded default: the directory's own accounts are the connected system. It needs no network, so what goes wrong is the document store. */
export class BuiltinConnector implements Connector {
  readonly kind = 'builtin';
  readonly capabilities: ReadonlySet<ConnectorCapability> = new Set<ConnectorCapability>([
    'list-accounts', 'read-account', 'list-groups', 'changes-since', 'create-account', 'enable', 'disable', 'delete', 'add-entitlement', 'remove-entitlement', 'force-password-change',
  ]);

  constructor(
    private readonly accounts: AccountStore,
    private readonly clock: Clock,
  ) {}

  async test(): Promise<{ type: 'ok'; detail: string } | ConnectorFault> {
    try {
      await this.accounts.list({ limit: 1 });
      return { type: 'ok', detail: 'The accounts are kept by the directory itself, and can be read.' };
    } catch (error) {
      return storeFault(error);
    }
  }

  async listAccounts({ page, since, pageSize = PAGE_SIZE }: ListOptions): Promise<ListOutcome<ConnectorAccount>> {
    const place = placeOf(page, since, this.clock.now());
    if (!place) return { type: 'permanent', code: 'invalid', reason: 'The page or the cursor is none that this connector gave out.' };
    const limit = Math.min(pageSize, MOST_PAGE_SIZE);
    try {
      const items = await this.accounts.list({ limit, ...(place.after === undefined ? {} : { after: place.after }), ...(place.since === undefined ? {} : { changedSince: place.since }) });
      const last = items.at(-1);
      if (items.length === limit && last) return { type: 'page', page: { items, nextPage: JSON.stringify({ ...place, after: last.nativeId }) } };
      return { type: 'page', page: { items, changesCursor: String(Math.max(0, place.begun - OVERLAP_MS)) } };
    } catch (error) {
      return storeFault(error);
    }
  }

  async listGroups({ page, pageSize = PAGE_SIZE }: Omit<ListOptions, 'since'>): Promise<ListOutcome<ConnectorGroup>> {
    const after = page === undefined ? undefined : groupPlaceOf(page);
    if (page !== undefined && !after) return { type: 'permanent', code: 'invalid', reason: 'The page is none that this connector gave out.' };
    const limit = Math.min(pageSize, MOST_PAGE_SIZE);
    try {
      const items = await this.accounts.listGroups({ limit, ...(after ? { after } : {}) });
      const last = items.at(-1);
      const more = items.length === limit && last;
      return { type: 'page', page: { items, ...(more ? { nextPage: JSON.stringify({ attribute: last.attribute, value: last.value }) } : {}) } };
    } catch (error) {
      return storeFault(error);
    }
  }

  async readAccount(nativeId: string): Promise<ReadOutcome> {
    try {
      const account = await this.accounts.read(nativeId);
      return account ? { type: 'found', account } : { type: 'absent' };
    } catch (error) {
      return storeFault(error);
    }
  }

  async createAccount(account: Omit<ConnectorAccount, 'modifiedAt' | 'removed'>, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(account.nativeId, context, () => this.accounts.insert(account, context));
  }

  async enable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, () => this.accounts.setDisabled(nativeId, false, context));
  }

  async disable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, () => this.accounts.setDisabled(nativeId, true, context));
  }

  async delete(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, async () => (await this.accounts.remove(nativeId, context)) ?? { changed: false });
  }

  async addEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, () => this.accounts.addEntitlement(nativeId, entitlement, context));
  }

  async removeEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, () => this.accounts.removeEntitlement(nativeId, entitlement, context));
  }

  async forcePasswordChange(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change(nativeId, context, () => this.accounts.setPasswordChangeRequired(nativeId, context));
  }

  async resetPassword(_nativeId: string, _context: ChangeContext): Promise<ChangeOutcome> {
    return { type: 'permanent', code: 'not-supported', reason: 'The directory keeps no passwords, so none can be reset; force a password change instead.' };
  }

  private async change(nativeId: string, { signal }: ChangeContext, act: () => Promise<StoreChange | undefined>): Promise<ChangeOutcome> {
    // Not begun yet, so nothing went out.
    if (signal?.aborted) return { type: 'transient', code: 'timeout', reason: 'The time was over before the change began.' };
    try {
      const change = await act();
      if (!change) return { type: 'permanent', code: 'not-found', reason: `There is no account "${nativeId}".` };
      return { type: 'done', alreadySo: !change.changed, ...(change.repeated ? { detail: 'This operation was applied before.' } : {}) };
    } catch (error) {
      // A write whose answer was lost may have been stored.
      return { type: 'not-confirmed', reason: `The document store did not confirm the write: ${textOf(error)}` };
    }
  }
}

interface Place {
  /** When the first page was asked for, ms. */
  begun: number;
  after?: string;
  since?: number;
}

function placeOf(page: string | undefined, since: string | undefined, now: number): Place | undefined {
  if (page !== undefined) {
    const place = parsed(page);
    if (typeof place?.['begun'] !== 'number' || typeof place['after'] !== 'string') return undefined;
    return { begun: place['begun'], after: place['after'], ...(typeof place['since'] === 'number' ? { since: place['since'] } : {}) };
  }
  if (since === undefined) return { begun: now };
  return /^\d{1,15}$/.test(since) ? { begun: now, since: Number(since) } : undefined;
}

function groupPlaceOf(page: string): { attribute: string; value: string } | undefined {
  const place = parsed(page);
  return typeof place?.['attribute'] === 'string' && typeof place['value'] === 'string' ? { attribute: place['attribute'], value: place['value'] } : undefined;
}

function parsed(page: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(page);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function storeFault(error: unknown): ConnectorFault {
  return { type: 'transient', code: 'unreachable', reason: `The document store did not answer: ${textOf(error)}` };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
