import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { openTestDocuments } from '../../../test/support/documents.js';
import { SmtpReceiver } from '../../../test/support/smtp-receiver.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { settingsFrom, type SettingsInput } from '../../config/settings.js';
import { silentLog } from '../../contracts/log.js';
import type { Notification } from '../../model/notification.js';
import type { Principal } from '../access/rights.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { DocumentStore } from '../documents/document-store.js';
import { JobHistory } from '../jobs/job-history.js';
import { JobsService } from '../jobs/jobs.service.js';
import { Leases } from '../jobs/leases.js';
import { NetworkDialer } from '../network/dialer.js';
import { SecretBox } from '../secrets/secret-box.js';
import { AuditNotifications } from './audit-notifications.js';
import type { CreateBody } from './channel-body.js';
import { ChannelSending } from './channel-sending.js';
import { ChannelsService } from './channels.service.js';
import { NotificationDispatcher } from './notification-dispatcher.js';
import { NotificationPlanner } from './notification-planner.js';
import { Notifier } from './notifier.js';
import { NotifyJob } from './notify.job.js';
import type { NotificationDocument } from './notification.schema.js';

const ann: Principal = { id: 'u', name: 'ann', rights: new Set() };
const about = (id: string, key: string, more: Partial<Notification> = {}): Notification => ({ kind: 'integration.down', key, title: `SIEM ${id} is down`, text: `text of ${key}`, subject: { kind: 'integration', id, name: `SIEM ${id}` }, ...more });

describe('the notify job', () => {
  let store: DocumentStore;
  let time = Date.parse('2026-11-02T10:00:00.000Z');
  const clock = { now: () => time };
  const secrets = new SecretBox([randomBytes(32)]);
  const ends: Array<() => Promise<unknown>> = [];
  beforeEach(async () => {
    store = await openTestDocuments();
    ends.push(() => store.close());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** A process: the job with all its parts over the shared documents. */
  const open = async (input: SettingsInput['notify'] = {}) => {
    const settings = settingsFrom({ notify: { timeoutMs: 1000, ...input } });
    const leases = new Leases(store, clock);
    const relay = new AuditRelay(store, leases, settings, clock, silentLog);
    const jobs = new JobsService(store, leases, new JobHistory(store, settings), new SchedulerRegistry(), settings, clock, silentLog);
    const notifier = new Notifier(store, clock);
    const channels = new ChannelsService(store, relay, clock, secrets);
    const sending = new ChannelSending(new NetworkDialer({ denyCidrs: [] }), clock, settings);
    const job = new NotifyJob(jobs, relay, notifier, new AuditNotifications(store, notifier), channels, new NotificationPlanner(store, clock, settings), new NotificationDispatcher(store, sending, relay, settings, clock, silentLog), settings);
    await store.ensureIndexes();
    return { notifier, channels, run: (signal = new AbortController().signal) => job.run(signal), create: (body: CreateBody) => channels.create(body, ann) };
  };
  const webhook = async (): Promise<WebhookReceiver> => {
    const receiver = await WebhookReceiver.start();
    ends.push(() => receiver.stop());
    return receiver;
  };
  const toWebhook = (name: string, { url }: WebhookReceiver, more: Partial<CreateBody> = {}): CreateBody => ({ name, type: 'webhook', webhook: { url }, ...more });
  const stored = async (key: string) => (await store.connection.collection('notifications').findOne({ key })) as unknown as NotificationDocument;

  it('sends by mail and webhook what each channel wants, once', async () => {
    const { notifier, create, run } = await open();
    const hook = await webhook();
    const smtp = await SmtpReceiver.start();
    ends.push(() => smtp.stop());
    await create(toWebhook('hook', hook, { kinds: ['integration.down'] }));
    await create({ name: 'mail', type: 'mail', leastSeverity: 'critical', mail: { host: '127.0.0.1', port: smtp.port, tlsMode: 'none', from: 'gate@example.com', to: ['ann@example.com'] } });
    await create(toWebhook('off', hook, { enabled: false }));
    await notifier.notify(about('a', 'down'));
    await notifier.notify(about('b', 'lost', { kind: 'integration.events-lost' }));
    await notifier.notify(about('c', 'back', { kind: 'integration.recovered' }));
    expect(await run()).toMatchObject({ sending: 2, unrouted: 1, sent: 2 });
    await notifier.notify(about('a', 'down'));
    expect(await run()).toMatchObject({ sending: 0, sent: 0 });
    expect(hook.requests.map(({ json }) => json['kind'])).toEqual(['integration.down']);
    expect(smtp.mails.map(({ headers }) => headers.get('x-tidegate-kind'))).toEqual(['integration.events-lost']);
    expect(await stored('down')).toMatchObject({ state: 'done', deliveries: [{ channelName: 'hook', state: 'sent', attempts: 1 }], expiresAt: new Date(time + 30 * 86_400_000) });
    expect((await stored('back')).state).toBe('unrouted');
  });

  it('tries again with growing waits until the receiver takes it, under the same id', async () => {
    const { notifier, create, run, channels } = await open({ retryInitialMs: 1000, retryMaxMs: 10_000 });
    const hook = await webhook();
    hook.answers.push(500, 503);
    await create(toWebhook('hook', hook));
    await notifier.notify(about('a', 'down'));
    await run();
    time += 999;
    await run();
    expect(hook.requests).toHaveLength(1);
    time += 1;
    await run();
    expect((await channels.list())[0]?.document.health).toMatchObject({ consecutiveFailures: 2, lastFailure: { code: 'receiver-fault' } });
    time += 1999;
    await run();
    expect(hook.requests).toHaveLength(2);
    time += 1;
    await run();
    expect(new Set(hook.requests.map(({ json }) => json['id'])).size).toBe(1);
    expect(hook.requests).toHaveLength(3);
    expect(await stored('down')).toMatchObject({ state: 'done', deliveries: [{ state: 'sent', attempts: 3 }] });
    expect((await channels.list())[0]?.document.health).toMatchObject({ consecutiveFailures: 0, nextTryAt: null });
  });

  it('sends a mail once the server that refused for a while takes it, and one refused message holds back no other', async () => {
    const { notifier, create, run } = await open({ retryInitialMs: 1000 });
    const smtp = await SmtpReceiver.start();
    ends.push(() => smtp.stop());
    await create({ name: 'mail', type: 'mail', mail: { host: '127.0.0.1', port: smtp.port, tlsMode: 'none', from: 'gate@example.com', to: ['ann@example.com'] } });
    await notifier.notify(about('a', 'k1'));
    smtp.refuse = { at: 'data', code: 451, text: 'try again later' };
    await run();
    expect(await stored('k1')).toMatchObject({ state: 'sending', deliveries: [{ state: 'waiting', attempts: 1, lastFailure: { code: 'temporarily-refused', stage: 'send' } }] });
    smtp.refuse = undefined;
    await notifier.notify(about('b', 'k2'));
    time += 1000;
    await run();
    expect(smtp.mails.map(({ headers }) => headers.get('x-tidegate-notification'))).toEqual([(await stored('k2'))._id, (await stored('k1'))._id]);
  });

  it('gives up when the time is over: state and reason are kept and audited', async () => {
    const { notifier, create, run } = await open({ retryInitialMs: 1000, giveUpHours: 1 });
    const hook = await webhook();
    hook.answers.push(...Array.from({ length: 50 }, () => 500));
    const { document } = await create(toWebhook('hook', hook));
    await notifier.notify(about('a', 'down'));
    await run();
    time += 3_600_001;
    await run();
    const { state, deliveries, auditOutbox } = await stored('down');
    expect([state, deliveries[0]?.state, deliveries[0]?.reason]).toEqual(['done', 'given-up', expect.stringMatching(/not taken in 1 tries until .*answered 500/)]);
    expect(auditOutbox).toEqual([expect.objectContaining({ type: 'audit.notification.give-up', outcome: 'failure', attributes: expect.objectContaining({ channelId: document._id, attempts: 1 }) })]);
    expect(await run()).toMatchObject({ givenUp: 0 });
  });

  it('gives up what waits for a channel that was deleted', async () => {
    const { notifier, create, run, channels } = await open();
    const hook = await webhook();
    hook.answers.push(500);
    const { document } = await create(toWebhook('hook', hook));
    await notifier.notify(about('a', 'down'));
    await run();
    await channels.delete(document._id, {}, ann);
    await run();
    expect((await stored('down')).deliveries[0]).toMatchObject({ state: 'given-up', reason: 'the channel was deleted' });
  });

  it('merges equal ones within the window into one message with their count', async () => {
    const { notifier, create, run } = await open({ mergeWindowMs: 60_000 });
    const hook = await webhook();
    await create(toWebhook('hook', hook));
    for (let n = 1; n <= 5; n++) {
      await notifier.notify(about('a', `a${n}`, { severity: n === 3 ? 'critical' : 'error' }));
      time += 1000;
      await run();
    }
    await notifier.notify(about('b', 'b1'));
    await run();
    expect(hook.requests.map(({ json }) => [json['text'], json['count']])).toEqual([['text of a1', 1], ['text of b1', 1]]);
    time += 60_000;
    await run();
    expect(hook.requests).toHaveLength(3);
    expect(hook.requests[2]?.json).toMatchObject({ text: 'text of a5', count: 4, severity: 'critical', titles: ['SIEM a is down'] });
    expect((await stored('a5')).mergedInto).toBe((await stored('a2'))._id);
    // The next one within the window of that message waits again.
    await notifier.notify(about('a', 'a6'));
    await run();
    expect((await stored('a6')).state).toBe('held');
  });

  it('bounds a storm over many subjects', async () => {
    const { notifier, create, run } = await open({ mergeWindowMs: 60_000, mergeBurst: 3 });
    const hook = await webhook();
    await create(toWebhook('hook', hook));
    for (let n = 0; n < 40; n++) await notifier.notify(about(`s${n}`, `k${n}`));
    await run();
    expect(hook.requests).toHaveLength(3);
    time += 60_000;
    await run();
    expect(hook.requests).toHaveLength(4);
    expect(hook.requests[3]?.json).toMatchObject({ count: 37 });
  });

  it('does not let a channel that never answers hold back another', async () => {
    const { notifier, create, run } = await open({ timeoutMs: 3000 });
    const [dead, well] = [await webhook(), await webhook()];
    dead.silent = true;
    await create(toWebhook('a dead one', dead));
    await create(toWebhook('well', well));
    await notifier.notify(about('a', 'k1'));
    const running = run();
    while (well.requests.length < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    // Told while the other one still hangs.
    await notifier.notify(about('b', 'k2'));
    while (well.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await stored('k1')).deliveries.map(({ state }) => state)).toEqual(['waiting', 'sent']);
    expect(await running).toMatchObject({ sent: 2, failed: 1 });
  });

  it('counts a stop as no failure and sends after the start', async () => {
    const hook = await webhook();
    hook.answers.push('hang');
    const first = await open();
    await first.create(toWebhook('hook', hook));
    await first.notifier.notify(about('a', 'k1'));
    const stop = new AbortController();
    const running = first.run(stop.signal);
    while (hook.requests.length < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await running;
    expect((await stored('k1')).deliveries[0]).toMatchObject({ state: 'waiting', attempts: 0 });
    await (await open()).run();
    expect(hook.requests.map(({ json }) => json['id'])).toEqual([(await stored('k1'))._id, (await stored('k1'))._id]);
  });
});
