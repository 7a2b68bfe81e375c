import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/contracts/log.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { MitigationProcess, mitigationKillRun } from '../support/mitigation-kill-run.js';
import { openTestMitigation } from '../support/mitigation.js';

const ALERTS = Number(process.env['TIDEGATE_TEST_KILL_ALERTS'] ?? 150);
/** As long as a slow machine with other work needs. */
const LIMIT_MS = Math.max(240_000, ALERTS * 1000);
const KILLS = Number(process.env['TIDEGATE_TEST_MITIGATION_KILLS'] ?? 3);

describe('processors that share one directory of the embedded store', () => {
  let directory: string;
  let server: EmbeddedDocumentServer;
  let documents: MongooseDocumentStore;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidegate-mitigation-'));
    server = await EmbeddedDocumentServer.start({ directory, log: silentLog });
    documents = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'tidegate' });
  });
  afterEach(async () => {
    await documents.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it(`act exactly once on each of ${ALERTS} alerts while two of them are killed ${KILLS} times each, and forget none`, async () => {
    const result = await mitigationKillRun({ alerts: ALERTS, kills: KILLS, processes: 2, where: directory, documents, limitMs: LIMIT_MS });
    expect(result).toMatchObject({ states: { succeeded: ALERTS }, changesOfAccounts: { 1: ALERTS }, recordsOfAlerts: { 1: ALERTS }, closingsOfAlerts: { 1: ALERTS }, kills: 2 * KILLS });
    // The kills met work that was under way.
    expect(result.takenOver).toBeGreaterThan(0);
  }, LIMIT_MS + 60_000);

  it('act once when one is stopped beyond its lease in the middle of a call, and goes on after another took over', async () => {
    const settings = { processor: { leaseMs: 3000, callTimeoutMs: 1000, janitorIntervalMs: 500, alertsAtOnce: 1 }, mitigation: { intervalMs: 100, maxAttempts: 20 } };
    const mitigation = await openTestMitigation({ documents, settings: { roles: ['api'] } });
    const application = await mitigation.application('Active Directory');
    const account = await mitigation.addAccount(application, 'jdoe');
    const [sleeper, other] = [new MitigationProcess(directory, 'tidegate', settings, 150), new MitigationProcess(directory, 'tidegate', settings, 0)];
    const until = async (condition: () => Promise<boolean> | boolean) => {
      const deadline = Date.now() + 40_000;
      while (!(await condition())) {
        if (Date.now() > deadline) throw new Error('it did not come to that in time');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    try {
      await sleeper.start();
      const id = await mitigation.post({ type: 'identity/account', nativeId: 'jdoe' });
      // The intent is stored and the call has begun; its effect has not come yet.
      await until(() => sleeper.calls.length === 1);
      sleeper.signal('SIGSTOP');
      expect(await mitigation.targetsOf(id)).toMatchObject([{ state: 'intent' }]);
      expect((await mitigation.account('Active Directory', 'jdoe'))?.disabled).toBe(false);
      await other.start();
      await until(async () => (await mitigation.alert(id)).state === 'succeeded');
      const closed = await mitigation.alert(id);
      const [target] = await mitigation.targetsOf(id);
      sleeper.signal('SIGCONT');
      // It works again, and has found out: it takes and closes another alert.
      await other.kill();
      await mitigation.addAccount(application, 'bob');
      const next = await mitigation.post({ type: 'identity/account', nativeId: 'bob' });
      await until(async () => (await mitigation.alert(next)).state === 'succeeded');
      expect(await mitigation.alert(id)).toMatchObject({ state: closed.state, closedAt: closed.closedAt, attempts: closed.attempts, leaseToken: null });
      expect(await mitigation.targetsOf(id)).toEqual([target]);
      expect((await mitigation.models.accounts.findById(account._id).lean())?.version).toBe(2);
      expect((await mitigation.recordsOf(id)).map(({ type }) => type)).toEqual(['audit.account.disable', 'mitigation.alert.processed']);
    } finally {
      sleeper.signal('SIGCONT');
      await Promise.all([sleeper.kill(), other.kill()]);
      await mitigation.close();
    }
  }, 120_000);
});
