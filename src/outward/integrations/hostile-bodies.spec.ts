import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { integrationSchema } from '../../model/integration.js';
import { IntegrationRepository } from './integration-repository.js';
import type { IntegrationView } from './integration-view.js';

let ground: IntegrationsApp;
let id: string;
beforeAll(async () => {
  ground = await openIntegrationsApp();
  id = ((await request(ground.app.getHttpServer()).post(BASE).send({ name: 'target', serverUrl: 'siem' }).expect(201)).body as IntegrationView).id;
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('', 'siem', 'tls://siem:6514', 'udp://[::1]', '__proto__', 'constructor', '\ud800', '\u0000', 'a'.repeat(600), '$where', '${x}', '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----'));
const value = fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 3 }));
/** Each field is mostly one of the good values; `chaos` of 100 times it is anything. */
function bodies(chaos: number): fc.Arbitrary<object> {
  const likely = (...good: unknown[]): fc.Arbitrary<unknown> => fc.oneof({ weight: 100 - chaos, arbitrary: fc.constantFrom(...good) }, { weight: chaos, arbitrary: value });
  const sectionOf = (shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> => fc.oneof({ weight: 100 - chaos, arbitrary: fc.record(shape, { requiredKeys: [] }) }, { weight: chaos, arbitrary: value });
  return fc.record(
    {
      name: likely('n1', 'n2', 'n3'), enginePool: likely('default', null), serverUrl: likely('siem', '192.0.2.1', 'siem.example.org'), port: likely(514, 1, 65_535, null), protocol: likely('udp', 'tcp', 'tls', null),
      framing: likely('newline', null), outputType: likely('syslog', 'json', 'cef', null), header: likely('rfc5424', 'rfc3164', null), enabled: likely(false), ...(chaos > 10 ? { unknown: value, version: likely(1, 2) } : {}),
      connection: sectionOf({ settleMs: likely(0, null), retryInitialMs: likely(10, null), tls: sectionOf({ ca: likely({ set: false }, null), key: likely({ set: true }), verify: likely(true), serverName: chaos > 10 ? likely('siem') : likely(null), fingerprint: likely(null) }) }),
      output: sectionOf({ facility: likely(0, 23, null), appName: likely('gate'), hostname: likely('h', null), timeZone: likely('Europe/Vienna'), maxBytes: likely(480, 65_000, null), bom: likely(true), cef: sectionOf({ vendor: likely('Acme', null), version: likely(0, 1) }) }),
      filter: sectionOf({ types: likely([], ['account.*'], ['*', 'audit.user.create'], null) }),
    },
    { requiredKeys: ['name', 'serverUrl'] },
  );
}
const anyBody = fc.oneof({ weight: 3, arbitrary: bodies(2) }, { weight: 3, arbitrary: bodies(40) }, { weight: 1, arbitrary: value });
const query = fc.oneof(fc.webQueryParameters(), fc.constantFrom('search=%00', 'search=%FF', 'search=(', 'page=1e9', 'sort[]=name', 'page=1&page=2', 'search=%5C', '__proto__=1'));

describe('whatever is sent', () => {
  it('is answered, never with a failure of the service', async () => {
    const send = request(ground.app.getHttpServer());
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('create', 'change', 'connection', 'output', 'filter', 'general', 'enable', 'preview'), anyBody, async (route, sent) => {
        const json = JSON.stringify(sent) ?? 'null';
        const post = (path: string) => send.post(path).type('json').send(json);
        const patch = (path: string) => send.patch(path).type('json').send(json);
        const answer = await (route === 'create' ? post(BASE) : route === 'change' ? patch(`${BASE}/${id}`) : route === 'enable' || route === 'preview' ? post(`${BASE}/${id}/${route}`) : patch(`${BASE}/${id}/${route}`));
        seen.add(answer.status);
        expect([200, 201, 400, 409, 412, 413]).toContain(answer.status);
        if (answer.status === 400) expect((answer.body as { errors: unknown[] }).errors.length).toBeGreaterThan(0);
        if (answer.status === 201) {
          // What was accepted reads back as it was answered, and is a valid integration for the engine.
          const view = answer.body as IntegrationView;
          expect((await send.get(`${BASE}/${view.id}`).expect(200)).body).toEqual(view);
          const { id: _id, version: _version, createdAt: _createdAt, updatedAt: _updatedAt, ...settings } = (await ground.app.get(IntegrationRepository).get(view.id)) ?? {};
          expect(integrationSchema.safeParse(settings).success).toBe(true);
          await send.delete(`${BASE}/${view.id}`).expect(200);
        }
      }),
      { numRuns: 250, examples: [['create', { name: 'n1', serverUrl: 'siem' }], ['change', { description: '' }], ['create', null]] },
    );
    expect([...seen]).toEqual(expect.arrayContaining([200, 201, 400]));
  }, 120_000);

  it('also in a query or a path', async () => {
    const send = request(ground.app.getHttpServer());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(BASE, '/api/v1/dead-letters', '/api/v1/engines'), query, async (path, asked) => {
        expect((await send.get(`${path}?${asked}`)).status).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.string({ unit: 'grapheme' })), async (path) => {
        const wellFormed = encodeURIComponent(path.toWellFormed());
        for (const address of [`${BASE}/${wellFormed}`, `${BASE}/${wellFormed}/status`, `/api/v1/dead-letters/${wellFormed}`]) expect((await send.get(address)).status).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
