import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { TestAuthority, testCertificates, type TestCertificate } from '../../../test/support/certificates.js';
import type { DialOutcome, TlsSettings } from '../../contracts/dialer.js';
import { LoopbackReceiver } from '../../demo/loopback-receiver.js';
import type { Failure, StageReport } from '../../model/failure.js';
import { NetworkDialer, type DialerOptions } from './dialer.js';

const servers: Server[] = [];
const receivers: LoopbackReceiver[] = [];
const accepted = new Set<Socket>();

/** A TCP peer that does what the test says with each connection. */
async function peer(onConnection: (socket: Socket) => void = () => {}, host = '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => {
    accepted.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function dial(port: number, options: { host?: string; tls?: Partial<TlsSettings>; timeoutMs?: number; signal?: AbortSignal; denyCidrs?: string[] } & DialerOptions = {}) {
  const stages: StageReport[] = [];
  const { host = '127.0.0.1', tls, timeoutMs = 5000, signal, denyCidrs = [], ...dialerOptions } = options;
  const outcome = await new NetworkDialer({ denyCidrs }, dialerOptions).dial({ host, port, tls: tls && { verify: true, ...tls }, connectTimeoutMs: timeoutMs, signal, onStage: (report) => stages.push(report) });
  if (outcome.type === 'connected') accepted.add(outcome.socket);
  return { outcome, stages };
}

function failureOf(outcome: DialOutcome): Failure {
  if (outcome.type !== 'failed') throw new Error('the dial went through');
  expect(outcome.failure.fix).not.toBe('');
  return outcome.failure;
}

afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  accepted.clear();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  for (const receiver of receivers.splice(0)) await receiver.stop();
});

describe('dialling one destination often', () => {
  it('begins so many connections a second, counts a name and the address it was looked up to be together, and lets no wait count as a slow receiver', async () => {
    const at: number[] = [];
    const port = await peer(() => at.push(performance.now()));
    const other = await peer();
    const dialer = new NetworkDialer({ denyCidrs: [], connectionsPerSecond: 2 }, { lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
    const outcomes = Promise.all([0, 1, 2, 3, 4].map((index) => dialer.dial({ host: index % 2 === 0 ? 'siem.test' : '127.0.0.1', ...(index % 2 === 0 ? {} : { name: 'SIEM.test' }), port, connectTimeoutMs: 500 })));
    const from = performance.now();
    const elsewhere = await dialer.dial({ host: 'siem.test', port: other, connectTimeoutMs: 500 });
    expect(elsewhere.type).toBe('connected');
    expect(performance.now() - from).toBeLessThan(400);
    for (const outcome of [elsewhere, ...(await outcomes)]) {
      expect(outcome.type).toBe('connected');
      if (outcome.type === 'connected') accepted.add(outcome.socket);
    }
    expect(at).toHaveLength(5);
    expect((at[4] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(1900);
    expect((at[2] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(900);
  });

  it('is ended by its signal while it waits for its turn', async () => {
    const port = await peer();
    const dialer = new NetworkDialer({ denyCidrs: [], connectionsPerSecond: 1 });
    const first = await dialer.dial({ host: '127.0.0.1', port, connectTimeoutMs: 500 });
    if (first.type === 'connected') accepted.add(first.socket);
    const stop = new AbortController();
    const stages: StageReport[] = [];
    const from = performance.now();
    const waiting = dialer.dial({ host: '127.0.0.1', port, connectTimeoutMs: 5000, signal: stop.signal, onStage: (report) => stages.push(report) });
    setTimeout(() => stop.abort(), 50);
    expect(await waiting).toMatchObject({ type: 'failed', failure: { code: 'cancelled', stage: 'connect' } });
    expect(performance.now() - from).toBeLessThan(500);
    expect(stages.at(-1)).toMatchObject({ stage: 'connect', ok: false });
  });
});

describe('dialling over TCP', () => {
  it('reports resolve, policy and connect with their times', async () => {
    const { outcome, stages } = await dial(await peer());
    expect(outcome).toMatchObject({ type: 'connected', address: '127.0.0.1' });
    expect(stages.map((stage) => [stage.stage, stage.ok])).toEqual([['resolve', true], ['policy', true], ['connect', true]]);
    for (const stage of stages) expect(stage.ms).toBeGreaterThanOrEqual(0);
  });

  it('names host and port when nothing listens', async () => {
    const port = await unusedPort();
    const { outcome, stages } = await dial(port);
    expect(failureOf(outcome)).toMatchObject({ code: 'connection-refused', stage: 'connect', needsPerson: false, cause: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(stages.at(-1)).toMatchObject({ stage: 'connect', ok: false });
  });

  it('says that a name is not known', async () => {
    const { outcome, stages } = await dial(1, { host: 'siem.invalid', lookup: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) });
    expect(failureOf(outcome)).toMatchObject({ code: 'name-not-found', stage: 'resolve', cause: expect.stringContaining('siem.invalid') });
    expect(stages).toHaveLength(1);
  });

  it('tells a silent DNS from an unknown name', async () => {
    expect(failureOf((await dial(1, { host: 'siem.test', lookup: () => Promise.reject(Object.assign(new Error('x'), { code: 'EAI_AGAIN' })) })).outcome).code).toBe('name-lookup-failed');
    expect(failureOf((await dial(1, { host: 'siem.test', timeoutMs: 50, lookup: () => new Promise(() => {}) })).outcome)).toMatchObject({ code: 'name-lookup-failed', cause: expect.stringContaining('50 ms') });
  });

  it('asks the resolver again at every dial', async () => {
    const port = await peer();
    let asked = 0;
    const dialer = new NetworkDialer({ denyCidrs: [] }, { lookup: () => { asked++; return Promise.resolve([{ address: '127.0.0.1', family: 4 }]); } });
    for (let round = 0; round < 3; round++) {
      const outcome = await dialer.dial({ host: 'siem.test', port, connectTimeoutMs: 1000 });
      expect(outcome.type).toBe('connected');
      if (outcome.type === 'connected') outcome.socket.destroy();
    }
    expect(asked).toBe(3);
  });

  it('goes to the next address when one refuses', async () => {
    const port = await peer();
    const { outcome } = await dial(port, { host: 'siem.test', lookup: () => Promise.resolve([{ address: '127.0.0.2', family: 4 }, { address: '127.0.0.1', family: 4 }]) });
    expect(outcome).toMatchObject({ type: 'connected', address: '127.0.0.1' });
  });

  it('does not wait for a silent address longer than its head start', async () => {
    const port = await peer();
    // 192.0.2.0/24 is for documentation (RFC 5737): nobody answers, or the network refuses at once.
    const { outcome } = await dial(port, { host: 'siem.test', attemptDelayMs: 20, lookup: () => Promise.resolve([{ address: '192.0.2.1', family: 4 }, { address: '127.0.0.1', family: 4 }]) });
    expect(outcome).toMatchObject({ type: 'connected', address: '127.0.0.1' });
  });

  it('names every address when all fail', async () => {
    const port = await unusedPort();
    const { cause } = failureOf((await dial(port, { host: 'siem.test', lookup: () => Promise.resolve([{ address: '127.0.0.2', family: 4 }, { address: '127.0.0.1', family: 4 }]) })).outcome);
    expect(cause).toContain('127.0.0.2');
    expect(cause).toContain('127.0.0.1');
  });

  it('never reaches a denied address, however it is written', async () => {
    const port = await peer();
    for (const host of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
      const { outcome, stages } = await dial(port, { host, denyCidrs: ['127.0.0.0/8'] });
      expect(failureOf(outcome)).toMatchObject({ code: 'address-not-allowed', stage: 'policy', needsPerson: true });
      expect(stages.map((stage) => stage.stage)).toEqual(['resolve', 'policy']);
    }
    expect(accepted.size).toBe(0);
  });

  it('uses the allowed addresses of a name that has a denied one too', async () => {
    const port = await peer();
    const { outcome } = await dial(port, { host: 'siem.test', denyCidrs: ['127.0.0.2/32'], lookup: () => Promise.resolve([{ address: '127.0.0.2', family: 4 }, { address: '127.0.0.1', family: 4 }]) });
    expect(outcome).toMatchObject({ type: 'connected', address: '127.0.0.1' });
  });

  it('refuses a CIDR block that cannot be read, at start and by name', () => {
    expect(() => new NetworkDialer({ denyCidrs: ['10.0.0.0/99'] })).toThrow('network.denyCidrs: "10.0.0.0/99"');
    expect(() => new NetworkDialer({ denyCidrs: ['metadata'] })).toThrow('network.denyCidrs');
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const dialling = dial(1, { host: 'siem.test', signal: controller.signal, lookup: () => new Promise(() => {}) });
    controller.abort();
    expect(failureOf((await dialling).outcome).code).toBe('cancelled');
    expect(failureOf((await dial(1, { signal: controller.signal })).outcome).code).toBe('cancelled');
  });

  it('hands over a socket whose errors bring nothing down', async () => {
    let theirs: Socket | undefined;
    const port = await peer((socket) => { theirs = socket; });
    const { outcome } = await dial(port);
    if (outcome.type !== 'connected') throw new Error(outcome.failure.cause);
    const { socket } = outcome;
    while (!theirs) await new Promise((resolve) => setTimeout(resolve, 1));
    theirs.resetAndDestroy();
    await new Promise((resolve) => (socket.destroyed ? resolve(null) : socket.once('close', resolve).resume()));
    expect(socket.destroyed).toBe(true);
  });
});

describe('dialling over TLS', () => {
  let authority: TestAuthority;
  let server: TestCertificate;
  let client: TestCertificate;

  beforeAll(async () => {
    ({ authority, server, client } = await testCertificates());
  });

  async function tlsPeer(certificate: TestCertificate, options: TlsOptions = {}): Promise<number> {
    const receiver = await LoopbackReceiver.start({ protocol: 'tls', tls: { cert: certificate.certificate, key: certificate.key, ...options } });
    receivers.push(receiver);
    return receiver.port;
  }

  it('trusts the authority that is set, and shows version, cipher and certificate', async () => {
    const { outcome, stages } = await dial(await tlsPeer(server), { host: 'localhost', tls: { ca: authority.certificate } });
    expect(outcome.type).toBe('connected');
    expect(stages.map((stage) => stage.stage)).toEqual(['resolve', 'policy', 'connect', 'tls']);
    expect(stages.at(-1)?.detail).toMatch(/TLSv1\.3 TLS_.*CN=receiver\.test.*verified/);
  });

  it('checks the name of an address too', async () => {
    expect((await dial(await tlsPeer(server), { tls: { ca: authority.certificate } })).outcome.type).toBe('connected');
    const nameOnly = await authority.issue({ commonName: 'receiver.test', dns: ['receiver.test'] });
    expect(failureOf((await dial(await tlsPeer(nameOnly), { tls: { ca: authority.certificate } })).outcome).code).toBe('certificate-wrong-name');
  });

  it('sends the server name that is set, and checks it', async () => {
    const names: string[] = [];
    const port = await tlsPeer(server, { SNICallback: (name, done) => { names.push(name); done(null); } });
    expect((await dial(port, { tls: { ca: authority.certificate, serverName: 'receiver.test' } })).outcome.type).toBe('connected');
    expect(names).toEqual(['receiver.test']);
    expect(failureOf((await dial(port, { tls: { ca: authority.certificate, serverName: 'other.test' } })).outcome)).toMatchObject({ code: 'certificate-wrong-name', needsPerson: true, cause: expect.stringMatching(/other\.test.*DNS:localhost/) });
  });

  it('refuses an authority that is not trusted, naming the issuer', async () => {
    const other = await TestAuthority.create('Another Authority');
    for (const tls of [{ ca: other.certificate }, {}]) {
      expect(failureOf((await dial(await tlsPeer(server), { host: 'localhost', tls })).outcome)).toMatchObject({ code: 'certificate-untrusted', stage: 'tls', needsPerson: true, cause: expect.stringContaining('CN=Test Authority') });
    }
  });

  it('refuses an expired certificate, with its date', async () => {
    const expired = await authority.issue({ commonName: 'old.test', dns: ['localhost'], notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2020-02-01T00:00:00Z') });
    expect(failureOf((await dial(await tlsPeer(expired), { host: 'localhost', tls: { ca: authority.certificate } })).outcome)).toMatchObject({ code: 'certificate-expired', needsPerson: true, cause: expect.stringMatching(/CN=old\.test.*2020-02-01T00:00:00/) });
  });

  it('refuses a certificate that is not valid yet', async () => {
    const early = await authority.issue({ commonName: 'early.test', dns: ['localhost'], notBefore: new Date(Date.now() + 3_600_000), notAfter: new Date(Date.now() + 7_200_000) });
    expect(failureOf((await dial(await tlsPeer(early), { host: 'localhost', tls: { ca: authority.certificate } })).outcome).code).toBe('certificate-not-yet-valid');
  });

  it('takes a pinned fingerprint instead of a chain, with or without colons', async () => {
    const port = await tlsPeer(server);
    for (const fingerprint of [server.fingerprint, server.fingerprint.replaceAll(':', '').toUpperCase()]) {
      expect((await dial(port, { host: 'localhost', tls: { fingerprint } })).outcome.type).toBe('connected');
    }
    const wrong = failureOf((await dial(port, { host: 'localhost', tls: { ca: authority.certificate, fingerprint: client.fingerprint } })).outcome);
    expect(wrong).toMatchObject({ code: 'certificate-fingerprint-mismatch', needsPerson: true });
    expect(wrong.cause).toContain(server.fingerprint.replaceAll(':', ''));
  });

  it('skips verification only when told so, and says it', async () => {
    const { outcome, stages } = await dial(await tlsPeer(server), { host: 'localhost', tls: { verify: false } });
    expect(outcome.type).toBe('connected');
    expect(stages.at(-1)?.detail).toContain('NOT VERIFIED');
  });

  it('shows its client certificate', async () => {
    const port = await tlsPeer(server, { requestCert: true, rejectUnauthorized: true, ca: authority.certificate });
    expect((await dial(port, { host: 'localhost', tls: { ca: authority.certificate, certificate: client.certificate, key: client.key } })).outcome.type).toBe('connected');
  });

  it('says that a client certificate is wanted (TLS 1.2)', async () => {
    const port = await tlsPeer(server, { requestCert: true, rejectUnauthorized: true, ca: authority.certificate, maxVersion: 'TLSv1.2' });
    const wanted = failureOf((await dial(port, { host: 'localhost', tls: { ca: authority.certificate } })).outcome);
    expect(wanted).toMatchObject({ code: 'client-certificate-wanted', stage: 'tls', needsPerson: true });
  });

  it('finds wrong client certificate settings before they are used', async () => {
    const port = await tlsPeer(server);
    const ca = authority.certificate;
    const cases: [Partial<TlsSettings>, RegExp][] = [
      [{ certificate: client.certificate }, /without its key/],
      [{ key: client.key }, /without its certificate/],
      [{ certificate: 'no pem', key: client.key }, /no readable PEM certificate/],
      [{ certificate: client.certificate, key: 'no pem' }, /no readable PEM private key/],
      [{ certificate: client.certificate, key: server.key }, /does not belong/],
    ];
    for (const [tls, cause] of cases) {
      expect(failureOf((await dial(port, { host: 'localhost', tls: { ca, ...tls } })).outcome)).toMatchObject({ code: 'client-certificate-invalid', needsPerson: true, cause: expect.stringMatching(cause) });
    }
    expect(failureOf((await dial(port, { host: 'localhost', tls: { ca: 'nothing' } })).outcome).code).toBe('settings-invalid');
  });

  it('says that the peer does not speak TLS, and never goes on in plain', async () => {
    let octets = '';
    // Greets once it was greeted, so that the hello has been read when the test looks.
    const port = await peer((socket) => socket.on('data', (data) => {
      octets += data.toString('latin1');
      socket.write('220 welcome\r\n');
    }));
    expect(failureOf((await dial(port, { tls: { verify: false } })).outcome)).toMatchObject({ code: 'not-tls', stage: 'tls', needsPerson: true });
    expect(octets.charCodeAt(0)).toBe(0x16);
  });

  it('hints at a plain listener when the peer closes or stays silent during the handshake', async () => {
    const closing = await peer((socket) => socket.once('data', () => socket.end()));
    expect(failureOf((await dial(closing, { tls: {} })).outcome)).toMatchObject({ code: 'tls-handshake-failed', cause: expect.stringContaining('closed the connection during the TLS handshake') });
    const silent = await peer((socket) => socket.resume());
    expect(failureOf((await dial(silent, { tls: {}, timeoutMs: 100 })).outcome)).toMatchObject({ code: 'connect-timeout', stage: 'tls', fix: expect.stringContaining('plain') });
  });

  it('leaves nothing open behind a failed handshake', async () => {
    let closed = 0;
    const port = await peer((socket) => { socket.resume(); socket.on('close', () => closed++); });
    await dial(port, { tls: {}, timeoutMs: 50 });
    const giveUpAt = Date.now() + 5000;
    while (closed === 0 && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(closed).toBe(1);
  });
});
