import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { engineCommandSchema, type EngineCommandDocument, type TestResult } from '../engine/engine-command.schema.js';
import { EngineWake } from '../engine/engine-wake.js';
import type { IntegrationView } from './integration-view.js';

let ground: IntegrationsApp;
beforeAll(async () => {
  ground = await openIntegrationsApp({ engine: { testTimeoutMs: 1000 } });
});
afterAll(async () => {
  await ground.close();
});

const BASE = '/api/v1/integrations';
const api = () => request(ground.app.getHttpServer());
const commands = () => ground.store.model<EngineCommandDocument>('engine-command', engineCommandSchema);
const create = async (name: string, enginePool: string) => ((await api().post(BASE).send({ name, serverUrl: 'siem', enginePool }).expect(201)).body as IntegrationView).id;

/** An engine of a pool: takes commands when it is woken, as the real one does, and ends them as it is told. */
function engineOf(pool: string, result: TestResult | null | 'never'): () => void {
  const take = async () => {
    const command = await commands().findOneAndUpdate({ pool, state: 'new' }, { $set: { state: 'claimed', engineId: 'engine-1' } }, { returnDocument: 'after' }).lean<EngineCommandDocument>();
    if (command && result !== 'never') await commands().updateOne({ _id: command._id }, { $set: { state: 'done', result } });
  };
  return ground.app.get(EngineWake).onWake(() => void take());
}
const passed: TestResult = {
  ok: true, engineId: 'engine-1', eventId: 'event-1', stages: [{ stage: 'resolve', ok: true, ms: 0.4, detail: '127.0.0.1' }, { stage: 'send', ok: true, ms: 1.5, detail: '200 octets' }],
  failure: null, evidence: 'read', caveat: null, rendered: '<110>1 ...', bytes: 200, ms: 2.1,
};
const failed: TestResult = {
  ...passed, ok: false, evidence: null,
  stages: [{ stage: 'connect', ok: false, ms: 3, detail: 'connection refused' }],
  failure: { code: 'connection-refused', stage: 'connect', cause: 'connect to 127.0.0.1:514 was refused', fix: 'Check host and port.', needsPerson: false },
};

describe('the Test button', () => {
  it('answers what an engine of the pool found, also while disabled', async () => {
    const id = await create('good', 'alpha');
    const stop = engineOf('alpha', passed);
    const answer = await api().post(`${BASE}/${id}/test`).expect(200);
    stop();
    expect(answer.body).toEqual(passed);
    const records = await ground.audit(id);
    expect(records.map(({ type, outcome }) => [type, outcome])).toEqual([['audit.integration.create', 'success'], ['audit.integration.test', 'unknown'], ['audit.integration.test', 'success']]);
    expect(records[1]?.correlationId).toBe(records[2]?.correlationId);
    expect(records[2]).toMatchObject({ actor: { name: 'ann' }, attributes: { engineId: 'engine-1', eventId: 'event-1' } });
    expect((await api().get(`${BASE}/${id}`)).body).toMatchObject({ version: 1, enabled: false });
    expect(await commands().findOne({ integrationId: id }).lean()).toMatchObject({ kind: 'test', pool: 'alpha', requestedBy: 'ann', state: 'done' });
  });

  it('answers 200 with the failing stage, its cause and its fix', async () => {
    const id = await create('bad', 'beta');
    const stop = engineOf('beta', failed);
    const answer = await api().post(`${BASE}/${id}/test`).expect(200);
    stop();
    expect(answer.body).toMatchObject({ ok: false, failure: { code: 'connection-refused', stage: 'connect' }, stages: [{ stage: 'connect', ok: false }] });
    expect((await ground.audit(id)).at(-1)).toMatchObject({ type: 'audit.integration.test', outcome: 'failure', reason: failed.failure?.cause, attributes: { code: 'connection-refused', stage: 'connect' } });
  });

  it('answers 503 with the name of the pool when no engine takes it, and no engine takes it later', async () => {
    const id = await create('alone', 'gamma');
    const answer = await api().post(`${BASE}/${id}/test`).expect(503);
    expect(answer.body).toMatchObject({ code: 'no-live-engine', pool: 'gamma', detail: expect.stringContaining('pool gamma') });
    expect(await commands().countDocuments({ integrationId: id, state: 'new' })).toBe(0);
    expect((await ground.audit(id)).at(-1)).toMatchObject({ type: 'audit.integration.test', outcome: 'failure' });
  });

  it('answers 503 with the name of the engine when it does not finish', async () => {
    const id = await create('slow', 'delta');
    const stop = engineOf('delta', 'never');
    const answer = await api().post(`${BASE}/${id}/test`).expect(503);
    stop();
    expect(answer.body).toMatchObject({ code: 'test-not-finished', engineId: 'engine-1' });
  });

  it('answers 404 when the integration went away under it', async () => {
    const id = await create('vanishing', 'epsilon');
    const stop = engineOf('epsilon', null);
    await api().post(`${BASE}/${id}/test`).expect(404);
    stop();
  });
});
