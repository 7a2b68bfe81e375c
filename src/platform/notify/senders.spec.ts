import { createHmac } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../../../test/support/certificates.js';
import { SmtpReceiver, type SmtpReceiverOptions } from '../../../test/support/smtp-receiver.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { systemClock } from '../../contracts/clock.js';
import { NetworkDialer } from '../network/dialer.js';
import type { ChannelStageReport } from './channel-sender.js';
import type { MailSettings, WebhookSettings } from './channel-settings.js';
import { MailSender } from './mail.sender.js';
import type { OutgoingMessage } from './outgoing-message.js';
import { WebhookSender } from './webhook.sender.js';

const message: OutgoingMessage = {
  id: 'n-1', kind: 'integration.down', severity: 'error', title: 'SIEM A – Zürich is down', text: 'It refuses connections.\n.\nStart it.', facts: { cause: 'refused', tries: 3 }, subject: { kind: 'integration', id: 'a', name: 'SIEM A' },
  occurredAt: new Date('2026-11-02T10:00:00.000Z'), bundle: null,
};
let certificates: Awaited<ReturnType<typeof testCertificates>>;
beforeAll(async () => {
  certificates = await testCertificates();
});
const ends: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const dialer = (denyCidrs: string[] = []) => new NetworkDialer({ denyCidrs });

describe('MailSender', () => {
  const receiver = async (options: SmtpReceiverOptions = {}) => {
    const started = await SmtpReceiver.start(options);
    ends.push(() => started.stop());
    return started;
  };
  const settings = (port: number, more: Partial<MailSettings> = {}): MailSettings => ({ host: '127.0.0.1', port, tlsMode: 'none', from: 'tidegate@example.com', to: ['ann@example.com', 'bob@example.com'], verify: true, ...more });
  const send = async (with_: MailSettings, options: { denyCidrs?: string[]; timeoutMs?: number; signal?: AbortSignal } = {}) => {
    const stages: ChannelStageReport[] = [];
    const outcome = await new MailSender(dialer(options.denyCidrs)).send(with_, message, { timeoutMs: options.timeoutMs ?? 10_000, signal: options.signal, onStage: (report) => stages.push(report) });
    return { outcome, stages: stages.map(({ stage, ok }) => `${stage}${ok ? '' : '!'}`) };
  };
  const failed = (code: string, stage: string, needsPerson: boolean) => ({ type: 'failed', failure: expect.objectContaining({ code, stage, needsPerson }) });

  it('sends to every receiver, with subject and text as they are and ids that tell a repeat', async () => {
    const server = await receiver();
    const { outcome, stages } = await send(settings(server.port));
    expect([outcome.type, stages]).toEqual(['sent', ['resolve', 'policy', 'connect', 'login', 'send']]);
    await send(settings(server.port));
    const [mail, again] = server.mails;
    expect(mail).toMatchObject({ from: 'tidegate@example.com', to: ['ann@example.com', 'bob@example.com'], secure: false, user: null });
    expect(mail?.headers.get('message-id')).toBe('<n-1@tidegate.invalid>');
    expect(again?.headers.get('message-id')).toBe('<n-1@tidegate.invalid>');
    expect(mail?.headers.get('x-tidegate-notification')).toBe('n-1');
    expect(mail?.headers.get('subject')).toMatch(/^=\?UTF-8\?Q\?Tidegate_error/);
    expect(mail?.text.replaceAll('\r\n', '\n')).toContain('It refuses connections.\n.\nStart it.\n\ncause: refused\ntries: 3\n');
  });

  it('logs in after STARTTLS, with the certificate verified', async () => {
    const server = await receiver({ certificate: certificates.server, login: { user: 'gate', password: 'right' } });
    const { outcome, stages } = await send(settings(server.port, { tlsMode: 'starttls', host: 'localhost', ca: certificates.authority.certificate, user: 'gate', password: 'right' }));
    expect([outcome.type, stages]).toEqual(['sent', ['resolve', 'policy', 'connect', 'tls', 'login', 'send']]);
    expect(server.mails[0]).toMatchObject({ user: 'gate', secure: true });
  });

  it('speaks TLS from the first octet', async () => {
    const server = await receiver({ certificate: certificates.server, implicitTls: true });
    expect((await send(settings(server.port, { tlsMode: 'tls', ca: certificates.authority.certificate }))).outcome.type).toBe('sent');
    expect(server.mails[0]).toMatchObject({ secure: true });
  });

  it('sends nothing, and no password, when TLS is not to be had or the certificate is not trusted', async () => {
    const plain = await receiver({ login: { user: 'gate', password: 'right' } });
    expect((await send(settings(plain.port, { tlsMode: 'starttls', user: 'gate', password: 'right' }))).outcome).toEqual(failed('starttls-refused', 'tls', true));
    const untrusted = await receiver({ certificate: certificates.server, login: { user: 'gate', password: 'right' } });
    expect((await send(settings(untrusted.port, { tlsMode: 'starttls', user: 'gate', password: 'right' }))).outcome).toEqual(failed('certificate-untrusted', 'tls', true));
    const implicit = await receiver({ certificate: certificates.server, implicitTls: true });
    expect((await send(settings(implicit.port, { tlsMode: 'tls' }))).outcome).toEqual(failed('certificate-untrusted', 'tls', true));
    expect([plain.logins, untrusted.logins, plain.mails.length + untrusted.mails.length + implicit.mails.length]).toEqual([0, 0, 0]);
  });

  it('tells a refused login as a matter for a person', async () => {
    const server = await receiver({ login: { user: 'gate', password: 'right' } });
    const { outcome, stages } = await send(settings(server.port, { user: 'gate', password: 'wrong' }));
    expect(outcome).toEqual(failed('login-refused', 'login', true));
    expect(stages.at(-1)).toBe('login!');
    expect(JSON.stringify(outcome)).not.toContain('wrong');
  });

  it('tells passing refusals from lasting ones by the reply', async () => {
    const server = await receiver();
    const outcomeAt = async (refuse: NonNullable<SmtpReceiver['refuse']>) => {
      server.refuse = refuse;
      return (await send(settings(server.port))).outcome;
    };
    expect(await outcomeAt({ at: 'recipient', code: 450, text: 'greylisted' })).toEqual(failed('temporarily-refused', 'send', false));
    expect(await outcomeAt({ at: 'recipient', code: 550, text: 'no such user' })).toEqual(failed('recipients-refused', 'send', true));
    expect(await outcomeAt({ at: 'data', code: 451, text: 'later' })).toEqual(failed('temporarily-refused', 'send', false));
    expect(await outcomeAt({ at: 'data', code: 554, text: 'spam' })).toEqual(failed('mail-refused', 'send', true));
  });

  it('reaches no address that the policy denies', async () => {
    const server = await receiver();
    expect((await send(settings(server.port), { denyCidrs: ['127.0.0.0/8'] })).outcome).toEqual(failed('address-not-allowed', 'policy', true));
    expect(server.connections).toBe(0);
  });

  it('ends within its time when the server says nothing, and at once when it is cut off', async () => {
    const silent = await silentServer();
    expect((await send(settings(silent), { timeoutMs: 300 })).outcome).toEqual(failed('send-timeout', 'login', false));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    expect((await send(settings(silent), { signal: stop.signal })).outcome).toEqual(failed('cancelled', 'login', false));
  });

  it('tells a port where nobody listens', async () => {
    const server = await SmtpReceiver.start();
    const { port } = server;
    await server.stop();
    expect((await send(settings(port))).outcome).toEqual(failed('connection-refused', 'connect', false));
  });
});

describe('WebhookSender', () => {
  const receiver = async () => {
    const started = await WebhookReceiver.start();
    ends.push(() => started.stop());
    return started;
  };
  const settings = (url: string, more: Partial<WebhookSettings> = {}): WebhookSettings => ({ url, verify: true, ...more });
  const send = (with_: WebhookSettings, options: { denyCidrs?: string[]; timeoutMs?: number } = {}) => new WebhookSender(dialer(options.denyCidrs), systemClock).send(with_, message, { timeoutMs: options.timeoutMs ?? 10_000 });
  const failed = (code: string, stage: string, needsPerson: boolean) => ({ type: 'failed', failure: expect.objectContaining({ code, stage, needsPerson }) });

  it.each([['text', 'a secret', Buffer.from('a secret')], ['base64', `whsec_${Buffer.from('0123456789abcdef').toString('base64')}`, Buffer.from('0123456789abcdef')]])('posts JSON whose signature verifies with a key in %s', async (_form, secret, key) => {
    const server = await receiver();
    expect((await send(settings(`${server.url}/hooks/a?team=1`, { secret, headerName: 'Authorization', headerValue: 'Bearer abc' }))).type).toBe('sent');
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/hooks/a?team=1', json: { id: 'n-1', kind: 'integration.down', severity: 'error', title: message.title, count: 1, facts: { tries: 3 }, occurredAt: '2026-11-02T10:00:00.000Z' } });
    const headers = request?.headers ?? {};
    expect(headers).toMatchObject({ 'webhook-id': 'n-1', 'content-type': 'application/json', authorization: 'Bearer abc', host: server.url.slice('http://'.length) });
    expect(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))).toBeLessThan(60);
    const signature = createHmac('sha256', key).update(`n-1.${String(headers['webhook-timestamp'])}.${request?.body ?? ''}`).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
  });

  it.each([[301, 'redirected', true], [400, 'refused', true], [401, 'not-authorized', true], [404, 'not-found', true], [500, 'receiver-fault', false], [503, 'receiver-fault', false]])('counts only 2xx: %d', async (status, code, needsPerson) => {
    const server = await receiver();
    server.answers.push({ status, headers: { location: `${server.url}/elsewhere` } });
    expect(await send(settings(server.url))).toEqual(failed(code, 'answer', needsPerson));
    expect(server.requests).toHaveLength(1);
  });

  it('passes on when the receiver wants to be asked again', async () => {
    const server = await receiver();
    server.answers.push({ status: 429, headers: { 'retry-after': '17' } });
    expect(await send(settings(server.url))).toEqual({ type: 'failed', failure: expect.objectContaining({ code: 'rate-limited', retryAfterMs: 17_000 }) });
  });

  it('ends within its time when the receiver does not answer', async () => {
    const server = await receiver();
    server.silent = true;
    expect(await send(settings(server.url), { timeoutMs: 300 })).toEqual(failed('send-timeout', 'answer', false));
  });

  it('reaches no address that the policy denies, and nothing that does not speak TLS over https', async () => {
    const server = await receiver();
    expect(await send(settings(server.url), { denyCidrs: ['127.0.0.0/8'] })).toEqual(failed('address-not-allowed', 'policy', true));
    expect((await send(settings(server.url.replace('http:', 'https:')))).type).toBe('failed');
    expect(server.requests).toHaveLength(0);
  });
});

async function silentServer(): Promise<number> {
  const server: Server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}
