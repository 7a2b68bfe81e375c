import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import request from 'supertest';
import { basic, openTestApplication, TEST_PASSWORD, type TestApplication } from '../../../test/support/application.js';
import { RequireRight } from './rights.js';

@Controller('api/v1/probe')
class ProbeController {
  @Get()
  @RequireRight('status:read')
  read() {
    return { read: true };
  }
}

interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
}

describe('tokens by client credentials', () => {
  let application: TestApplication;
  let time = Date.parse('2026-11-02T10:00:00Z');
  beforeAll(async () => {
    application = await openTestApplication({ controllers: [ProbeController], clock: { now: () => time }, settings: { access: { credentialRecheckMs: 0, failuresBeforeDelay: 3 } } });
    await application.user('machine', ['status:read']);
  });
  afterAll(() => application.close());
  const admin = basic('admin');
  const ask = (path = '/identityiq/oauth2/token') => request(application.url).post(path).type('form');
  const token = async () => (await ask().auth('machine', TEST_PASSWORD).send('grant_type=client_credentials').expect(200)).body as TokenAnswer;
  const probe = (bearer: string) => request(application.url).get('/api/v1/probe').set('Authorization', `Bearer ${bearer}`);
  const users = async () => ((await request(application.url).get('/api/v1/users').set('Authorization', admin).expect(200)).body as { items: Array<{ id: string; name: string }> }).items;

  it('are given for name and password by HTTP Basic or in the form, at both paths, and open what their user may do', async () => {
    const answer = await token();
    expect(answer).toEqual({ access_token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/), token_type: 'Bearer', expires_in: 3600, scope: 'status:read' });
    const { body } = await ask('/oauth2/token').send({ grant_type: 'client_credentials', client_id: 'machine', client_secret: TEST_PASSWORD }).expect(200).expect('Cache-Control', 'no-store');
    for (const { access_token: bearer } of [answer, body as TokenAnswer]) await probe(bearer).expect(200);
    await request(application.url).get('/api/v1/users').set('Authorization', `Bearer ${answer.access_token}`).expect(403);
  });

  it('are stored as hashes only', async () => {
    const { access_token: bearer } = await token();
    expect(JSON.stringify(await application.documents.connection.collection('access_tokens').find().toArray())).not.toContain(bearer);
  });

  it.each([
    ['no grant', 'client_id=machine&client_secret=x', 400, 'invalid_request'],
    ['another grant', `grant_type=password&client_id=machine&client_secret=${TEST_PASSWORD}`, 400, 'unauthorized_client'],
    ['an unknown grant', `grant_type=magic&client_id=machine&client_secret=${TEST_PASSWORD}`, 400, 'unsupported_grant_type'],
    ['no client', 'grant_type=client_credentials', 401, 'invalid_client'],
    ['a wrong secret', 'grant_type=client_credentials&client_id=nobody&client_secret=wrong', 401, 'invalid_client'],
    ['a parameter twice', `grant_type=client_credentials&grant_type=x&client_id=machine&client_secret=${TEST_PASSWORD}`, 400, 'invalid_request'],
  ])('are refused for %s with the error of RFC 6749', async (_what, form, status, error) => {
    const answer = await ask().send(form);
    expect(answer.status).toBe(form.startsWith('client_id') ? 401 : status);
    expect(answer.body).toEqual({ error: form.startsWith('client_id') ? 'invalid_client' : error, error_description: expect.any(String) });
    if (answer.status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Basic/);
  });

  it('are refused for a body that is no form', async () => {
    expect((await request(application.url).post('/oauth2/token').auth('machine', TEST_PASSWORD).send({ grant_type: 'client_credentials' }).expect(400)).body).toMatchObject({ error: 'invalid_request' });
  });

  it('are slow to guess', async () => {
    for (let tries = 0; tries < 3; tries += 1) await ask().auth('guessed', 'wrong').send('grant_type=client_credentials').expect(401);
    expect((await ask().auth('guessed', 'wrong').send('grant_type=client_credentials').expect(429).expect('Retry-After', /\d+/)).body).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it('end: by time, by revocation, with their user, with its password', async () => {
    const old = await token();
    time += 3_600_000;
    expect((await probe(old.access_token).expect(401).expect('WWW-Authenticate', /error="invalid_token"/)).body).toMatchObject({ code: 'token-invalid' });

    const revoked = await token();
    await probe(revoked.access_token).expect(200);
    const { body } = await request(application.url).get('/api/v1/tokens').set('Authorization', admin).expect(200);
    const { items } = body as { items: Array<{ id: string; userName: string }> };
    expect(items).toEqual([expect.objectContaining({ userName: 'machine' })]);
    await request(application.url).delete(`/api/v1/tokens/${items[0]?.id}`).set('Authorization', admin).expect(200);
    await request(application.url).delete(`/api/v1/tokens/${items[0]?.id}`).set('Authorization', admin).expect(404);
    await probe(revoked.access_token).expect(401);

    const id = (await users()).find(({ name }) => name === 'machine')?.id ?? '';
    const change = (what: object) => request(application.url).patch(`/api/v1/users/${id}`).set('Authorization', admin).send(what).expect(200);
    const before = await token();
    time += 1000;
    await change({ password: 'another-password' });
    await probe(before.access_token).expect(401);
    await change({ password: TEST_PASSWORD });
    time += 1000;
    const live = await token();
    await probe(live.access_token).expect(200);
    await change({ disabled: true });
    await probe(live.access_token).expect(401);
    await ask().auth('machine', TEST_PASSWORD).send('grant_type=client_credentials').expect(401);
  });

  it.each(['', 'abc', 'x'.repeat(43), '!!!', 'a b'])('are not made up: %j', async (bearer) => {
    await probe(bearer).expect(401);
  });
});
