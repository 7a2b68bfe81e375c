import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { eventually, producerEvents, startTestService, type TestService } from '../support/service.js';

describe('where the delivery of a new integration begins', () => {
  let test: TestService;
  let since: string;
  const receivers: LoopbackReceiver[] = [];
  beforeAll(async () => {
    test = await startTestService();
    await test.client.ok('POST', '/api/v1/events', producerEvents('before', 20));
    await new Promise((resolve) => setTimeout(resolve, 20));
    since = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await test.client.ok('POST', '/api/v1/events', producerEvents('since', 20));
  });
  afterAll(async () => {
    await test.end();
    for (const receiver of receivers) await receiver.stop();
  });

  /** Ids that it got by the time an event that is accepted after the enabling has arrived. */
  const gotWith = async (name: string, body?: unknown): Promise<{ id: string; got: Set<string> }> => {
    const receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
    receivers.push(receiver);
    const { id } = await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', { name, serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', filter: { types: ['account.*'] } });
    await test.client.ok('POST', `/api/v1/integrations/${id}/enable`, body);
    // One for each partition, so that all that comes before is there, too.
    await test.client.ok('POST', '/api/v1/events', producerEvents(`after-${name}`, 40, 40));
    const ids = () => receiver.texts.map((text) => (JSON.parse(text.slice(text.indexOf('{'))) as { id: string }).id);
    await receiver.until(() => ids().filter((got) => got.startsWith(`after-${name}-`)).length === 40, 15_000, 'the events after the enabling');
    return { id, got: new Set(ids().filter((got) => !got.startsWith('after-')).map((got) => got.replace(/-\d+$/, ''))) };
  };

  it('is the time of its enabling when nothing is said', async () => {
    expect([...(await gotWith('unsaid')).got]).toEqual([]);
    expect([...(await gotWith('now', { startFrom: 'now' })).got]).toEqual([]);
  });

  it('is the oldest event of the log', async () => {
    expect([...(await gotWith('beginning', { startFrom: 'beginning' })).got].sort()).toEqual(['before', 'since']);
  });

  it('is a time, and the audit says so', async () => {
    const { id, got } = await gotWith('time', { startFrom: since });
    expect([...got]).toEqual(['since']);
    await eventually('the enabling is in the audit', async () => {
      const { items } = await test.client.ok<{ items: Array<{ attributes: Record<string, unknown> }> }>('GET', `/api/v1/audit?type=audit.integration.enable&subject=${id}`);
      return items[0]?.attributes['startFrom'] === since;
    });
  });

  it('is said once: later on it is refused, as is what is no time', async () => {
    const { id } = await gotWith('twice', { startFrom: 'now' });
    await test.client.ok('POST', `/api/v1/integrations/${id}/disable`);
    expect(await test.client.call('POST', `/api/v1/integrations/${id}/enable`, { startFrom: 'beginning' })).toMatchObject({ status: 409, body: { code: 'delivery-began' } });
    await test.client.ok('POST', `/api/v1/integrations/${id}/enable`);
    expect((await test.client.call('POST', `/api/v1/integrations/${id}/enable`, { startFrom: 'yesterday' })).status).toBe(400);
    expect((await test.client.call('POST', `/api/v1/integrations/${id}/enable`, { startFrom: '2026-01-01T00:00:00' })).status).toBe(400);
  });
});
