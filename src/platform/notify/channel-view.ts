import { z } from 'zod';
import { NOTIFICATION_KIND_NAMES, NOTIFICATION_SEVERITIES } from '../../model/notification.js';
import { sealedFields, type OpenedChannel } from './channel-secrets.js';
import { CHANNEL_STAGES } from './channel-sender.js';
import { CHANNEL_TYPES, mailSection, webhookSection } from './channel-settings.js';

/** How a channel is shown. A secret is `{"set": true}`; sent back like that it stays as it is. */

const shownSecret = z.object({ set: z.boolean(), readable: z.boolean().optional().meta({ description: 'False when the key file does not open it: set it again.' }) });
export const failureView = z.object({ code: z.string(), stage: z.enum(CHANNEL_STAGES), cause: z.string(), fix: z.string(), needsPerson: z.boolean() });

export const channelView = z.object({
  id: z.string(),
  version: z.int().meta({ description: 'Grows by one with each change; also the ETag.' }),
  name: z.string(),
  type: z.enum(CHANNEL_TYPES),
  enabled: z.boolean(),
  kinds: z.array(z.enum(NOTIFICATION_KIND_NAMES)),
  leastSeverity: z.enum(NOTIFICATION_SEVERITIES),
  mail: mailSection.omit({ password: true, ca: true }).extend({ password: shownSecret, ca: shownSecret }).optional(),
  webhook: webhookSection.omit({ secret: true, headerValue: true, ca: true }).extend({ secret: shownSecret, headerValue: shownSecret, ca: shownSecret }).optional(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  warnings: z.array(z.object({ pointer: z.string(), message: z.string() })),
  health: z.object({ consecutiveFailures: z.int(), nextTryAt: z.iso.datetime().nullable(), lastSentAt: z.iso.datetime().nullable(), lastFailure: failureView.extend({ at: z.iso.datetime() }).nullable() }),
});
export type ChannelView = z.output<typeof channelView>;
export const channelListView = z.object({ items: z.array(channelView), total: z.int() });

export const channelTestView = z.object({
  ok: z.boolean(),
  notificationId: z.string().meta({ description: 'Id of the test notification, to look for at the receiver.' }),
  stages: z.array(z.object({ stage: z.enum(CHANNEL_STAGES), ok: z.boolean(), ms: z.number(), detail: z.string() })),
  failure: failureView.nullable(),
  detail: z.string().nullable().meta({ description: 'What the receiver answered.' }),
  ms: z.number(),
});
export type ChannelTestView = z.output<typeof channelTestView>;

export function channelViewOf({ document, settings, unreadable }: OpenedChannel): ChannelView {
  const { name, type, enabled, kinds, leastSeverity } = settings;
  const section: Record<string, unknown> = { ...settings.section };
  const stored = document.section as Record<string, unknown>;
  for (const field of sealedFields(type)) section[field] = { set: stored[field] !== undefined, ...(unreadable.has(field) ? { readable: false } : {}) };
  const { consecutiveFailures, nextTryAt, lastSentAt, lastFailure } = document.health;
  return {
    id: document._id, version: document.version, name, type, enabled, kinds, leastSeverity,
    ...({ [type]: section } as Pick<ChannelView, 'mail' | 'webhook'>),
    createdAt: document.createdAt.toISOString(), updatedAt: document.updatedAt.toISOString(),
    warnings: [...[...unreadable].map(([field, message]) => ({ pointer: `/${type}/${field}`, message })), ...warningsOf(settings)],
    health: {
      consecutiveFailures, nextTryAt: nextTryAt?.toISOString() ?? null, lastSentAt: lastSentAt?.toISOString() ?? null,
      lastFailure: lastFailure ? { code: lastFailure.code, stage: lastFailure.stage, cause: lastFailure.cause, fix: lastFailure.fix, needsPerson: lastFailure.needsPerson, at: lastFailure.at.toISOString() } : null,
    },
  };
}

/** What is accepted and yet worth a word. */
function warningsOf({ type, section }: OpenedChannel['settings']): Array<{ pointer: string; message: string }> {
  const clear = type === 'mail' ? section.tlsMode === 'none' : section.url.startsWith('http:');
  const secret = type === 'mail' ? section.password !== undefined : section.headerValue !== undefined;
  const warnings: Array<{ pointer: string; message: string }> = [];
  if (clear) warnings.push({ pointer: type === 'mail' ? '/mail/tlsMode' : '/webhook/url', message: `Notifications${secret ? ' and the password or token' : ''} travel in clear: anybody on the way can read them.` });
  else if (!section.verify) warnings.push({ pointer: `/${type}/verify`, message: 'The certificate of the receiver is not verified: anybody on the way can read and change what is sent.' });
  return warnings;
}
