import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { silentLog } from '../../src/contracts/log.js';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { EmbeddedDocumentServer } from '../../src/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';
import { TEST_MONGODB } from './engines-environment.js';

interface TestServer {
  server: EmbeddedDocumentServer;
  directory: string;
}
/** One embedded server for all stores of a spec file. */
let shared: Promise<TestServer> | undefined;

/** A document store with an empty database of its own: the embedded one, or the server in TIDEGATE_TEST_MONGODB_URI. Close it after the test. */
export async function openTestDocuments(): Promise<DocumentStore> {
  const given = TEST_MONGODB;
  const uri = given ?? (await embeddedTestUri());
  const store = await MongooseDocumentStore.connect({ uri, guarded: given !== undefined, dbName: `test-${randomUUID().slice(0, 13)}` });
  return Object.assign(store, {
    close: async () => {
      await store.connection.dropDatabase().catch(() => undefined);
      await store.connection.close();
    },
  });
}

/** Address of the embedded server that all tests of a spec file share. */
export async function embeddedTestUri(): Promise<string> {
  return (await sharedServer()).server.uri;
}

function sharedServer(): Promise<TestServer> {
  shared ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidegate-documents-'));
    return { server: await EmbeddedDocumentServer.start({ directory, log: silentLog }), directory };
  })();
  return shared;
}

afterAll(async () => {
  const started = await shared?.catch(() => undefined);
  await started?.server.stop();
  if (started) await rm(started.directory, { recursive: true, force: true });
});
