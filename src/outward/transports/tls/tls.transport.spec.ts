import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TlsOptions } from 'node:tls';
import { targetOf, openSession, sendTexts, until } from '../../../../test/contract/transport/driver.js';
import { TestAuthority, testCertificates, type TestCertificate } from '../../../../test/support/certificates.js';
import type { TlsSettings } from '../../../contracts/dialer.js';
import type { StageReport } from '../../../model/failure.js';
import { LoopbackReceiver } from '../../../demo/loopback-receiver.js';
import { NetworkDialer } from '../../../platform/network/dialer.js';
import { TlsTransport } from './tls.transport.js';

describe('syslog over TLS', () => {
  const dialer = new NetworkDialer({ denyCidrs: [] });
  const transport = new TlsTransport();
  let authority: TestAuthority;
  let server: TestCertificate;
  let receiver: LoopbackReceiver | undefined;

  beforeAll(async () => {
    ({ authority, server } = await testCertificates());
  });
  afterEach(async () => {
    await receiver?.stop();
    receiver = undefined;
  });

  async function receiverWith(options: TlsOptions): Promise<LoopbackReceiver> {
    return (receiver = await LoopbackReceiver.start({ protocol: 'tls', tls: { cert: server.certificate, key: server.key, ...options } }));
  }
  const target = (port: number, tls: Partial<TlsSettings> = {}) => targetOf(transport, port, { framing: 'octet-counting', tls: { ca: authority.certificate, verify: true, ...tls } });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('says that a client certificate is wanted (%s), also when the server tells it only after the handshake', async (maxVersion) => {
    const { port } = await receiverWith({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate, maxVersion });
    const stages: StageReport[] = [];
    const outcome = await transport.open(target(port), { dialer, listener: { safe: () => {}, failed: () => {} }, onStage: (report) => stages.push(report) });
    expect(outcome).toMatchObject({ type: 'failed', failure: { code: 'client-certificate-wanted', stage: 'tls', needsPerson: true } });
    expect(stages.at(-1)).toMatchObject({ stage: 'tls', ok: false });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('says that the client certificate is not liked (%s)', async (maxVersion) => {
    const stranger = await (await TestAuthority.create('Another Authority')).issue({ commonName: 'stranger', usage: 'client' });
    const { port } = await receiverWith({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate, maxVersion });
    const outcome = await transport.open(target(port, { certificate: stranger.certificate, key: stranger.key }), { dialer, listener: { safe: () => {}, failed: () => {} } });
    // Node's server checks after its handshake and just closes; OpenSSL's own check sends an alert.
    expect(outcome.type).toBe('failed');
    if (outcome.type === 'failed') expect(outcome.failure).toMatchObject({ stage: 'tls' });
  });

  it('uses a renewed client certificate at the next session', async () => {
    const peers: string[] = [];
    const { port } = await receiverWith({ requestCert: true, rejectUnauthorized: false, ca: authority.certificate });
    for (const commonName of ['sender-old', 'sender-new']) {
      const { certificate, key } = await authority.issue({ commonName, usage: 'client' });
      const seen = await openSession(transport, dialer, target(port, { certificate, key }));
      await sendTexts(seen, 1, [`<13>${commonName}`], transport, 'octet-counting');
      await until(() => seen.safeUpTo === 1, 'safe');
      peers.push(...(receiver?.clientNames ?? []));
      await seen.session.close(1000);
    }
    expect(peers.at(0)).toBe('sender-old');
    expect(peers.at(-1)).toBe('sender-new');
  });

  it('writes nothing to a receiver whose certificate is not trusted', async () => {
    const { port } = await receiverWith({});
    const other = await TestAuthority.create('Another Authority');
    expect(await transport.open(target(port, { ca: other.certificate }), { dialer, listener: { safe: () => {}, failed: () => {} } })).toMatchObject({ type: 'failed', failure: { code: 'certificate-untrusted' } });
    expect(receiver?.octets).toBe(0);
  });
});
