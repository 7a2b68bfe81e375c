import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { METRICS, noMetrics } from '../../contracts/metrics.js';
import type { Counter, Metrics } from '../../contracts/metrics.js';
import { withAudit } from '../audit/audit-outbox.js';
import { AuditRelay } from '../audit/audit.relay.js';
import { newAuditRecord, systemActor } from '../audit/new-audit-record.js';
import { DocumentStore } from '../documents/document-store.js';
import type { OpenedChannel } from './channel-secrets.js';
import type { ChannelFailure } from './channel-sender.js';
import { ChannelSending } from './channel-sending.js';
import { channelDocumentSchema, type ChannelDocument } from './notification-channel.schema.js';
import { notificationSchema, NOTIFICATION_STATES, type NotificationDelivery, type NotificationDocument } from './notification.schema.js';
import { messageOf } from './outgoing-message.js';

const BATCH = 50;

export interface Dispatched {
  sent: number;
  failed: number;
  givenUp: number;
}

/** Sends what waits for a channel, tells how it went, and gives up what nobody took. A message is sent before it is marked: after a crash it goes out again under the same id. */
@Injectable()
export class NotificationDispatcher {
  private readonly notifications: Model<NotificationDocument>;
  private readonly channels: Model<ChannelDocument>;
  private readonly log: Log;
  private readonly deliveries: Counter;

  constructor(
    store: DocumentStore,
    private readonly sending: ChannelSending,
    private readonly relay: AuditRelay,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'notify'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
    @Optional() @Inject(METRICS) metrics: Metrics = noMetrics,
  ) {
    this.notifications = store.model<NotificationDocument>('notification', notificationSchema);
    this.channels = store.model<ChannelDocument>('notification-channel', channelDocumentSchema);
    relay.watch(this.notifications);
    this.log = log.child('notify');
    this.deliveries = metrics.counter({ name: 'tidegate_notification_deliveries_total', help: 'Notifications by channel and outcome: sent, failed (tried again), given-up', labels: ['channel', 'outcome'] });
    metrics.gauge({
      name: 'tidegate_notifications', help: 'Notifications in the outbox by state', labels: ['state'],
      collect: async (gauge) => {
        for (const state of NOTIFICATION_STATES) gauge.set(await this.notifications.countDocuments({ state }), { state });
      },
    });
  }

  /** Whether something can be sent to the channel now. */
  async isDue(channel: OpenedChannel): Promise<boolean> {
    const { document, settings } = channel;
    if (!settings.enabled) return false;
    const fresh = await this.channels.findOne({ _id: document._id, deleted: false }, { health: 1 }).lean<ChannelDocument>();
    if (!fresh || (fresh.health.nextTryAt?.getTime() ?? 0) > this.clock.now()) return false;
    return (await this.notifications.exists(this.dueOn(document._id))) !== null;
  }

  /** Sends what is due on one channel, oldest first, until nothing is left or the channel fails: then it rests, and nobody else waits for it. */
  async serve(channel: OpenedChannel, signal: AbortSignal, counts: Dispatched): Promise<void> {
    const id = channel.document._id;
    let failures = channel.document.health.consecutiveFailures;
    while (!signal.aborted) {
      const due = await this.notifications.find(this.dueOn(id)).sort({ createdAt: 1 }).limit(BATCH).lean<NotificationDocument[]>();
      // Those that failed before come last, so that one that a receiver does not like holds back no other.
      due.sort((a, b) => (deliveryOf(a, id)?.attempts ?? 0) - (deliveryOf(b, id)?.attempts ?? 0));
      if (due.length === 0) return;
      for (const document of due) {
        if (signal.aborted) return;
        const startedAt = performance.now();
        const outcome = await this.sending.send(channel, messageOf(document), { signal });
        // A stop is no failure of the channel: it goes out after the start.
        if (outcome.type === 'failed' && outcome.failure.code === 'cancelled') return;
        const attempts = (deliveryOf(document, id)?.attempts ?? 0) + 1;
        const facts = { notificationId: document._id, kind: document.kind, channel: channel.settings.name, channelId: id, attempts, ms: Math.round(performance.now() - startedAt) };
        if (outcome.type === 'sent') {
          failures = 0;
          counts.sent++;
          await this.markSent(document, id, attempts);
          this.log.info({ ...facts, detail: outcome.detail }, 'administrators were notified');
        } else {
          failures++;
          counts.failed++;
          const nextTryAt = await this.markFailed(document, id, attempts, failures, outcome.failure);
          this.log.warn({ ...facts, code: outcome.failure.code, stage: outcome.failure.stage, cause: outcome.failure.cause, fix: outcome.failure.fix, nextTryAt }, 'a notification did not go through; it is tried again');
          return;
        }
      }
    }
  }

  /** What no channel took within its time, and what waits for a channel that is gone: state and reason stay, and it is audited. */
  async giveUp(channels: ReadonlyMap<string, OpenedChannel>, signal: AbortSignal): Promise<number> {
    let givenUp = 0;
    const now = new Date(this.clock.now());
    const waiting = this.notifications.find({ state: 'sending', $or: [{ giveUpAt: { $lte: now } }, { deliveries: { $elemMatch: { state: 'waiting', channelId: { $nin: [...channels.keys()] } } } }] }).lean<NotificationDocument[]>().cursor();
    for await (const document of waiting) {
      if (signal.aborted) break;
      for (const delivery of document.deliveries) {
        if (delivery.state !== 'waiting') continue;
        const reason = reasonToGiveUp(document, delivery, channels.get(delivery.channelId), now);
        if (reason === undefined) continue;
        await this.markGivenUp(document, delivery, reason);
        givenUp++;
      }
    }
    if (givenUp > 0) this.relay.wake();
    return givenUp;
  }

  private async markSent(document: NotificationDocument, channelId: string, attempts: number): Promise<void> {
    const now = new Date(this.clock.now());
    await this.update(document._id, channelId, { state: 'sent', attempts, sentAt: now, nextTryAt: null });
    await this.settle(document._id);
    await this.channels.updateOne({ _id: channelId }, { $set: { 'health.consecutiveFailures': 0, 'health.nextTryAt': null, 'health.lastSentAt': now } });
    this.deliveries.add(1, { channel: channelId, outcome: 'sent' });
  }

  private async markFailed(document: NotificationDocument, channelId: string, attempts: number, failures: number, failure: ChannelFailure): Promise<Date> {
    const now = this.clock.now();
    const lastFailure = { ...failure, at: new Date(now) };
    const nextTryAt = new Date(now + (failure.retryAfterMs ?? this.waitMs(attempts, failure)));
    await this.update(document._id, channelId, { attempts, nextTryAt, lastFailure });
    // The channel rests by its own count: a receiver that only refuses one message is back at once for the others.
    const restUntil = new Date(now + (failure.retryAfterMs ?? this.waitMs(failures, failure)));
    await this.channels.updateOne({ _id: channelId }, { $set: { 'health.consecutiveFailures': failures, 'health.nextTryAt': restUntil, 'health.lastFailure': lastFailure } });
    this.deliveries.add(1, { channel: channelId, outcome: 'failed' });
    return nextTryAt;
  }

  private async markGivenUp(document: NotificationDocument, delivery: NotificationDelivery, reason: string): Promise<void> {
    const record = newAuditRecord(
      {
        type: 'audit.notification.give-up', actor: systemActor('notify'), subject: { kind: 'notification', id: document._id, name: document.title }, outcome: 'failure', reason, severity: 7,
        attributes: { kind: document.kind, channel: delivery.channelName, channelId: delivery.channelId, attempts: delivery.attempts },
      },
      this.clock,
    );
    await this.notifications.updateOne(
      { _id: document._id, deliveries: { $elemMatch: { channelId: delivery.channelId, state: 'waiting' } } },
      withAudit<NotificationDocument>({ $set: { 'deliveries.$.state': 'given-up', 'deliveries.$.nextTryAt': null, 'deliveries.$.reason': reason } }, record),
    );
    await this.settle(document._id);
    this.deliveries.add(1, { channel: delivery.channelId, outcome: 'given-up' });
    this.log.error({ notificationId: document._id, kind: document.kind, title: document.title, channel: delivery.channelName, attempts: delivery.attempts, reason }, 'a notification was given up: administrators were not told on this channel');
  }

  private async update(id: string, channelId: string, fields: Partial<NotificationDelivery>): Promise<void> {
    const set = Object.fromEntries(Object.entries(fields).map(([name, value]) => [`deliveries.$.${name}`, value]));
    await this.notifications.updateOne({ _id: id, deliveries: { $elemMatch: { channelId, state: 'waiting' } } }, { $set: set });
  }

  /** Done when no channel waits for it any more. */
  private async settle(id: string): Promise<void> {
    const expiresAt = new Date(this.clock.now() + this.settings.notify.retentionDays * 86_400_000);
    await this.notifications.updateOne({ _id: id, state: 'sending', 'deliveries.state': { $ne: 'waiting' } }, { $set: { state: 'done', expiresAt } });
  }

  private dueOn(channelId: string) {
    return { state: 'sending' as const, deliveries: { $elemMatch: { channelId, state: 'waiting' as const, nextTryAt: { $lte: new Date(this.clock.now()) } } } };
  }

  private waitMs(failures: number, { needsPerson }: ChannelFailure): number {
    const { retryInitialMs, retryMaxMs } = this.settings.notify;
    return needsPerson ? retryMaxMs : Math.min(retryMaxMs, retryInitialMs * 2 ** Math.min(30, failures - 1));
  }
}

function deliveryOf({ deliveries }: NotificationDocument, channelId: string): NotificationDelivery | undefined {
  return deliveries.find((delivery) => delivery.channelId === channelId);
}

function reasonToGiveUp({ giveUpAt }: NotificationDocument, { attempts, lastFailure }: NotificationDelivery, channel: OpenedChannel | undefined, now: Date): string | undefined {
  if (!channel) return 'the channel was deleted';
  if (giveUpAt === null || giveUpAt > now) return undefined;
  if (!channel.settings.enabled) return 'the channel was disabled until the time was over';
  // After a long stop the time may be over before anything was tried.
  return attempts === 0 ? undefined : `not taken in ${attempts} tries until ${giveUpAt.toISOString()}; the last: ${lastFailure?.cause ?? 'unknown'}`;
}
