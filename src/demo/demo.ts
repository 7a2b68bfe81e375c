/* `npm run demo`: the whole service beside loopback receivers; one event of each type goes in and comes out in three output types. */
import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsFrom } from '../config/settings.js';
import { PinoLog } from '../platform/telemetry/pino-log.js';
import { SAMPLE_DIRECTORY } from '../directory/sample-directory.js';
import { EVENT_TYPES } from '../model/event-types.js';
import { sampleEvent } from '../model/sample-events.js';
import { startService } from '../service.js';
import { LoopbackReceiver } from './loopback-receiver.js';

const password = 'demo-password-only-here';
const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;

async function call(url: string, method: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method, headers: { authorization, 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

async function main(): Promise<void> {
  const begun = performance.now();
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-demo-'));
  const receivers = {
    'Syslog over TCP': await LoopbackReceiver.start({ protocol: 'tcp' }),
    'JSON over TCP': await LoopbackReceiver.start({ protocol: 'tcp' }),
    'CEF over UDP': await LoopbackReceiver.start({ protocol: 'udp' }),
  };
  const settings = settingsFrom({ dataDir, admin: { password }, http: { port: 0 }, log: { level: 'error' } });
  const service = await startService(settings, PinoLog.create(settings));
  try {
    console.log(`Tidegate runs at ${service.url} (OpenAPI ${service.openApiUrl})\n`);
    const api = `${service.url}/api/v1`;
    for (const [name, receiver] of Object.entries(receivers)) {
      const [outputType = '', protocol = ''] = name.toLowerCase().split(' over ');
      const created = await call(`${api}/integrations`, 'POST', { name, serverUrl: `${protocol}://127.0.0.1:${receiver.port}`, outputType });
      const id = String(created['id']);
      await call(`${api}/integrations/${id}/enable`, 'POST');
      const test = await call(`${api}/integrations/${id}/test`, 'POST');
      console.log(`${name.padEnd(16)} -> 127.0.0.1:${receiver.port}  Test button: ${test['ok'] === true ? 'ok' : 'failed'}${typeof test['evidence'] === 'string' ? `, evidence "${test['evidence']}"` : ''}`);
    }
    const types = EVENT_TYPES.filter((type) => !type.reserved).map((type) => type.id);
    const events = [...types, 'audit.user.update'].map((type, index) => {
      const { receivedAt: _filledIn, message: _fromTemplate, ...event } = sampleEvent(type);
      return { ...event, id: `demo-${index + 1}`, occurredAt: new Date().toISOString() };
    });
    const answer = await call(`${api}/events`, 'POST', events);
    console.log(`\nPublished ${events.length} events, one of each type: ${JSON.stringify(answer['accepted'])} accepted.\n`);

    for (const [name, receiver] of Object.entries(receivers)) {
      const wanted = (text: string) => /demo-\d+/.test(text);
      await receiver.until(() => receiver.texts.filter(wanted).length >= events.length, 20_000, `${events.length} events of the demo (${name})`);
      console.log(`=== what the receiver of "${name}" got`);
      for (const text of receiver.texts.filter(wanted)) console.log(text);
      console.log('');
    }
    console.log('=== the way back: a SIEM posts an alert, the account is disabled, and the proof comes to the SIEM');
    await call(`${api}/directory/import`, 'POST', SAMPLE_DIRECTORY);
    const alert = { application: 'Active Directory', native_id: 'Jane.Doe', action: 'disable', level: 'high', date: String(Date.now()) };
    const posted = await call(`${service.url}/identityiq/plugin/rest/SIEMPlugin/identity/account`, 'POST', alert);
    const alertId = String(posted['details']);
    console.log(`POST .../SIEMPlugin/identity/account ${JSON.stringify(alert)}\n  -> ${JSON.stringify(posted)}`);
    const siem = receivers['Syslog over TCP'];
    const proof = (text: string) => text.includes('mitigation.alert.processed') && text.includes(alertId);
    await siem.until(() => siem.texts.some(proof), 30_000, 'the event that the alert was mitigated');
    for (const text of siem.texts.filter((one) => one.includes(alertId) || one.includes('audit.account.disable'))) console.log(text);
    const closed = await call(`${api}/alerts/${alertId}`, 'GET');
    console.log(`The alert is ${String(closed['state'])}.\n`);
    console.log(`Every event arrived at all three receivers, and the loop is closed (${Math.round(performance.now() - begun)} ms from start to end).`);
  } finally {
    await service.application.close();
    await Promise.all(Object.values(receivers).map((receiver) => receiver.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
