import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Model } from 'mongoose';
import { z } from 'zod';
import { NOTIFICATION_KIND_NAMES, NOTIFICATION_KINDS, NOTIFICATION_SEVERITIES } from '../../model/notification.js';
import { RequireRight } from '../access/rights.js';
import { DocumentStore } from '../documents/document-store.js';
import { ApiQueryOf } from '../http/api-query.js';
import { Problem } from '../http/problem.js';
import { apiSchema, ZodPipe } from '../http/zod.pipe.js';
import { failureView } from './channel-view.js';
import { DELIVERY_STATES, NOTIFICATION_STATES, notificationSchema, type NotificationDocument } from './notification.schema.js';

const time = z.iso.datetime();
const query = z.strictObject({
  state: z.enum(NOTIFICATION_STATES).optional().meta({ description: 'Only those in this state.' }),
  kind: z.enum(NOTIFICATION_KIND_NAMES).optional().meta({ description: 'Only those of this kind.' }),
  page: z.coerce.number().int().min(1).max(1_000_000).default(1).meta({ description: 'Page, from 1.' }),
  pageSize: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Notifications a page.' }),
});
const notificationView = z.object({
  id: z.string(),
  kind: z.enum(NOTIFICATION_KIND_NAMES),
  key: z.string(),
  severity: z.enum(NOTIFICATION_SEVERITIES),
  title: z.string(),
  text: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  subject: z.object({ kind: z.string(), id: z.string(), name: z.string().optional() }),
  occurredAt: time,
  createdAt: time,
  state: z.enum(NOTIFICATION_STATES).meta({ description: 'new, held (waits for the end of the merge window), merged (told as part of another), sending, done, unrouted (no channel wanted it).' }),
  heldUntil: time.nullable(),
  mergedInto: z.string().nullable().meta({ description: 'Id of the notification that tells it.' }),
  count: z.int().meta({ description: 'How many it stands for.' }),
  giveUpAt: time.nullable(),
  deliveries: z.array(z.object({ channelId: z.string(), channelName: z.string(), state: z.enum(DELIVERY_STATES), attempts: z.int(), nextTryAt: time.nullable(), sentAt: time.nullable(), reason: z.string().nullable(), lastFailure: failureView.extend({ at: time }).nullable() })),
});
type NotificationView = z.output<typeof notificationView>;
const pageView = z.object({ items: z.array(notificationView), page: z.int(), pageSize: z.int(), pages: z.int(), total: z.int() });
const kindsView = z.object({ items: z.array(z.object({ kind: z.enum(NOTIFICATION_KIND_NAMES), severity: z.enum(NOTIFICATION_SEVERITIES), description: z.string() })) });

/** What administrators were told, or are to be told, and what became of it on each channel. */
@ApiTags('notifications')
@Controller('api/v1')
@RequireRight('status:read')
export class NotificationsController {
  private readonly notifications: Model<NotificationDocument>;

  constructor(store: DocumentStore) {
    this.notifications = store.model<NotificationDocument>('notification', notificationSchema);
  }

  @Get('notification-kinds')
  @ApiOperation({ summary: 'List the kinds of notifications that channels choose from' })
  @ApiOkResponse({ schema: apiSchema(kindsView, 'output') })
  kinds(): z.output<typeof kindsView> {
    return { items: NOTIFICATION_KIND_NAMES.map((kind) => ({ kind, ...NOTIFICATION_KINDS[kind] })) };
  }

  @Get('notifications')
  @ApiOperation({ summary: 'List notifications, newest first' })
  @ApiQueryOf(query)
  @ApiOkResponse({ schema: apiSchema(pageView, 'output') })
  async list(@Query(new ZodPipe(query)) { page, pageSize, state, kind }: z.output<typeof query>): Promise<z.output<typeof pageView>> {
    const matching = { ...(state === undefined ? {} : { state }), ...(kind === undefined ? {} : { kind }) };
    const [documents, total] = await Promise.all([
      this.notifications.find(matching, { auditOutbox: 0 }).sort({ createdAt: -1, _id: 1 }).skip((page - 1) * pageSize).limit(pageSize).lean<NotificationDocument[]>(),
      this.notifications.countDocuments(matching),
    ]);
    return { items: documents.map(viewOf), page, pageSize, pages: Math.ceil(total / pageSize), total };
  }

  @Get('notifications/:id')
  @ApiOperation({ summary: 'Read a notification' })
  @ApiOkResponse({ schema: apiSchema(notificationView, 'output') })
  @ApiNotFoundResponse({ description: 'There is none with this id.' })
  async get(@Param('id') id: string): Promise<NotificationView> {
    const document = await this.notifications.findOne({ _id: id }, { auditOutbox: 0 }).lean<NotificationDocument>();
    if (!document) throw new Problem(404, 'notification-not-found', `There is no notification ${id.slice(0, 100).toWellFormed()}.`);
    return viewOf(document);
  }
}

function viewOf(document: NotificationDocument): NotificationView {
  const { _id: id, kind, key, severity, title, text, facts, subject, state, mergedInto, bundle } = document;
  return {
    id, kind, key, severity, title, text, facts, subject, state, mergedInto, count: bundle?.count ?? 1,
    occurredAt: document.occurredAt.toISOString(), createdAt: document.createdAt.toISOString(), heldUntil: iso(document.heldUntil), giveUpAt: iso(document.giveUpAt),
    deliveries: document.deliveries.map(({ channelId, channelName, state: delivered, attempts, nextTryAt, sentAt, reason, lastFailure }) => ({
      channelId, channelName, state: delivered, attempts, nextTryAt: iso(nextTryAt), sentAt: iso(sentAt), reason,
      lastFailure: lastFailure && { code: lastFailure.code, stage: lastFailure.stage, cause: lastFailure.cause, fix: lastFailure.fix, needsPerson: lastFailure.needsPerson, at: lastFailure.at.toISOString() },
    })),
  };
}

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
