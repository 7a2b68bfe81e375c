import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/contracts/clock.js';
import type { Connector } from '../../../src/contracts/connector.js';
import { ConnectorRegistry } from '../../../src/directory/connector-registry.js';
import { DirectoryService } from '../../../src/directory/directory.service.js';
import { DirectoryImportService } from '../../../src/directory/import/directory-import.service.js';
import { BuiltinConnector } from '../../../src/directory/connectors/builtin/builtin.connector.js';
import type { AccountStore } from '../../../src/contracts/account-store.js';
import { openDirectoryApp, type DirectoryApp } from '../../support/directory-app.js';
import { FailingConnector } from '../../support/failing-connector.js';
import { connectorContract, operation, type ConnectorGround } from './connector.contract.js';

const ENTITLEMENT = { attribute: 'memberOf', value: 'group1' };

async function builtinGround(app: DirectoryApp, wrap: (connector: Connector) => Connector = (connector) => connector): Promise<ConnectorGround> {
  const directory = app.app.get(DirectoryService);
  const good = <B extends object>(body: B) => ({ place: {}, body: { type: 'body' as const, body } });
  await app.app.get(DirectoryImportService).import(
    {
      identity: [],
      application: [good({ name: 'System', entitlementAttributes: ['memberOf'] })],
      entitlement: [good({ application: 'System', ...ENTITLEMENT }), good({ application: 'System', attribute: 'memberOf', value: 'group2' })],
      account: [],
    },
    { kind: 'system', id: 'test' },
  );
  const application = await directory.applicationByName('System');
  if (!application) throw new Error('the application was not created');
  return {
    connector: wrap(app.app.get(ConnectorRegistry).for(application)),
    entitlement: ENTITLEMENT,
    nativeId: (name) => `CN=${name},DC=example`,
    knowsOperationIds: true,
    async inSystem(nativeId) {
      const [account] = await directory.accountsByNativeId(application._id, nativeId);
      return account && { disabled: account.disabled, holds: account.entitlementKeys.includes('memberof\ngroup1'), passwordChangeRequired: account.passwordChangeRequired };
    },
    close: () => app.close(),
  };
}

connectorContract('built-in', async () => builtinGround(await openDirectoryApp()));
connectorContract('built-in behind one that could fail and does not', async () => builtinGround(await openDirectoryApp(), (connector) => new FailingConnector(connector)));

describe('a connector that fails', () => {
  let ground: ConnectorGround;
  let failing: FailingConnector;
  beforeAll(async () => {
    ground = await builtinGround(await openDirectoryApp(), (connector) => (failing = new FailingConnector(connector)));
  });
  afterAll(async () => {
    await ground.close();
  });
  let accounts = 0;
  const created = async (): Promise<string> => {
    accounts += 1;
    const nativeId = ground.nativeId(`f-${accounts}`);
    expect(await failing.createAccount({ nativeId, disabled: false, entitlements: [], attributes: {} }, operation())).toMatchObject({ type: 'done' });
    return nativeId;
  };

  it.each(['transient', 'permanent'] as const)('%s: has no effect and says so, with a code and a reason', async (failure) => {
    const nativeId = await created();
    const outcome = await failing.next(failure).disable(nativeId, operation());
    expect(outcome).toMatchObject({ type: failure, code: expect.any(String), reason: expect.any(String) });
    expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
    expect(await failing.next(failure).readAccount(nativeId)).toMatchObject({ type: failure });
    expect(await failing.next(failure).listAccounts({})).toMatchObject({ type: failure });
    expect(await failing.next(failure).test()).toMatchObject({ type: failure });
  });

  it('mixed: each call stands for itself, and a repeat after the trouble takes effect once', async () => {
    const nativeId = await created();
    const context = operation();
    failing.next('transient', 'transient', 'permanent');
    const outcomes = [];
    for (let tries = 0; tries < 4; tries += 1) outcomes.push(await failing.disable(nativeId, context));
    expect(outcomes.map(({ type }) => type)).toEqual(['transient', 'transient', 'permanent', 'done']);
    expect(outcomes[3]).toMatchObject({ alreadySo: false });
    expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: true });
  });

  it('by account: one that fails does not touch the others', async () => {
    const [good, bad] = [await created(), await created()];
    failing.decide((_method, nativeId) => (nativeId === bad ? 'permanent' : 'none'));
    expect(await failing.disable(good, operation())).toMatchObject({ type: 'done' });
    expect(await failing.disable(bad, operation())).toMatchObject({ type: 'permanent' });
    failing.decide(() => 'none');
    expect([await ground.inSystem(good), await ground.inSystem(bad)]).toMatchObject([{ disabled: true }, { disabled: false }]);
  });

  it('hanging: ends with the signal, and the change is not confirmed', async () => {
    const nativeId = await created();
    const ending = new AbortController();
    const pending = failing.next('hanging').disable(nativeId, { ...operation(), signal: ending.signal });
    expect(await Promise.race([pending, Promise.resolve('still waiting')])).toBe('still waiting');
    ending.abort();
    expect(await pending).toMatchObject({ type: 'not-confirmed' });
    const reading = failing.next('hanging').readAccount(nativeId, ending.signal);
    expect(await reading).toMatchObject({ type: 'transient', code: 'timeout' });
    expect(await ground.inSystem(nativeId)).toMatchObject({ disabled: false });
  });

  it.each(['answer-lost', 'hanging-after'] as const)('%s: not confirmed, though the change took effect; reading it back tells, and the repeat does nothing', async (failure) => {
    const nativeId = await created();
    const context = { ...operation(), signal: AbortSignal.timeout(failure === 'hanging-after' ? 200 : 10_000) };
    expect(await failing.next(failure).disable(nativeId, context)).toMatchObject({ type: 'not-confirmed' });
    expect(await failing.readAccount(nativeId)).toMatchObject({ type: 'found', account: { disabled: true } });
    expect(await failing.disable(nativeId, { operationId: context.operationId })).toMatchObject({ type: 'done', alreadySo: true });
  });

  it('keeps the record of its calls', () => {
    expect(failing.calls.filter(({ failure }) => failure === 'answer-lost')).toMatchObject([{ method: 'disable', operationId: expect.any(String) }]);
  });
});

describe('the built-in connector over a document store that fails', () => {
  const broken = new Proxy({} as AccountStore, { get: () => async () => Promise.reject(new Error('the disk is full')) });
  const connector = new BuiltinConnector(broken, systemClock);

  it('answers transient where nothing was written, and not-confirmed where a write may have been stored', async () => {
    expect(await connector.test()).toMatchObject({ type: 'transient', code: 'unreachable' });
    expect(await connector.readAccount('a')).toMatchObject({ type: 'transient' });
    expect(await connector.listAccounts({})).toMatchObject({ type: 'transient' });
    expect(await connector.listGroups({})).toMatchObject({ type: 'transient' });
    for (const outcome of await Promise.all([connector.disable('a', operation()), connector.delete('a', operation()), connector.createAccount({ nativeId: 'a', disabled: false, entitlements: [], attributes: {} }, operation())])) {
      expect(outcome).toMatchObject({ type: 'not-confirmed', reason: expect.stringContaining('the disk is full') });
    }
  });
});
