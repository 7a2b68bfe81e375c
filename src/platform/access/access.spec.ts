import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import request from 'supertest';
import { basic, openTestApplication, TEST_PASSWORD, type TestApplication, type TestApplicationOptions } from '../../../test/support/application.js';
import type { Clock } from '../../contracts/clock.js';
import type { AuditRecordDocument } from '../audit/audit-record.schema.js';
import { AccessGuard } from './access.guard.js';
import { CurrentPrincipal } from './current-principal.js';
import { PasswordHash } from './password-hash.js';
import { RefusalAudit } from './refusal-audit.js';
import { AcceptBasic, AnyCaller, PublicRoute, RequireRight, RIGHT_KEY, type Principal } from './rights.js';
import { UsersService } from './users.service.js';

@Controller('api/v1/probe')
class ProbeController {
  @Get('status')
  @RequireRight('status:read')
  status(@CurrentPrincipal() { id, name, rights, ip }: Principal) {
    return { id, name, rights: [...rights], ip };
  }

  @Get('public')
  @PublicRoute()
  open() {
    return { open: true };
  }

  @Get('anybody')
  @AnyCaller()
  anybody(@CurrentPrincipal() principal: Principal) {
    return { name: principal.name };
  }

  @Get('door')
  @RequireRight('status:read')
  @AcceptBasic()
  door() {
    return {};
  }
}

@Controller('api/v1/by-class')
@RequireRight('audit:read')
class ByClassController {
  @Get('inherits')
  inherits() {
    return {};
  }

  @Get('own')
  @RequireRight('status:read')
  own() {
    return {};
  }
}

describe('access', () => {
  let application: TestApplication;
  let now: number;
  const clock: Clock = { now: () => now };
  const ask = () => request(application.url);
  const open = async (options: TestApplicationOptions = {}) => (application = await openTestApplication({ controllers: [ProbeController, ByClassController], clock, ...options }));
  beforeEach(() => { now = Date.now(); });
  afterEach(() => application.close());

  /** Audit records of refusals, as they will leave, oldest first. */
  async function refusals(): Promise<Array<Pick<AuditRecordDocument, 'type' | 'outcome' | 'reason' | 'attributes' | 'actor' | 'subject'>>> {
    await application.http.app.get(RefusalAudit, { strict: false }).endWindow();
    return application.documents.connection.collection('audit_records').find({ type: { $in: ['audit.session.logon', 'audit.session.reject'] } }).sort({ _id: 1 }).toArray() as never;
  }

  /** Counts comparisons of passwords with hashes from now on. */
  function countHashes(): () => number {
    const hashes = application.http.app.get(PasswordHash, { strict: false });
    const original = hashes.matches.bind(hashes);
    let count = 0;
    hashes.matches = (...given) => {
      count += 1;
      return original(...given);
    };
    return () => count;
  }

  describe('the guard', () => {
    it('asks who it is with a challenge, and hides nothing that is public', async () => {
      await open();
      const answer = await ask().get('/api/v1/probe/status').expect(401).expect('WWW-Authenticate', 'Basic realm="Tidegate", charset="UTF-8"').expect('Content-Type', /problem\+json/);
      expect(answer.body).toMatchObject({ code: 'authentication-required' });
      await ask().get('/api/v1/probe/public').expect(200);
      await ask().get('/api/v1/probe/public').set('Authorization', basic('nobody', 'wrong-password')).expect(200);
    });

    it('lets whoever is signed in pass where a route asks for no right but that', async () => {
      await open();
      await ask().get('/api/v1/probe/anybody').expect(401);
      await ask().get('/api/v1/probe/anybody').set('Authorization', basic('admin', 'wrong-password')).expect(401);
      await ask().get('/api/v1/probe/anybody').set('Authorization', await application.user('Bea', [])).expect(200, { name: 'Bea' });
    });

    it('lets who has the right pass, as a principal with its rights and address', async () => {
      await open();
      const authorization = await application.user('Ada', ['status:read']);
      const answer = await ask().get('/api/v1/probe/status').set('Authorization', authorization).expect(200);
      expect(answer.body).toMatchObject({ name: 'Ada', rights: ['status:read'], ip: '127.0.0.1' });
      expect((await ask().get('/api/v1/probe/status').set('Authorization', basic('ADA')).expect(200)).body).toMatchObject({ name: 'Ada' });
    });

    it('names the right that is missing, and records the denial', async () => {
      await open();
      const authorization = await application.user('ada', ['events:write']);
      const answer = await ask().get('/api/v1/probe/status').set('Authorization', authorization).expect(403);
      expect(answer.body).toMatchObject({ code: 'right-missing', right: 'status:read', detail: expect.stringContaining('"ada" lacks the right status:read') });
      expect(await refusals()).toMatchObject([{ type: 'audit.session.reject', outcome: 'failure', reason: 'the right status:read is missing', actor: { kind: 'user', name: 'ada', ip: '127.0.0.1' }, subject: { kind: 'session', name: 'GET /api/v1/probe/status' } }]);
    });

    it('takes the right of the class unless the handler declares its own', async () => {
      await open();
      const authorization = await application.user('ada', ['status:read']);
      await ask().get('/api/v1/by-class/own').set('Authorization', authorization).expect(200);
      await ask().get('/api/v1/by-class/inherits').set('Authorization', authorization).expect(403);
    });

    it('refuses a route without a right to everybody, were it ever to run', async () => {
      await open();
      const handler = Object.getOwnPropertyDescriptor(ProbeController.prototype, 'status')?.value as object;
      const own = Reflect.getMetadata(RIGHT_KEY, handler) as string;
      Reflect.deleteMetadata(RIGHT_KEY, handler);
      try {
        expect((await ask().get('/api/v1/probe/status').set('Authorization', basic('admin')).expect(403)).body).toMatchObject({ code: 'route-without-right' });
      } finally {
        Reflect.defineMetadata(RIGHT_KEY, own, handler);
      }
      expect(application.http.app.get(AccessGuard, { strict: false })).toBeInstanceOf(AccessGuard);
    });

    it.each([
      ['another scheme', 'Digest abc', 'scheme-unknown'],
      ['a bearer token that nobody gave', 'Bearer abc', 'token-invalid'],
      ['no base64', 'Basic %%%', 'credentials-unreadable'],
      ['no colon', `Basic ${Buffer.from('admin').toString('base64')}`, 'credentials-unreadable'],
      ['no name', `Basic ${Buffer.from(':password').toString('base64')}`, 'credentials-unreadable'],
      ['a line break', `Basic ${Buffer.from('ad\nmin:x').toString('base64')}`, 'credentials-unreadable'],
      ['no UTF-8', `Basic ${Buffer.from([0x61, 0xff, 0x3a, 0x62]).toString('base64')}`, 'credentials-unreadable'],
      ['more than one value', `${basic('admin')} x`, 'credentials-unreadable'],
    ])('refuses credentials with %s', async (_name, authorization, code) => {
      await open();
      expect((await ask().get('/api/v1/probe/status').set('Authorization', authorization).expect(401)).body).toMatchObject({ code });
    });

    it('takes names and passwords in any script, however they were composed', async () => {
      await open();
      const users = application.http.app.get(UsersService, { strict: false });
      await users.create({ name: 'Zo\u00eb', password: 'pa\u00dfwo\u00f6rt:mit:Doppelpunkt \u{1F511}', roles: [], rights: ['status:read'], disabled: false }, { kind: 'system' });
      await ask().get('/api/v1/probe/status').set('Authorization', basic('ZOE\u0308', 'pa\u00dfwoo\u0308rt:mit:Doppelpunkt \u{1F511}')).expect(200);
    });
  });

  describe('HTTP Basic beyond loopback', () => {
    it('is accepted only on doors that say so', async () => {
      await open({ settings: { http: { host: '0.0.0.0' } } });
      const url = application.url.replace('0.0.0.0', '127.0.0.1');
      const refused = await request(url).get('/api/v1/probe/status').set('Authorization', basic('admin')).expect(401);
      expect(refused.body).toMatchObject({ code: 'basic-not-accepted', detail: expect.stringContaining('TIDEGATE_HTTP_BASIC_AUTH=everywhere') });
      expect(refused.headers['www-authenticate']).not.toContain('Basic');
      await request(url).get('/api/v1/probe/door').set('Authorization', basic('admin')).expect(200);
    });

    it('is accepted everywhere when the settings say so', async () => {
      await open({ settings: { http: { host: '0.0.0.0', basicAuth: 'everywhere' } } });
      await request(application.url.replace('0.0.0.0', '127.0.0.1')).get('/api/v1/probe/status').set('Authorization', basic('admin')).expect(200);
    });
  });

  describe('wrong credentials', () => {
    const status = (authorization: string) => ask().get('/api/v1/probe/status').set('Authorization', authorization);

    it('are told alike whether the user is unknown, disabled or has another password', async () => {
      await open();
      await application.user('ada', ['status:read']);
      const users = application.http.app.get(UsersService, { strict: false });
      await users.create({ name: 'gone', password: TEST_PASSWORD, roles: [], rights: ['status:read'], disabled: true }, { kind: 'system' });
      const answers = [await status(basic('ada', 'not the password')), await status(basic('nobody')), await status(basic('gone'))];
      const told = answers.map(({ status: code, body }) => ({ code, ...(body as Record<string, unknown>), instance: '' }));
      expect(told[0]).toMatchObject({ code: 'credentials-wrong', status: 401 });
      expect(told[1]).toEqual(told[0]);
      expect(told[2]).toEqual(told[0]);
    });

    it('must wait longer and longer after some failures; another name does not; a right password later ends it', async () => {
      await open({ settings: { access: { failuresBeforeDelay: 3, delayInitialMs: 1000, delayMaxMs: 4000 } } });
      await application.user('ada', ['status:read']);
      for (let failure = 0; failure < 3; failure++) await status(basic('ada', 'guess')).expect(401);
      await status(basic('ada', 'guess')).expect(429).expect('Retry-After', '1');
      await status(basic('ada')).expect(429);
      await status(basic('admin')).expect(200);
      for (const wait of [1000, 2000, 4000, 4000]) {
        now += wait;
        await status(basic('ada', 'guess')).expect(401);
        await status(basic('ada', 'guess')).expect(429).expect('Retry-After', String(Math.min(4, (wait * 2) / 1000)));
      }
      now += 4000;
      await status(basic('ada')).expect(200);
      await status(basic('ada', 'guess')).expect(401);
      await status(basic('ada', 'guess')).expect(401);
    });

    it('of somebody who guesses do not lock out who has proven the password a moment ago', async () => {
      await open({ settings: { access: { failuresBeforeDelay: 1, delayInitialMs: 60_000 } } });
      const authorization = await application.user('ada', ['status:read']);
      await status(authorization).expect(200);
      await status(basic('ada', 'guess')).expect(401);
      await status(basic('ada', 'guess')).expect(429);
      await status(authorization).expect(200);
    });

    it('cannot be tried many at once to escape the delay', async () => {
      await open({ settings: { access: { failuresBeforeDelay: 3 } } });
      const answers = await Promise.all(Array.from({ length: 12 }, (_unused, index) => status(basic('admin', `guess ${index}`))));
      expect(answers.map((answer) => answer.status).sort()).toEqual([...Array<number>(3).fill(401), ...Array<number>(9).fill(429)]);
    });

    it('become audit records at a bounded rate: the first at once, the rest counted', async () => {
      await open({ settings: { access: { auditedRefusalsPerMinute: 2, failuresBeforeDelay: 100 } } });
      for (let failure = 0; failure < 4; failure++) await status(basic('Mallory', `guess ${failure}`)).expect(401);
      await status(basic('eve', 'guess one')).expect(401);
      for (let name = 0; name < 3; name++) await status(basic(`name-${name}`, 'guess one')).expect(401);
      const records = await refusals();
      expect(records.map(({ type, actor, attributes }) => [type, actor.name, attributes?.['count']])).toEqual([
        ['audit.session.logon', 'Mallory', undefined], ['audit.session.logon', 'eve', undefined], ['audit.session.logon', 'Mallory', 3], ['audit.session.reject', 'access', 3],
      ]);
      expect(records.every(({ outcome }) => outcome === 'failure')).toBe(true);
      expect(JSON.stringify(records)).not.toContain('guess ');
      await status(basic('Mallory', 'guess again')).expect(401);
      expect(await refusals()).toHaveLength(5);
    });
  });

  describe('a proven password', () => {
    it('is hashed once for many requests, also when they come at once', async () => {
      await open();
      const authorization = await application.user('ada', ['status:read']);
      const hashed = countHashes();
      const all = () => Promise.all(Array.from({ length: 40 }, () => ask().get('/api/v1/probe/status').set('Authorization', authorization).expect(200)));
      await all();
      now += 60_000;
      await all();
      expect(hashed()).toBe(1);
    });

    it('is hashed again when it was remembered long enough, and each time when nothing may be remembered', async () => {
      await open({ settings: { access: { credentialCacheMs: 60_000 } } });
      const hashed = countHashes();
      const once = () => ask().get('/api/v1/probe/status').set('Authorization', basic('admin')).expect(200);
      await once();
      now += 59_999;
      await once();
      expect(hashed()).toBe(1);
      now += 1;
      await once();
      expect(hashed()).toBe(2);
      await application.close();
      await open({ settings: { access: { credentialCacheMs: 0 } } });
      const hashedAlways = countHashes();
      await once();
      await once();
      expect(hashedAlways()).toBe(2);
    });

    it('is compared with a hash also for a name that nobody has, so that the time tells nothing', async () => {
      await open();
      const hashed = countHashes();
      await ask().get('/api/v1/probe/status').set('Authorization', basic('nobody')).expect(401);
      expect(hashed()).toBe(1);
    });

    it('ends at once in this process when the user is changed, disabled or deleted', async () => {
      await open();
      const authorization = await application.user('ada', ['status:read']);
      const users = application.http.app.get(UsersService, { strict: false });
      const [ada] = (await users.list({ search: 'ada', page: 1, pageSize: 1 })).items;
      const id = ada?._id ?? '';
      const expectStatus = (status: number, credentials = authorization) => ask().get('/api/v1/probe/status').set('Authorization', credentials).expect(status);
      await expectStatus(200);
      await users.change(id, { rights: ['events:read'] }, { kind: 'system' });
      await expectStatus(403);
      await users.change(id, { rights: ['status:read'], password: 'another password' }, { kind: 'system' });
      await expectStatus(401);
      await expectStatus(200, basic('ada', 'another password'));
      await users.change(id, { disabled: true }, { kind: 'system' });
      await expectStatus(401, basic('ada', 'another password'));
      await users.change(id, { disabled: false }, { kind: 'system' });
      await expectStatus(200, basic('ada', 'another password'));
      await users.remove(id, undefined, { kind: 'system' });
      await expectStatus(401, basic('ada', 'another password'));
    });

    it('ends within the recheck time when another process changed the user', async () => {
      await open({ settings: { access: { credentialRecheckMs: 5000 } } });
      const authorization = await application.user('ada', ['status:read']);
      const expectStatus = (status: number) => ask().get('/api/v1/probe/status').set('Authorization', authorization).expect(status);
      await expectStatus(200);
      await application.documents.connection.collection('users').updateOne({ key: 'ada' }, { $set: { disabled: true }, $inc: { version: 1 } });
      await expectStatus(200);
      now += 5000;
      await expectStatus(401);
    });
  });
});

describe('roles', () => {
  it('are told with the rights that each gives', async () => {
    const application = await openTestApplication();
    const { body } = await request(application.url).get('/api/v1/roles').set('Authorization', basic('admin')).expect(200);
    const roles = new Map((body as { items: Array<{ name: string; rights: string[] }> }).items.map(({ name, rights }) => [name, rights]));
    expect(roles.get('administrator')).toEqual((body as { rights: string[] }).rights);
    expect(roles.get('producer')).toEqual(['events:write']);
    expect(roles.get('SIEMPluginAdministrator')).toEqual(['siemadministrator']);
    expect(roles.get('SIEMExtPluginAdministrator')).toEqual(['siemextadministrator', 'receipts:write']);
    await application.close();
  });
});
