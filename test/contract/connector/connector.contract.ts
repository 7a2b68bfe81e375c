import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChangeContext, ChangeOutcome, Connector, ConnectorAccount, ConnectorCapability, ConnectorGroup } from '../../../src/contracts/connector.js';

/** A connector in front of a connected system that the suite may fill and change. */
export interface ConnectorGround {
  connector: Connector;
  /** An attribute whose values are entitlements, and a value that exists (a group) but that nobody of the suite holds yet. */
  entitlement: { attribute: string; value: string };
  /** The form of native ids in this system, for example a distinguished name. */
  nativeId(name: string): string;
  /** Attributes that a new account must have. */
  attributes?(name: string): Record<string, string | string[]>;
  /** What the system itself says of an account, past the connector; undefined when it is not there. */
  inSystem(nativeId: string): Promise<{ disabled: boolean; holds: boolean; passwordChangeRequired: boolean } | undefined>;
  /** Whether a repeat under the same operation id is recognised even after somebody undid the change. Systems without idempotency keys cannot. */
  knowsOperationIds: boolean;
  close(): Promise<void>;
}

let operations = 0;
/** A new operation with a bounded time. */
export function operation(): ChangeContext {
  operations += 1;
  return { operationId: `contract-${process.pid}-${operations}`, signal: AbortSignal.timeout(10_000) };
}

const DONE = { type: 'done', alreadySo: false };
const ALREADY = { type: 'done', alreadySo: true };

/** What every connector keeps. Parts without the capability are checked to be refused, not ignored. */
export function connectorContract(name: string, open: () => Promise<ConnectorGround>): void {
  describe(`the connector contract: ${name}`, () => {
    let ground: ConnectorGround;
    let connector: Connector;
    beforeAll(async () => {
      ground = await open();
      connector = ground.connector;
    });
    afterAll(async () => {
      await ground.close();
    });

    const has = (capability: ConnectorCapability) => connector.capabilities.has(capability);
    let accounts = 0;
    const created = async (overrides: Partial<ConnectorAccount> = {}): Promise<string> => {
      accounts += 1;
      const short = `tg-${accounts}`;
      const nativeId = ground.nativeId(short);
      const outcome = await connector.createAccount({ nativeId, displayName: `Account ${short}`, disabled: false, entitlements: [], attributes: ground.attributes?.(short) ?? {}, ...overrides }, operation());
      expect(outcome).toMatchObject(DONE);
      return nativeId;
    };
    const listed = async (options: { since?: string; pageSize?: number }): Promise<{ accounts: ConnectorAccount[]; pages: number; changesCursor?: string }> => {
      const found: ConnectorAccount[] = [];
      let page: string | undefined;
      for (let pages = 1; pages < 1000; pages += 1) {
        const outcome = await connector.listAccounts({ ...options, ...(page === undefined ? {} : { page }) });
        if (outcome.type !== 'page') throw new Error(`the list failed: ${outcome.reason}`);
        found.push(...outcome.page.items);
        page = outcome.page.nextPage;
        if (page === undefined) return { accounts: found, pages, ...(outcome.page.changesCursor === undefined ? {} : { changesCursor: outcome.page.changesCursor }) };
      }
      throw new Error('the list does not end');
    };

    it('says that the system can be used', async () => {
      expect(await connector.test(AbortSignal.timeout(10_000))).toMatchObject({ type: 'ok' });
    });

    it('creates an account, reads it back, and does not create it twice', async () => {
      if (!has('create-account')) return expect(await connector.createAccount({ nativeId: ground.nativeId('no'), disabled: false, entitlements: [], attributes: {} }, operation())).toMatchObject({ type: 'permanent', code: 'not-supported' });
      const nativeId = await created();
      expect(await connector.readAccount(nativeId)).toMatchObject({ type: 'found', account: { disabled: false, entitlements: [] } });
      expect(await connector.createAccount({ nativeId, disabled: true, entitlements: [], attributes: ground.attributes?.('tg-1') ?? {} }, operation())).toMatchObject(ALREADY);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
    });

    it('tells an absent account from a found one', async () => {
      expect(await connector.readAccount(ground.nativeId('nobody-here'))).toEqual({ type: 'absent' });
    });

    it('finds an account by its native id in another case', async () => {
      const nativeId = await created();
      expect(await connector.readAccount(nativeId.toUpperCase())).toMatchObject({ type: 'found' });
    });

    it('disables and enables, and says when it was so already', async () => {
      const nativeId = await created();
      expect(await connector.disable(nativeId, operation())).toMatchObject(DONE);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: true });
      expect(await connector.readAccount(nativeId)).toMatchObject({ account: { disabled: true } });
      expect(await connector.disable(nativeId, operation())).toMatchObject(ALREADY);
      expect(await connector.enable(nativeId, operation())).toMatchObject(DONE);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
      expect(await connector.enable(nativeId, operation())).toMatchObject(ALREADY);
    });

    it('deletes, and says of an account that is not there that it was so already', async () => {
      const nativeId = await created();
      expect(await connector.delete(nativeId, operation())).toMatchObject(DONE);
      expect(await ground.inSystem(nativeId)).toBeUndefined();
      expect(await connector.readAccount(nativeId)).toEqual({ type: 'absent' });
      expect(await connector.delete(nativeId, operation())).toMatchObject(ALREADY);
    });

    it('gives and takes one entitlement, in any case, and leaves the others', async () => {
      const nativeId = await created();
      const { attribute, value } = ground.entitlement;
      expect(await connector.addEntitlement(nativeId, ground.entitlement, operation())).toMatchObject(DONE);
      expect(await connector.addEntitlement(nativeId, ground.entitlement, operation())).toMatchObject(ALREADY);
      expect(await ground.inSystem(nativeId)).toMatchObject({ holds: true });
      const other = await created();
      await connector.addEntitlement(other, ground.entitlement, operation());
      expect(await connector.removeEntitlement(nativeId, { attribute: attribute.toUpperCase(), value: value.toUpperCase() }, operation())).toMatchObject(DONE);
      expect(await ground.inSystem(nativeId)).toMatchObject({ holds: false });
      expect(await ground.inSystem(other)).toMatchObject({ holds: true });
      expect(await connector.removeEntitlement(nativeId, ground.entitlement, operation())).toMatchObject(ALREADY);
    });

    it('forces a password change, or refuses it', async () => {
      const nativeId = await created();
      const outcome = await connector.forcePasswordChange(nativeId, operation());
      if (!has('force-password-change')) return expect(outcome).toMatchObject({ type: 'permanent', code: 'not-supported' });
      expect(outcome).toMatchObject(DONE);
      expect(await ground.inSystem(nativeId)).toMatchObject({ passwordChangeRequired: true, disabled: false });
    });

    it('resets a password without telling it, or refuses it', async () => {
      const nativeId = await created();
      const outcome = await connector.resetPassword(nativeId, operation());
      if (!has('reset-password')) return expect(outcome).toMatchObject({ type: 'permanent', code: 'not-supported' });
      expect(outcome).toMatchObject(DONE);
      expect(Object.keys(outcome).sort()).toEqual(expect.not.arrayContaining(['password']));
    });

    it('refuses to change an account that is not there, for good', async () => {
      const nativeId = ground.nativeId('nobody-here');
      const changes: Array<(context: ChangeContext) => Promise<ChangeOutcome>> = [
        (context) => connector.enable(nativeId, context),
        (context) => connector.disable(nativeId, context),
        (context) => connector.addEntitlement(nativeId, ground.entitlement, context),
        (context) => connector.removeEntitlement(nativeId, ground.entitlement, context),
        ...(has('force-password-change') ? [(context: ChangeContext) => connector.forcePasswordChange(nativeId, context)] : []),
      ];
      for (const change of changes) expect(await change(operation())).toMatchObject({ type: 'permanent', code: 'not-found' });
    });

    it('applies one operation once, also when it is repeated after somebody undid it', async () => {
      const nativeId = await created();
      const context = operation();
      expect(await connector.disable(nativeId, context)).toMatchObject(DONE);
      expect(await connector.disable(nativeId, context)).toMatchObject(ALREADY);
      if (!ground.knowsOperationIds) return;
      await connector.enable(nativeId, operation());
      expect(await connector.disable(nativeId, context)).toMatchObject(ALREADY);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
    });

    it('lets one of many callers at once change it, and tells the others that it is so', async () => {
      const nativeId = await created();
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => connector.disable(nativeId, operation())));
      expect(outcomes.every(({ type }) => type === 'done')).toBe(true);
      if (ground.knowsOperationIds) expect(outcomes.filter((outcome) => outcome.type === 'done' && !outcome.alreadySo)).toHaveLength(1);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: true });
    });

    it('begins nothing when the time is over already', async () => {
      const nativeId = await created();
      const outcome = await connector.disable(nativeId, { operationId: operation().operationId, signal: AbortSignal.abort() });
      expect(['transient', 'not-confirmed']).toContain(outcome.type);
      expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
    });

    it('lists every account once, page by page', async () => {
      const ids = await Promise.all(Array.from({ length: 7 }, () => created()));
      const { accounts: found, pages } = await listed({ pageSize: 3 });
      expect(pages).toBeGreaterThan(2);
      const foundIds = found.map(({ nativeId }) => nativeId.toLowerCase());
      expect(new Set(foundIds).size).toBe(foundIds.length);
      expect(foundIds).toEqual(expect.arrayContaining(ids.map((id) => id.toLowerCase())));
    });

    it('tells since a cursor what was created, changed and removed', async () => {
      if (!has('changes-since')) return;
      const [changed, removed] = [await created(), await created()];
      const { changesCursor } = await listed({});
      expect(typeof changesCursor).toBe('string');
      await connector.disable(changed, operation());
      await connector.delete(removed, operation());
      const fresh = await created();
      const { accounts: found, changesCursor: nextCursor } = await listed({ since: changesCursor, pageSize: 2 });
      const byId = new Map(found.map((account) => [account.nativeId.toLowerCase(), account]));
      expect(byId.get(changed.toLowerCase())).toMatchObject({ disabled: true });
      expect(byId.get(removed.toLowerCase())).toMatchObject({ removed: true });
      expect(byId.get(fresh.toLowerCase())).toMatchObject({ disabled: false });
      expect(typeof nextCursor).toBe('string');
    });

    it('lists the groups, page by page', async () => {
      if (!has('list-groups')) return;
      const found: ConnectorGroup[] = [];
      let page: string | undefined;
      do {
        const outcome = await connector.listGroups({ pageSize: 1, ...(page === undefined ? {} : { page }) });
        if (outcome.type !== 'page') throw new Error(outcome.reason);
        found.push(...outcome.page.items);
        page = outcome.page.nextPage;
      } while (page !== undefined && found.length < 1000);
      expect(found.map(({ attribute, value }) => ({ attribute, value }))).toContainEqual(ground.entitlement);
    });

    it('refuses a page and a cursor that it did not give out', async () => {
      for (const options of [{ page: 'made up' }, { page: '{}' }, { since: 'made up' }]) expect(await connector.listAccounts(options)).toMatchObject({ type: 'permanent', code: 'invalid' });
    });

    it('keeps hostile names as they are', async () => {
      for (const hostile of ['$where', 'a.b', '{"$gt":""}', "o'brien", 'ünïcödé', '*)(uid=*']) {
        const outcome = await connector.readAccount(ground.nativeId(hostile));
        expect(outcome).toEqual({ type: 'absent' });
      }
    });
  });
}
