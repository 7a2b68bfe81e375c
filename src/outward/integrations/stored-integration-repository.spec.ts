import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { EngineWake } from '../engine/engine-wake.js';
import { IntegrationRepository } from './integration-repository.js';
import type { IntegrationView } from './integration-view.js';

const START = Date.UTC(2025, 2, 4, 12);
const MINUTE = 60_000;
let ground: IntegrationsApp;
let repository: IntegrationRepository;
beforeAll(async () => {
  ground = await openIntegrationsApp();
  repository = ground.app.get(IntegrationRepository);
  ground.clock.set(START);
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
const create = async (name: string) => ((await api().post(BASE).send({ name, serverUrl: 'siem' }).expect(201)).body as IntegrationView).id;

describe('how engines see integrations', () => {
  it('are told once of what is new, changed and gone, and of nothing else', async () => {
    const [kept, changed, gone] = [await create('kept'), await create('changed'), await create('gone')];
    const all = await repository.changes(0);
    expect(all.changed.map(({ name, version }) => [name, version]).sort()).toEqual([['changed', 1], ['gone', 1], ['kept', 1]]);
    expect(all.deleted).toEqual([]);
    expect(all.asOf).toBeGreaterThan(0);

    ground.clock.set(START + 10 * MINUTE);
    const quiet = await repository.changes((await repository.changes(all.asOf)).asOf);
    expect(quiet).toMatchObject({ changed: [], deleted: [] });

    await api().patch(`${BASE}/${changed}`).send({ port: 1999, enabled: true }).expect(200);
    await api().delete(`${BASE}/${gone}`).expect(200);
    const added = await create('added');
    const news = await repository.changes(quiet.asOf);
    expect(news.changed.map(({ id, version, enabled }) => [id, version, enabled]).sort()).toEqual([[added, 1, false], [changed, 2, true]].sort());
    expect(news.changed.find(({ id }) => id === changed)).toMatchObject({ port: 1999, startPositions: { 0: 0 }, createdAt: new Date(START).toISOString(), updatedAt: new Date(START + 10 * MINUTE).toISOString() });
    expect(news.deleted).toEqual([gone]);

    ground.clock.set(START + 20 * MINUTE);
    expect(await repository.changes(news.asOf)).toMatchObject({ changed: expect.arrayContaining([]), deleted: [gone] });
    expect(await repository.changes((await repository.changes(news.asOf)).asOf)).toMatchObject({ changed: [], deleted: [] });

    const fresh = await repository.changes(0);
    expect(fresh.changed.map(({ id }) => id).sort()).toEqual([kept, changed, added].sort());
    expect(fresh.deleted).toEqual([]);
    expect(await repository.get(gone)).toBeUndefined();
    expect(await repository.get(kept)).toMatchObject({ id: kept, name: 'kept', connection: { tls: { verify: true } } });
  });

  it('miss nothing when a writer is behind by half a minute or the clock is set back', async () => {
    ground.clock.set(START + 60 * MINUTE);
    const { asOf } = await repository.changes(1);
    ground.clock.set(START + 60 * MINUTE - 30_000);
    const late = await create('late writer');
    ground.clock.set(START + 60 * MINUTE + 1000);
    expect((await repository.changes(asOf)).changed.map(({ id }) => id)).toContain(late);

    const ahead = await repository.changes(asOf);
    ground.clock.set(START + 30 * MINUTE);
    const back = await create('after the clock went back');
    expect((await repository.changes(ahead.asOf)).changed.map(({ id }) => id)).toContain(back);
  });

  it('are woken at each change in this process', async () => {
    let woken = 0;
    const stop = ground.app.get(EngineWake).onWake(() => (woken += 1));
    const id = await create('waking');
    await api().post(`${BASE}/${id}/enable`).expect(200);
    await api().post(`${BASE}/${id}/enable`).expect(200);
    await api().delete(`${BASE}/${id}`).expect(200);
    expect(woken).toBe(3);
    stop();
    await create('unheard');
    expect(woken).toBe(3);
  });

  it('read documents of an earlier version, with defaults for what came later', async () => {
    const id = await create('old');
    await ground.store.connection.collection('integrations').updateOne({ _id: id as never }, { $unset: { 'connection.settleMs': '', 'output.cef': '' }, $set: { 'output.retired': true } });
    expect(await repository.get(id)).toMatchObject({ connection: { settleMs: 1000 }, output: { facility: 13, cef: { vendor: 'Tidegate' } } });
    expect((await repository.get(id))?.output).not.toHaveProperty('retired');
    await api().patch(`${BASE}/${id}`).send({ port: 1998 }).expect(200);
  });
});
