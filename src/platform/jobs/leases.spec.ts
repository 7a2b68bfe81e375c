import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestDocuments } from '../../../test/support/documents.js';
import { DocumentStore } from '../documents/document-store.js';
import { Leases } from './leases.js';

describe('Leases', () => {
  let store: DocumentStore;
  let time = 1_000_000;
  const clock = { now: () => time };
  beforeEach(async () => {
    store = await openTestDocuments();
    new Leases(store, clock);
    await store.ensureIndexes();
  });
  afterEach(() => store.close());

  it('gives a name to one of many who ask at once', async () => {
    const asked = await Promise.all(Array.from({ length: 12 }, () => new Leases(store, clock).claim('sweep', 1000)));
    expect(asked.filter((lease) => lease !== undefined)).toHaveLength(1);
    expect(await new Leases(store, clock).claim('another', 1000)).toBeDefined();
  });

  it('gives an expired lease to the next, and the one who lost it can neither renew nor free it', async () => {
    const leases = new Leases(store, clock);
    const first = await leases.claim('sweep', 1000);
    time += 999;
    expect(await first?.renew()).toBe(true);
    time += 999;
    expect(await leases.claim('sweep', 1000)).toBeUndefined();
    time += 1;
    expect(await first?.renew()).toBe(false);
    const second = await leases.claim('sweep', 1000);
    expect(second).toBeDefined();
    await first?.release();
    expect(await leases.claim('sweep', 1000)).toBeUndefined();
    expect((await leases.holders(['sweep'])).get('sweep')?.token).toBe(second?.token);
    await second?.release();
    expect(await leases.claim('sweep', 1000)).toBeDefined();
  });
});
