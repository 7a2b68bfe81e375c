import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from '@jest/globals';
import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { enginesEnvironment } from '../support/engines-environment.js';
import { ADMIN_PASSWORD, Client, eventually } from '../support/service.js';

interface AuditPage {
  total: number;
  items: Array<{ id: string; type: string; subject: { id: string } }>;
}

const ROUNDS = 3;
const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('every act that an administrator got an answer for reaches the SIEM, though the service is killed right after the answer', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-audit-kill-'));
  ends.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
  ends.push(() => receiver.stop());
  const acts: string[] = [];
  const engines = enginesEnvironment();
  let service = await start(dataDir, engines);
  await service.client.integrate({ name: 'siem', serverUrl: `tcp://127.0.0.1:${receiver.port}`, outputType: 'json', connection: { retryInitialMs: 20, retryMaxMs: 200, settleMs: 50, sealIntervalMs: 200 } });

  for (let round = 0; round < ROUNDS; round += 1) {
    const created = [0, 1, 2].map((number) => service.client.ok<{ id: string }>('POST', '/api/v1/integrations', { name: `round-${round}-${number}`, serverUrl: 'tcp://127.0.0.1:9' }));
    // The first answer is the moment: its record is not an event yet, others may not even be stored.
    acts.push((await Promise.any(created)).id);
    await service.kill();
    for (const outcome of await Promise.allSettled(created)) if (outcome.status === 'fulfilled' && !acts.includes(outcome.value.id)) acts.push(outcome.value.id);
    service = await start(dataDir, engines);
  }

  await eventually('no audit record waits', async () => (await service.client.ok<AuditPage>('GET', '/api/v1/audit?exported=waiting')).total === 0, 30_000);
  const { items } = await service.client.ok<AuditPage>('GET', '/api/v1/audit?type=audit.integration.create&pageSize=500');
  expect(items.map(({ subject }) => subject.id)).toEqual(expect.arrayContaining(acts));
  expect((await service.client.ok<AuditPage>('GET', '/api/v1/audit?exported=refused')).total).toBe(0);

  const arrived = () => receiver.texts.map((text) => text.slice(text.indexOf('{'))).map((json) => JSON.parse(json) as AuditPage['items'][number]);
  await eventually('every act arrived', () => {
    const ids = new Set(arrived().map(({ id }) => id));
    return items.every(({ id }) => ids.has(id));
  }, 30_000);
  // Whoever gets one twice can tell by its id.
  for (const { id, subject } of items) expect(new Set(arrived().filter((event) => event.id === id).map((event) => event.subject.id))).toEqual(new Set([subject.id]));
}, 300_000);

/** The built service in a process of its own. */
async function start(dataDir: string, engines: Record<string, string>): Promise<{ client: Client; kill(): Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL('../../dist/main.js', import.meta.url))], {
    env: { PATH: process.env['PATH'], TIDEGATE_DATA_DIR: dataDir, TIDEGATE_HTTP_PORT: '0', TIDEGATE_ADMIN_PASSWORD: ADMIN_PASSWORD, TIDEGATE_LOG_LEVEL: 'error', ...engines },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  ends.push(kill);
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const ready = /ready at (\S+)/.exec(said);
      if (ready?.[1]) resolve(ready[1]);
    });
    child.once('exit', (code) => reject(new Error(`the service ended early with ${code}: ${said}`)));
  });
  return { client: new Client(url), kill };
}
