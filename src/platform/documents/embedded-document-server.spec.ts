import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { mongo } from 'mongoose';
import { embeddedTestUri } from '../../../test/support/documents.js';
import { type Log, silentLog } from '../../contracts/log.js';
import { EmbeddedDocumentServer, type EmbeddedServerOptions } from './embedded-document-server.js';
import { MongooseDocumentStore } from './mongoose-document-store.js';

interface Thing {
  _id: number | string;
  [field: string]: unknown;
}

describe('the embedded document server', () => {
  let directory: string;
  let ends: Array<() => Promise<void>>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidegate-embedded-'));
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    await rm(directory, { recursive: true, force: true });
  });

  async function open(options: Partial<EmbeddedServerOptions> = {}): Promise<{ server: EmbeddedDocumentServer; store: MongooseDocumentStore; things: mongo.Collection<Thing>; close: () => Promise<void> }> {
    const server = await EmbeddedDocumentServer.start({ directory: join(directory, 'documents'), log: silentLog, ...options });
    ends.push(() => server.stop());
    const store = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'd' });
    ends.push(() => store.close());
    const close = async () => {
      await store.close();
      await server.stop();
    };
    return { server, store, things: store.connection.getClient().db('d').collection<Thing>('things'), close };
  }
  const refused = async (call: Promise<unknown>): Promise<{ code?: number; message: string }> => call.then(() => ({ message: 'it was not refused' }), (error: { code?: number; message: string }) => error);

  it('has the documents again after a restart', async () => {
    const first = await open();
    await first.things.createIndex({ a: 1 }, { unique: true });
    await first.things.insertMany([{ _id: 1, a: 'x' }, { _id: 2, a: 'y' }]);
    await first.close();
    const second = await open();
    expect(await second.things.find({ a: 'y' }).toArray()).toEqual([{ _id: 2, a: 'y' }]);
    expect((await refused(second.things.insertOne({ _id: 3, a: 'x' }))).code).toBe(11000);
  });

  it('keeps its files and its socket to this user', async () => {
    const { server } = await open();
    const socket = decodeURIComponent(/\/\/([^/]+)\//.exec(server.uri)?.[1] ?? '');
    expect((await stat(join(directory, 'documents'))).mode & 0o777).toBe(0o700);
    expect((await stat(dirname(socket))).mode & 0o777).toBe(0o700);
    await server.stop();
    await expect(stat(dirname(socket))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('shares its directory with a second one, which sees the same at once', async () => {
    const [one, two] = [await open(), await open()];
    await one.things.insertOne({ _id: 1, n: 0 });
    await Promise.all([one, two].flatMap(({ things }) => Array.from({ length: 30 }, () => things.updateOne({ _id: 1 }, { $inc: { n: 1 } } as never))));
    expect(await two.things.findOne({ _id: 1 })).toEqual({ _id: 1, n: 60 });
    await two.things.createIndex({ n: 1 }, { unique: true });
    expect((await refused(one.things.insertOne({ _id: 2, n: 60 }))).code).toBe(11000);
    await one.things.drop();
    expect(await two.things.countDocuments()).toBe(0);
  });

  it('removes documents whose time is over, and only those', async () => {
    const { things } = await open({ expiryIntervalMs: 40 });
    await things.createIndex({ at: 1 }, { expireAfterSeconds: 10 });
    await things.createIndex({ until: -1 }, { expireAfterSeconds: 0 });
    const now = Date.now();
    const documents: Thing[] = [
      ...Array.from({ length: 450 }, (_, index) => ({ _id: index, at: new Date(now - 60_000 - index)})),
      { _id: 'young', at: new Date(now) }, { _id: 'none' }, { _id: 'text', at: 'yesterday' }, { _id: 'list', at: [new Date(now), new Date(0)] }, { _id: 'over', until: new Date(now - 1) }, { _id: 'later', until: new Date(now + 3_600_000) },
    ];
    await things.insertMany(documents);
    const left = async () => (await things.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    while ((await left()).length > 4) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await left()).toEqual(['later', 'none', 'text', 'young']);
  });

  it('forgets a cursor that nobody reads', async () => {
    const { things } = await open({ expiryIntervalMs: 20, cursorIdleMs: 1 });
    await things.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id })));
    const cursor = things.find().batchSize(2);
    await cursor.next();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await refused(cursor.toArray())).code).toBe(43);
  });

  it('ends a cursor with an error when its collection is dropped', async () => {
    const { things } = await open();
    await things.insertMany(Array.from({ length: 10 }, (_, _id) => ({ _id })));
    const cursor = things.find().batchSize(2);
    await cursor.next();
    await things.drop();
    await things.insertMany([{ _id: 100 }]);
    expect((await refused(cursor.toArray())).code).toBe(175);
  });

  it('refuses to hold more than its limit in memory, with the way out, and goes on', async () => {
    const { things } = await open({ memoryBytes: 200_000 });
    await things.insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id, v: 500 - _id, text: 'x'.repeat(1000) })));
    for (const query of [things.find().sort({ v: 1 }).toArray(), things.aggregate([{ $sort: { v: 1 } }]).toArray(), things.aggregate([{ $group: { _id: null, all: { $push: '$text' } } }]).toArray(), things.aggregate([{ $addFields: { more: 1 } }]).toArray()]) {
      expect(await refused(query)).toMatchObject({ code: 292, message: expect.stringContaining('200000') as unknown as string });
    }
    expect((await things.find().sort({ v: 1 }).limit(3).toArray()).map(({ v }) => v)).toEqual([1, 2, 3]);
    expect(await things.aggregate([{ $group: { _id: null, n: { $sum: '$v' } } }]).toArray()).toEqual([{ _id: null, n: 125_250 }]);
    expect((await things.deleteMany({})).deletedCount).toBe(500);
  });

  it('gives up a command after the time that it was given', async () => {
    const { things } = await open();
    await things.insertMany(Array.from({ length: 3000 }, (_, _id) => ({ _id, text: 'a'.repeat(200) })));
    expect((await refused(things.find({ text: { $regex: 'b$' } }, { maxTimeMS: 1 }).toArray())).code).toBe(50);
  });

  it('lets others have their turn during a long scan', async () => {
    const { things } = await open();
    await things.insertMany(Array.from({ length: 20_000 }, (_, _id) => ({ _id, text: `t${_id}` })));
    const order: string[] = [];
    const scan = things.find({ text: { $regex: 'z$' } }).toArray().then(() => order.push('scan'));
    await things.findOne({ _id: 7 }).then(() => order.push('look-up'));
    await scan;
    expect(order).toEqual(['look-up', 'scan']);
  });

  it('answers a filter by an index, in its order', async () => {
    const { things } = await open();
    await things.insertMany(Array.from({ length: 50 }, (_, _id) => ({ _id, state: _id % 2 ? 'new' : 'old', n: _id })));
    await things.createIndex({ state: 1, n: -1 });
    const plan = async (cursor: mongo.FindCursor) => ((await cursor.explain()) as { queryPlanner: { winningPlan: { stage: string; inputStages: Array<{ stage: string; indexName: string; direction: string }> } } }).queryPlanner.winningPlan;
    expect(await plan(things.find({ state: 'new' }).sort({ n: 1 }))).toMatchObject({ stage: 'FETCH', inputStages: [{ stage: 'IXSCAN', indexName: 'state_1_n_-1', direction: 'backward' }] });
    expect(await plan(things.find({ state: { $in: ['new', 'old'] }, n: { $gt: 3 } }).sort({ n: 1 }))).toMatchObject({ stage: 'SORT', inputStages: [{ stage: 'IXSCAN' }] });
    expect(await plan(things.find({ n: 3 }))).toMatchObject({ inputStages: [{ stage: 'COLLSCAN' }] });
    expect(await plan(things.find({ _id: 3 }))).toMatchObject({ inputStages: [{ stage: 'IDHACK' }] });
    expect((await plan(things.find({ $or: [{ state: 'x' }, { _id: 3 }] }))).inputStages.map(({ stage }) => stage)).toEqual(['IXSCAN', 'IDHACK']);
  });

  it('is started again when its thread dies, and the connection finds it', async () => {
    const faults: string[] = [];
    const log: Log = { ...silentLog, error: (_facts, message) => faults.push(message) };
    const { server, things } = await open({ log });
    await things.insertOne({ _id: 1 });
    const writes = Promise.allSettled(Array.from({ length: 20 }, (_, index) => things.insertOne({ _id: index + 10 })));
    await (server as unknown as { worker: Worker }).worker.terminate();
    const acknowledged = (await writes).filter(({ status }) => status === 'fulfilled').length;
    let back: Thing | null = null;
    while (!back) back = await things.findOne({ _id: 1 }).catch(() => null);
    expect(faults).toHaveLength(1);
    expect(await things.countDocuments({ _id: { $gte: 10 } })).toBeGreaterThanOrEqual(acknowledged);
    await things.insertOne({ _id: 2 });
    expect(await things.countDocuments({ _id: { $lt: 10 } })).toBe(2);
  });

  it('says why it cannot open its directory', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(EmbeddedDocumentServer.start({ directory: join(directory, 'file', 'x'), log: silentLog })).rejects.toThrow(/ENOTDIR/);
    for (const [name, content] of Object.entries({ foreign: 'this is no database'.repeat(1000), short: 'x', zeros: '\0'.repeat(20_000) })) {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, 'data.mdb'), content);
      await expect(EmbeddedDocumentServer.start({ directory: join(directory, name), log: silentLog })).rejects.toThrow(new RegExp(`cannot open .*${name}.*is not a database of the embedded document store`));
    }
    const first = await open();
    await first.things.insertOne({ _id: 1 });
    await first.close();
    await truncate(join(directory, 'documents', 'data.mdb'), 4096);
    await expect(EmbeddedDocumentServer.start({ directory: join(directory, 'documents'), log: silentLog })).rejects.toThrow(/is damaged/);
  });

  describe('refuses what lies outside the subset, and never ignores it', () => {
    let store: MongooseDocumentStore;
    let things: mongo.Collection<Thing>;
    beforeAll(async () => {
      store = await MongooseDocumentStore.connect({ uri: await embeddedTestUri(), dbName: 'refusals' });
      things = store.connection.getClient().db('refusals').collection<Thing>('things');
      await things.insertOne({ _id: 1, a: 1 });
    });
    afterAll(() => store.close());

    it.each<[string, (collection: mongo.Collection<Thing>, documents: MongooseDocumentStore) => Promise<unknown>]>([
      ['$where', (things) => things.findOne({ $where: 'true' })],
      ['$text', (things) => things.findOne({ $text: { $search: 'x' } })],
      ['$expr', (things) => things.findOne({ $expr: { $eq: ['$a', 1] } })],
      ['$jsonSchema', (things) => things.findOne({ $jsonSchema: {} })],
      ['$near', (things) => things.findOne({ a: { $near: [0, 0] } })],
      ['$bitsAllSet', (things) => things.findOne({ a: { $bitsAllSet: 1 } })],
      ['a collation of a find', (things) => things.findOne({ a: 'x' }, { collation: { locale: 'en', strength: 2 } })],
      ['a collation of an update', (things) => things.updateOne({ a: 'x' }, { $set: { a: 1 } }, { collation: { locale: 'en' } })],
      ['a collation of a delete', (things) => things.deleteOne({ a: 'x' }, { collation: { locale: 'en' } })],
      ['a collation of an aggregation', (things) => things.aggregate([], { collation: { locale: 'en' } }).toArray()],
      ['an update by pipeline', (things) => things.updateOne({ _id: 1 }, [{ $set: { a: 2 } }])],
      ['$bit', (things) => things.updateOne({ _id: 1 }, { $bit: { a: { or: 1 } } } as never)],
      ['a positional projection', (things) => things.findOne({ a: 1 }, { projection: { 'a.$': 1 } })],
      ['a computed projection', (things) => things.findOne({}, { projection: { b: '$a' } })],
      ['a text index', (things) => things.createIndex({ a: 'text' })],
      ['a hashed index', (things) => things.createIndex({ a: 'hashed' })],
      ['a wildcard index', (things) => things.createIndex({ '$**': 1 })],
      ['an index with a collation', (things) => things.createIndex({ a: 1 }, { collation: { locale: 'en' } })],
      ['a hidden index', (things) => things.createIndex({ a: 1 }, { hidden: true })],
      ['a partial index by range', (things) => things.createIndex({ a: 1 }, { partialFilterExpression: { a: { $gt: 1 } } })],
      ['$bucket', (things) => things.aggregate([{ $bucket: { groupBy: '$a', boundaries: [0, 1] } }]).toArray()],
      ['$graphLookup', (things) => things.aggregate([{ $graphLookup: { from: 'things', startWith: '$a', connectFromField: 'a', connectToField: 'b', as: 'c' } }]).toArray()],
      ['$out', (things) => things.aggregate([{ $out: 'other' }]).toArray()],
      ['$merge', (things) => things.aggregate([{ $merge: 'other' }]).toArray()],
      ['$setWindowFields', (things) => things.aggregate([{ $setWindowFields: { output: {} } }]).toArray()],
      ['$lookup with a pipeline', (things) => things.aggregate([{ $lookup: { from: 'things', pipeline: [], as: 'x' } }]).toArray()],
      ['an expression', (things) => things.aggregate([{ $project: { x: { $toUpper: '$a' } } }]).toArray()],
      ['a variable', (things) => things.aggregate([{ $project: { x: '$$NOW' } }]).toArray()],
      ['an accumulator', (things) => things.aggregate([{ $group: { _id: null, x: { $stdDevPop: '$a' } } }]).toArray()],
      ['allowDiskUse', (things) => things.aggregate([], { allowDiskUse: true }).toArray()],
      ['$currentDate of a timestamp', (things) => things.updateOne({ _id: 1 }, { $currentDate: { a: { $type: 'timestamp' } } } as never)],
      ['a capped collection', (_things, store) => store.connection.createCollection('capped', { capped: true, size: 1000 })],
      ['a view', (_things, store) => store.connection.createCollection('view', { viewOn: 'things', pipeline: [] })],
      ['a change stream', async (things) => {
        const stream = things.watch();
        try {
          await stream.next();
        } finally {
          await stream.close();
        }
      }],
      ['a snapshot read', (things) => things.findOne({}, { readConcern: 'snapshot' })],
    ])('%s', async (_what, call) => {
      expect(await refused(call(things, store))).toMatchObject({ code: 238, message: expect.stringContaining('not part of the MongoDB subset') as unknown as string });
      expect(await things.find().toArray()).toEqual([{ _id: 1, a: 1 }]);
    });

    it('a transaction, with the reason', async () => {
      const session = await store.connection.startSession();
      try {
        const refusal = await refused(session.withTransaction(() => things.insertOne({ _id: 2 }, { session })));
        expect(refusal).toMatchObject({ code: 263, message: expect.stringMatching(/no multi-document transactions.*one document/) as unknown as string });
      } finally {
        await session.endSession();
      }
      expect(await things.countDocuments()).toBe(1);
    });

    it('an unknown command', async () => {
      expect((await refused(store.connection.getClient().db('d').command({ mapReduce: 'things' }))).code).toBe(59);
    });
  });
});
