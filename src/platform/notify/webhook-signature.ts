import { createHmac } from 'node:crypto';

/**
 * The signature of Standard Webhooks 1.0: `v1,` and base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`, so that its libraries verify it.
 * @param secret `whsec_` and the key in base64, or any text, whose UTF-8 octets are the key
 */
export function webhookSignature(secret: string, id: string, timestampSeconds: number, body: string): string {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const key = encoded === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(encoded, 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`;
}
