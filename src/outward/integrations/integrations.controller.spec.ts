import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { isHttpKind, OUTPUT_TYPES, PROTOCOLS } from '../../model/integration.js';
import type { IntegrationView } from './integration-view.js';

let ground: IntegrationsApp;
beforeAll(async () => {
  ground = await openIntegrationsApp();
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
let count = 0;
const aName = (prefix = 'siem') => `${prefix} ${(count += 1)}`;
async function created(body: object = {}): Promise<IntegrationView> {
  const answer = await api().post(BASE).send({ name: aName(), serverUrl: 'siem.example.org', ...body });
  expect(answer.body).toMatchObject({ version: 1 });
  expect(answer.status).toBe(201);
  return answer.body as IntegrationView;
}
const pointers = (body: { errors?: Array<{ pointer: string }> }) => (body.errors ?? []).map((item) => item.pointer);

describe('creating an integration', () => {
  it('takes name, pool and server URL and fills in the rest', async () => {
    const name = aName();
    const answer = await api().post(BASE).send({ name, enginePool: 'vienna', serverUrl: 'siem.example.org' }).expect(201);
    expect(answer.body).toMatchObject({
      name, enginePool: 'vienna', serverUrl: 'siem.example.org', protocol: 'tcp', port: 514, framing: 'newline', outputType: 'syslog', header: 'rfc5424', enabled: false, version: 1,
      output: { facility: 13, appName: 'tidegate', maxBytes: 8096, oversize: 'shorten', cef: { vendor: 'Tidegate' } }, filter: { types: [] }, warnings: [],
      connection: { tls: { verify: true, ca: { set: false, certificates: [] }, certificate: { set: false }, key: { set: false } } },
    });
    const { id } = answer.body as IntegrationView;
    expect(answer.headers).toMatchObject({ etag: '"1"', location: `${BASE}/${id}` });
    const again = await api().get(`${BASE}/${id}`).expect(200);
    expect(again.body).toEqual(answer.body);
  });

  it.each([
    ['udp://siem', { protocol: 'udp', port: 514, framing: 'newline', maxBytes: 1400 }],
    ['syslog://siem:5140', { protocol: 'udp', port: 5140, framing: 'newline', maxBytes: 1400 }],
    ['tcp://siem:601', { protocol: 'tcp', port: 601, framing: 'newline', maxBytes: 8096 }],
    ['tls://siem', { protocol: 'tls', port: 6514, framing: 'octet-counting', maxBytes: 8096 }],
    ['syslogs://siem:7000/', { protocol: 'tls', port: 7000, framing: 'octet-counting', maxBytes: 8096 }],
    ['192.0.2.9:1514', { protocol: 'tcp', port: 1514, framing: 'newline', maxBytes: 8096 }],
    ['TLS://[2001:db8::1]:6515', { protocol: 'tls', port: 6515, framing: 'octet-counting', maxBytes: 8096 }],
    ['2001:db8::1', { protocol: 'tcp', port: 514, framing: 'newline', maxBytes: 8096 }],
  ])('fills port, protocol and framing in from %s', async (serverUrl, { maxBytes, ...expected }) => {
    expect(await created({ serverUrl })).toMatchObject({ serverUrl, ...expected, output: { maxBytes } });
  });

  it('lets what is said by hand win over what would fill in', async () => {
    expect(await created({ serverUrl: 'siem', protocol: 'tls', port: 514, framing: 'newline', outputType: 'json', header: 'none', output: { maxBytes: 4096 } })).toMatchObject({
      protocol: 'tls', port: 514, framing: 'newline', outputType: 'json', header: 'none', output: { maxBytes: 4096, facility: 13 },
    });
  });

  it('gives JSON and CEF a syslog header by default', async () => {
    expect(await created({ outputType: 'json' })).toMatchObject({ header: 'rfc5424' });
    expect(await created({ outputType: 'cef' })).toMatchObject({ header: 'rfc5424' });
  });

  it('refuses to create one enabled', async () => {
    const answer = await api().post(BASE).send({ name: aName(), serverUrl: 'siem', enabled: true }).expect(400);
    expect(pointers(answer.body)).toEqual(['/enabled']);
    await created({ enabled: false });
  });

  it('names every fault with its pointer', async () => {
    const answer = await api().post(BASE).send({ name: ' ', serverUrl: 'siem', colour: 'red', port: 0, protocol: 'carrier-pigeon', output: { facility: 24, cef: { vendor: 'a|b' }, sise: 1 }, connection: { tls: { fingerprint: 'xyz' } } }).expect(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(pointers(answer.body).sort()).toEqual(['/colour', '/connection/tls/fingerprint', '/name', '/output/cef/vendor', '/output/facility', '/output/sise', '/port', '/protocol']);
  });

  it.each([
    ['a URL with a path', { serverUrl: 'tls://siem/intake' }, '/serverUrl'],
    ['a URL with a user', { serverUrl: 'tls://ann:secret@siem' }, '/serverUrl'],
    ['a scheme that it does not know', { serverUrl: 'gopher://siem' }, '/serverUrl'],
    ['a scheme named like a member of every object', { serverUrl: 'constructor://siem' }, '/serverUrl'],
    ['a host that is none', { serverUrl: 'si..em' }, '/serverUrl'],
    ['an address that is none', { serverUrl: '999.1.1.1' }, '/serverUrl'],
    ['a port beyond the range in the URL', { serverUrl: 'siem:70000' }, '/serverUrl'],
    ['a protocol that contradicts the URL', { serverUrl: 'udp://siem', protocol: 'tls' }, '/protocol'],
    ['a port that contradicts the URL', { serverUrl: 'siem:514', port: 515 }, '/port'],
    ['octet counting over udp', { serverUrl: 'udp://siem', framing: 'octet-counting' }, '/framing'],
    ['syslog without a header', { header: 'none' }, '/header'],
    ['JSON without a header over udp', { serverUrl: 'udp://siem', outputType: 'json', header: 'none' }, '/header'],
    ['messages longer than a datagram', { serverUrl: 'udp://siem', output: { maxBytes: 65_508 } }, '/output/maxBytes'],
    ['messages of more than 1 MiB', { output: { maxBytes: 1_048_577 } }, '/output/maxBytes'],
    ['a tag with a colon', { header: 'rfc3164', output: { appName: 'tide:gate' } }, '/output/appName'],
    ['a time zone that is none', { output: { timeZone: 'Mars/Olympus' } }, '/output/timeZone'],
    ['an offset in place of a time zone', { output: { timeZone: '+01:00' } }, '/output/timeZone'],
    ['a longest wait below the first', { connection: { retryInitialMs: 5000, retryMaxMs: 100 } }, '/connection/retryMaxMs'],
    ['TLS settings without TLS', { connection: { tls: { serverName: 'siem' } } }, '/connection/tls/serverName'],
    ['no verification without TLS', { connection: { tls: { verify: false } } }, '/connection/tls/verify'],
    ['an event type that nobody knows', { filter: { types: ['account.*', 'acount.provisioned'] } }, '/filter/types/1'],
    ['a prefix of nothing', { filter: { types: ['acount.*'] } }, '/filter/types/0'],
    ['a star in the middle', { filter: { types: ['account.*.changed'] } }, '/filter/types/0'],
    ['a least severity above the greatest', { filter: { severityMin: 6, severityMax: 5 } }, '/filter/severityMax'],
    ['a rule without conditions', { filter: { exclude: [{ name: 'a', conditions: [] }] } }, '/filter/exclude/0/conditions'],
    ['a rule without a name', { filter: { include: [{ conditions: [{ field: 'severity', operator: 'exists' }] }] } }, '/filter/include/0/name'],
    ['two rules of one name', { filter: { exclude: [{ name: 'Same', conditions: [{ field: 'severity', operator: 'exists' }] }], include: [{ name: 'same', conditions: [{ field: 'severity', operator: 'exists' }] }] } }, '/filter/include/0/name'],
    ['a field that no event has', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'user.name', operator: 'exists' }] }] } }, '/filter/exclude/0/conditions/0/field'],
    ['a field that no actor has', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'actor.mail', operator: 'exists' }] }] } }, '/filter/exclude/0/conditions/0/field'],
    ['a path that is none', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'attributes..x', operator: 'exists' }] }] } }, '/filter/exclude/0/conditions/0/field'],
    ['an operator without its value', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'tenantId', operator: 'equals' }] }] } }, '/filter/exclude/0/conditions/0/value'],
    ['a list for one value', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'tenantId', operator: 'equals', value: 'x', values: ['x'] }] }] } }, '/filter/exclude/0/conditions/0/values'],
    ['a comparison with a text', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'severity', operator: 'greater-than', value: 'high' }] }] } }, '/filter/exclude/0/conditions/0/value'],
    ['an operator that nobody knows', { filter: { exclude: [{ name: 'a', conditions: [{ field: 'severity', operator: 'like', value: 'high' }] }] } }, '/filter/exclude/0/conditions/0/operator'],
    ['a pool with capitals', { enginePool: 'Vienna' }, '/enginePool'],
    ['a name with a line break', { name: 'a\nb' }, '/name'],
    ['half a character', { name: 'a\ud800b' }, '/name'],
    ['a version', { version: 1 }, '/version'],
    ['TLS settings over RELP without TLS', { protocol: 'relp', connection: { tls: { serverName: 'siem.example.org' } } }, '/connection/tls/serverName'],
    ['RELP over TLS with another protocol', { protocol: 'tcp', connection: { relp: { tls: true } } }, '/connection/relp/tls'],
  ])('refuses %s', async (_what, body, pointer) => {
    const answer = await api().post(BASE).send({ name: aName(), serverUrl: 'siem', ...body }).expect(400);
    expect(pointers(answer.body)).toEqual([pointer]);
  });

  it('takes exact types, prefixes and audit records in the filter', async () => {
    const types = ['account.provisioned', 'account.*', 'audit.*', 'audit.user.*', 'audit.user.create', '*', 'siem.heartbeat'];
    expect(await created({ filter: { types } })).toMatchObject({ filter: { types } });
  });

  it('accepts exactly the combinations that the options list', async () => {
    const options = await api().get('/api/v1/integration-options').expect(200);
    const { protocols, combinations, defaults } = options.body as { protocols: Array<{ protocol: string }>; combinations: object[]; defaults: object };
    expect(protocols.map(({ protocol }) => protocol)).toEqual([...PROTOCOLS]);
    expect(defaults).toMatchObject({ outputType: 'syslog', header: 'rfc5424', output: { facility: 13 } });
    const listed = new Set(combinations.map((combination) => JSON.stringify(combination)));
    const accepted = new Set<string>();
    for (const protocol of PROTOCOLS) {
      const overHttp = isHttpKind(protocol) ? { serverUrl: 'https://siem', connection: { http: { token: 't' } } } : { serverUrl: 'siem' };
      for (const outputType of OUTPUT_TYPES) {
        for (const header of ['rfc5424', 'rfc3164', 'none']) {
          for (const framing of ['octet-counting', 'newline']) {
            const { status } = await api().post(BASE).send({ name: aName('combination'), ...overHttp, protocol, outputType, header, framing });
            if (status === 201) accepted.add(JSON.stringify({ protocol, outputType, header, framing }));
          }
        }
      }
    }
    expect([...accepted].sort()).toEqual([...listed].sort());
    expect(accepted.size).toBeGreaterThanOrEqual(97);
  });

  it('keeps names unique, upper and lower case alike, also under parallel creates', async () => {
    const name = aName('Unique');
    const answers = await Promise.all([name, name.toUpperCase(), name.toLowerCase(), ` ${name} `, name, name].map((variant) => api().post(BASE).send({ name: variant, serverUrl: 'siem' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body).toMatchObject({ code: 'name-taken', errors: [{ pointer: '/name' }] });
  });

  it('frees the name of a deleted integration', async () => {
    const first = await created();
    await api().delete(`${BASE}/${first.id}`).expect(200);
    const second = await created({ name: first.name });
    expect(second.id).not.toBe(first.id);
    await api().delete(`${BASE}/${second.id}`).expect(200);
    await created({ name: first.name });
  });
});

describe('changing an integration', () => {
  it('merges a section and leaves the rest alone', async () => {
    const { id } = await created({ output: { facility: 10, appName: 'gate' } });
    const answer = await api().patch(`${BASE}/${id}`).send({ output: { facility: 16, cef: { product: 'Harbour' } }, connection: { settleMs: 0 } }).expect(200);
    expect(answer.body).toMatchObject({ version: 2, output: { facility: 16, appName: 'gate', cef: { vendor: 'Tidegate', product: 'Harbour' } }, connection: { settleMs: 0, connectTimeoutMs: 10_000 } });
    expect(answer.headers['etag']).toBe('"2"');
  });

  it.each([
    ['general', { name: 'renamed by section', port: 1999 }, { name: 'renamed by section', port: 1999 }],
    ['connection', { sendTimeoutMs: 5000 }, { connection: { sendTimeoutMs: 5000 } }],
    ['output', { facility: 4 }, { output: { facility: 4 } }],
    ['filter', { types: ['account.*'] }, { filter: { types: ['account.*'] } }],
  ])('changes the section %s by its own route', async (section, body, expected) => {
    const { id } = await created();
    const answer = await api().patch(`${BASE}/${id}/${section}`).send({ ...body, version: 1 }).expect(200);
    expect(answer.body).toMatchObject({ ...expected, version: 2 });
    const refused = await api().patch(`${BASE}/${id}/${section}`).send({ colour: 'red' }).expect(400);
    expect(pointers(refused.body)).toEqual(['/colour']);
  });

  it('replaces the rules of a filter as a whole, and records what they were', async () => {
    const rule = (name: string) => ({ name, match: 'all', conditions: [{ field: 'tenantId', operator: 'equals', value: name, ignoreCase: false }] });
    const { id } = await created({ filter: { severityMin: 3, exclude: [rule('one'), rule('two')] } });
    const answer = await api().patch(`${BASE}/${id}/filter`).send({ exclude: [rule('three')] }).expect(200);
    expect(answer.body).toMatchObject({ filter: { severityMin: 3, exclude: [rule('three')], include: [] } });
    const cleared = await api().patch(`${BASE}/${id}`).send({ filter: { exclude: null, severityMin: null } }).expect(200);
    expect((cleared.body as IntegrationView).filter).toEqual({ types: [], outcomes: [], exclude: [], include: [] });
    const [, changed] = await ground.audit(id);
    expect(changed?.changes).toEqual([{ field: 'filter.exclude', old: [JSON.stringify(rule('one')), JSON.stringify(rule('two'))], new: [JSON.stringify(rule('three'))] }]);
    const refused = await api().patch(`${BASE}/${id}/filter`).send({ include: [{ ...rule('x'), conditions: [{ field: 'nothing', operator: 'exists' }] }] }).expect(400);
    expect(pointers(refused.body)).toEqual(['/include/0/conditions/0/field']);
  });

  it('points into the body of a section that was sent', async () => {
    const { id } = await created();
    const answer = await api().patch(`${BASE}/${id}/output`).send({ timeZone: 'Nowhere/Land' }).expect(400);
    expect(pointers(answer.body)).toEqual(['/timeZone']);
    await api().patch(`${BASE}/${id}/colours`).send({}).expect(404);
  });

  it('fills a value in again when it is set to null', async () => {
    const { id } = await created({ serverUrl: 'siem', port: 9999, output: { hostname: 'gate-1', facility: 4, maxBytes: 2000 } });
    const answer = await api().patch(`${BASE}/${id}`).send({ port: null, output: { hostname: null, facility: null, maxBytes: null } }).expect(200);
    expect(answer.body).toMatchObject({ port: 514, output: { facility: 13, maxBytes: 8096 } });
    expect((answer.body as IntegrationView).output.hostname).toBeUndefined();
    const whole = await api().patch(`${BASE}/${id}`).send({ connection: null }).expect(200);
    expect(whole.body).toMatchObject({ connection: { settleMs: 1000 } });
    expect(pointers((await api().patch(`${BASE}/${id}`).send({ name: null }).expect(400)).body)).toEqual(['/name']);
  });

  it.each([
    ['a new protocol fills port, framing and limit in again', { serverUrl: 'siem', protocol: 'udp' }, { protocol: 'tls' }, { port: 6514, framing: 'octet-counting', output: { maxBytes: 8096 } }],
    ['a port given with the new protocol wins', { serverUrl: 'siem' }, { protocol: 'tls', port: 514, framing: 'newline' }, { port: 514, framing: 'newline' }],
    ['the port of the URL outlives a new protocol', { serverUrl: 'siem:1514' }, { protocol: 'tls' }, { port: 1514, serverUrl: 'siem:1514' }],
    ['a limit set by hand outlives a new protocol', { output: { maxBytes: 4000 } }, { protocol: 'udp' }, { output: { maxBytes: 4000 } }],
    ['the scheme of a new URL is taken', { serverUrl: 'siem' }, { serverUrl: 'tls://other' }, { protocol: 'tls', port: 6514, framing: 'octet-counting' }],
    ['the port of a new URL is taken', { serverUrl: 'siem' }, { serverUrl: 'siem:7777' }, { protocol: 'tcp', port: 7777 }],
    ['a new host alone leaves a port set by hand', { port: 1514 }, { serverUrl: 'other' }, { port: 1514 }],
    ['a port from the old URL goes with it', { serverUrl: 'siem:1514' }, { serverUrl: 'other' }, { port: 514 }],
    ['the scheme of the URL follows the protocol', { serverUrl: 'udp://siem' }, { protocol: 'tcp' }, { serverUrl: 'tcp://siem', port: 514 }],
    ['the port of the URL follows the port', { serverUrl: 'tls://[2001:db8::1]:6514' }, { port: 6515 }, { serverUrl: 'tls://[2001:db8::1]:6515' }],
  ])('%s', async (_what, before, patch, expected) => {
    const { id } = await created(before);
    expect((await api().patch(`${BASE}/${id}`).send(patch).expect(200)).body).toMatchObject(expected);
  });

  it('judges the merged whole, not the patch alone', async () => {
    const { id } = await created({ outputType: 'json', header: 'none' });
    expect(pointers((await api().patch(`${BASE}/${id}`).send({ outputType: 'syslog' }).expect(400)).body)).toEqual(['/header']);
    expect(pointers((await api().patch(`${BASE}/${id}`).send({ protocol: 'udp' }).expect(400)).body)).toEqual(['/header']);
    expect((await api().get(`${BASE}/${id}`)).body).toMatchObject({ outputType: 'json', header: 'none', version: 1 });
    await api().patch(`${BASE}/${id}`).send({ outputType: 'syslog', header: 'rfc3164' }).expect(200);
  });

  it('says nothing happened when nothing changed', async () => {
    const before = await created();
    const { body } = await api().patch(`${BASE}/${before.id}`).send({ name: before.name, port: 514, output: { facility: 13 }, connection: {} }).expect(200);
    expect(body).toMatchObject({ version: 1, updatedAt: before.updatedAt });
    expect(await ground.audit(before.id)).toHaveLength(1);
  });

  it('refuses a name that another integration has', async () => {
    const [first, second] = [await created(), await created()];
    const answer = await api().patch(`${BASE}/${second.id}`).send({ name: first.name.toUpperCase() }).expect(409);
    expect(answer.body).toMatchObject({ code: 'name-taken' });
    await api().patch(`${BASE}/${second.id}`).send({ name: second.name.toUpperCase() }).expect(200);
  });

  it('answers 404 for what is not there', async () => {
    for (const send of [api().get(`${BASE}/nothing`), api().patch(`${BASE}/nothing`).send({}), api().delete(`${BASE}/nothing`), api().post(`${BASE}/nothing/enable`), api().post(`${BASE}/nothing/test`), api().post(`${BASE}/nothing/preview`), api().get(`${BASE}/nothing/status`)]) {
      expect((await send.expect(404)).body).toMatchObject({ code: 'integration-not-found' });
    }
  });
});

describe('two writers', () => {
  it('lets exactly one of many that read the same version win', async () => {
    const { id } = await created();
    const byHeader = await Promise.all(Array.from({ length: 8 }, (_, n) => api().patch(`${BASE}/${id}`).set('If-Match', '"1"').send({ output: { facility: n } })));
    expect(byHeader.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status, body, headers } of byHeader.filter((answer) => answer.status !== 200)) {
      expect(status).toBe(412);
      expect(body).toMatchObject({ code: 'precondition-failed', currentVersion: 2 });
      expect(headers['etag']).toBe('"2"');
    }
    const byBody = await Promise.all(Array.from({ length: 8 }, (_, n) => api().patch(`${BASE}/${id}`).send({ version: 2, output: { facility: n + 10 } })));
    expect(byBody.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(byBody.filter(({ status }) => status === 409)).toHaveLength(7);
    expect(byBody.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'version-conflict', currentVersion: 3 });
    expect(await ground.audit(id)).toHaveLength(3);
  });

  it('loses no field when neither names a version', async () => {
    const { id } = await created();
    const fields = [{ output: { facility: 3 } }, { output: { appName: 'gate' } }, { connection: { settleMs: 5 } }, { port: 1514 }, { filter: { types: ['audit.*'] } }, { enabled: true }];
    const answers = await Promise.all(fields.map((body) => api().patch(`${BASE}/${id}`).send(body)));
    expect(answers.map(({ status }) => status)).toEqual(fields.map(() => 200));
    expect((await api().get(`${BASE}/${id}`)).body).toMatchObject({ version: 7, output: { facility: 3, appName: 'gate' }, connection: { settleMs: 5 }, port: 1514, filter: { types: ['audit.*'] }, enabled: true });
  });

  it.each([
    ['"1"', 200], ['W/"1"', 200], ['*', 200], ['"7", "1"', 200], ['"0"', 412], ['"abc"', 412], ['1', 400],
  ])('reads If-Match: %s', async (ifMatch, status) => {
    const { id } = await created();
    await api().patch(`${BASE}/${id}`).set('If-Match', ifMatch).send({ port: 1999 }).expect(status);
  });

  it('checks the version at enable, disable and delete as well', async () => {
    const { id } = await created();
    await api().post(`${BASE}/${id}/enable`).set('If-Match', '"9"').expect(412);
    await api().post(`${BASE}/${id}/enable`).send({ version: 9 }).expect(409);
    await api().post(`${BASE}/${id}/enable`).send({ version: 1 }).expect(200);
    await api().post(`${BASE}/${id}/disable`).set('If-Match', '"1"').expect(412);
    await api().delete(`${BASE}/${id}`).set('If-Match', '"1"').expect(412);
    await api().delete(`${BASE}/${id}`).set('If-Match', '"2"').expect(200);
  });
});

describe('enabling, disabling and deleting', () => {
  it('enables and disables, and the second time changes nothing', async () => {
    const { id } = await created();
    expect((await api().post(`${BASE}/${id}/enable`).expect(200)).body).toMatchObject({ enabled: true, version: 2 });
    expect((await api().post(`${BASE}/${id}/enable`).expect(200)).body).toMatchObject({ enabled: true, version: 2 });
    expect((await api().post(`${BASE}/${id}/disable`).expect(200)).body).toMatchObject({ enabled: false, version: 3 });
    expect((await ground.audit(id)).map(({ type }) => type)).toEqual(['audit.integration.create', 'audit.integration.enable', 'audit.integration.disable']);
  });

  it('starts with the events accepted from the first enabling on, and keeps that place', async () => {
    const { id } = await created();
    const stored = () => ground.store.connection.collection('integrations').findOne({ _id: id as never });
    ground.log.ranges = [{ partition: 0, first: 3, next: 17 }, { partition: 1, first: 0, next: 4 }];
    await api().post(`${BASE}/${id}/enable`).expect(200);
    expect((await stored())?.['startPositions']).toEqual({ 0: 17, 1: 4 });
    ground.log.ranges = [{ partition: 0, first: 3, next: 99 }];
    await api().post(`${BASE}/${id}/disable`).expect(200);
    await api().post(`${BASE}/${id}/enable`).expect(200);
    expect((await stored())?.['startPositions']).toEqual({ 0: 17, 1: 4 });
  });

  it('does not enable for the first time while the event log does not answer', async () => {
    const { id } = await created();
    ground.log.ranges = null;
    const answer = await api().post(`${BASE}/${id}/enable`).expect(503);
    expect(answer.headers['retry-after']).toBe('5');
    ground.log.ranges = [{ partition: 0, first: 0, next: 0 }];
    await api().post(`${BASE}/${id}/enable`).expect(200);
  });

  it('says what was deleted and how far it had come', async () => {
    const { id, name } = await created({ enginePool: 'vienna' });
    await ground.store.connection.collection('cursors').insertOne({ _id: `${id}:1` as never, integrationId: id, partition: 1, position: 42, updatedAt: new Date('2025-03-04T05:06:07Z') });
    const { body } = await api().delete(`${BASE}/${id}`).expect(200);
    expect(body).toMatchObject({ deleted: true, id, name, enginePool: 'vienna', serverUrl: 'siem.example.org', version: 1, positions: [{ partition: 1, position: 42, updatedAt: '2025-03-04T05:06:07.000Z' }] });
    await api().get(`${BASE}/${id}`).expect(404);
    await api().delete(`${BASE}/${id}`).expect(404);
    expect(await ground.store.connection.collection('cursors').countDocuments({ integrationId: id })).toBe(0);
  });
});

describe('listing integrations', () => {
  let own: IntegrationsApp;
  const list = async (query: string) => (await request(own.app.getHttpServer()).get(`${BASE}?${query}`).expect(200)).body as { items: IntegrationView[]; total: number; pages: number; totals: object };
  beforeAll(async () => {
    own = await openIntegrationsApp();
    const send = request(own.app.getHttpServer());
    for (const [name, serverUrl, enginePool] of [['Alpha', 'one.example.org', 'vienna'], ['beta', 'two.example.org', 'graz'], ['Gamma (50%)', 'tls://three.test', 'vienna'], ['Ödenburg', 'four.test', 'linz']]) {
      const { body } = await send.post(BASE).send({ name, serverUrl, enginePool }).expect(201);
      if (name === 'Alpha' || name === 'Ödenburg') await send.post(`${BASE}/${(body as IntegrationView).id}/enable`).expect(200);
    }
  });
  afterAll(async () => {
    await own.close();
  });

  it.each([
    ['', ['Alpha', 'beta', 'Gamma (50%)', 'Ödenburg']],
    ['search=ALPHA', ['Alpha']],
    ['search=example.org', ['Alpha', 'beta']],
    ['search=vienna', ['Alpha', 'Gamma (50%)']],
    [`search=${encodeURIComponent('(50%)')}`, ['Gamma (50%)']],
    [`search=${encodeURIComponent('ÖDEN')}`, ['Ödenburg']],
    ['search=.', ['Alpha', 'beta', 'Gamma (50%)', 'Ödenburg']],
    [`search=${encodeURIComponent('.*')}`, []],
    ['search=org%0Avienna', null],
    ['status=enabled', ['Alpha', 'Ödenburg']],
    ['status=disabled', ['beta', 'Gamma (50%)']],
    ['status=enabled&search=vienna', ['Alpha']],
    ['sort=-name', ['Ödenburg', 'Gamma (50%)', 'beta', 'Alpha']],
    ['sort=enginePool', ['beta', 'Ödenburg', 'Alpha', 'Gamma (50%)']],
    ['sort=-createdAt', ['Ödenburg', 'Gamma (50%)', 'beta', 'Alpha']],
    ['page=2&pageSize=3', ['Ödenburg']],
    ['page=9', []],
  ])('finds by "%s"', async (query, names) => {
    if (names === null) await request(own.app.getHttpServer()).get(`${BASE}?${query}`).expect(400);
    else expect((await list(query)).items.map(({ name }) => name)).toEqual(names);
  });

  it('counts all, enabled and disabled', async () => {
    expect(await list('pageSize=3')).toMatchObject({ total: 4, pages: 2, page: 1, pageSize: 3, totals: { all: 4, enabled: 2, disabled: 2 } });
    expect(await list('search=vienna&status=enabled')).toMatchObject({ total: 1, pages: 1, totals: { all: 2, enabled: 1, disabled: 1 } });
  });

  it.each(['colour=red', 'status=on', 'sort=secret', 'page=0', 'pageSize=201', 'page=x', 'search=a&search=b'])('refuses ?%s with a pointer', async (query) => {
    const answer = await request(own.app.getHttpServer()).get(`${BASE}?${query}`).expect(400);
    expect(pointers(answer.body)).toHaveLength(1);
  });
});

describe('rights', () => {
  it('asks for the right of each route', async () => {
    const { id } = await created();
    const reader = (send: request.Test) => send.set('x-rights', 'integrations:read');
    await reader(api().get(BASE)).expect(200);
    await reader(api().get(`${BASE}/${id}`)).expect(200);
    await reader(api().post(`${BASE}/${id}/preview`)).expect(200);
    await reader(api().post(BASE).send({ name: aName(), serverUrl: 'siem' })).expect(403);
    await reader(api().patch(`${BASE}/${id}`).send({})).expect(403);
    await reader(api().delete(`${BASE}/${id}`)).expect(403);
    await reader(api().post(`${BASE}/${id}/enable`)).expect(403);
    await reader(api().post(`${BASE}/${id}/test`)).expect(403);
    await reader(api().get('/api/v1/dead-letters')).expect(403);
    await reader(api().get('/api/v1/engines')).expect(403);
  });
});
