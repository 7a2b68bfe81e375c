import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { deadLetterSchema, type DeadLetterDocument } from '../engine/dead-letter.schema.js';
import { engineSchema, type EngineDocument } from '../engine/engine.schema.js';
import { integrationStatusSchema, type IntegrationStatusDocument } from '../engine/integration-status.schema.js';
import type { IntegrationView } from './integration-view.js';

const NOW = Date.UTC(2025, 2, 4, 12);
let ground: IntegrationsApp;
let id: string;
const api = () => request(ground.app.getHttpServer());
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000);

beforeAll(async () => {
  ground = await openIntegrationsApp();
  ground.clock.set(NOW);
  id = ((await api().post('/api/v1/integrations').send({ name: 'siem', serverUrl: 'siem', enginePool: 'vienna' }).expect(201)).body as IntegrationView).id;
  await api().post(`/api/v1/integrations/${id}/enable`).expect(200);
  const engines = ground.store.model<EngineDocument>('engine', engineSchema);
  const engine = (_id: string, pool: string, secondsAgo: number) => ({ _id, pool, host: 'gate-1', pid: 7, version: '0.1.0', startedAt: at(900), heartbeatAt: at(secondsAgo), partitions: [0, 1], integrations: 1, rssBytes: 1000, cpuPercent: 3, eventsPerSecond: 12 });
  await engines.create([engine('e-1', 'vienna', 1), engine('e-2', 'vienna', 600), engine('e-3', 'graz', 2)]);
  await ground.store.model<IntegrationStatusDocument>('integration-status', integrationStatusSchema).create({
    _id: `${id}:e-1`, integrationId: id, engineId: 'e-1', enginePool: 'vienna', state: 'fault', since: at(30), delivered: 41, deliveredBytes: 4100, filtered: 1, rejected: 1, repeated: 0, lost: 0, vanished: 0, backlog: 9, evidence: 'read', lastDeliveredAt: at(31),
    lastFailure: { code: 'certificate-expired', stage: 'tls', cause: 'the certificate of siem expired', fix: 'Renew it.', needsPerson: true, at: at(3) }, consecutiveFailures: 4, nextTryAt: at(-20),
    positions: [{ partition: 0, position: 43, next: 52 }], countersSince: at(900), updatedAt: at(1),
  });
  await ground.store.connection.collection('cursors').insertMany([{ _id: `${id}:0` as never, integrationId: id, partition: 0, position: 43, updatedAt: at(1) }]);
  const letters = ground.store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
  await letters.insertMany(Array.from({ length: 5 }, (_, n): DeadLetterDocument => ({
    _id: `${id}:0.${n}`, integrationId: id, integrationName: 'siem', partition: 0, offset: n, eventId: `event-${n}`, eventType: n < 3 ? 'account.provisioned' : 'audit.user.create', occurredAt: at(100), code: n === 0 ? 'not-renderable' : 'message-too-long',
    reason: 'because', rendered: null, attempts: 1, createdAt: at(50 - n),
  })));
  await letters.create({ _id: 'other:1.9', integrationId: 'other', integrationName: 'gone', partition: 1, offset: 9, eventId: null, eventType: null, occurredAt: null, code: 'record-unreadable', reason: 'no JSON', rendered: 'x', attempts: 1, createdAt: at(1) });
});
afterAll(async () => {
  await ground.close();
});

describe('the status beside an integration', () => {
  it('is in its answer and in the list', async () => {
    const expected = { state: 'fault', delivered: 41, backlog: 9, evidence: 'read', lastDeliveredAt: at(31).toISOString(), problem: 'the certificate of siem expired', fix: 'Renew it.', stale: false };
    expect((await api().get(`/api/v1/integrations/${id}`).expect(200)).body).toMatchObject({ status: expected });
    expect((await api().get('/api/v1/integrations').expect(200)).body).toMatchObject({ items: [{ status: expected }] });
  });

  it('has a route of its own with engines, positions and dead letters', async () => {
    const { body } = await api().get(`/api/v1/integrations/${id}/status`).expect(200);
    expect(body).toMatchObject({
      integrationId: id, enginePool: 'vienna', state: 'fault', deadLetters: 5, positions: [{ partition: 0, position: 43 }], pool: [{ id: 'e-1', live: true }, { id: 'e-2', live: false }],
      byEngine: [{ engineId: 'e-1', state: 'fault', positions: [{ partition: 0, position: 43, next: 52 }] }],
    });
  });
});

describe('the texts of a dead letter', () => {
  it('are the message and the event; where only the event was kept it is told as such', async () => {
    const letters = ground.store.model<DeadLetterDocument>('dead-letter', deadLetterSchema);
    const base = { integrationId: 'texts', integrationName: 'texts', partition: 0, eventId: 'e', eventType: 't', occurredAt: null, reason: 'because', attempts: 1, createdAt: at(1) };
    await letters.create([
      { ...base, _id: 'texts:0.1', offset: 1, code: 'message-too-long', version: 3, event: '{"id":"e"}', eventCut: false, rendered: '<134>1 needle', renderedCut: true },
      { ...base, _id: 'texts:0.2', offset: 2, code: 'not-renderable', rendered: '{"id":"former"}' },
    ]);
    const { body } = await api().get('/api/v1/dead-letters?integrationId=texts').expect(200);
    expect((body as { items: unknown[] }).items).toEqual([
      expect.objectContaining({ sequence: '0.1', version: 3, event: '{"id":"e"}', eventCut: false, rendered: '<134>1 needle', renderedCut: true }),
      expect.objectContaining({ sequence: '0.2', version: null, event: '{"id":"former"}', eventCut: false, rendered: null, renderedCut: false }),
    ]);
    expect((await api().get('/api/v1/dead-letters?integrationId=texts&search=needle').expect(200)).body).toMatchObject({ total: 1 });
    await letters.deleteMany({ integrationId: 'texts' });
  });
});

describe('the list of engines', () => {
  it('says which live, by pool', async () => {
    const { body } = await api().get('/api/v1/engines').expect(200);
    expect(body).toMatchObject({ items: [{ id: 'e-3', pool: 'graz', live: true }, { id: 'e-1', live: true, partitions: [0, 1], eventsPerSecond: 12 }, { id: 'e-2', live: false }], pools: [{ pool: 'graz', live: 1 }, { pool: 'vienna', live: 1 }] });
    expect((await api().get('/api/v1/engines?pool=graz').expect(200)).body).toMatchObject({ items: [{ id: 'e-3' }] });
    await api().get('/api/v1/engines?colour=red').expect(400);
  });
});

describe('the list of dead letters', () => {
  it.each([
    ['', ['1.9', '0.4', '0.3', '0.2', '0.1', '0.0']],
    ['integrationId=other', ['1.9']],
    ['code=not-renderable', ['0.0']],
    ['eventId=event-3', ['0.3']],
    ['type=account.provisioned', ['0.2', '0.1', '0.0']],
    ['type=account.provisioned&code=message-too-long', ['0.2', '0.1']],
    [`from=${at(47).toISOString()}`, ['1.9', '0.4', '0.3']],
    [`from=${at(49).toISOString()}&to=${at(47).toISOString()}`, ['0.2', '0.1']],
    ['pageSize=2&page=2', ['0.3', '0.2']],
  ])('filters by "%s", newest first', async (query, sequences) => {
    const { body } = await api().get(`/api/v1/dead-letters?${query}`).expect(200);
    expect((body as { items: Array<{ sequence: string }> }).items.map(({ sequence }) => sequence)).toEqual(sequences);
  });

  it('counts in all and by reason code', async () => {
    expect((await api().get(`/api/v1/dead-letters?integrationId=${id}&code=message-too-long&pageSize=3`).expect(200)).body).toMatchObject({
      total: 4, pages: 2, totals: { 'message-too-long': 4, 'not-renderable': 1, 'record-unreadable': 0, 'refused-by-receiver': 0 },
    });
  });

  it('reads one', async () => {
    expect((await api().get('/api/v1/dead-letters/other:1.9').expect(200)).body).toMatchObject({ id: 'other:1.9', sequence: '1.9', code: 'record-unreadable', reason: 'no JSON', rendered: 'x', eventId: null });
    expect((await api().get('/api/v1/dead-letters/other:1.8').expect(404)).body).toMatchObject({ code: 'dead-letter-not-found' });
  });

  it.each(['from=yesterday', 'code=lost', 'page=-1', 'colour=red'])('refuses ?%s', async (query) => {
    await api().get(`/api/v1/dead-letters?${query}`).expect(400);
  });
});
