import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Model } from 'mongoose';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { completeNotification, type Notification } from '../../model/notification.js';
import { DocumentStore } from '../documents/document-store.js';
import { notificationSchema, type NotificationDocument } from './notification.schema.js';

/**
 * The way to tell administrators something. Stored before it is sent; a job (`notify`) sends it by mail and webhook to the channels that want it, and tries again until it went through or
 * its time is over (`notify.giveUpHours`).
 *
 * Two ways in. With an act that is audited: put the notification into its audit record (`newAuditRecord({ ..., notification })`); it is then stored in one write with the act and no crash can
 * come between. Without one: `notify`, which is durable when it answers.
 */
@Injectable()
export class Notifier {
  private readonly notifications: Model<NotificationDocument>;
  private readonly listeners: Array<() => void> = [];

  constructor(store: DocumentStore, @Inject(CLOCK) private readonly clock: Clock) {
    this.notifications = store.model<NotificationDocument>('notification', notificationSchema);
  }

  /** Durable when it answers. The same key again is harmless: `told` says whether it was new. @throws when it cannot be stored; say it again then */
  async notify(notification: Notification): Promise<{ id: string; told: boolean }> {
    const told = await this.keep(notification);
    if (told) for (const listener of this.listeners) listener();
    return { id: notificationId(notification.key), told };
  }

  /** A hint that there is something to send. */
  onNotification(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Stores it unless it is there. */
  async keep(notification: Notification): Promise<boolean> {
    const now = this.clock.now();
    const { occurredAt, ...complete } = completeNotification(notification, now);
    const fields: Omit<NotificationDocument, '_id'> = {
      ...complete, occurredAt: new Date(occurredAt), createdAt: new Date(now), group: `${complete.kind}:${complete.subject.kind}:${complete.subject.id}`, state: 'new',
      heldUntil: null, windowEndsAt: null, mergedInto: null, bundle: null, deliveries: [], nextTryAt: null, giveUpAt: null, expiresAt: null, auditOutbox: [],
    };
    try {
      const { upsertedCount } = await this.notifications.updateOne({ _id: notificationId(notification.key) }, { $setOnInsert: fields }, { upsert: true });
      return upsertedCount === 1;
    } catch (error) {
      // Two that say the same key at once: one of them stored it.
      if (error instanceof Error && 'code' in error && error.code === 11000) return false;
      throw error;
    }
  }
}

/** The id of a key: the same in every process and after every crash. */
export function notificationId(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}
