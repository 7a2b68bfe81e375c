import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { settingsFrom } from '../../config/settings.js';
import { AlertsModule } from './alerts.module.js';

const BASE = '/identityiq/plugin/rest/SIEMPlugin';
const MINUTE = Date.parse('2026-11-02T10:00:00Z');

describe('the rate at which a client posts alerts', () => {
  let application: TestApplication;
  let administrator: string;
  let soc: string;
  let other: string;
  let time = MINUTE;
  let posts = 0;
  beforeAll(async () => {
    application = await openTestApplication({ imports: [AlertsModule], clock: { now: () => time }, settings: { mitigation: { alertsPerMinute: 3 } } });
    administrator = await application.user('ann', ['settings:write']);
    soc = await application.user('soc', ['siemadministrator']);
    other = await application.user('other', ['siemadministrator']);
  });
  afterAll(() => application.close());
  const post = (authorization: string, change: object = {}) =>
    request(application.url).post(`${BASE}/identity/account`).set('Authorization', authorization).send({ application: 'Active Directory', native_id: `user-${(posts += 1)}`, date: '1', ...change });
  const change = (alertsPerMinute: number | null) => request(application.url).patch('/api/v1/settings/mitigation').set('Authorization', administrator).send({ alertsPerMinute }).expect(200);
  const alerts = () => application.documents.connection.collection('alerts');
  const stored = async (authorization: string) => alerts().countDocuments({ postedBy: authorization === soc ? 'soc' : 'other' });

  it('is refused above the limit with 429 and Retry-After in the words of the door, and nothing is stored', async () => {
    time = MINUTE + 40_500;
    for (let count = 0; count < 3; count += 1) await post(soc).expect(200);
    const { body } = await post(soc).expect(429).expect('Retry-After', '20').expect('Content-Type', /application\/json/);
    expect(body).toEqual({ status: 'error', message: "The client 'soc' posts too many alerts; try again in 20 s.", details: 'too-many-alerts' });
    expect(await stored(soc)).toBe(3);
    expect(await application.documents.connection.collection('audit_records').countDocuments({ type: /^mitigation/, 'attributes.nativeId': `user-${posts}` })).toBe(0);
  });

  it('is counted for each client by itself, and anew each minute', async () => {
    await post(other).expect(200);
    await post(soc).expect(429);
    time = MINUTE + 59_999;
    await post(soc).expect(429).expect('Retry-After', '1');
    time = MINUTE + 60_000;
    await post(soc).expect(200);
  });

  it('counts what is refused for its form, too, and asks who it is first', async () => {
    time = MINUTE + 120_000;
    for (let count = 0; count < 3; count += 1) await post(soc, { date: 'never' }).expect(400);
    await post(soc).expect(429);
    await request(application.url).post(`${BASE}/identity/account`).send({}).expect(401);
    await request(application.url).get(`${BASE}/applications`).set('Authorization', soc).expect(200);
  });

  it('has a limit that is changed while the service runs; 0 is none, and the default is far above what is stored in a second', async () => {
    time = MINUTE + 180_000;
    await change(0);
    for (let count = 0; count < 10; count += 1) await post(soc).expect(200);
    await change(1);
    await post(other).expect(200);
    await post(other).expect(429);
    expect(settingsFrom().mitigation.alertsPerMinute).toBe(60_000);
  });
});
