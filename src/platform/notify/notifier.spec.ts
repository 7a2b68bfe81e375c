import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestDocuments } from '../../../test/support/documents.js';
import { settingsFrom } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import type { Notification } from '../../model/notification.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { AuditService } from '../audit/audit.service.js';
import { newAuditRecord, systemActor } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import { Leases } from '../jobs/leases.js';
import { AuditNotifications } from './audit-notifications.js';
import { Notifier } from './notifier.js';

const down = (key: string, more: Partial<Notification> = {}): Notification => ({ kind: 'integration.down', key, title: 'SIEM A is down', text: 'It refuses connections.', subject: { kind: 'integration', id: 'a', name: 'SIEM A' }, ...more });

describe('Notifier', () => {
  let store: DocumentStore;
  const clock = { now: () => Date.parse('2026-11-02T10:00:00.000Z') };
  beforeEach(async () => {
    store = await openTestDocuments();
  });
  afterEach(() => store.close());
  const stored = () => store.connection.collection('notifications').find({}).sort({ key: 1 }).toArray();

  it('stores a notification complete before it answers, and the same key once, also when many say it at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => new Notifier(store, clock).notify(down('k1'))));
    expect(answers.filter(({ told }) => told)).toHaveLength(1);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await stored()).toEqual([expect.objectContaining({ _id: answers[0]?.id, key: 'k1', severity: 'error', state: 'new', occurredAt: new Date(clock.now()), facts: {} })]);
  });

  it('wakes the sender only for what is new', async () => {
    const notifier = new Notifier(store, clock);
    let woken = 0;
    notifier.onNotification(() => woken++);
    await notifier.notify(down('k1'));
    await notifier.notify(down('k1'));
    expect(woken).toBe(1);
  });

  it('keeps titles in one line and everything in bounds', async () => {
    await new Notifier(store, clock).notify(down('k1', { title: `a\r\nBcc: x${'y'.repeat(500)}`, text: 'z'.repeat(9000), facts: { cause: 'c'.repeat(5000), count: 3 } }));
    const [document] = await stored();
    expect(document?.['title']).toMatch(/^a Bcc: xy+…$/);
    expect([document?.['title'].length, document?.['text'].length, document?.['facts'].cause.length, document?.['facts'].count]).toEqual([200, 4000, 1000, 3]);
  });

  describe('from an audit record', () => {
    const record = (key: string) => newAuditRecord({ type: 'siem.state.changed', actor: systemActor('engine'), subject: { kind: 'integration', id: 'a', name: 'SIEM A' }, notification: down(key) }, clock);
    const parts = () => {
      const relay = new AuditRelay(store, new Leases(store, clock), settingsFrom(), clock, silentLog);
      return { relay, audit: new AuditService(store, relay), taker: new AuditNotifications(store, new Notifier(store, clock)) };
    };

    it('is taken over once, and is no part of the event', async () => {
      const { relay, audit, taker } = parts();
      await store.ensureIndexes();
      const events: object[] = [];
      relay.useSink({ publish: async (published) => published.map((event) => (events.push(event), { type: 'accepted', partition: 0, offset: 0, duplicate: false })) });
      let told = 0;
      relay.onNotifications(() => told++);
      await audit.record(record('k1'), record('k2'));
      expect(told).toBe(1);
      expect(await taker.take()).toBe(2);
      expect(await taker.take()).toBe(0);
      expect((await stored()).map(({ key, occurredAt }) => [key, occurredAt])).toEqual([['k1', new Date(clock.now())], ['k2', new Date(clock.now())]]);
      await relay.pass();
      expect(events).toHaveLength(2);
      expect(JSON.stringify(events)).not.toContain('notification');
    });

    it('is not told again when the record is stored again after a crash, whatever was done before it', async () => {
      const { audit, taker } = parts();
      const [one] = [record('k1')];
      await audit.record(one);
      // Killed between the outbox and taking it off the record.
      await new Notifier(store, clock).keep(one.notification ?? down('none'));
      expect(await taker.take()).toBe(1);
      await audit.record(one);
      expect(await taker.take()).toBe(0);
      expect(await stored()).toHaveLength(1);
    });
  });
});
