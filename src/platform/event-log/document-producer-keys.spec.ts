import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../contracts/log.js';
import type { ProducerKey } from '../../contracts/producer-keys.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import type { DocumentStore } from '../documents/document-store.js';
import { LogReplacements } from './log-replacements.js';
import { DocumentProducerKeys } from './document-producer-keys.js';

const stores: DocumentStore[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
const key = (id: string, more: Partial<ProducerKey> = {}): ProducerKey => ({ key: `hr\n/hr\n${id}`, contentHash: 'ab'.repeat(32), eventId: `event-${id}`, partition: 3, offset: 2 ** 40, ...more });

async function open(clock = { now: () => Date.now() }): Promise<DocumentProducerKeys & { replaced(at: number): Promise<void> }> {
  const store = await openTestDocuments();
  stores.push(store);
  const replacements = new LogReplacements(store);
  const keys = Object.assign(new DocumentProducerKeys(store, 10_000, clock, silentLog, replacements), { replaced: (at: number) => replacements.remember(at) });
  await store.ensureIndexes();
  return keys;
}

describe('producer keys as documents', () => {
  it('remembers what was appended, the last word counts, and nothing else is found', async () => {
    const keys = await open();
    await keys.remember([key('1'), key('2')]);
    await keys.remember([key('2', { eventId: 'later' })]);
    const found = await keys.find(['hr\n/hr\n1', 'hr\n/hr\n2', 'hr\n/hr\n3']);
    expect([...found.entries()].sort()).toEqual([['hr\n/hr\n1', key('1')], ['hr\n/hr\n2', key('2', { eventId: 'later' })]]);
    expect((await keys.find([])).size).toBe(0);
  });

  it('tells overlong keys apart', async () => {
    const keys = await open();
    const long = 'é'.repeat(700);
    await keys.remember([key('', { key: `${long}1`, eventId: 'one' }), key('', { key: `${long}2`, eventId: 'two' })]);
    expect([...(await keys.find([`${long}2`, `${long}3`])).values()].map(({ eventId }) => eventId)).toEqual(['two']);
  });

  it('forgets when the time is over, before the store removes the document', async () => {
    let now = Date.now();
    const keys = await open({ now: () => now });
    await keys.remember([key('1')]);
    now += 11_000;
    expect((await keys.find(['hr\n/hr\n1'])).size).toBe(0);
  });

  it('forgets what was appended before the log was replaced: a resend is taken again', async () => {
    let now = Date.now();
    const keys = await open({ now: () => now });
    await keys.remember([key('1')]);
    now += 1000;
    await keys.replaced(now);
    now += 1000;
    await keys.remember([key('2')]);
    expect([...(await keys.find(['hr\n/hr\n1', 'hr\n/hr\n2'])).values()].map(({ eventId }) => eventId)).toEqual(['event-2']);
  });
});
