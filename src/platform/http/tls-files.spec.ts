import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { pemMaterial, type PemMaterial } from '../../../test/support/pem-material.js';
import { silentLog, type Log } from '../../contracts/log.js';
import { readTlsPair, TlsFilesRefused } from './tls-files.js';

let directory: string;
let cert: string;
let key: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidegate-tls-'));
  [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
});
afterEach(() => rmSync(directory, { recursive: true }));

function put(pair: PemMaterial): void {
  writeFileSync(cert, pair.certificate);
  writeFileSync(key, pair.key, { mode: 0o600 });
}

/** One request on a connection of its own: status, headers and the common name of the server's certificate. */
function ask(url: string): Promise<{ status: number | undefined; headers: Record<string, unknown>; commonName: string; protocol: string | null }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, agent: false }, (answer) => {
      const socket = answer.socket as TLSSocket;
      const subject = socket.getPeerCertificate().subject;
      const protocol = socket.getProtocol();
      answer.resume().on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, commonName: String(subject.CN), protocol }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 25));
}

describe('the TLS listener', () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, error: (_facts, message) => void lines.push(`error ${message}`), warn: (_facts, message) => void lines.push(`warn ${message}`), info: (_facts, message) => void lines.push(`info ${message}`), child: () => log };
  let application: TestApplication | undefined;
  beforeEach(() => void (lines.length = 0));
  afterEach(async () => {
    await application?.close();
    application = undefined;
  });
  const open = async () => (application = await openTestApplication({ settings: { tls: { cert, key } }, log, tlsPollMs: 20 }));

  it('serves HTTPS with the certificate of the settings and tells browsers to stay with it', async () => {
    put(await pemMaterial('gate.example'));
    const { url } = await open();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const answer = await ask(`${url}/api/openapi.json`);
    expect(answer).toMatchObject({ status: 200, commonName: 'gate.example', protocol: 'TLSv1.3', headers: { 'strict-transport-security': expect.stringContaining('max-age='), 'content-security-policy': expect.stringContaining('upgrade-insecure-requests') } });
    await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
  });

  it('serves a renewed certificate without a restart, also behind a link that moves as mounted secrets do', async () => {
    put(await pemMaterial('first.example'));
    const [current, links] = [join(directory, 'current'), [cert, key]];
    symlinkSync(directory, current);
    [cert, key] = [join(current, 'cert.pem'), join(current, 'key.pem')];
    const { url } = await open();
    [cert, key] = links as [string, string];
    expect((await ask(url)).commonName).toBe('first.example');
    const renewed = mkdtempSync(join(tmpdir(), 'tidegate-tls-renewed-'));
    try {
      const pair = await pemMaterial('second.example');
      writeFileSync(join(renewed, 'cert.pem'), pair.certificate);
      writeFileSync(join(renewed, 'key.pem'), pair.key, { mode: 0o600 });
      symlinkSync(renewed, join(directory, 'next'));
      renameSync(join(directory, 'next'), current);
      await eventually(async () => (await ask(url)).commonName === 'second.example');
      expect(lines).toContain('info the certificate of the listener was loaded again');
    } finally {
      rmSync(renewed, { recursive: true });
    }
  });

  it('keeps the certificate in use while a changed pair does not fit, and takes it once it does', async () => {
    put(await pemMaterial('first.example'));
    const { url } = await open();
    const next = await pemMaterial('next.example');
    writeFileSync(cert, next.certificate);
    await eventually(async () => lines.some((line) => line.startsWith('error the changed certificate cannot be used')));
    expect((await ask(url)).commonName).toBe('first.example');
    writeFileSync(key, next.key);
    await eventually(async () => (await ask(url)).commonName === 'next.example');
  });

  it('loads the certificate again at SIGHUP', async () => {
    put(await pemMaterial('first.example'));
    application = await openTestApplication({ settings: { tls: { cert, key } }, log, tlsPollMs: 3_600_000 });
    put(await pemMaterial('hangup.example'));
    process.emit('SIGHUP');
    expect((await ask(application.url)).commonName).toBe('hangup.example');
    await application.close();
    application = undefined;
    expect(process.listenerCount('SIGHUP')).toBe(0);
  });

  it('serves an expired certificate but says so as an error, and warns of one that expires soon', async () => {
    put(await pemMaterial('old.example', { from: new Date('2020-01-01'), to: new Date('2021-01-01') }));
    await open();
    expect(lines).toContain('error the certificate of the listener has expired: clients refuse it; renew it');
    put(await pemMaterial('soon.example', { to: new Date(Date.now() + 3 * 86_400_000) }));
    await eventually(async () => lines.includes('warn the certificate of the listener expires soon; renew it'));
  });

  it('warns when everybody can read the key', async () => {
    const pair = await pemMaterial('gate.example');
    writeFileSync(cert, pair.certificate);
    writeFileSync(key, pair.key, { mode: 0o644 });
    await open();
    expect(lines).toContain('warn everybody on this machine can read the private key of the listener; chmod o= it');
  });
});

describe('readTlsPair', () => {
  it('refuses each fault with setting, value and fix', async () => {
    const [one, two] = [await pemMaterial('one'), await pemMaterial('two')];
    put(one);
    expect(readTlsPair(cert, key)).toMatchObject({ subject: 'CN=one', notAfter: Date.parse('2120-01-01T00:00:00Z') });
    expect(() => readTlsPair(join(directory, 'absent'), key)).toThrow(/^tls\.cert = ".*absent": the file cannot be read \(ENOENT\); correct the path/);
    expect(() => readTlsPair(cert, join(directory, 'absent'))).toThrow(/^tls\.key = ".*absent"/);
    expect(() => readTlsPair(key, key)).toThrow(/^tls\.cert = .* holds no PEM certificate/);
    expect(() => readTlsPair(cert, cert)).toThrow(/^tls\.key = .* holds no PEM private key/);
    writeFileSync(key, two.key);
    expect(() => readTlsPair(cert, key)).toThrow(TlsFilesRefused);
    expect(() => readTlsPair(cert, key)).toThrow(/^tls\.key = .*the key does not belong to the first certificate/);
  });
});
