import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from 'mongoose';
import { silentLog } from '../../contracts/log.js';
import { LoopbackReceiver } from '../../demo/loopback-receiver.js';
import type { DocumentStore } from '../../platform/documents/document-store.js';
import { outputSection } from '../../model/integration.js';
import { NetworkDialer } from '../../platform/network/dialer.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import { testIntegration } from '../../../test/support/engine.js';
import { IntegrationRepository, type EngineIntegration } from '../integrations/integration-repository.js';
import { CommandRunner } from './command-runner.js';
import { engineCommandSchema, type EngineCommandDocument } from './engine-command.schema.js';

class Known extends IntegrationRepository {
  constructor(readonly integrations: EngineIntegration[]) {
    super();
  }
  override changes(): Promise<{ asOf: number; changed: EngineIntegration[]; deleted: string[] }> {
    return Promise.resolve({ asOf: 1, changed: this.integrations, deleted: [] });
  }
  override get(id: string): Promise<EngineIntegration | undefined> {
    return Promise.resolve(this.integrations.find((integration) => integration.id === id));
  }
}

describe('commands to an engine', () => {
  let documents: DocumentStore;
  let model: Model<EngineCommandDocument>;
  let receiver: LoopbackReceiver;
  const now = 1_800_000_000_000;
  const proven: Array<[string, string]> = [];
  beforeEach(async () => {
    documents = await openTestDocuments();
    model = documents.model<EngineCommandDocument>('engine-command', engineCommandSchema);
    receiver = await LoopbackReceiver.start({ protocol: 'tcp' });
  });
  afterEach(async () => {
    await receiver.stop();
    await documents.close();
  });
  const runner = (engineId: string, integrations: EngineIntegration[]) =>
    new CommandRunner({ model, engineId, pool: 'default', machineHostname: 'host', integrations: new Known(integrations), dialer: new NetworkDialer({ denyCidrs: [] }), clock: { now: () => now }, log: silentLog, timeoutMs: 5000, reached: (integration, rung) => Promise.resolve(void proven.push([integration.id, rung])) });
  const ask = (id: string, integrationId: string, more: Partial<EngineCommandDocument> = {}) =>
    model.create({ _id: id, kind: 'test', pool: 'default', integrationId, requestedBy: 'admin', state: 'new', engineId: null, claimedUntil: null, createdAt: new Date(now), expiresAt: new Date(now + 10_000), result: null, ...more });
  const answer = async (id: string) => await model.findById(id).lean<EngineCommandDocument>();

  it('are run once, by one engine, and answered', async () => {
    const integration = testIntegration('one', { port: receiver.port });
    for (let at = 0; at < 4; at++) await ask(`c-${at}`, 'one');
    const [first, second] = [runner('a', [integration]), runner('b', [integration])];
    await Promise.all([first.takeAll(), second.takeAll()]);
    await Promise.all([first.stop(10_000), second.stop(10_000)]);
    for (let at = 0; at < 4; at++) expect(await answer(`c-${at}`)).toMatchObject({ state: 'done', result: { ok: true, evidence: 'read' } });
    expect(receiver.received).toBe(4);
    expect(proven).toEqual(Array.from({ length: 4 }, () => ['one', 'read']));
  }, 60_000);

  it('send the test event as the integration may see it, and show it so', async () => {
    await ask('masked', 'masked');
    const integration = testIntegration('masked', { name: 'Secret name', port: receiver.port, output: outputSection.parse({ mask: [{ field: 'subject.name', action: 'redact' }], extraFields: [{ name: 'site', value: 'Vienna' }] }) });
    const one = runner('a', [integration]);
    await one.takeAll();
    await one.stop(5000);
    const rendered = (await answer('masked'))?.result?.rendered ?? '';
    expect(JSON.parse(rendered)).toMatchObject({ subject: { name: '[redacted]' }, attributes: { site: 'Vienna' } });
    expect(rendered).not.toContain('Secret name');
    expect(receiver.received).toBe(1);
  });

  it('of another pool, or that nobody waits for any more, are left alone', async () => {
    await ask('other', 'one', { pool: 'elsewhere' });
    await ask('late', 'one', { expiresAt: new Date(now) });
    const one = runner('a', [testIntegration('one', { port: receiver.port })]);
    await one.takeAll();
    await one.stop(1000);
    expect([(await answer('other'))?.state, (await answer('late'))?.state]).toEqual(['new', 'new']);
  });

  it('are answered with cause and fix when the settings or the secrets cannot be used, and nothing is sent', async () => {
    await ask('sealed', 'sealed');
    await ask('nowhere', 'nowhere');
    await ask('gone', 'gone');
    const one = runner('a', [{ ...testIntegration('sealed', { port: receiver.port }), secretsUnreadable: 'the key cannot be read' }, testIntegration('nowhere', { serverUrl: '???' })]);
    await one.takeAll();
    await one.stop(5000);
    expect(await answer('sealed')).toMatchObject({ state: 'done', result: { ok: false, failure: { code: 'settings-invalid', cause: 'the key cannot be read' }, rendered: null } });
    expect(await answer('nowhere')).toMatchObject({ state: 'done', result: { ok: false, failure: { code: 'settings-invalid' } } });
    expect(await answer('gone')).toMatchObject({ state: 'done', result: null });
    expect(receiver.accepted).toBe(0);
  });
});
