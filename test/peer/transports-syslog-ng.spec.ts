import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Target } from '../../src/contracts/transport.js';
import type { Framing, Protocol } from '../../src/model/integration.js';
import { TcpTransport } from '../../src/outward/transports/tcp/tcp.transport.js';
import { transportFor } from '../../src/outward/transports/index.js';
import { NetworkDialer } from '../../src/platform/network/dialer.js';
import { deliverAll, targetOf } from '../contract/transport/driver.js';
import { testCertificates } from '../support/certificates.js';
import { describeWithPeer } from '../support/peers.js';
import { SyslogNg, syslogNgMissing } from '../support/syslog-ng.js';

const dialer = new NetworkDialer({ denyCidrs: [] });
const messages = (count: number) => Array.from({ length: count }, (_, index) => `<110>1 2026-11-23T10:00:00.123Z gate.example.org tidegate 42 account.provisioned [tidegate@32473 id="${index}"] number ${index} äöü ${'word '.repeat(20)}end`);

describeWithPeer('delivery to syslog-ng', syslogNgMissing(), () => {
  let peer: SyslogNg | undefined;
  let tls: Awaited<ReturnType<typeof testCertificates>>;

  beforeAll(async () => {
    tls = await testCertificates();
  });
  afterEach(async () => {
    await peer?.stop();
    peer = undefined;
  });

  const cases: [Protocol, Framing, 'udp' | 'tcpOctet' | 'tcpNewline' | 'tls', string][] = [
    ['udp', 'newline', 'udp', 'sent'], ['tcp', 'newline', 'tcpNewline', 'read'], ['tcp', 'octet-counting', 'tcpOctet', 'read'], ['tls', 'octet-counting', 'tls', 'read'],
  ];
  it.each(cases)('over %s with %s framing: each message is one record', async (protocol, framing, input, evidence) => {
    peer = await SyslogNg.start({ tls: { ca: tls.authority.certificate, certificate: tls.server.certificate, key: tls.server.key, clientCertificate: 'required' } });
    const settings: Target['tls'] = { ca: tls.authority.certificate, serverName: 'receiver.test', verify: true, certificate: tls.client.certificate, key: tls.client.key };
    const transport = transportFor(protocol);
    const texts = messages(2000);
    const report = await deliverAll(texts, protocol === 'udp' ? 20 : 100, transport, dialer, targetOf(transport, peer.ports[input], { framing, tls: protocol === 'tls' ? settings : undefined, settleMs: 50 }), { limitMs: 25_000, inFlightChunks: protocol === 'udp' ? 5 : 200 });
    expect(report.failures).toEqual([]);
    expect([...report.evidence]).toEqual([evidence]);
    const records = await peer.waitForRecords(texts.length);
    expect(records.map((record) => record.rawmsg)).toEqual(texts);
    expect(records[7]).toMatchObject({ pri: '110', hostname: 'gate.example.org', appName: 'tidegate', procid: '42', msgid: 'account.provisioned', structuredData: '[tidegate@32473 id="7"]', msg: expect.stringContaining('number 7 äöü') });
  }, 60_000);

  it('loses nothing while it is killed and started again several times', async () => {
    const receiver = await SyslogNg.start();
    peer = receiver;
    const transport = new TcpTransport();
    const texts = messages(60_000);
    let kills = 0;
    let over = false;
    const killer = (async () => {
      while (!over && kills < 6) {
        await new Promise((resolve) => setTimeout(resolve, 400 + 53 * kills));
        if (over) return;
        await receiver.kill();
        kills++;
        await receiver.launch();
      }
    })();
    const target = targetOf(transport, receiver.ports.tcpOctet, { framing: 'octet-counting' });
    const report = await deliverAll(texts, 100, transport, dialer, target, { limitMs: 90_000, retryMs: 50, inFlightChunks: 100 }).finally(() => { over = true; });
    await killer;
    await receiver.waitForRecords(texts.length);
    const stored = new Map<string, number>();
    for (const record of await receiver.records()) stored.set(record.rawmsg, (stored.get(record.rawmsg) ?? 0) + 1);
    const lost = texts.filter((text) => !stored.has(text)).length;
    console.log(`syslog-ng, tcp: ${texts.length} messages, ${kills} kills, ${report.sessions} sessions, lost ${lost}, stored again ${[...stored.values()].reduce((sum, count) => sum + count - 1, 0)}, evidence ${[...report.evidence].join()}`);
    expect(kills).toBeGreaterThan(1);
    expect(lost).toBe(0);
  }, 120_000);
});
