import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { mitigationKillRun } from '../support/mitigation-kill-run.js';
import { secantusExecutable, startSecantus, type Secantus } from '../support/secantus.js';

/** Full size: `npm run soak:mitigation-mongodb`. A claim costs SecantusDB time for each document that waits. */
const ALERTS = Number(process.env['TIDEGATE_TEST_KILL_ALERTS'] ?? 40);
const KILLS = Number(process.env['TIDEGATE_TEST_MITIGATION_KILLS'] ?? 2);
const LIMIT_MS = Math.max(170_000, ALERTS * 4000);

describe('processors that share a server of the MongoDB protocol', () => {
  let server: Secantus;
  let documents: MongooseDocumentStore;
  beforeAll(async () => {
    server = await startSecantus(await secantusExecutable(), 'replica-set');
    documents = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'tidegate' });
  }, 400_000);
  afterAll(async () => {
    await documents?.close();
    await server?.stop();
  });

  it(`act exactly once on each of ${ALERTS} alerts while two of them are killed ${KILLS} times each, and forget none`, async () => {
    const result = await mitigationKillRun({ alerts: ALERTS, kills: KILLS, processes: 2, where: server.uri, documents, limitMs: LIMIT_MS });
    console.log(JSON.stringify(result));
    expect(result).toMatchObject({ states: { succeeded: ALERTS }, changesOfAccounts: { 1: ALERTS }, recordsOfAlerts: { 1: ALERTS }, closingsOfAlerts: { 1: ALERTS }, kills: 2 * KILLS });
    // The kills met work that was under way.
    expect(result.takenOver).toBeGreaterThan(0);
  }, LIMIT_MS + 60_000);
});
