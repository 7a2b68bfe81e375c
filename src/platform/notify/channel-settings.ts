import { z } from 'zod';
import { NOTIFICATION_KIND_NAMES, NOTIFICATION_SEVERITIES } from '../../model/notification.js';

/** A notification channel: each field is written once, here; the REST bodies, the view and the sealing follow from it. */

export const CHANNEL_TYPES = ['mail', 'webhook'] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

const host = z.string().trim().min(1).max(255).regex(/^[A-Za-z0-9._:-]+$|^\[[0-9A-Fa-f:.]+\]$/, 'a host name or an address, without scheme or path');
const address = z.email('a mail address such as siem-team@example.com').max(254);
const oneLineSecret = (most: number) => z.string().min(1).max(most).regex(/^[^\r\n\0]*$/, 'one line');
const ca = z.string().max(200_000).optional().meta({ description: 'PEM certificates that the receiver is verified against, instead of those of the system.' });
const verify = z.boolean().default(true).meta({ description: 'Verify the certificate of the receiver. Off: anybody on the way can read and change what is sent.' });

export const mailSection = z.strictObject({
  host: host.meta({ description: 'Mail server (SMTP submission).' }),
  port: z.int().min(1).max(65535).default(587).meta({ description: 'Port: 587 for starttls, 465 for tls, as a rule.' }),
  tlsMode: z.enum(['starttls', 'tls', 'none']).default('starttls').meta({ description: 'starttls: begin in clear, then TLS or nothing at all; tls: TLS from the first octet; none: in clear.' }),
  user: z.string().min(1).max(255).optional().meta({ description: 'User of the mail server; no login when left out.' }),
  password: oneLineSecret(1000).optional().meta({ description: 'Password of the user.' }),
  from: address.meta({ description: 'Sender address.' }),
  to: z.array(address).min(1).max(50).meta({ description: 'Who gets it.' }),
  ca,
  verify,
});
export const webhookSection = z.strictObject({
  url: z.string().trim().max(2000).refine(isPlainHttpUrl, 'an http:// or https:// URL without user, password and fragment').meta({ description: 'Where the JSON is posted. Redirects are not followed; only 2xx counts as taken.' }),
  secret: oneLineSecret(500).optional().meta({ description: 'Key of the HMAC-SHA256 signature (text, or whsec_ and base64); no signature when left out.' }),
  headerName: z.string().max(100).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a header name').refine((name) => !RESERVED_HEADERS.has(name.toLowerCase()), 'this header is set by Tidegate').optional().meta({ description: 'A header of your own, for example Authorization.' }),
  headerValue: oneLineSecret(4000).regex(/^[\x20-\x7e]*$/, 'printable ASCII').optional().meta({ description: 'Its value, for example Bearer and a token.' }),
  ca,
  verify,
});
export type MailSettings = z.output<typeof mailSection>;
export type WebhookSettings = z.output<typeof webhookSection>;

/** Fields that are sealed at rest and never answered. */
export const SEALED_CHANNEL_FIELDS = { mail: ['password', 'ca'], webhook: ['secret', 'headerValue', 'ca'] } as const satisfies { mail: ReadonlyArray<keyof MailSettings>; webhook: ReadonlyArray<keyof WebhookSettings> };

export const generalFields = {
  name: z.string().trim().min(1).max(100).meta({ description: 'Unique name (upper and lower case count as equal).' }),
  enabled: z.boolean().default(true).meta({ description: 'Whether notifications are sent to it.' }),
  kinds: z.array(z.enum(NOTIFICATION_KIND_NAMES)).max(NOTIFICATION_KIND_NAMES.length).default([]).meta({ description: 'What it is told; empty: everything.' }),
  leastSeverity: z.enum(NOTIFICATION_SEVERITIES).default('info').meta({ description: 'What matters less is not sent to it.' }),
};

/** A channel, complete and with its secrets open: only on its way to a sender. */
export type ChannelSettings = { name: string; enabled: boolean; kinds: Array<(typeof NOTIFICATION_KIND_NAMES)[number]>; leastSeverity: (typeof NOTIFICATION_SEVERITIES)[number] } & (
  | { type: 'mail'; section: MailSettings }
  | { type: 'webhook'; section: WebhookSettings }
);

const RESERVED_HEADERS = new Set(['host', 'content-type', 'content-length', 'transfer-encoding', 'connection', 'user-agent', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'expect', 'upgrade', 'te', 'trailer']);

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' && url.username === '' && url.password === '' && url.hash === '';
}
