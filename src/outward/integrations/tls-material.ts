import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsSettings } from '../../contracts/dialer.js';
import type { ProblemItem } from '../../platform/http/problem.js';

/** What may be shown of a certificate. */
export interface CertificateSummary {
  subject: string;
  issuer: string;
  /** RFC 3339, UTC. */
  validFrom: string;
  validTo: string;
  /** SHA-256, upper-case hex with colons. */
  fingerprint: string;
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const BEGIN_CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const SOON_MS = 30 * 86_400_000;
const BASE = '/connection/tls';

/** The certificates of a PEM text, in order. @throws when one of them cannot be parsed. */
export function certificatesOf(pem: string): X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}

/** As shown to administrators; empty when the text does not parse (it was checked when it was saved). */
export function summariesOf(pem: string): CertificateSummary[] {
  try {
    return certificatesOf(pem).map((certificate) => ({
      subject: certificate.subject.replaceAll('\n', ', '),
      issuer: certificate.issuer.replaceAll('\n', ', '),
      validFrom: new Date(certificate.validFrom).toISOString(),
      validTo: new Date(certificate.validTo).toISOString(),
      fingerprint: certificate.fingerprint256,
    }));
  } catch {
    return [];
  }
}

/** What is wrong with the PEM texts, each alone and together. No message repeats any of the text. */
export function tlsFaults(tls: TlsSettings): ProblemItem[] {
  const faults = [...certificateFaults('ca', tls.ca), ...certificateFaults('certificate', tls.certificate), ...keyFaults(tls.key)];
  if (tls.certificate !== undefined && tls.key === undefined) faults.push({ pointer: `${BASE}/key`, message: 'the client certificate needs its private key' });
  if (tls.key !== undefined && tls.certificate === undefined) faults.push({ pointer: `${BASE}/certificate`, message: 'the private key needs its client certificate' });
  if (faults.length > 0) return faults;

  if (tls.certificate !== undefined && tls.key !== undefined) {
    const leaf = certificatesOf(tls.certificate)[0];
    if (!leaf?.checkPrivateKey(createPrivateKey(tls.key))) return [{ pointer: `${BASE}/key`, message: 'does not belong to the client certificate (the first one of the chain)' }];
  }
  try {
    // The last word has the library that will use them: it also refuses keys and digests that are too weak.
    createSecureContext({ ca: tls.ca, cert: tls.certificate, key: tls.key });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return [{ pointer: tls.certificate === undefined ? `${BASE}/ca` : `${BASE}/certificate`, message: `cannot be used for TLS (${code})` }];
  }
  return [];
}

/** What an administrator should know of the material although it is accepted. */
export function tlsWarnings(tls: TlsSettings, now: number): ProblemItem[] {
  const warnings: ProblemItem[] = [];
  if (!tls.verify) warnings.push({ pointer: `${BASE}/verify`, message: 'The certificate of the receiver is not verified: anybody on the way can read and change the events.' });
  for (const field of ['ca', 'certificate'] as const) {
    for (const summary of summariesOf(tls[field] ?? '')) {
      const validTo = Date.parse(summary.validTo);
      if (validTo <= now) warnings.push({ pointer: `${BASE}/${field}`, message: `The certificate of ${summary.subject} expired at ${summary.validTo}.` });
      else if (validTo <= now + SOON_MS) warnings.push({ pointer: `${BASE}/${field}`, message: `The certificate of ${summary.subject} expires at ${summary.validTo}.` });
      else if (Date.parse(summary.validFrom) > now) warnings.push({ pointer: `${BASE}/${field}`, message: `The certificate of ${summary.subject} is not valid before ${summary.validFrom}.` });
    }
  }
  return warnings;
}

function certificateFaults(field: 'ca' | 'certificate', pem: string | undefined): ProblemItem[] {
  if (pem === undefined) return [];
  const pointer = `${BASE}/${field}`;
  if (PRIVATE_KEY.test(pem)) return [{ pointer, message: 'holds a private key; it belongs into connection.tls.key alone' }];
  try {
    const certificates = certificatesOf(pem).length;
    if (certificates > 0 && certificates < (pem.match(BEGIN_CERTIFICATE)?.length ?? 0)) return [{ pointer, message: 'holds a certificate that is cut off: every BEGIN CERTIFICATE needs its END CERTIFICATE' }];
    return certificates === 0 ? [{ pointer, message: 'holds no PEM certificate (-----BEGIN CERTIFICATE-----)' }] : [];
  } catch {
    return [{ pointer, message: 'holds a certificate that cannot be parsed' }];
  }
}

function keyFaults(pem: string | undefined): ProblemItem[] {
  if (pem === undefined) return [];
  const pointer = `${BASE}/key`;
  if (!PRIVATE_KEY.test(pem)) return [{ pointer, message: 'holds no PEM private key (-----BEGIN PRIVATE KEY-----)' }];
  if (pem.includes('ENCRYPTED')) return [{ pointer, message: 'is encrypted; give it without a passphrase, it is sealed where it is stored' }];
  try {
    createPrivateKey(pem);
    return [];
  } catch {
    return [{ pointer, message: 'is a private key that cannot be parsed' }];
  }
}
