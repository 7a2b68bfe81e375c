import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import { openTestDocuments } from '../../../test/support/documents.js';
import { testIntegration } from '../../../test/support/engine.js';
import { connectionSection } from '../../model/integration.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { reachViewOf } from '../integrations/reach-view.js';
import { ReachStore } from './reach-store.js';
import { reachSchema, type ReachDocument } from './reach.schema.js';

describe('what receivers prove', () => {
  let documents: DocumentStore;
  let model: Model<ReachDocument>;
  let store: ReachStore;
  let now = 1_800_000_000_000;
  beforeEach(async () => {
    documents = await openTestDocuments();
    model = documents.model<ReachDocument>('integration-reach', reachSchema);
    store = new ReachStore(model, { now: () => now });
  });
  afterEach(() => documents.close());
  const one = testIntegration('one');
  const stored = () => model.findById('one').lean<ReachDocument>();

  it('is written when it changes and once a minute, with the time since when it is so', async () => {
    const began = now;
    await store.follow([{ integration: one, reached: null }]);
    expect(await stored()).toBeNull();
    await store.follow([{ integration: one, reached: 'read' }]);
    now += 30_000;
    await store.follow([{ integration: one, reached: 'read' }]);
    expect(await stored()).toMatchObject({ rung: 'read', foundBy: 'stream', since: new Date(began), at: new Date(began) });
    now += 31_000;
    await store.follow([{ integration: one, reached: 'read' }]);
    expect(await stored()).toMatchObject({ since: new Date(began), at: new Date(now) });
    now += 1000;
    await store.follow([{ integration: one, reached: 'sent' }]);
    expect(await stored()).toMatchObject({ rung: 'sent', since: new Date(now) });
  });

  it('is what was found last, by the test or the stream', async () => {
    await store.follow([{ integration: one, reached: 'sent' }]);
    now += 10;
    await store.found(one, 'read', 'test');
    expect(await stored()).toMatchObject({ rung: 'read', foundBy: 'test', since: new Date(now) });
    now += 10;
    await store.follow([{ integration: one, reached: 'sent' }]);
    expect(await stored()).toMatchObject({ rung: 'sent', foundBy: 'stream' });
  });

  it('says nothing of a receiver elsewhere, and why there is no higher rung of an indexer that is not asked', async () => {
    const hec = testIntegration('one', { protocol: 'splunk-hec', serverUrl: 'https://splunk', port: 8088 });
    await store.found(hec, 'accepted', 'stream');
    const found = await stored();
    expect(reachViewOf(hec, found)).toMatchObject({ rung: 'accepted', why: expect.stringContaining('connection.splunk.ack') });
    expect(reachViewOf({ ...hec, port: 8089 }, found)).toBeNull();
    expect(reachViewOf({ ...hec, connection: connectionSection.parse({ splunk: { ack: true } }) }, found)).toBeNull();
    await store.found({ ...hec, connection: connectionSection.parse({ splunk: { ack: true } }) }, 'stored', 'stream');
    expect(reachViewOf({ ...hec, connection: connectionSection.parse({ splunk: { ack: true } }) }, await stored())).toMatchObject({ rung: 'stored', why: null });
  });

  it('is told again when it could not be stored', async () => {
    let refuse = true;
    const flaky = new Proxy(model, { get: (target, name): unknown => (name === 'updateOne' && refuse ? () => Promise.reject(new Error('down')) : Reflect.get(target, name)) });
    const weak = new ReachStore(flaky, { now: () => now });
    await expect(weak.follow([{ integration: one, reached: 'read' }])).rejects.toThrow('down');
    refuse = false;
    await weak.follow([{ integration: one, reached: 'read' }]);
    expect(await stored()).toMatchObject({ rung: 'read' });
  });
});
