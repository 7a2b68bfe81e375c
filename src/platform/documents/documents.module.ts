import { join, resolve } from 'node:path';
import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { LOG, type Log } from '../../contracts/log.js';
import { DocumentStore } from './document-store.js';
import { EmbeddedDocumentServer } from './embedded-document-server.js';
import { MongooseDocumentStore } from './mongoose-document-store.js';

/** MongoDB when its URI is set, else the embedded store under the data directory. @throws with the cause when it does not answer. */
export async function openDocuments(settings: Settings, log: Log): Promise<DocumentStore> {
  const { mongodb, documents, dataDir } = settings;
  if (mongodb.uri !== '') {
    // In production MongoDB may do what it likes; before, nothing may creep in that the embedded store lacks.
    return MongooseDocumentStore.connect({ uri: mongodb.uri, guarded: process.env['NODE_ENV'] !== 'production' });
  }
  const server = await EmbeddedDocumentServer.start({ directory: join(resolve(dataDir), 'documents'), log: log.child('documents'), ...documents });
  try {
    return await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'tidegate', afterClose: () => server.stop() });
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The one document store, for everybody. Open before anybody asks for it; indexes are made before any service begins its work; closed in the last of Nest's shutdown steps. */
@Global()
@Module({
  providers: [{ provide: DocumentStore, inject: [SETTINGS, LOG], useFactory: openDocuments }],
  exports: [DocumentStore],
})
export class DocumentsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly documents: DocumentStore) {}

  async onModuleInit(): Promise<void> {
    await this.documents.ensureIndexes();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.documents.close();
  }
}
