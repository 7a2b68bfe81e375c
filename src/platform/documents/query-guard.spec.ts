import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { mongo } from 'mongoose';
import { embeddedTestUri } from '../../../test/support/documents.js';
import { MongooseDocumentStore } from './mongoose-document-store.js';
import { refuseOutsideSubset } from './query-guard.js';

/** What a retrying replica set, a transaction or a newer feature would send; none of it is in the embedded store's own way. */
describe('the query guard', () => {
  let store: MongooseDocumentStore;
  let things: mongo.Collection;
  beforeAll(async () => {
    store = await MongooseDocumentStore.connect({ uri: await embeddedTestUri(), dbName: 'guard', guarded: true });
    things = store.connection.getClient().db('guard').collection('things');
  });
  afterAll(() => store.close());

  it('fails the call before anything is sent, and the connection goes on', async () => {
    const sent: string[] = [];
    store.connection.getClient().on('commandSucceeded', ({ commandName }) => sent.push(commandName)).on('commandFailed', ({ commandName }) => sent.push(commandName));
    for (const call of [() => things.findOne({ $where: 'true' }), () => things.updateOne({}, [{ $set: { a: 1 } }]), () => things.aggregate([{ $out: 'x' }]).toArray(), () => things.createIndex({ a: 'text' }), () => things.deleteOne({}, { collation: { locale: 'en' } })]) {
      await expect(call()).rejects.toThrow(/not part of the MongoDB subset/);
    }
    expect(sent).toEqual([]);
    await things.insertOne({ a: 1 });
    await Promise.all(Array.from({ length: 30 }, () => things.findOne({ a: 1 })));
    expect(await things.countDocuments({ a: 1 })).toBe(1);
    expect(sent.filter((name) => name === 'find')).toHaveLength(30);
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['a transaction', 'insert', { insert: 'c', documents: [{}], startTransaction: true, autocommit: false, txnNumber: 1 }],
    ['an unknown command', 'mapReduce', { mapReduce: 'c' }],
    ['an unknown field', 'find', { find: 'c', collation: { locale: 'en' } }],
    ['an operator in an array filter', 'update', { update: 'c', updates: [{ q: {}, u: { $set: { 'a.$[x]': 1 } }, arrayFilters: [{ x: { $expr: 1 } }] }] }],
    ['a stage within a facet', 'aggregate', { aggregate: 'c', pipeline: [{ $facet: { a: [{ $sample: { size: 1 } }] } }], cursor: {} }],
    ['a sort by a computed value', 'find', { find: 'c', sort: { score: { $meta: 'textScore' } } }],
  ])('refuses %s', (_what, name, command) => {
    expect(() => refuseOutsideSubset(name, command)).toThrow();
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['a numbered retry of a replica set', 'insert', { insert: 'c', documents: [{}], txnNumber: 1n, lsid: {}, $clusterTime: {}, $db: 'd' }],
    ['an ordinary claim', 'findAndModify', { findAndModify: 'c', query: { $or: [{ state: 'new' }, { until: { $lt: new Date() } }] }, sort: { at: 1 }, update: { $set: { state: 'claimed' }, $inc: { tries: 1 } }, new: true, upsert: false, remove: false }],
    ['a pipeline of the subset', 'aggregate', { aggregate: 'c', pipeline: [{ $match: { a: 1 } }, { $group: { _id: '$b', n: { $sum: 1 } } }, { $facet: { a: [{ $limit: 1 }] } }], cursor: {} }],
  ])('lets through %s', (_what, name, command) => {
    expect(() => refuseOutsideSubset(name, command)).not.toThrow();
  });
});
