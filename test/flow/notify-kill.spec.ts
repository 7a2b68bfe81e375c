import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { enginesEnvironment } from '../support/engines-environment.js';
import { eventually, producerEvents } from '../support/service.js';
import { freePort } from '../support/free-port.js';
import { ServiceProcess } from '../support/service-process.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

describe('administrators are told that an integration is down and works again', () => {
  const ends: Array<() => Promise<unknown> | void> = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('also when the service is killed between the store and the answer of the receiver, under the same id', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-notify-kill-'));
    ends.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const hook = await WebhookReceiver.start();
    ends.push(() => hook.stop());
    const service = new ServiceProcess(dataDir, await freePort(), { TIDEGATE_ENGINE_HEARTBEAT_MS: '200', TIDEGATE_NOTIFY_INTERVAL_MS: '500', ...enginesEnvironment() });
    ends.push(() => service.end('SIGKILL'));
    await service.start();
    await service.client.ok('POST', '/api/v1/notification-channels', { name: 'hook', type: 'webhook', webhook: { url: hook.url, secret: 'key' } });
    const port = await freePort();
    await service.client.integrate({ name: 'SIEM A', serverUrl: `tcp://127.0.0.1:${port}`, connection: { retryInitialMs: 100, retryMaxMs: 200 } });

    // The receiver takes the first one and never says so.
    hook.silent = true;
    await service.client.ok('POST', '/api/v1/events', producerEvents('first', 3));
    await eventually('the notification is on its way', () => hook.requests.length > 0, 30_000);
    await service.end('SIGKILL');
    hook.silent = false;
    await service.start();
    await eventually('it is told again after the start', () => hook.requests.length > 1, 60_000);
    const [before, after] = hook.requests;
    expect(before?.json).toMatchObject({ kind: 'integration.down', severity: 'error', title: 'SIEM A is down', subject: { name: 'SIEM A' } });
    expect(after?.json).toEqual(before?.json);

    // The new process knows from the stored status that it was told as down: it tells the recovery, too.
    const receiver = createServer((socket) => socket.resume().on('end', () => socket.end()).on('error', () => undefined));
    await new Promise<void>((resolve) => receiver.listen(port, '127.0.0.1', resolve));
    ends.push(async () => {
      // Its connection would keep the receiver open.
      await service.end('SIGKILL');
      await new Promise<void>((resolve) => receiver.close(() => resolve()));
    });
    await eventually('its recovery is told', () => hook.requests.some(({ json }) => json['kind'] === 'integration.recovered'), 30_000);
    await service.end();
  }, 150_000);
});
