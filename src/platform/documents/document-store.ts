import type { Connection, Model, Schema } from 'mongoose';

/**
 * The one mongoose connection. A schema's service asks for its model in its constructor; indexes are made once, on purpose, when the module starts
 * (`onModuleInit`), before any service begins its work (`onApplicationBootstrap`).
 */
export abstract class DocumentStore {
  abstract readonly connection: Connection;
  /** The model of a collection; the same call again gives the same model. `autoIndex` and `autoCreate` are off: see `ensureIndexes`. */
  abstract model<T>(name: string, schema: Schema<T>): Model<T>;
  /** Creates the indexes of every model asked for so far. @throws with the collection and index when one cannot be made. */
  abstract ensureIndexes(): Promise<void>;
  abstract health(): Promise<{ ok: boolean; reason?: string }>;
  abstract close(): Promise<void>;
}
