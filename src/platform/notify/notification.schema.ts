import { Schema } from 'mongoose';
import type { Notification } from '../../model/notification.js';
import { auditOutboxField, indexAuditOutbox, type WithAuditOutbox } from '../audit/audit-outbox.js';
import type { ChannelFailure } from './channel-sender.js';

/**
 * new = stored, nobody looked at it yet; held = comes within the merge window of an equal one, waits for the window's end; merged = told as part of another;
 * sending = goes to its channels; done = every channel has it or was given up; unrouted = no channel wanted it when it was due.
 */
export const NOTIFICATION_STATES = ['new', 'held', 'merged', 'sending', 'done', 'unrouted'] as const;
export type NotificationState = (typeof NOTIFICATION_STATES)[number];

/** waiting = not sent yet, tried again; sent; given-up = the time is over, or the channel is gone: see `reason`. */
export const DELIVERY_STATES = ['waiting', 'sent', 'given-up'] as const;
export type NotificationDeliveryState = (typeof DELIVERY_STATES)[number];

/** What becomes of a notification on one channel. */
export interface NotificationDelivery {
  channelId: string;
  channelName: string;
  state: NotificationDeliveryState;
  attempts: number;
  /** Null when it is settled. */
  nextTryAt: Date | null;
  lastFailure: (ChannelFailure & { at: Date }) | null;
  sentAt: Date | null;
  /** Why it was given up. */
  reason: string | null;
}

/** What a message stands for beyond itself: the equal ones that came while it waited. */
export interface NotificationBundle {
  /** All of them, itself included. */
  count: number;
  firstAt: Date;
  lastAt: Date;
  /** Titles of some of the others. */
  titles: string[];
}

/** A notification in the outbox: stored before anything is sent, kept with what became of it. */
export interface NotificationDocument extends Required<Omit<Notification, 'occurredAt'>>, WithAuditOutbox {
  /** Made from the key, so the same key is the same document, and the same id at every receiver. */
  _id: string;
  occurredAt: Date;
  createdAt: Date;
  /** Equal ones: of one kind, about one subject. In a storm of one kind all that come on top share one. */
  group: string;
  state: NotificationState;
  /** While `held`: when it goes out. */
  heldUntil: Date | null;
  /** While it leads its group: equal ones that come before this are held. */
  windowEndsAt: Date | null;
  /** Id of the one that tells it, when `merged`. */
  mergedInto: string | null;
  bundle: NotificationBundle | null;
  deliveries: NotificationDelivery[];
  /** The earliest next try of its deliveries; null when there is none. */
  nextTryAt: Date | null;
  /** When it is given up on channels that did not take it. Counted from when it was due. */
  giveUpAt: Date | null;
  /** When it is removed; set when nothing is left to be done. */
  expiresAt: Date | null;
}

const deliverySchema = new Schema<NotificationDelivery>(
  {
    channelId: { type: String, required: true }, channelName: { type: String, required: true }, state: { type: String, required: true }, attempts: { type: Number, required: true },
    nextTryAt: { type: Date, default: null }, lastFailure: { type: Schema.Types.Mixed, default: null }, sentAt: { type: Date, default: null }, reason: { type: String, default: null },
  },
  { _id: false },
);

export const notificationSchema = new Schema<NotificationDocument>(
  {
    _id: String, kind: { type: String, required: true }, key: { type: String, required: true }, severity: { type: String, required: true }, title: { type: String, required: true }, text: { type: String, required: true },
    facts: { type: Schema.Types.Mixed, required: true }, subject: { type: Schema.Types.Mixed, required: true }, occurredAt: { type: Date, required: true }, createdAt: { type: Date, required: true },
    group: { type: String, required: true }, state: { type: String, required: true }, heldUntil: { type: Date, default: null }, windowEndsAt: { type: Date, default: null }, mergedInto: { type: String, default: null },
    bundle: { type: Schema.Types.Mixed, default: null }, deliveries: { type: [deliverySchema], default: [] }, nextTryAt: { type: Date, default: null }, giveUpAt: { type: Date, default: null }, expiresAt: { type: Date, default: null },
    ...auditOutboxField,
  },
  { collection: 'notifications', versionKey: false, minimize: false },
);
notificationSchema.index({ state: 1, createdAt: 1 });
notificationSchema.index({ state: 1, nextTryAt: 1 });
notificationSchema.index({ group: 1, windowEndsAt: 1 });
notificationSchema.index({ kind: 1, windowEndsAt: 1 });
notificationSchema.index({ mergedInto: 1, occurredAt: 1 });
notificationSchema.index({ createdAt: -1 });
notificationSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });
indexAuditOutbox(notificationSchema);
