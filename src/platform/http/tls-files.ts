import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../contracts/clock.js';
import type { Log } from '../../contracts/log.js';
import { errorCode } from '../data-directory.js';

/** The certificate and key of the listener, as read and checked. */
export interface TlsPair {
  cert: string;
  key: string;
  subject: string;
  /** Milliseconds since 1970. */
  notAfter: number;
}

export class TlsFilesRefused extends Error {
  constructor(setting: string, path: string, cause: string, fix: string) {
    super(`${setting} = ${JSON.stringify(path)}: ${cause}; ${fix}`);
    this.name = 'TlsFilesRefused';
  }
}

/** Reads both files and checks that they are PEM and belong together. @throws TlsFilesRefused with key, value and fix */
export function readTlsPair(certPath: string, keyPath: string): TlsPair {
  const cert = readSetting('tls.cert', certPath);
  const key = readSetting('tls.key', keyPath);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    throw new TlsFilesRefused('tls.cert', certPath, 'the file holds no PEM certificate', 'name the file that begins with -----BEGIN CERTIFICATE-----, the own certificate first, then the chain');
  }
  let privateKey;
  try {
    privateKey = createPrivateKey(key);
  } catch {
    throw new TlsFilesRefused('tls.key', keyPath, 'the file holds no PEM private key, or one with a passphrase', 'name an unencrypted key: openssl pkey -in <key> -out <new key>');
  }
  if (!certificate.checkPrivateKey(privateKey)) throw new TlsFilesRefused('tls.key', keyPath, `the key does not belong to the first certificate in ${certPath}`, 'name the key of that certificate; in the certificate file the own certificate comes first');
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new TlsFilesRefused('tls.cert', certPath, `the pair cannot be used (${errorCode(error)})`, 'use an RSA key of at least 2048 bits or an EC key');
  }
  return { cert, key, subject: certificate.subject.replaceAll('\n', ', '), notAfter: Date.parse(certificate.validTo) };
}

/**
 * Serves a renewed certificate without a restart: looks at both files each `pollMs` and at SIGHUP. A pair that is not usable (half written) leaves the present one in use;
 * the next change is looked at again. @returns stops it
 */
export function reloadTlsPair(server: Server, files: { cert: string; key: string }, clock: Clock, log: Log, pollMs: number): () => void {
  const reload = () => {
    try {
      const pair = readTlsPair(files.cert, files.key);
      server.setSecureContext({ cert: pair.cert, key: pair.key });
      log.info({ subject: pair.subject, notAfter: new Date(pair.notAfter).toISOString() }, 'the certificate of the listener was loaded again');
      warnOfExpiry(pair, clock, log);
    } catch (error) {
      log.error({ reason: error instanceof Error ? error.message : String(error) }, 'the changed certificate cannot be used; the one before stays in use');
    }
  };
  for (const path of [files.cert, files.key]) watchFile(path, { interval: pollMs, persistent: false }, reload);
  process.on('SIGHUP', reload);
  return () => {
    for (const path of [files.cert, files.key]) unwatchFile(path, reload);
    process.off('SIGHUP', reload);
  };
}

/** What an administrator should know of the files at the start. */
export function warnOfTlsFiles(pair: TlsPair, keyPath: string, clock: Clock, log: Log): void {
  warnOfExpiry(pair, clock, log);
  if (process.platform !== 'win32' && (statSync(keyPath).mode & 0o007) !== 0) log.warn({ setting: 'tls.key', path: keyPath }, 'everybody on this machine can read the private key of the listener; chmod o= it');
}

const DAY_MS = 86_400_000;

function warnOfExpiry({ subject, notAfter }: TlsPair, clock: Clock, log: Log): void {
  const days = Math.floor((notAfter - clock.now()) / DAY_MS);
  const facts = { subject, notAfter: new Date(notAfter).toISOString() };
  if (days < 0) log.error(facts, 'the certificate of the listener has expired: clients refuse it; renew it');
  else if (days < 14) log.warn({ ...facts, days }, 'the certificate of the listener expires soon; renew it');
}

function readSetting(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TlsFilesRefused(setting, path, `the file cannot be read (${errorCode(error)})`, 'correct the path or its permissions');
  }
}
