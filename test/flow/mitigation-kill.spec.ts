import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/contracts/log.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { mitigationKillRun } from '../support/mitigation-kill-run.js';

/** Full size: `npm run soak:mitigation`. */
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
    console.log(JSON.stringify(result));
    expect(result).toMatchObject({ states: { succeeded: ALERTS }, changesOfAccounts: { 1: ALERTS }, recordsOfAlerts: { 1: ALERTS }, closingsOfAlerts: { 1: ALERTS }, kills: 2 * KILLS });
    // The kills met work that was under way.
    expect(result.takenOver).toBeGreaterThan(0);
  }, LIMIT_MS + 60_000);
});
