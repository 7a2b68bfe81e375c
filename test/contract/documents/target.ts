import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { type Model, Schema } from 'mongoose';
import type { DocumentStore } from '../../../src/platform/documents/document-store.js';
import { MongooseDocumentStore } from '../../../src/platform/documents/mongoose-document-store.js';

/** A server that the contract runs over. */
export interface Target {
  name: string;
  uri: () => Promise<string> | string;
  /** Names of tests that a server is known to fail by a fault of its own; they are left out for it. */
  faults?: readonly string[];
}

/** The cases of a table that the target is asked. */
export function askedOf<T>(target: Target, cases: readonly T[], name: (item: T) => string): T[] {
  return cases.filter((item) => !target.faults?.includes(name(item)));
}
export const isAsked = (target: Target, name: string): boolean => !target.faults?.includes(name);

export interface Bench {
  /** A model over a collection of its own, any shape allowed. Indexes are made when given. */
  model(shape?: (schema: Schema) => void): Promise<Model<Free>>;
  store(): DocumentStore;
  /** The first values that come to mind, saved as they are. */
  filled(documents: Array<Record<string, unknown>>, shape?: (schema: Schema) => void): Promise<Model<Free>>;
}
/** A document of any shape. */
export type Free = Record<string, unknown>;

/** Opens the target for a describe block: a database of its own, dropped at the end. */
export function bench(target: Target): Bench {
  let store: MongooseDocumentStore;
  beforeAll(async () => {
    store = await MongooseDocumentStore.connect({ uri: await target.uri(), dbName: `contract-${randomUUID().slice(0, 13)}`, guarded: true });
  });
  afterAll(async () => {
    await store.connection.dropDatabase();
    await store.close();
  });
  const model = async (shape?: (schema: Schema) => void): Promise<Model<Free>> => {
    const schema = new Schema({ _id: Schema.Types.Mixed }, { strict: false, versionKey: false, _id: false, minimize: false, collection: `c${randomUUID().slice(0, 8)}` });
    shape?.(schema);
    const made = store.model(`m${randomUUID()}`, schema) as unknown as Model<Free>;
    await made.createIndexes();
    return made;
  };
  return {
    model,
    store: () => store,
    filled: async (documents, shape) => {
      const made = await model(shape);
      await made.collection.insertMany(documents.map((document) => ({ ...document })));
      return made;
    },
  };
}

/** What a call was refused with. */
export async function refusal(call: Promise<unknown> | (() => Promise<unknown>)): Promise<{ code?: number; message: string; keyPattern?: unknown; keyValue?: unknown }> {
  try {
    await (typeof call === 'function' ? call() : call);
  } catch (error) {
    return error as { code?: number; message: string };
  }
  throw new Error('it was not refused');
}

/** The ids of what was found, in order. */
export const ids = (documents: Array<{ _id?: unknown }>): unknown[] => documents.map((document) => document._id);
