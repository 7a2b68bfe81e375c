import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Schema } from 'mongoose';
import { embeddedTestUri } from '../../../test/support/documents.js';
import { MongooseDocumentStore } from './mongoose-document-store.js';

interface Thing {
  name: string;
  n: number;
}

describe('the document store', () => {
  let store: MongooseDocumentStore;
  beforeAll(async () => {
    store = await MongooseDocumentStore.connect({ uri: await embeddedTestUri(), dbName: `store-${randomUUID().slice(0, 8)}`, guarded: true });
  });
  afterAll(() => store.close());

  it('asks for every write to be on disk before it is acknowledged: MongoDB itself would lose some', async () => {
    const writes: Record<string, unknown> = {};
    store.connection.getClient().on('commandStarted', ({ commandName, command }) => (writes[commandName] = (command as { writeConcern?: unknown }).writeConcern));
    const things = store.model<Thing>('Durable', new Schema<Thing>({ name: String, n: Number }));
    const thing = await things.create({ name: 'a', n: 1 });
    await things.updateOne({ _id: thing._id }, { $inc: { n: 1 } });
    await things.findOneAndUpdate({ _id: thing._id }, { $inc: { n: 1 } });
    await things.bulkWrite([{ insertOne: { document: { name: 'b', n: 1 } } }]);
    await things.deleteOne({ _id: thing._id });
    const onDisk = { w: 'majority', j: true };
    expect(writes).toMatchObject({ insert: onDisk, update: onDisk, findAndModify: onDisk, delete: onDisk });
  });

  it('gives the same model for the same name, and makes no index before it is asked to', async () => {
    const schema = new Schema<Thing>({ name: { type: String, unique: true }, n: Number });
    const things = store.model<Thing>('Same', schema);
    expect(store.model<Thing>('Same', schema)).toBe(things);
    await things.insertMany([{ name: 'a', n: 1 }, { name: 'a', n: 2 }]);
    await expect(store.ensureIndexes()).rejects.toThrow(/indexes of collection sames cannot be made: .*E11000/);
    await things.deleteOne({ n: 2 });
    await store.ensureIndexes();
    await expect(things.create({ name: 'a', n: 3 })).rejects.toMatchObject({ code: 11000 });
    await store.ensureIndexes();
  });

  it('says in time when nobody answers', async () => {
    await expect(MongooseDocumentStore.connect({ uri: 'mongodb://127.0.0.1:1/?directConnection=true', serverSelectionTimeoutMs: 100 })).rejects.toThrow(/ECONNREFUSED/);
    expect(await store.health()).toEqual({ ok: true });
  });
});
