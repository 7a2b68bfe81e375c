import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { atLeast, higher, type NotificationKind, type NotificationSeverity } from '../../model/notification.js';
import { DocumentStore } from '../documents/document-store.js';
import type { OpenedChannel } from './channel-secrets.js';
import { notificationSchema, type NotificationBundle, type NotificationDelivery, type NotificationDocument } from './notification.schema.js';

const BATCH = 500;
/** Titles of merged notifications that a message lists. */
const TITLES = 20;

export interface Planned {
  sending: number;
  held: number;
  merged: number;
  unrouted: number;
}

/**
 * Decides what becomes of a notification: told at once, held until the window of an equal one ends, merged into one that is held. Every step is one conditional write that may be repeated.
 * One replica plans at a time (the job's lease); were there two, at worst two equal messages would leave instead of one.
 */
@Injectable()
export class NotificationPlanner {
  private readonly notifications: Model<NotificationDocument>;

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'notify'>) {
    this.notifications = store.model<NotificationDocument>('notification', notificationSchema);
  }

  async plan(channels: readonly OpenedChannel[]): Promise<Planned> {
    const planned: Planned = { sending: 0, held: 0, merged: 0, unrouted: 0 };
    for (;;) {
      const fresh = await this.notifications.find({ state: 'new' }).sort({ createdAt: 1, _id: 1 }).limit(BATCH).lean<NotificationDocument[]>();
      for (const document of fresh) planned[await this.place(document, channels)]++;
      if (fresh.length < BATCH) break;
    }
    const due = await this.notifications.find({ state: 'held', heldUntil: { $lte: new Date(this.clock.now()) } }).sort({ createdAt: 1 }).limit(BATCH).lean<NotificationDocument[]>();
    for (const document of due) planned[await this.release(document, channels)]++;
    return planned;
  }

  private async place(document: NotificationDocument, channels: readonly OpenedChannel[]): Promise<keyof Planned> {
    const now = new Date(this.clock.now());
    const windowMs = this.settings.notify.mergeWindowMs;
    if (windowMs === 0) return this.send(document, 'new', null, channels);
    const leader = await this.notifications.findOne({ group: document.group, windowEndsAt: { $gt: now } }).sort({ windowEndsAt: -1 }).lean<NotificationDocument>();
    if (leader) return this.wait(document, document.group, leader.windowEndsAt ?? now);
    // Many subjects at once: what goes on top of the burst is told as one.
    const leaders = await this.notifications.countDocuments({ kind: document.kind, windowEndsAt: { $gt: now } });
    if (leaders >= this.settings.notify.mergeBurst) return this.wait(document, document.kind, new Date(now.getTime() + windowMs));
    return this.send(document, 'new', null, channels);
  }

  /** Into the one of its group that is held already, or held itself. */
  private async wait(document: NotificationDocument, group: string, until: Date): Promise<'held' | 'merged'> {
    const held = await this.notifications.findOne({ group, state: 'held' }).lean<NotificationDocument>();
    if (held) {
      await this.notifications.updateOne({ _id: document._id, state: 'new' }, { $set: { state: 'merged', mergedInto: held._id } });
      return 'merged';
    }
    await this.notifications.updateOne({ _id: document._id, state: 'new' }, { $set: { state: 'held', heldUntil: until, group } });
    return 'held';
  }

  /** What was held goes out with all that was merged into it: the text is that of the last, the severity the highest. */
  private async release(document: NotificationDocument, channels: readonly OpenedChannel[]): Promise<keyof Planned> {
    const others = await this.notifications.countDocuments({ mergedInto: document._id });
    const last = await this.notifications.findOne({ mergedInto: document._id }).sort({ occurredAt: -1 }).lean<NotificationDocument>();
    const worst = (await this.notifications.distinct('severity', { mergedInto: document._id })) as NotificationSeverity[];
    const listed = await this.notifications.find({ mergedInto: document._id }, { title: 1 }).sort({ occurredAt: 1 }).limit(TITLES).lean<NotificationDocument[]>();
    const bundle: NotificationBundle | null = last && { count: others + 1, firstAt: document.occurredAt, lastAt: last.occurredAt, titles: [...new Set([document.title, ...listed.map(({ title }) => title)])].slice(0, TITLES) };
    const shown = last ? { title: last.title, text: last.text, facts: last.facts, subject: last.subject, occurredAt: last.occurredAt, severity: worst.reduce(higher, document.severity) } : {};
    return this.send({ ...document, ...shown }, 'held', bundle, channels);
  }

  private async send(document: NotificationDocument, from: 'new' | 'held', bundle: NotificationBundle | null, channels: readonly OpenedChannel[]): Promise<'sending' | 'unrouted'> {
    const { title, text, facts, subject, occurredAt, severity, kind } = document;
    const now = this.clock.now();
    const { mergeWindowMs, giveUpHours } = this.settings.notify;
    const deliveries = channels.filter((channel) => wants(channel, kind, severity)).map((channel): NotificationDelivery => ({
      channelId: channel.document._id, channelName: channel.settings.name, state: 'waiting', attempts: 0, nextTryAt: new Date(now), lastFailure: null, sentAt: null, reason: null,
    }));
    const state = deliveries.length > 0 ? 'sending' : 'unrouted';
    await this.notifications.updateOne(
      { _id: document._id, state: from },
      {
        $set: {
          title, text, facts, subject, occurredAt, severity, bundle, state, deliveries, heldUntil: null, windowEndsAt: mergeWindowMs > 0 ? new Date(now + mergeWindowMs) : null,
          giveUpAt: new Date(now + giveUpHours * 3_600_000), expiresAt: state === 'unrouted' ? this.expiry() : null,
        },
      },
    );
    if (bundle) await this.notifications.updateMany({ mergedInto: document._id }, { $set: { expiresAt: this.expiry() } });
    return state;
  }

  private expiry(): Date {
    return new Date(this.clock.now() + this.settings.notify.retentionDays * 86_400_000);
  }
}

function wants({ settings }: OpenedChannel, kind: NotificationKind, severity: NotificationSeverity): boolean {
  return settings.enabled && (settings.kinds.length === 0 || settings.kinds.includes(kind)) && atLeast(severity, settings.leastSeverity);
}
