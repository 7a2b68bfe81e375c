import { createConnection } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, NotFoundException, Post, Req } from '@nestjs/common';
import request from 'supertest';
import { z } from 'zod';
import { openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { settingsFrom } from '../../config/settings.js';
import { silentLog, type Log } from '../../contracts/log.js';
import { PublicRoute, RequireRight } from '../access/rights.js';
import { createHttpApplication } from './create-http-application.js';
import { Problem } from './problem.js';
import type { GateRequest } from './request.js';
import { ZodPipe } from './zod.pipe.js';

/** Handlers of `slow` that wait for their answer. */
const waiting: Array<() => void> = [];
async function slowRequestArrived(): Promise<void> {
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

@Controller('api/v1')
class ProbeController {
  @Post('echo')
  @PublicRoute()
  echo(@Body(new ZodPipe(z.unknown())) body: unknown) {
    return { body };
  }

  @Post('events')
  @PublicRoute()
  events(@Req() { rawBody, body }: GateRequest) {
    return { isBuffer: Buffer.isBuffer(rawBody), hex: rawBody?.toString('hex'), parsed: (body as unknown) ?? null };
  }

  @Get('fails')
  @PublicRoute()
  fails() {
    throw new Error('connection string mongodb://user:hunter2@inside');
  }

  @Get('store-away')
  @PublicRoute()
  storeAway() {
    throw Object.assign(new Error('no server'), { name: 'MongoServerSelectionError' });
  }

  @Get('refuses')
  @PublicRoute()
  refuses() {
    throw new Problem(409, 'name-taken', 'There is one already.', { headers: { 'Retry-After': '3' }, errors: [{ pointer: '/name', message: 'taken' }] });
  }

  @Get('gone')
  @PublicRoute()
  gone() {
    throw new NotFoundException('an inner sentence');
  }

  @Get('slow')
  @PublicRoute()
  slow() {
    return new Promise((resolve) => waiting.push(() => resolve({ done: true })));
  }

  @Get('guarded')
  @RequireRight('status:read')
  guarded() {
    return {};
  }
}

const logged: Array<{ facts: Record<string, unknown>; message: string }> = [];
const recordingLog: Log = { ...silentLog, error: (facts, message) => void logged.push({ facts: facts as Record<string, unknown>, message }), child: () => recordingLog };

describe('the HTTP application', () => {
  let application: TestApplication;
  beforeAll(async () => { application = await openTestApplication({ controllers: [ProbeController], log: recordingLog, settings: { http: { requestBytes: 2048 }, intake: { eventBytes: 1024 } } }); });
  afterAll(() => application.close());
  const ask = () => request(application.url);

  it('answers refusals as problem+json with their headers and the id of the request', async () => {
    const answer = await ask().get('/api/v1/refuses').set('X-Request-Id', 'mine-1').expect(409).expect('Content-Type', /^application\/problem\+json/).expect('Retry-After', '3').expect('X-Request-Id', 'mine-1');
    expect(answer.body).toEqual({ type: 'urn:tidegate:problem:name-taken', title: 'name taken', status: 409, code: 'name-taken', detail: 'There is one already.', errors: [{ pointer: '/name', message: 'taken' }], instance: 'urn:tidegate:request:mine-1' });
  });

  it('tells nothing of the inside when something fails unexpectedly, and logs it under the same id', async () => {
    const answer = await ask().get('/api/v1/fails').expect(500).expect('Content-Type', /problem\+json/);
    expect(answer.text).not.toMatch(/hunter2|mongodb|Error/);
    const { correlationId } = answer.body as { correlationId: string };
    expect(correlationId).toBe(answer.headers['x-request-id']);
    expect(logged.find(({ facts }) => facts['correlationId'] === correlationId)?.facts).toMatchObject({ method: 'GET', path: '/api/v1/fails', error: 'Error', stack: expect.stringContaining('ProbeController') });
  });

  it('answers 503 with Retry-After while the document store is away', async () => {
    const answer = await ask().get('/api/v1/store-away').expect(503).expect('Retry-After', '5');
    expect(answer.body).toMatchObject({ code: 'documents-unavailable' });
  });

  it('answers a route that is not there, and one that says not found, as 404 problems', async () => {
    expect((await ask().get('/api/v1/nowhere?x=1').expect(404)).body).toMatchObject({ code: 'not-found', detail: 'There is nothing at GET /api/v1/nowhere.' });
    await ask().delete('/api/v1/echo').expect(404);
    expect((await ask().get('/api/v1/gone').expect(404)).body).toMatchObject({ code: 'not-found' });
    expect((await ask().get('/api/v1/users/%FF').expect(400)).body).toMatchObject({ code: 'bad-request' });
  });

  it('replaces a request id that could forge a log line', async () => {
    for (const id of ['a b', 'x'.repeat(65), '{"a":1}']) {
      const answer = await ask().get('/api/v1/refuses').set('X-Request-Id', id);
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('sets security headers, hides what it is made of, and lets nothing be cached', async () => {
    const { headers } = await ask().get('/api/v1/refuses');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    expect(headers['content-security-policy']).toMatch(/default-src 'self'.*style-src 'self'(;|$)/);
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['etag']).toBeUndefined();
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  describe('bodies', () => {
    it('reads JSON of every JSON type, plain or compressed', async () => {
      expect((await ask().post('/api/v1/echo').send({ a: [1, 'ä'] }).expect(201)).body).toEqual({ body: { a: [1, 'ä'] } });
      expect((await ask().post('/api/v1/echo').set('Content-Type', 'application/merge-patch+json').send('{"b":null}').expect(201)).body).toEqual({ body: { b: null } });
      const zipped = await fetch(`${application.url}/api/v1/echo`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync('{"c":1}') });
      expect(await zipped.json()).toEqual({ body: { c: 1 } });
    });

    it.each([
      ['{"a": }', 'value expected at line 1, column 7 (offset 6)'],
      ['{"a":1,\n "b" 2}', 'colon expected at line 2, column 6'],
      ['{"a":1', 'close brace expected at line 1, column 7'],
      ["{'a':1}", 'line 1, column 2'],
      ['{"a":1} x', 'line 1, column 9'],
      ['[1,]', 'line 1, column 4'],
      ['// no\n{}', 'line 1, column 1'],
      ['  ', 'The body is empty'],
      [`${'['.repeat(1000)}`, 'line 1, column 1001'],
    ])('says where %j stops being JSON', async (text, where) => {
      const answer = await ask().post('/api/v1/echo').set('Content-Type', 'application/json').send(text).expect(400);
      expect(answer.body).toMatchObject({ code: 'malformed-json', detail: expect.stringContaining(where) });
    });

    it('refuses a body that is too large, also one that grows by decompression', async () => {
      const large = JSON.stringify({ a: 'x'.repeat(3000) });
      for (const path of ['/api/v1/echo', '/api/v1/events']) {
        expect((await ask().post(path).set('Content-Type', 'application/json').send(large).expect(413)).body).toMatchObject({ code: 'body-too-large', limitBytes: 2048 });
        const zipped = await fetch(`${application.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync(large) });
        expect(zipped.status).toBe(413);
      }
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])('refuses %s where JSON is read', async (type) => {
      expect((await ask().post('/api/v1/echo').set('Content-Type', type).send('{"a":1}').expect(415)).body).toMatchObject({ code: 'unsupported-media-type', detail: expect.stringContaining('Content-Type: application/json') });
    });

    it('refuses an unknown or broken content encoding and an unknown charset', async () => {
      const send = (headers: Record<string, string>) => fetch(`${application.url}/api/v1/echo`, { method: 'POST', headers, body: '{}' });
      expect((await send({ 'content-type': 'application/json', 'content-encoding': 'zip' })).status).toBe(415);
      expect((await send({ 'content-type': 'application/json; charset=klingon' })).status).toBe(415);
      const broken = await send({ 'content-type': 'application/json', 'content-encoding': 'gzip' });
      expect(broken.status).toBe(400);
      expect(await broken.json()).toMatchObject({ code: 'body-unreadable', detail: expect.stringContaining('Content-Encoding') });
    });

    it('lets a post without a body through', async () => {
      await ask().post('/api/v1/echo').expect(201);
    });

    it.each(['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json', 'text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded'])('hands the untouched bytes of %s to the door of the events', async (type) => {
      const bytes = Buffer.from('{"a": 1e400, broken \u00e4\xff', 'latin1');
      for (const path of ['/api/v1/events', '/api/v1/events/', '/API/v1/Events']) {
        const answer = await fetch(`${application.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body: bytes });
        expect(await answer.json()).toEqual({ isBuffer: true, hex: bytes.toString('hex'), parsed: null });
      }
    });

    it('hands decompressed bytes, and empty ones when there is no body, to the door of the events', async () => {
      const zipped = await fetch(`${application.url}/api/v1/events`, { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: gzipSync('abc') });
      expect(await zipped.json()).toMatchObject({ hex: '616263' });
      expect((await ask().post('/api/v1/events').expect(201)).body).toMatchObject({ isBuffer: true, hex: '' });
    });
  });

  it('refuses what a browser sends on behalf of another site, and reads for it', async () => {
    for (const site of ['cross-site', 'same-site']) expect((await ask().post('/api/v1/echo').set('Sec-Fetch-Site', site).send({}).expect(403)).body).toMatchObject({ code: 'cross-site-request' });
    await ask().post('/api/v1/echo').set('Sec-Fetch-Site', 'same-origin').send({}).expect(201);
    await ask().post('/api/v1/echo').set('Sec-Fetch-Site', 'none').send({}).expect(201);
    await ask().get('/api/v1/refuses').set('Sec-Fetch-Site', 'cross-site').expect(409);
  });

  it('serves the OpenAPI 3.1 document, with the right of each route, and a page to read it, to everybody', async () => {
    const { body } = await ask().get('/api/openapi.json').expect(200).expect('Content-Type', /application\/json/);
    const document = body as { openapi: string; paths: Record<string, Record<string, Record<string, unknown>>>; components: { schemas: Record<string, unknown> } };
    expect(document.openapi).toBe('3.1.0');
    expect(document.paths['/api/v1/guarded']?.['get']).toMatchObject({ operationId: 'Probe_guarded', 'x-required-right': 'status:read', security: [{ basic: [] }, { bearer: [] }], responses: { 401: expect.anything(), 403: expect.anything() } });
    expect(document.paths['/api/v1/echo']?.['post']).not.toHaveProperty('x-required-right');
    expect(document.components.schemas).toHaveProperty('Problem');
    expect(document.paths['/api/v1/users']?.['post']).toMatchObject({ 'x-required-right': 'users:write' });
    const page = await ask().get('/api/docs').expect(200).expect('Content-Type', /text\/html/);
    expect(page.headers['content-security-policy']).toContain("style-src 'self' 'unsafe-inline'");
    for (const [, source] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) await ask().get(new URL(source ?? '', `${application.url}/api/docs`).pathname).expect(200);
  });
});

describe('starting and stopping', () => {
  it('lets open requests end, takes no new ones, and only then stops the services', async () => {
    const application = await openTestApplication({ controllers: [ProbeController] });
    const { port } = new URL(application.url);
    const open = fetch(`${application.url}/api/v1/slow`);
    await slowRequestArrived();
    const closing = application.close();
    await expect(new Promise((resolve, reject) => createConnection({ host: '127.0.0.1', port: Number(port) }, () => resolve('connected')).on('error', reject))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    waiting.pop()?.();
    expect(await (await open).json()).toEqual({ done: true });
    await closing;
  });

  it('cuts requests that outlast the grace', async () => {
    const application = await openTestApplication({ controllers: [ProbeController], settings: { http: { stopGraceMs: 100 } } });
    const open = fetch(`${application.url}/api/v1/slow`).then(() => 'answered', () => 'cut');
    await slowRequestArrived();
    await application.close();
    waiting.pop();
    expect(await open).toBe('cut');
  });

  it('names setting and fix when the port is taken or the address is not ours', async () => {
    const application = await openTestApplication();
    const port = Number(new URL(application.url).port);
    await expect(openTestApplication({ settings: { http: { port } } })).rejects.toThrow(`http.port = ${port}: another process listens on 127.0.0.1:${port}; stop it or set TIDEGATE_HTTP_PORT to a free port`);
    await expect(openTestApplication({ settings: { http: { host: '192.0.2.1' } } })).rejects.toThrow(/http\.host = "192\.0\.2\.1": is no address of this machine/);
    await application.close();
  });

  it('does not start with a route that declares no right, and names it', async () => {
    @Controller('api/v1/open')
    class ForgottenController {
      @Get()
      read() {
        return {};
      }

      @Get('fine')
      @PublicRoute()
      fine() {
        return {};
      }
    }
    await expect(openTestApplication({ controllers: [ForgottenController] })).rejects.toThrow("Route(s) without a right: ForgottenController.read. Add @RequireRight('...') or @PublicRoute() to each.");
  });

  it('does not start without the guard', async () => {
    @Module({ controllers: [ProbeController] })
    class Unguarded {}
    await expect(createHttpApplication(Unguarded, { settings: settingsFrom({ http: { port: 0 } }), log: silentLog })).rejects.toThrow(/AccessGuard/);
  });
});
