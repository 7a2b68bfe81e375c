import { afterEach, expect, it } from '@jest/globals';
import type { Target } from '../../src/contracts/transport.js';
import { RelpTransport } from '../../src/outward/transports/relp/relp.transport.js';
import { NetworkDialer } from '../../src/platform/network/dialer.js';
import { deliverAll, openSession, sendTexts, targetOf, until } from '../contract/transport/driver.js';
import { testCertificates } from '../support/certificates.js';
import { describeWithPeer } from '../support/peers.js';
import { Rsyslog, rsyslogMissing } from '../support/rsyslog.js';
import { eventually, producerEvents, startTestService } from '../support/service.js';

const dialer = new NetworkDialer({ denyCidrs: [] });
const messages = (count: number) => Array.from({ length: count }, (_, index) => `<110>1 2026-11-23T10:00:00.123Z gate.example.org tidegate 42 account.provisioned [tidegate@32473 id="${index}"] number ${index} äöü ${'word '.repeat(20)}end`);

describeWithPeer('RELP to rsyslog', rsyslogMissing('relp') ?? rsyslogMissing('gtls'), () => {
  const open: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const end of open.splice(0).reverse()) await end();
  });

  async function peer(): Promise<{ rsyslog: Rsyslog; tls: Target['tls'] }> {
    const { authority, server, client } = await testCertificates();
    const rsyslog = await Rsyslog.start({ relp: true, tls: { driver: 'gtls', ca: authority.certificate, certificate: server.certificate, key: server.key } });
    open.push(() => rsyslog.stop());
    return { rsyslog, tls: { ca: authority.certificate, serverName: 'receiver.test', verify: true, certificate: client.certificate, key: client.key } };
  }

  it.each([['plain', 1000], ['plain', 1], ['tls', 1000]] as const)('%s with a window of %i: each message is one record, in order, and was accepted', async (way, relpWindow) => {
    const { rsyslog, tls } = await peer();
    const transport = new RelpTransport();
    const texts = messages(2000);
    const target = targetOf(transport, way === 'tls' ? rsyslog.ports.relpTls : rsyslog.ports.relp, { tls: way === 'tls' ? tls : undefined, relpWindow });
    const report = await deliverAll(texts, 100, transport, dialer, target, { limitMs: 25_000 });
    expect(report.failures).toEqual([]);
    expect([...report.evidence]).toEqual(['accepted']);
    const records = await rsyslog.waitForRecords(texts.length);
    expect(records.map((record) => record.rawmsg)).toEqual(texts);
    expect(records[7]).toMatchObject({ input: 'imrelp', structuredData: '[tidegate@32473 id="7"]', msg: expect.stringContaining('number 7 äöü') });
  });

  it('hears that rsyslog ends the session when it is stopped in order', async () => {
    const { rsyslog } = await peer();
    const transport = new RelpTransport();
    const seen = await openSession(transport, dialer, targetOf(transport, rsyslog.ports.relp));
    await sendTexts(seen, 1, ['<13>one'], transport);
    await until(() => seen.safeUpTo === 1, 'safe');
    await rsyslog.stop();
    await until(() => seen.failures.length > 0, 'the failure is told');
    expect(seen.failures).toMatchObject([{ code: 'peer-closed' }]);
  });

  it('is configured, tested and delivered like every other protocol, plain and over TLS, and shows that it was accepted', async () => {
    const { rsyslog, tls } = await peer();
    const test = await startTestService();
    open.push(() => test.end());
    const plain = await test.client.integrate({ name: 'relp', serverUrl: `relp://127.0.0.1:${rsyslog.ports.relp}`, outputType: 'json', filter: { types: ['account.*'] } });
    const encrypted = await test.client.integrate({ name: 'relp-tls', serverUrl: '127.0.0.1', protocol: 'relp', port: rsyslog.ports.relpTls, outputType: 'cef', connection: { relp: { tls: true }, tls: { ca: tls?.ca, serverName: 'receiver.test', certificate: tls?.certificate, key: tls?.key } }, filter: { types: ['account.*'] } });
    for (const [id, stages] of [[plain, ['resolve', 'policy', 'connect', 'send', 'close']], [encrypted, ['resolve', 'policy', 'connect', 'tls', 'send', 'close']]] as const) {
      const answer = await test.client.ok<{ ok: boolean; evidence: string; caveat: string | null; stages: Array<{ stage: string }> }>('POST', `/api/v1/integrations/${id}/test`);
      expect(answer).toMatchObject({ ok: true, evidence: 'accepted', caveat: null });
      expect(answer.stages.map(({ stage }) => stage)).toEqual(stages);
    }
    await test.client.ok('POST', '/api/v1/events', producerEvents('via', 500));
    const records = await rsyslog.waitForRecords(2 + 1000);
    expect(records.filter(({ rawmsg }) => rawmsg.includes('via-')).length).toBe(1000);
    for (const id of [plain, encrypted]) {
      await eventually('the evidence is shown', async () => (await test.client.ok<{ status: { evidence: string; delivered: number } }>('GET', `/api/v1/integrations/${id}`)).status.evidence === 'accepted');
    }
    // The plain port with TLS set: it names the stage.
    const wrong = await test.client.ok<{ id: string }>('POST', '/api/v1/integrations', { name: 'wrong', serverUrl: `relp://127.0.0.1:${rsyslog.ports.relp}`, connection: { connectTimeoutMs: 2000, relp: { tls: true } } });
    expect(await test.client.ok('POST', `/api/v1/integrations/${wrong.id}/test`)).toMatchObject({ ok: false, failure: { stage: 'tls' } });
  }, 60_000);
});
