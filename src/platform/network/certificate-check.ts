import { isIP } from 'node:net';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { TlsSettings } from '../../contracts/dialer.js';
import type { Failure } from '../../model/failure.js';
import { failure, peerName, type Peer } from '../../model/network-failure.js';

/**
 * Judges the certificate of a finished handshake, before one octet of ours is written. Null is the only way through:
 * pinned fingerprint (then nothing else counts), or chain and name, or an administrator's explicit "do not verify".
 */
export function certificateFailure(socket: TLSSocket, settings: TlsSettings, peer: Peer): Failure | null {
  const certificate = socket.getPeerCertificate(true);
  const name = settings.serverName ?? peer.host;
  if (settings.fingerprint !== undefined) {
    const wanted = settings.fingerprint.replaceAll(':', '').toUpperCase();
    const shown = (certificate.fingerprint256 ?? '').replaceAll(':', '').toUpperCase();
    if (wanted.length === 64 && shown === wanted) return null;
    return failure('certificate-fingerprint-mismatch', 'tls', `${peerName(peer)} showed ${describeCertificate(certificate)} with fingerprint ${shown.toLowerCase()}, pinned is ${wanted.toLowerCase()}`,
      'If the certificate was renewed on purpose, pin the new fingerprint; if not, someone else may be answering.', true);
  }
  if (!settings.verify) return null;
  if (!socket.authorized) return chainFailure(String(socket.authorizationError), certificate, peer);
  const mismatch = checkServerIdentity(name, certificate);
  if (mismatch === undefined) return null;
  const valid = certificate.subjectaltname ?? `no alternative names, common name ${text(certificate.subject?.CN)}`;
  return failure('certificate-wrong-name', 'tls', `the certificate of ${peerName(peer)} is not for ${name}: it holds ${valid}`,
    isIP(name) ? 'Use the name from the certificate in the server URL, or set it as server name of the integration.' : 'Set the server name of the integration to a name in the certificate, or have a certificate issued for this name.', true);
}

/** Subject, issuer and expiry in one line. */
export function describeCertificate(certificate: PeerCertificate): string {
  if (!certificate.subject) return 'no certificate';
  return `certificate ${distinguishedName(certificate.subject)}, issuer ${distinguishedName(certificate.issuer)}, valid until ${instant(certificate.valid_to)}`;
}

function chainFailure(code: string, certificate: DetailedPeerCertificate, peer: Peer): Failure {
  const name = peerName(peer);
  switch (code) {
    case 'CERT_HAS_EXPIRED': {
      const expired = firstInChain(certificate, (link) => Date.parse(link.valid_to) < Date.now()) ?? certificate;
      return failure('certificate-expired', 'tls', `the ${describeCertificate(expired)} of ${name} has expired`, 'Renew the certificate on the receiver; or check the clock of this machine.', true);
    }
    case 'CERT_NOT_YET_VALID': {
      const early = firstInChain(certificate, (link) => Date.parse(link.valid_from) > Date.now()) ?? certificate;
      return failure('certificate-not-yet-valid', 'tls', `the ${describeCertificate(early)} of ${name} is valid only from ${instant(early.valid_from)}`, 'Check the clock of this machine and of the one that issued the certificate.', true);
    }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return failure('certificate-untrusted', 'tls', `the ${describeCertificate(certificate)} of ${name} is signed by itself (${code})`, 'Set this certificate as CA of the integration, or pin its fingerprint.', true);
    default:
      return failure('certificate-untrusted', 'tls', `the ${describeCertificate(certificate)} of ${name} is not issued by an authority that is trusted here (${code})`,
        'Set the certificate of the issuing authority as CA of the integration; if it is set, let the receiver send its intermediate certificates too.', true);
  }
}

function firstInChain(leaf: DetailedPeerCertificate, wanted: (certificate: DetailedPeerCertificate) => boolean): DetailedPeerCertificate | undefined {
  const seen = new Set<string>();
  for (let link: DetailedPeerCertificate | undefined = leaf; link && !seen.has(link.fingerprint256); link = link.issuerCertificate) {
    if (wanted(link)) return link;
    seen.add(link.fingerprint256);
  }
  return undefined;
}

function distinguishedName(name: PeerCertificate['subject'] | undefined): string {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${text(value)}`);
  return parts.length > 0 ? parts.join(',') : '(empty name)';
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.join('+') : typeof value === 'string' ? value : '(none)';
}

function instant(value: string): string {
  const time = Date.parse(value);
  return Number.isNaN(time) ? value : new Date(time).toISOString();
}

