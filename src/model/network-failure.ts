import type { Failure, FailureCode, Stage } from './failure.js';

/**
 * Errors of sockets, look-ups and TLS, sorted by code (never by message text) into what happened and what repairs it.
 * Shared by the dialer (while a connection is made) and the transports (while it lives), so that a cause reads the same wherever it shows.
 */

/** Who is at the other end, and what was asked of it. */
export interface Peer {
  host: string;
  port: number;
  /** The address in use, when known. */
  address?: string;
  tls?: {
    /** True when a client certificate was offered. */
    clientCertificate: boolean;
  };
}

export function failure(code: FailureCode, stage: Stage, cause: string, fix: string, needsPerson = false): Failure {
  return { code, stage, cause, fix, needsPerson };
}

/** The system or OpenSSL code of an error, '' when it has none. */
export function errorCodeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

/** `name:port`, with the address behind it when it differs; IPv6 in brackets. */
export function peerName(peer: Peer): string {
  const host = peer.host.includes(':') ? `[${peer.host}]` : peer.host;
  return peer.address !== undefined && peer.address !== peer.host ? `${host}:${peer.port} (${peer.address})` : `${host}:${peer.port}`;
}

/** A name that could not be turned into an address. */
export function lookupFailure(error: unknown, host: string): Failure {
  const code = errorCodeOf(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
    case 'EAI_NONAME':
    case 'EAI_NODATA':
      return failure('name-not-found', 'resolve', `the name ${host} is not known to DNS (${code})`, 'Check the spelling of the server URL, or add the name to DNS or the hosts file of this machine.');
    default:
      return failure('name-lookup-failed', 'resolve', `the look-up of ${host} failed (${code || describe(error)})`, 'Check that the DNS servers of this machine answer; the look-up is tried again.');
  }
}

/** A TCP connection (or a connected datagram socket) that could not be made. */
export function connectFailure(error: unknown, peer: Peer): Failure {
  const code = errorCodeOf(error);
  const name = peerName(peer);
  switch (code) {
    case 'ECONNREFUSED':
      return failure('connection-refused', 'connect', `connect to ${name} was refused: nothing listens there`, `Start the receiver, or correct the port (${peer.port}) or the protocol; a firewall that rejects looks the same.`);
    case 'ETIMEDOUT':
      return failure('connect-timeout', 'connect', `connect to ${name} got no answer`, 'Check that a firewall lets this machine reach the receiver, and that the address is right.');
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
    case 'EADDRNOTAVAIL':
    case 'EPERM':
    case 'EACCES':
      return failure('network-unreachable', 'connect', `there is no way from this machine to ${name} (${code})`, 'Check routes, the local firewall and whether this machine has an address of that family (IPv4 or IPv6).');
    case 'ECONNRESET':
      return failure('peer-reset', 'connect', `${name} reset the connection while it was being made`, 'Check the receiver and any balancer or firewall in between.');
    default:
      return failure('unexpected', 'connect', `connect to ${name} failed (${code || describe(error)})`, 'Look into the service log; the connection is tried again.');
  }
}

/** Alerts by which a TLS peer refuses the certificate that we showed, or that we showed none (RFC 8446, 6.2). */
const CLIENT_CERTIFICATE_ALERTS = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_NO_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR',
]);
/** What OpenSSL says when the answer is not a TLS record at all. */
const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_UNKNOWN_PROTOCOL', 'ERR_SSL_RECORD_TOO_SMALL']);
const NO_COMMON_VERSION = new Set(['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'ERR_SSL_VERSION_TOO_LOW']);

/** The peer did not like our certificate, or misses one; null when the error is about something else. TLS 1.3 tells it only after the handshake. */
function clientCertificateFailure(code: string, peer: Peer, peerWentPastHello: boolean): Failure | null {
  // TLS 1.2 has no alert of its own for a missing certificate: a bare handshake_failure after the server's own flight means that ours was missed.
  const missed = code === 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' && peerWentPastHello && peer.tls?.clientCertificate === false;
  if (!missed && !CLIENT_CERTIFICATE_ALERTS.has(code)) return null;
  if (code === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' || peer.tls?.clientCertificate === false) {
    return failure('client-certificate-wanted', 'tls', `${peerName(peer)} wants a client certificate and none is set (${code})`, 'Set the client certificate and its key on the integration, issued by an authority that the receiver trusts.', true);
  }
  return failure('client-certificate-invalid', 'tls', `${peerName(peer)} refused the client certificate (${code})`, 'Check that the client certificate is not expired and that the receiver trusts its issuer; then set it and its key again.', true);
}

/** A TLS handshake that failed. `bytesRead` tells how far the peer went: an alert alone has 7 octets, a server's flight hundreds. */
export function handshakeFailure(error: unknown, peer: Peer, bytesRead: number): Failure {
  const code = errorCodeOf(error);
  const name = peerName(peer);
  const certificate = clientCertificateFailure(code, peer, bytesRead > 200);
  if (certificate) return certificate;
  if (NOT_TLS.has(code)) return failure('not-tls', 'tls', `${name} does not speak TLS: its answer is no TLS record (${code})`, 'Use the port where the receiver listens for TLS (often 6514), or choose the protocol tcp if the receiver offers no TLS.', true);
  if (NO_COMMON_VERSION.has(code)) return failure('tls-handshake-failed', 'tls', `${name} offers no TLS version of 1.2 or newer (${code})`, 'Enable TLS 1.2 or 1.3 on the receiver.', true);
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return failure('tls-handshake-failed', 'tls', `${name} closed the connection during the TLS handshake (${code})`, 'Check that this port speaks TLS (a plain syslog listener closes like this), and the log of the receiver.');
    case 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_NO_SHARED_CIPHER':
      return failure('tls-handshake-failed', 'tls', `${name} and this side have no cipher suite or certificate type in common (${code})`, 'Compare the cipher suites of the receiver with the defaults of OpenSSL 3; check that its certificate fits.', true);
    case 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME':
    case 'ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME':
      return failure('tls-handshake-failed', 'tls', `${name} does not know the server name that was asked for (${code})`, 'Set the server name of the integration to a name in the certificate of the receiver.', true);
    default:
      return failure('tls-handshake-failed', 'tls', `the TLS handshake with ${name} failed (${code || describe(error)})`, 'Look into the log of the receiver; check its certificate and its TLS settings.');
  }
}

/** A live connection that broke. `error` is null when the peer ended it in order, though not asked to. */
export function liveFailure(error: unknown, peer: Peer, facts: { octetsWritten: number; ageMs: number }): Failure {
  const name = peerName(peer);
  const when = `after ${Math.round(facts.ageMs)} ms and ${facts.octetsWritten} octets`;
  const early = facts.ageMs < 2000;
  const earlyHints = ['the framing (octet-counting or newline) that the receiver expects', ...(peer.tls && !peer.tls.clientCertificate ? ['whether it wants a client certificate'] : []), 'its list of allowed senders'];
  const earlyFix = `Check ${earlyHints.join(', ')}; its log tells more.`;
  if (error === null) {
    return failure('peer-closed', 'send', `${name} closed the connection ${when}`, early ? earlyFix : 'The receiver or a balancer ended the link (restart, idle limit); what is not known to be safe is sent again.');
  }
  const code = errorCodeOf(error);
  if (peer.tls) {
    const certificate = clientCertificateFailure(code, peer, true);
    if (certificate) return certificate;
  }
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return failure('peer-reset', 'send', `${name} reset the connection ${when} (${code})`, early ? earlyFix : 'The receiver stopped or crashed, or a device in between dropped the link; what is not known to be safe is sent again.');
    case 'ETIMEDOUT':
      return failure('send-timeout', 'send', `${name} no longer acknowledges anything (${code}) ${when}`, 'Check the network between this machine and the receiver.');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return failure('network-unreachable', 'send', `the way to ${name} was lost (${code}) ${when}`, 'Check routes and the network between this machine and the receiver.');
    default:
      if (code.startsWith('ERR_SSL_')) return failure('tls-handshake-failed', 'tls', `TLS with ${name} broke ${when} (${code})`, 'Look into the log of the receiver.');
      return failure('unexpected', 'send', `the connection to ${name} broke ${when} (${code || describe(error)})`, 'Look into the service log; what is not known to be safe is sent again.');
  }
}

/** A TLS peer that closed or reset right after the handshake, before anything was sent: how GnuTLS based receivers refuse a client without a certificate. */
export function refusedAfterHandshake(found: Failure, peer: Peer): Failure {
  const how = found.code === 'peer-reset' ? 'reset' : 'closed';
  const certificate = peer.tls?.clientCertificate ? 'Check that it trusts the issuer of the client certificate' : 'It most likely wants a client certificate: set one with its key';
  return { ...found, stage: 'tls', cause: `${peerName(peer)} ${how} the connection right after the TLS handshake, before anything was sent`, fix: `${certificate}; else see its list of allowed senders, and its log.` };
}

export function cancelledFailure(stage: Stage, peer: Peer): Failure {
  return failure('cancelled', stage, `the ${stage} stage with ${peerName(peer)} was cancelled`, 'Nothing to repair: it was asked to stop.');
}

function describe(error: unknown): string {
  return error instanceof Error ? error.name : 'no code';
}
