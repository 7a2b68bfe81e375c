import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { TlsSettings } from '../../contracts/dialer.js';
import type { Failure } from '../../model/failure.js';
import { errorCodeOf, failure } from '../../model/network-failure.js';

/** Certificate bundles of the usual systems; SSL_CERT_FILE comes first. */
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/ca-bundle.pem', '/etc/ssl/cert.pem'];
const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g;
const CONTEXTS_KEPT = 200;

/**
 * TLS contexts made from PEM texts. They are kept by the hash of the texts, since parsing a hundred roots at every dial costs milliseconds;
 * changed texts (a renewed certificate) are another hash, so they take effect at the next dial.
 */
export class TlsCredentials {
  private readonly contexts = new Map<string, SecureContext>();
  private system?: { stamp: string; pems: string[] };

  contextFor(settings: TlsSettings): { type: 'ready'; context: SecureContext } | { type: 'failed'; failure: Failure } {
    const { ca } = settings;
    // A pin or "do not verify" needs no roots at all.
    const stamp = ca === undefined && settings.verify && settings.fingerprint === undefined ? this.systemStamp() : '';
    const key = createHash('sha256').update(JSON.stringify([ca ?? null, stamp, settings.certificate ?? '', settings.key ?? ''])).digest('base64');
    const kept = this.contexts.get(key);
    if (kept) return { type: 'ready', context: kept };
    const wrong = wrongSettings(settings);
    if (wrong) return { type: 'failed', failure: wrong };
    try {
      const context = createSecureContext({ ca: ca ?? (stamp === '' ? undefined : this.systemRoots(stamp)), cert: settings.certificate, key: settings.key, minVersion: 'TLSv1.2' });
      this.contexts.set(key, context);
      const oldest = this.contexts.keys().next();
      if (this.contexts.size > CONTEXTS_KEPT && !oldest.done) this.contexts.delete(oldest.value);
      return { type: 'ready', context };
    } catch (error) {
      return { type: 'failed', failure: failure('settings-invalid', 'tls', `the TLS settings cannot be used (${errorCodeOf(error) || 'unknown error'})`, 'Set CA, client certificate and key again as PEM texts.', true) };
    }
  }

  private systemStamp(): string {
    const file = systemBundle();
    return file ? `${file.path}:${file.stamp}` : 'built-in';
  }

  /** The roots that Node carries, and those that the administrator of this machine added to the system's store. */
  private systemRoots(stamp: string): string[] {
    if (this.system?.stamp === stamp) return this.system.pems;
    const file = systemBundle();
    const own = file ? certificatesIn(readFileSync(file.path, 'latin1')) : [];
    const pems = [...new Set([...rootCertificates, ...own])];
    this.system = { stamp, pems };
    return pems;
  }
}

function systemBundle(): { path: string; stamp: string } | null {
  for (const path of [process.env['SSL_CERT_FILE'] ?? '', ...SYSTEM_BUNDLES]) {
    const stat = path ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (stat?.isFile()) return { path, stamp: `${stat.mtimeMs}:${stat.size}` };
  }
  return null;
}

function certificatesIn(pem: string): string[] {
  return pem.match(PEM_CERTIFICATE) ?? [];
}

/** OpenSSL passes over much of what is wrong in a PEM text, or says it in riddles; so each text is read on its own first. */
function wrongSettings(settings: TlsSettings): Failure | null {
  if (settings.ca !== undefined) {
    const found = certificatesIn(settings.ca);
    const unreadable = found.findIndex((pem) => !readCertificate(pem));
    if (found.length === 0) return failure('settings-invalid', 'tls', 'the CA text holds no PEM certificate', 'Paste the whole CA certificate, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.', true);
    if (unreadable >= 0) return failure('settings-invalid', 'tls', `certificate ${unreadable + 1} of ${found.length} in the CA text cannot be read`, 'Paste the CA certificates again; one of them is damaged.', true);
  }
  const { certificate, key } = settings;
  if (certificate === undefined && key === undefined) return null;
  const invalid = (cause: string, fix: string) => failure('client-certificate-invalid', 'tls', cause, fix, true);
  if (certificate === undefined) return invalid('a client key is set without its certificate', 'Set the client certificate that belongs to the key, or remove the key.');
  if (key === undefined) return invalid('a client certificate is set without its key', 'Set the private key that belongs to the client certificate, or remove the certificate.');
  const leaf = certificatesIn(certificate).map(readCertificate)[0];
  if (!leaf) return invalid('the client certificate is no readable PEM certificate', 'Paste the whole certificate, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, the leaf first.');
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key))) return invalid(`the client key does not belong to the client certificate ${oneLine(leaf.subject)}`, 'Set the certificate and the key of one pair.');
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'ERR_MISSING_PASSPHRASE' || key.includes('ENCRYPTED')) return invalid('the client key is protected by a passphrase', 'Set the key without a passphrase (openssl pkey -in key.pem); it is kept encrypted at rest here.');
    return invalid(`the client key is no readable PEM private key (${code || 'unknown form'})`, 'Paste the whole private key, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----.');
  }
  return null;
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

export function oneLine(name: string): string {
  return name.split('\n').filter(Boolean).join(', ');
}
