import mongoose from 'mongoose';
import { EmbeddedDocumentServer } from '../../dist/platform/documents/embedded-document-server.js';
import { MongooseDocumentStore } from '../../dist/platform/documents/mongoose-document-store.js';

/**
 * A process of its own over an embedded document store, for tests that kill it. Says a line for what it begins and what was acknowledged:
 * `write`: `begin <key> <json or ->` and `done <key>`; `claim`: `claimed <id>` and `end`.
 */
const [, , directory, mode, name] = process.argv;
const log = { debug() {}, info() {}, warn() {}, error: (facts, message) => process.stderr.write(`${message} ${JSON.stringify(facts)}\n`), child: () => log };
const server = await EmbeddedDocumentServer.start({ directory, log });
const store = await MongooseDocumentStore.connect({ uri: server.uri, dbName: 'kill' });
const schema = new mongoose.Schema({ _id: String }, { strict: false, versionKey: false, collection: mode });
schema.index({ unique: 1 }, { unique: true });
schema.index({ group: 1, n: -1 });
schema.index({ tags: 1 });
schema.index({ state: 1, n: 1 }, { partialFilterExpression: { state: 'new' } });
const model = store.model(mode, schema);
await store.ensureIndexes();
const say = (line) => process.stdout.write(`${line}\n`);

/** Each loop has keys of its own, so that what it last heard of a key is what must be found. */
async function write(loop) {
  for (let count = 0; ; count++) {
    const key = `${name}-${loop}-${count % 7}`;
    const document = { _id: key, unique: `${key}-${count}`, group: count % 5, n: count, tags: Array.from({ length: count % 4 }, (_, index) => `t${index}`), state: count % 2 ? 'new' : 'old', text: 'x'.repeat((count * 37) % 3000) };
    const removes = count % 5 === 4;
    say(`begin ${key} ${removes ? '-' : JSON.stringify(document)}`);
    if (removes) await model.deleteOne({ _id: key });
    else if (count % 3 === 0) await model.collection.replaceOne({ _id: key }, document, { upsert: true });
    else await model.updateOne({ _id: key }, { $set: { ...document, _id: undefined } }, { upsert: true, omitUndefined: true });
    say(`done ${key}`);
  }
}

async function claim() {
  for (;;) {
    const claimed = await model.findOneAndUpdate({ state: 'new' }, { $set: { state: 'claimed', by: name } }, { sort: { n: 1 } }).lean();
    if (!claimed) break;
    say(`claimed ${claimed._id}`);
  }
  say('end');
  await store.close();
  await server.stop();
}

say('ready');
if (mode === 'write') await Promise.all(Array.from({ length: 6 }, (_, loop) => write(loop)));
else await claim();
