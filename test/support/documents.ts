import { randomUUID } from 'node:crypto';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { MongooseDocumentStore } from '../../src/platform/documents/mongoose-document-store.js';

/** A document store with an empty database of its own: the embedded one, or the server in TIDEGATE_TEST_MONGODB_URI. Close it after the test. */
export async function openTestDocuments(): Promise<DocumentStore> {
  const uri = process.env['TIDEGATE_TEST_MONGODB_URI'];
  if (!uri) throw new Error('the embedded store is not here yet: set TIDEGATE_TEST_MONGODB_URI');
  const store = await MongooseDocumentStore.connect({ uri, dbName: `test-${randomUUID().slice(0, 13)}` });
  return Object.assign(store, {
    close: async () => {
      await store.connection.dropDatabase().catch(() => undefined);
      await store.connection.close();
    },
  });
}
