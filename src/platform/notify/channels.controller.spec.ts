import { randomBytes } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basic, openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { SmtpReceiver } from '../../../test/support/smtp-receiver.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { DIALER } from '../../contracts/dialer.js';
import { SECRETS } from '../../contracts/secrets.js';
import { NetworkDialer } from '../network/dialer.js';
import { SecretBox } from '../secrets/secret-box.js';
import { Notifier } from './notifier.js';
import { NotifyModule } from './notify.module.js';

@Global()
@Module({ providers: [{ provide: SECRETS, useValue: new SecretBox([randomBytes(32)]) }, { provide: DIALER, useValue: new NetworkDialer({ denyCidrs: ['203.0.113.0/24'] }) }], exports: [SECRETS, DIALER] })
class GroundModule {}

interface Answer {
  status: number;
  headers: Headers;
  /** Of any route: a test reads what its route answers. */
  body: Record<string, unknown> & {
    id: string; version: number; errors: Array<{ pointer: string; message: string }>; notificationId: string; state: string; deliveries: Array<{ channelId: string; state: string }>;
    stages: Array<{ stage: string; ok: boolean }>; items: Array<{ type: string; outcome: string; changes?: object[] }>;
  };
}

let application: TestApplication;
let hook: WebhookReceiver;
beforeAll(async () => {
  application = await openTestApplication({ imports: [GroundModule, NotifyModule], settings: { notify: { timeoutMs: 3000 } } });
  hook = await WebhookReceiver.start();
});
afterAll(async () => {
  await application.close();
  await hook.stop();
});

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
  const response = await fetch(`${application.url}/api/v1/${path}`, { method, headers: { authorization: basic('admin'), 'content-type': 'application/json', ...headers }, body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
};
const mail = (more: Record<string, unknown> = {}) => ({ host: 'mail.example.com', from: 'gate@example.com', to: ['ann@example.com'], ...more });
const stored = (id: string) => application.documents.connection.collection('notification_channels').findOne({ _id: id as never });

describe('notification channels by REST', () => {
  it('are created with defaults, listed, changed under If-Match, and deleted', async () => {
    const created = await call('POST', 'notification-channels', { name: 'Team', type: 'mail', mail: mail() });
    expect(created.status).toBe(201);
    expect(created.headers.get('etag')).toBe('"1"');
    expect(created.body).toMatchObject({ version: 1, enabled: true, kinds: [], leastSeverity: 'info', mail: { port: 587, tlsMode: 'starttls', verify: true, password: { set: false } }, health: { consecutiveFailures: 0, lastFailure: null } });
    const path = `notification-channels/${created.body.id}`;
    expect((await call('PATCH', path, { leastSeverity: 'error' }, { 'If-Match': '"7"' })).status).toBe(412);
    expect((await call('PATCH', path, { leastSeverity: 'error', version: 7 })).status).toBe(409);
    const changed = await call('PATCH', path, { leastSeverity: 'error', kinds: ['integration.down'], mail: { port: 2525 } }, { 'If-Match': '"1"' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expect(changed.body).toMatchObject({ leastSeverity: 'error', kinds: ['integration.down'], mail: { host: 'mail.example.com', port: 2525 } });
    // Nothing changes: no act.
    expect((await call('PATCH', path, { leastSeverity: 'error' })).body.version).toBe(2);
    expect((await call('GET', 'notification-channels')).body['items']).toEqual([expect.objectContaining({ name: 'Team' })]);
    expect((await call('POST', 'notification-channels', { name: 'TEAM', type: 'mail', mail: mail() })).status).toBe(409);
    expect((await call('DELETE', path, undefined, { 'If-Match': '"1"' })).status).toBe(412);
    expect((await call('DELETE', path)).body).toMatchObject({ deleted: true, name: 'Team' });
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('POST', 'notification-channels', { name: 'TEAM', type: 'mail', mail: mail() })).status).toBe(201);
  });

  it.each([
    ['the section of the other type', { type: 'mail', webhook: { url: 'https://example.com' } }, '/webhook'],
    ['no section', { type: 'webhook' }, '/webhook/url'],
    ['a URL with credentials', { type: 'webhook', webhook: { url: 'https://user:pw@example.com/' } }, '/webhook/url'],
    ['another scheme', { type: 'webhook', webhook: { url: 'file:///etc/passwd' } }, '/webhook/url'],
    ['a header that Tidegate sets', { type: 'webhook', webhook: { url: 'https://example.com', headerName: 'Content-Length', headerValue: '0' } }, '/webhook/headerName'],
    ['a header value of two lines', { type: 'webhook', webhook: { url: 'https://example.com', headerName: 'X-A', headerValue: 'a\r\nX-B: c' } }, '/webhook/headerValue'],
    ['a header name alone', { type: 'webhook', webhook: { url: 'https://example.com', headerName: 'X-A' } }, '/webhook/headerValue'],
    ['a user without password', { type: 'mail', mail: mail({ user: 'gate' }) }, '/mail/password'],
    ['an address of two lines', { type: 'mail', mail: mail({ to: ['ann@example.com\r\nBcc: x@example.com'] }) }, '/mail/to/0'],
    ['a shown secret for a new channel', { type: 'mail', mail: mail({ user: 'gate', password: { set: true } }) }, '/mail/password'],
    ['an unknown kind', { type: 'mail', mail: mail(), kinds: ['integration.up'] }, '/kinds/0'],
    ['an unknown key', { type: 'mail', mail: mail({ hots: 'x' }) }, '/mail/hots'],
  ])('refuse %s with its place', async (_what, body, pointer) => {
    const { status, body: problem } = await call('POST', 'notification-channels', { name: 'Bad', ...body });
    expect([status, problem.errors.map((item) => item.pointer)]).toEqual([400, [pointer]]);
  });

  it('seal secrets, never show them, and keep them when they are sent back as shown', async () => {
    const secrets = { secret: 'signature-key-1', headerName: 'Authorization', headerValue: 'Bearer token-2' };
    const { body } = await call('POST', 'notification-channels', { name: 'Secretive', type: 'webhook', webhook: { url: `${hook.url}/a`, ...secrets } });
    const path = `notification-channels/${body.id}`;
    const shown = (await call('GET', path)).body;
    expect(shown['webhook']).toMatchObject({ secret: { set: true }, headerValue: { set: true }, ca: { set: false } });
    const changed = await call('PATCH', path, { webhook: { ...(shown['webhook'] as object), url: `${hook.url}/b` } });
    expect(changed.status).toBe(200);
    expect((await call('POST', `${path}/test`)).body).toMatchObject({ ok: true, failure: null });
    expect(hook.requests.at(-1)).toMatchObject({ path: '/b', headers: { authorization: 'Bearer token-2', 'webhook-signature': expect.stringMatching(/^v1,/) }, json: { kind: 'notify.test' } });
    // A stored token does not go to a receiver that it was not meant for.
    const moved = await call('PATCH', path, { webhook: { url: 'https://elsewhere.example.com/' } });
    expect([moved.status, moved.body.errors[0]?.pointer]).toEqual([400, '/webhook/headerValue']);
    expect((await call('PATCH', path, { webhook: { url: 'https://elsewhere.example.com/', headerName: null, headerValue: null } })).status).toBe(200);
    await call('DELETE', path);
    const everything = JSON.stringify([shown, changed.body, await stored(body.id), (await call('GET', 'audit?pageSize=500')).body]);
    expect(everything).not.toMatch(/signature-key-1|token-2/);
    expect(JSON.stringify((await stored(body.id))?.['section'])).not.toContain('v1.');
  });

  it('are tested stage by stage, audited, also when it fails', async () => {
    const smtp = await SmtpReceiver.start({ login: { user: 'gate', password: 'right' } });
    const { body } = await call('POST', 'notification-channels', { name: 'Tested', type: 'mail', enabled: false, mail: mail({ host: '127.0.0.1', port: smtp.port, tlsMode: 'none', user: 'gate', password: 'wrong' }) });
    expect(body['warnings']).toEqual([expect.objectContaining({ pointer: '/mail/tlsMode' })]);
    const path = `notification-channels/${body.id}`;
    const failed = (await call('POST', `${path}/test`)).body;
    expect(failed).toMatchObject({ ok: false, failure: { code: 'login-refused', stage: 'login', needsPerson: true } });
    expect(failed.stages.map(({ stage, ok }) => [stage, ok])).toEqual([['resolve', true], ['policy', true], ['connect', true], ['login', false]]);
    await call('PATCH', path, { mail: { password: 'right' } });
    const { notificationId } = (await call('POST', `${path}/test`)).body;
    expect(smtp.mails.map(({ headers }) => headers.get('x-tidegate-notification'))).toEqual([notificationId]);
    await smtp.stop();
    const denied = await call('POST', 'notification-channels', { name: 'Denied', type: 'webhook', webhook: { url: 'http://203.0.113.9/' } });
    expect((await call('POST', `notification-channels/${denied.body.id}/test`)).body).toMatchObject({ ok: false, failure: { code: 'address-not-allowed', stage: 'policy' } });
    const records = (await call('GET', `audit?subject=${body.id}&pageSize=500`)).body.items;
    const waiting = (await stored(body.id))?.['auditOutbox'] as typeof records;
    expect([...records, ...waiting].map(({ type, outcome }) => `${type} ${outcome}`).sort()).toEqual(['audit.notify-channel.create success', 'audit.notify-channel.test failure', 'audit.notify-channel.test success', 'audit.notify-channel.update success']);
    expect([...records, ...waiting].find(({ type }) => type.endsWith('update'))?.changes).toEqual([{ field: 'mail.password', old: '********', new: '********' }]);
  });

  it('want the right settings:write; what was told, status:read', async () => {
    const viewer = await application.user('viewer', ['status:read']);
    expect((await call('GET', 'notification-channels', undefined, { authorization: viewer })).status).toBe(403);
    expect((await call('GET', 'notifications', undefined, { authorization: viewer })).status).toBe(200);
    expect((await call('GET', 'notification-kinds', undefined, { authorization: viewer })).body['items']).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'integration.down', severity: 'error' })]));
  });

  it('get what is told, and the list says what became of it', async () => {
    const { body } = await call('POST', 'notification-channels', { name: 'Live', type: 'webhook', kinds: ['alert.held'], webhook: { url: `${hook.url}/live` } });
    const { id } = await application.http.app.get(Notifier, { strict: false }).notify({ kind: 'alert.held', key: 'alert.held:1', title: 'Alert 1 waits', text: 'It waits.', subject: { kind: 'alert', id: '1' } });
    const settled = async () => (await call('GET', `notifications/${id}`)).body;
    for (let tries = 0; tries < 300 && (await settled()).state !== 'done'; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
    const mine = (await settled()).deliveries.filter(({ channelId }) => channelId === body.id);
    expect(mine).toEqual([expect.objectContaining({ state: 'sent', attempts: 1 })]);
    expect(hook.requests.filter(({ path }) => path === '/live').map(({ json }) => json['id'])).toEqual([id]);
  });
});
