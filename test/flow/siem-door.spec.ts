import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, eventually, startTestService, type TestService } from '../support/service.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
interface Feed {
  auditEvents: Array<{ id: string; created: number; action: string; trackingId: string }>;
}

describe('the door of a SIEM in the whole service', () => {
  let test: TestService;
  beforeAll(async () => { test = await startTestService(); }, 60_000);
  afterAll(() => test.end());

  it('keeps an accepted alert and the place of every audit event over a restart, and a polling client loses and repeats nothing', async () => {
    const { body } = await test.client.call<{ details: string }>('POST', `${BASE}/identity/account`, { application: 'Nowhere', native_id: 'Jane.Doe', date: '149514462222' });
    const seen: string[] = [];
    let startTime = 1;
    const poll = async () => {
      const { auditEvents } = await test.client.ok<Feed>('GET', `${BASE}/audit-events?startIndex=1&count=1000&startTime=${startTime}`);
      for (const event of auditEvents) seen.push(event.id);
      startTime = auditEvents.at(-1)?.created ?? startTime;
      return auditEvents;
    };
    let received = false;
    await eventually('the alert shows in the feed', async () => (received ||= (await poll()).some(({ action, trackingId }) => action === 'mitigation.alert.received' && trackingId === body.details)));
    await test.restart();
    expect((await test.client.ok<{ id: string }>('GET', `/api/v1/alerts/${body.details}`)).id).toBe(body.details);
    await test.client.call('POST', `${BASE}/identity/account`, { application: 'Nowhere', native_id: 'John.Doe', date: '1' });
    await eventually('the second alert shows', async () => (await poll()).some(({ action }) => action === 'mitigation.alert.received'));
    await poll();
    expect(new Set(seen).size).toBe(seen.length);
    const { auditEvents } = await test.client.ok<Feed>('GET', `${BASE}/audit-events`);
    expect(auditEvents.slice(0, seen.length).map(({ id }) => id)).toEqual(seen);
  }, 60_000);

  it('takes a token on every route that the user of the token may use', async () => {
    await test.client.ok('POST', '/api/v1/users', { name: 'machine', password: 'a-password-for-tests', roles: ['viewer'] });
    const response = await fetch(`${test.client.url}/identityiq/oauth2/token`, { method: 'POST', headers: { authorization: `Basic ${Buffer.from('machine:a-password-for-tests').toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' }, body: 'grant_type=client_credentials' });
    const { access_token: token } = (await response.json()) as { access_token: string };
    const machine = new Client(test.client.url, `Bearer ${token}`);
    expect((await machine.call('GET', '/api/v1/alerts')).status).toBe(200);
    expect((await machine.call('GET', '/api/v1/users')).status).toBe(403);
  });
});
