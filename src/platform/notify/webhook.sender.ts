import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../contracts/clock.js';
import type { Dialer } from '../../contracts/dialer.js';
import { liveFailure, type Peer } from '../../model/network-failure.js';
import type { ChannelFailure, ChannelOutcome, ChannelSender, SendContext } from './channel-sender.js';
import type { WebhookSettings } from './channel-settings.js';
import { jsonBody, type OutgoingMessage } from './outgoing-message.js';
import { StageWatch } from './stage-watch.js';
import { webhookSignature } from './webhook-signature.js';

const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Posts the JSON of a notification: one connection through the dialer, no redirects, only 2xx counts. */
export class WebhookSender implements ChannelSender<WebhookSettings> {
  constructor(private readonly dialer: Dialer, private readonly clock: Clock) {}

  async send(settings: WebhookSettings, message: OutgoingMessage, context: SendContext): Promise<ChannelOutcome> {
    const url = new URL(settings.url);
    const secure = url.protocol === 'https:';
    const peer: Peer = { host: url.hostname, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port), ...(secure ? { tls: { clientCertificate: false } } : {}) };
    const watch = new StageWatch(context);
    try {
      const dialled = await this.dialer.dial({
        host: peer.host, port: peer.port, connectTimeoutMs: context.timeoutMs, signal: watch.signal, onStage: (report) => watch.passOn(report),
        ...(secure ? { tls: { verify: settings.verify, ...(settings.ca === undefined ? {} : { ca: settings.ca }) } } : {}),
      });
      if (dialled.type === 'failed') return { type: 'failed', failure: dialled.failure as ChannelFailure };
      return await this.post(url, settings, message, dialled.socket, { ...peer, address: dialled.address }, watch);
    } finally {
      watch.dispose();
    }
  }

  private async post(url: URL, settings: WebhookSettings, message: OutgoingMessage, socket: Socket, peer: Peer, watch: StageWatch): Promise<ChannelOutcome> {
    const body = jsonBody(message);
    const timestamp = Math.floor(this.clock.now() / 1000);
    const headers: Record<string, string> = {
      Host: url.host, 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)), 'User-Agent': 'Tidegate', Connection: 'close',
      'webhook-id': message.id, 'webhook-timestamp': String(timestamp),
      ...(settings.secret === undefined ? {} : { 'webhook-signature': webhookSignature(settings.secret, message.id, timestamp, body) }),
      ...(settings.headerName === undefined || settings.headerValue === undefined ? {} : { [settings.headerName]: settings.headerValue }),
    };
    const startedAt = performance.now();
    watch.begin('send');
    const answer = await new Promise<IncomingMessage | { error: unknown }>((resolve) => {
      const request = httpRequest({ method: 'POST', path: `${url.pathname}${url.search}`, headers, createConnection: () => socket });
      const cutOff = () => void request.destroy();
      watch.signal.addEventListener('abort', cutOff, { once: true });
      // Stays on: what comes after the answer is of no interest and must not go unhandled.
      request.on('error', (error) => resolve({ error }));
      request.once('finish', () => {
        watch.passed('send', `${Buffer.byteLength(body)} octets sent`);
        watch.begin('answer');
      });
      request.once('response', (response) => resolve(response));
      request.end(body);
      if (watch.signal.aborted) cutOff();
    });
    if ('error' in answer) {
      socket.destroy();
      return watch.failed(watch.ended ?? (liveFailure(answer.error, peer, { octetsWritten: socket.bytesWritten, ageMs: performance.now() - startedAt }) as ChannelFailure));
    }
    // Its status is all that counts; the body may be anything and of any size.
    answer.on('error', () => undefined);
    socket.destroy();
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) {
      watch.passed('answer', `answered ${status}`);
      return { type: 'sent', detail: `answered ${status}` };
    }
    return watch.failed(statusFailure(status, url, answer.headers['retry-after'], this.clock.now()));
  }
}

function statusFailure(status: number, url: URL, retryAfter: string | undefined, now: number): ChannelFailure {
  const cause = `${url.origin}${url.pathname} answered ${status}`;
  const fault = (code: string, fix: string, needsPerson: boolean): ChannelFailure => ({ code, stage: 'answer', cause, fix, needsPerson });
  if (status >= 300 && status < 400) return fault('redirected', 'Set the URL that the redirect leads to; redirects are not followed.', true);
  if (status === 401 || status === 403) return fault('not-authorized', 'Check the header with the credentials, and the secret of the signature.', true);
  if (status === 404 || status === 410) return fault('not-found', 'Check the path of the URL; the receiver knows nothing there.', true);
  if (status === 408 || status === 429 || status >= 500) {
    const retryAfterMs = retryAfterMsOf(retryAfter, now);
    return { ...fault(status === 429 ? 'rate-limited' : 'receiver-fault', 'Nothing to repair here: it is tried again. When it lasts, look into the log of the receiver.', false), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  return fault('refused', 'The receiver does not take such a request; look into its log.', true);
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMsOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
}
