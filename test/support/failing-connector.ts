import type {
  AccountEntitlement, ChangeContext, ChangeOutcome, Connector, ConnectorAccount, ConnectorCapability, ConnectorFault, ConnectorGroup, ListOptions, ListOutcome, ReadOutcome,
} from '../../src/contracts/connector.js';

/**
 * How the next call goes wrong: `transient` and `permanent` are answered as faults without effect; `hanging` neither answers nor acts until the signal ends it;
 * `answer-lost` acts and then answers `not-confirmed`; `hanging-after` acts and then hangs until the signal ends it.
 */
export type Failure = 'transient' | 'permanent' | 'hanging' | 'answer-lost' | 'hanging-after' | 'none';

const FAULTS = {
  transient: { type: 'transient', code: 'unreachable', reason: 'The connected system cannot be reached (deliberately).', retryAfterMs: 50 },
  permanent: { type: 'permanent', code: 'refused', reason: 'The connected system refuses (deliberately).' },
} as const satisfies Record<string, ConnectorFault>;

/** A connector that fails on purpose in front of one that works, for the suite and for whoever must cope with failing connectors. */
export class FailingConnector implements Connector {
  readonly kind = 'failing';
  readonly capabilities: ReadonlySet<ConnectorCapability>;
  /** Every call that came, in order, whatever became of it. */
  readonly calls: Array<{ method: string; nativeId?: string; operationId?: string; failure: Failure }> = [];
  private plan: Failure[] = [];
  private always: ((method: string, nativeId: string | undefined) => Failure) | undefined;

  constructor(private readonly behind: Connector) {
    this.capabilities = behind.capabilities;
  }

  /** The next calls fail so, in turn (mixed); those after them work. */
  next(...failures: Failure[]): this {
    this.plan = [...failures];
    return this;
  }

  /** Decides for each call, for example by its account. */
  decide(failureOf: (method: string, nativeId: string | undefined) => Failure): this {
    this.always = failureOf;
    return this;
  }

  async test(signal?: AbortSignal): Promise<{ type: 'ok'; detail: string } | ConnectorFault> {
    return this.read('test', undefined, signal, () => this.behind.test(signal));
  }

  async listAccounts(options: ListOptions): Promise<ListOutcome<ConnectorAccount>> {
    return this.read('listAccounts', undefined, options.signal, () => this.behind.listAccounts(options));
  }

  async listGroups(options: Omit<ListOptions, 'since'>): Promise<ListOutcome<ConnectorGroup>> {
    return this.read('listGroups', undefined, options.signal, () => this.behind.listGroups(options));
  }

  async readAccount(nativeId: string, signal?: AbortSignal): Promise<ReadOutcome> {
    return this.read('readAccount', nativeId, signal, () => this.behind.readAccount(nativeId, signal));
  }

  async createAccount(account: Omit<ConnectorAccount, 'modifiedAt' | 'removed'>, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('createAccount', account.nativeId, context, (inner) => this.behind.createAccount(account, inner));
  }

  async enable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('enable', nativeId, context, (inner) => this.behind.enable(nativeId, inner));
  }

  async disable(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('disable', nativeId, context, (inner) => this.behind.disable(nativeId, inner));
  }

  async delete(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('delete', nativeId, context, (inner) => this.behind.delete(nativeId, inner));
  }

  async addEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('addEntitlement', nativeId, context, (inner) => this.behind.addEntitlement(nativeId, entitlement, inner));
  }

  async removeEntitlement(nativeId: string, entitlement: AccountEntitlement, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('removeEntitlement', nativeId, context, (inner) => this.behind.removeEntitlement(nativeId, entitlement, inner));
  }

  async forcePasswordChange(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('forcePasswordChange', nativeId, context, (inner) => this.behind.forcePasswordChange(nativeId, inner));
  }

  async resetPassword(nativeId: string, context: ChangeContext): Promise<ChangeOutcome> {
    return this.change('resetPassword', nativeId, context, (inner) => this.behind.resetPassword(nativeId, inner));
  }

  private async read<T>(method: string, nativeId: string | undefined, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T | ConnectorFault> {
    const failure = this.failureOf(method, nativeId);
    this.calls.push({ method, nativeId, failure });
    switch (failure) {
      case 'none':
        return act();
      case 'transient':
      case 'permanent':
        return FAULTS[failure];
      // What is only read has no effect that could be in doubt.
      case 'answer-lost':
        return FAULTS.transient;
      case 'hanging':
      case 'hanging-after':
        await ended(signal);
        return { type: 'transient', code: 'timeout', reason: 'The connected system did not answer in time (deliberately).' };
    }
  }

  private async change(method: string, nativeId: string, context: ChangeContext, act: (inner: ChangeContext) => Promise<ChangeOutcome>): Promise<ChangeOutcome> {
    const failure = this.failureOf(method, nativeId);
    this.calls.push({ method, nativeId, operationId: context.operationId, failure });
    switch (failure) {
      case 'none':
        return act(context);
      case 'transient':
      case 'permanent':
        return FAULTS[failure];
      case 'answer-lost':
        await act(context);
        return { type: 'not-confirmed', reason: 'The answer was lost (deliberately).' };
      case 'hanging':
        await ended(context.signal);
        return { type: 'not-confirmed', reason: 'The connected system did not answer in time (deliberately).' };
      case 'hanging-after': {
        const { signal: _late, ...inner } = context;
        await act(inner);
        await ended(context.signal);
        return { type: 'not-confirmed', reason: 'The connected system did not answer in time (deliberately).' };
      }
    }
  }

  private failureOf(method: string, nativeId: string | undefined): Failure {
    return this.plan.shift() ?? this.always?.(method, nativeId) ?? 'none';
  }
}

/** Without a signal it hangs for good: whoever calls a connector without one learns it here. */
function ended(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
