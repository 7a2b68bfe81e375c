import { setTimeout as sleep } from 'node:timers/promises';
import mongoose, { type Connection, type Model, type Schema } from 'mongoose';
import { DocumentStore } from './document-store.js';
import { guardQueries } from './query-guard.js';

export interface MongooseStoreOptions {
  uri: string;
  /** Database; the URI's own when absent. */
  dbName?: string;
  serverSelectionTimeoutMs?: number;
  /** Refuse commands outside the subset that the embedded store understands: in development and tests, over MongoDB. */
  guarded?: boolean;
  /** Runs after the connection closed: the embedded server ends with it. */
  afterClose?: () => Promise<void>;
}

/** Longest wait for the answer to a health check. */
const HEALTH_MS = 2000;

/** A connection that was lost without a word keeps nobody waiting for ever; longer than any answer takes. */
const SOCKET_MS = 180_000;

/** Every document of Tidegate, over one mongoose connection: MongoDB or the embedded wire server, the code does not know which. */
export class MongooseDocumentStore extends DocumentStore {
  private constructor(readonly connection: Connection, private readonly afterClose?: () => Promise<void>) {
    super();
  }

  /** @throws with the cause when no server answers within `serverSelectionTimeoutMs`. */
  static async connect(options: MongooseStoreOptions): Promise<MongooseDocumentStore> {
    const connection = mongoose.createConnection(options.uri, {
      dbName: options.dbName,
      autoIndex: false,
      autoCreate: false,
      serverSelectionTimeoutMS: options.serverSelectionTimeoutMs ?? 10_000,
      socketTimeoutMS: SOCKET_MS,
      // An acknowledged write survives the death of the server; SecantusDB and MongoDB lose some without it.
      writeConcern: { w: 'majority', journal: true },
      monitorCommands: options.guarded === true,
    });
    try {
      await connection.asPromise();
    } catch (error) {
      await connection.close(true).catch(() => undefined);
      throw error;
    }
    if (options.guarded) guardQueries(connection);
    return new MongooseDocumentStore(connection, options.afterClose);
  }

  model<T>(name: string, schema: Schema<T>): Model<T> {
    return (this.connection.models[name] as Model<T> | undefined) ?? this.connection.model<T>(name, schema);
  }

  async ensureIndexes(): Promise<void> {
    for (const model of Object.values(this.connection.models)) {
      try {
        await model.createIndexes();
      } catch (error) {
        throw new Error(`The indexes of collection ${model.collection.name} cannot be made: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  }

  async health(): Promise<{ ok: boolean; reason?: string }> {
    const late = new AbortController();
    try {
      return await Promise.race([this.ping(), sleep(HEALTH_MS, { ok: false, reason: `the document store did not answer within ${HEALTH_MS} ms` }, { signal: late.signal, ref: false })]);
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    } finally {
      late.abort();
    }
  }

  private async ping(): Promise<{ ok: boolean; reason?: string }> {
    if (!this.connection.db) return { ok: false, reason: 'the document store is not connected' };
    await this.connection.db.admin().ping();
    return { ok: true };
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.afterClose?.();
  }
}
