import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EngineService } from '../../src/outward/engine/engine.service.js';
import { IntegrationsService } from '../../src/outward/integrations/integrations.service.js';
import { enginesEnvironment } from '../support/engines-environment.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { eventually, startTestService, type TestService } from '../support/service.js';

describe('a process with some of the roles', () => {
  let test: TestService | undefined;
  afterEach(async () => {
    await test?.end();
    test = undefined;
  });
  const has = (token: Parameters<TestService['service']['application']['app']['get']>[0]): boolean => {
    try {
      return Boolean(test?.service.application.app.get(token, { strict: false }));
    } catch {
      return false;
    }
  };

  it('serves health and metrics and nothing else when it is an engine', async () => {
    test = await startTestService({ roles: ['engine'], metrics: { public: true } });
    for (const path of ['/health/live', '/health/ready', '/metrics']) expect((await fetch(`${test.service.url}${path}`)).status).toBe(200);
    for (const path of ['/api/v1/integrations', '/api/v1/events', '/api/openapi.json', '/api/docs', '/identityiq/plugin/rest/SIEMPlugin/plainTextHello', '/health/other', '/', '/metrics/x', '//api/v1/integrations']) {
      for (const method of ['GET', 'POST']) expect((await test.client.call(method, path, method === 'POST' ? {} : undefined)).body).toMatchObject({ status: 404, code: 'not-served-here' });
    }
    expect(has(EngineService)).toBe(true);
  });

  it('runs no engine when it is the api: an integration shows that no engine of its pool lives', async () => {
    test = await startTestService({ roles: ['api'] });
    const id = await test.client.integrate({ name: 'waiting', serverUrl: 'udp://127.0.0.1:9' });
    const { status } = await test.client.ok<{ status: { state: string; problem: string } }>('GET', `/api/v1/integrations/${id}`);
    expect(status).toMatchObject({ state: 'no-engine', problem: 'no live engine in pool default' });
    expect(has(EngineService)).toBe(false);
    expect(await test.client.ok('GET', '/api/v1/engines')).toMatchObject({ items: [] });
  });

  it('runs neither engine nor integrations when it only mitigates', async () => {
    test = await startTestService({ roles: ['mitigation'] });
    expect((await fetch(`${test.service.url}/health/ready`)).status).toBe(200);
    expect((await test.client.call('GET', '/api/v1/integrations')).status).toBe(404);
    expect(has(EngineService)).toBe(false);
    expect(has(IntegrationsService)).toBe(false);
  });

  it('takes over log levels that are changed at a process with the role api, and has them after a restart', async () => {
    const environment = enginesEnvironment();
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-roles-'));
    const api = new ServiceProcess(directory, await freePort(), { TIDEGATE_ROLES: 'api', ...environment });
    const mitigation = new ServiceProcess(directory, await freePort(), { TIDEGATE_ROLES: 'mitigation', TIDEGATE_MITIGATION_INTERVAL_MS: '500', ...environment });
    const saysDebug = () => mitigation.said.includes('"level":"debug"');
    try {
      await api.start(120_000);
      await mitigation.start(120_000);
      expect((await fetch(`${mitigation.client.url}/api/v1/log-levels`)).status).toBe(404);
      expect(saysDebug()).toBe(false);
      await api.client.ok('PUT', '/api/v1/log-levels', { part: 'jobs', level: 'debug' });
      // It would say as much itself; the other has it from the store alone.
      await api.end();
      await eventually('the other process says how its jobs ran', saysDebug, 60_000);
      await mitigation.end();
      await mitigation.start(120_000);
      await eventually('it still does after a restart', saysDebug, 60_000);
    } finally {
      await Promise.all([api.end(), mitigation.end()]);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 600_000);
});
