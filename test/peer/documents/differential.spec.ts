import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { mongo } from 'mongoose';
import { MongooseDocumentStore } from '../../../src/platform/documents/mongoose-document-store.js';
import { embeddedTestUri } from '../../support/documents.js';
import { type Secantus, secantusOrSkip, startSecantus } from '../../support/secantus.js';
import { Chance, type Free, randomDocument, randomFilter, randomPipeline, randomProjection, randomSort, randomUpdate } from './random-documents.js';

const executable = await secantusOrSkip();
const SEEDS = (process.env['TIDEGATE_FUZZ_SEEDS'] ?? '1 2 3 4 5 6').split(' ').map(Number);
const STEPS = Number(process.env['TIDEGATE_FUZZ_STEPS'] ?? 150);
const DOCUMENTS = 40;

/** What the embedded store has for indexes; the other server has none, so that each answers in its own way. No two fields of one index are ever arrays. */
const LAYOUTS: Array<Array<Record<string, 1 | -1>>> = [
  [],
  [{ a: 1 }, { b: -1 }, { n: 1 }, { s: 1 }, { t: 1 }],
  [{ n: 1, s: -1 }, { s: 1, a: 1 }, { 'd.k': 1, n: -1 }],
  [{ 'l.k': 1, 'l.v': 1 }, { 'l.v': -1 }, { 'd.v': 1 }],
  [{ t: 1, n: 1 }, { n: -1, t: -1 }, { 'a.v': 1 }],
  [{ a: -1, n: 1 }, { b: 1, n: -1, s: 1 }, { 't.0': 1 }],
];

interface Answer {
  value?: unknown;
  /** The number of the error. */
  refused?: number;
}

/** Random documents and questions to the embedded store and to an independent server: the answers are the same. */
describe('the embedded store beside SecantusDB', () => {
  if (!executable) {
    it.skip('is not here', () => {});
    return;
  }
  let server: Secantus;
  const stores: MongooseDocumentStore[] = [];
  beforeAll(async () => {
    server = await startSecantus(executable, 'standalone');
    for (const uri of [await embeddedTestUri(), server.uri]) stores.push(await MongooseDocumentStore.connect({ uri, dbName: 'differential' }));
  }, 90_000);
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.stop();
  });

  it.each(SEEDS)('seed %i', async (seed) => {
    const chance = new Chance(seed);
    const [embedded, other] = stores as [MongooseDocumentStore, MongooseDocumentStore];
    const [ours, plain, theirs] = [embedded.connection.collection(`seed${seed}`), embedded.connection.collection(`plain${seed}`), other.connection.collection(`seed${seed}`)] as unknown as [mongo.Collection<Free>, mongo.Collection<Free>, mongo.Collection<Free>];
    for (const key of LAYOUTS[seed % LAYOUTS.length] ?? []) await ours.createIndex(key);
    const documents = Array.from({ length: DOCUMENTS }, (_, index) => randomDocument(chance, index));
    for (const collection of [ours, plain, theirs]) await collection.insertMany(documents.map((document) => ({ ...document })));
    const differences: string[] = [];
    for (let step = 0; step < STEPS && differences.length < 10; step++) {
      const { what, ask, oursAlone } = question(chance);
      const [our, unindexed] = [await answer(() => ask(ours)), await answer(() => ask(plain))];
      if (!same(our, unindexed)) differences.push(`${what}\n  with indexes ${JSON.stringify(our)}\n  without      ${JSON.stringify(unindexed)}`);
      const their = oursAlone ? our : await answer(() => ask(theirs));
      const contents = await Promise.all([ours, oursAlone ? plain : theirs].map((collection) => collection.find().sort({ _id: 1 }).toArray()));
      const again = async () => {
        for (const collection of [plain, theirs]) {
          await collection.deleteMany({});
          await collection.insertMany(contents[0] as Array<mongo.OptionalId<Free>>);
        }
      };
      // How far an update of many gets before it is refused depends on the order in which it meets the documents, and which of two faults is named on that of the operators.
      const halfWay = [our, their, unindexed].every(({ refused }) => refused !== undefined && refused > 0);
      if (halfWay || (agree(our, their) && same(contents[0], contents[1]))) {
        if (oursAlone || halfWay) await again();
        continue;
      }
      const changed = (contents[0] ?? []).flatMap((document, index) => (same(document, contents[1]?.[index]) ? [] : [`${JSON.stringify(document)} / ${JSON.stringify(contents[1]?.[index])}`]));
      differences.push(`${what}\n  embedded ${JSON.stringify(our)}\n  other    ${JSON.stringify(their)}\n  ${changed.slice(0, 3).join('\n  ')}`);
      await again();
    }
    expect(differences.join('\n')).toBe('');
  }, 120_000);
});

interface Question {
  what: string;
  ask: (collection: mongo.Collection<Free>) => Promise<unknown>;
  /** The other server is known to answer it wrongly. */
  oursAlone: boolean;
}

function question(chance: Chance): Question {
  const asked = anyQuestion(chance);
  // A position before a name, what a position of an array too short is, and the order of arrays of documents.
  return { ...asked, oursAlone: /"l\.1\.k"|\["l\.v"/.test(asked.what) || (asked.what.includes('"t.0"') && /null|\$n(in|e|ot|or)"/.test(asked.what)) };
}

function anyQuestion(chance: Chance): Omit<Question, 'oursAlone'> {
  const filter = randomFilter(chance);
  const sort = randomSort(chance);
  const kind = chance.below(12);
  const named = (name: string, ask: (collection: mongo.Collection<Free>) => Promise<unknown>, ...facts: unknown[]) => ({ what: `${name} ${[filter, ...facts].map((fact) => JSON.stringify(fact)).join(' ')}`, ask });
  if (kind < 5) {
    const options = { sort, skip: chance.is(0.3) ? chance.below(10) : 0, limit: chance.is(0.5) ? 1 + chance.below(10) : 0 };
    const projection = chance.is(0.3) ? randomProjection(chance) : {};
    return named('find', (collection) => collection.find(filter, { ...options, projection, batchSize: 7 }).toArray(), options, projection);
  }
  if (kind === 5) return named('count', (collection) => collection.countDocuments(filter));
  if (kind === 6) return named('distinct', async (collection) => (await collection.distinct('s', filter)).map((value) => JSON.stringify(value)).sort());
  if (kind === 7) {
    const pipeline = randomPipeline(chance);
    return { what: `aggregate ${JSON.stringify(pipeline)}`, ask: (collection) => collection.aggregate(pipeline).toArray() };
  }
  const { update, arrayFilters } = randomUpdate(chance);
  // The other server takes positions in a field that is not there, which is refused.
  if (arrayFilters) filter['l'] = { $type: 'array' };
  const options = arrayFilters ? { arrayFilters } : {};
  if (kind === 8) {
    const returnDocument = chance.is(0.5) ? 'before' : 'after';
    return named('findOneAndUpdate', (collection) => collection.findOneAndUpdate(filter, update, { sort, returnDocument, ...options }), update, sort, options);
  }
  if (kind === 9) return named('updateMany', async (collection) => counts(await collection.updateMany(filter, update, options)), update, options);
  if (kind === 10 && !arrayFilters) {
    const _id = chance.below(DOCUMENTS + 10);
    return { what: `upsert ${_id} ${JSON.stringify(update)} ${JSON.stringify(options)}`, ask: async (collection) => counts(await collection.updateOne({ _id: _id as never, n: { $gte: -100 } }, update, { upsert: true, ...options })) };
  }
  const fresh = randomDocument(chance, 100 + chance.below(20));
  return { what: `replaceOne ${JSON.stringify(fresh)}`, ask: async (collection) => counts(await collection.replaceOne({ _id: fresh['_id'] as never }, fresh, { upsert: true })) };
}

const counts = ({ matchedCount, modifiedCount, upsertedCount, upsertedId }: mongo.UpdateResult<Free>) => ({ matchedCount, modifiedCount, upsertedCount, upsertedId });

/** The other server sees what is wrong in an update only when a document matches it. */
function agree(our: Answer, their: Answer): boolean {
  const nothingDone = their.value === null || (typeof their.value === 'object' && (their.value as { matchedCount?: number }).matchedCount === 0);
  return same(our, their) || (our.refused !== undefined && their.value !== undefined && nothingDone);
}

async function answer(ask: () => Promise<unknown>): Promise<Answer> {
  try {
    return { value: await ask() };
  } catch (error) {
    return { refused: (error as { code?: number }).code ?? -1 };
  }
}

/** Field order apart: an update adds fields in an order of the server's own. */
function same(left: unknown, right: unknown): boolean {
  return ordered(left) === ordered(right);
}
function ordered(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner)) ?? 'none';
}
