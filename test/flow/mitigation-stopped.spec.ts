import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/contracts/log.js';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { openTestDocuments } from '../support/documents.js';
import { TEST_MONGODB } from '../support/engines-environment.js';
import { MitigationProcess } from '../support/mitigation-kill-run.js';
import { openTestMitigation } from '../support/mitigation.js';

describe('processors that share the documents', () => {
  let directory: string;
  let server: EmbeddedDocumentServer | undefined;
  let documents: DocumentStore;
  /** Where the others find them. */
  let where: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidegate-mitigation-'));
    where = TEST_MONGODB ?? directory;
    server = TEST_MONGODB === undefined ? await EmbeddedDocumentServer.start({ directory, log: silentLog }) : undefined;
    documents = server ? await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'tidegate' }) : await openTestDocuments();
  });
  afterEach(async () => {
    await documents.close();
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Stops a process outside of a write: within one it would hold the embedded store for all, which is not what is asked here. */
  const fallAsleep = async (one: MitigationProcess): Promise<void> => {
    for (;;) {
      one.signal('SIGSTOP');
      const written = documents.connection.collection('probe').insertOne({}).then(() => true);
      if (await Promise.race([written, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 200))])) return;
      one.signal('SIGCONT');
      await written;
    }
  };

  it('act once when one is stopped beyond its lease in the middle of a call, and goes on after another took over', async () => {
    const settings = { processor: { leaseMs: 6000, callTimeoutMs: 3000, janitorIntervalMs: 500, alertsAtOnce: 1 }, mitigation: { intervalMs: 100, maxAttempts: 20 } };
    const mitigation = await openTestMitigation({ documents, settings: { roles: ['api'] } });
    const application = await mitigation.application('Active Directory');
    const account = await mitigation.addAccount(application, 'jdoe');
    const [sleeper, other] = [new MitigationProcess(where, documents.connection.name, settings, 1400), new MitigationProcess(where, documents.connection.name, settings, 0)];
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
      await fallAsleep(sleeper);
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
