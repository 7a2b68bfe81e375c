import type { KafkaEventLogOptions } from './kafka-options.js';

/** What stands between us and the brokers, in words for the administrator: with the key and the fix. */
export interface ConnectionFault {
  sentence: string;
  /** The brokers answered, and no retry changes it. */
  settings: boolean;
}

/** The brokers answered, and refuse the way we connect: no retry mends that. */
export class ConnectionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConnectionRefused';
  }
}

/** Says what the brokers have against the way we connect; undefined when it is something else. Sorted by codes, as far as Kafka and Node give any. */
export function connectionFault(error: unknown, options: KafkaEventLogOptions): ConnectionFault | undefined {
  const { tls, sasl } = options;
  const brokers = options.brokers.join(', ');
  const codes = codesOf(error);
  const has = (...wanted: string[]): boolean => wanted.some((code) => codes.has(code));
  if (has('UNSUPPORTED_SASL_MECHANISM') || (codes.has('KafkaJSSASLAuthenticationError') && messagesOf(error).some((message) => message.includes('mechanism is not supported')))) {
    return settings(`the brokers (${brokers}) do not take kafka.sasl.mechanism ${sasl?.mechanism ?? 'none'}: set TIDEGATE_KAFKA_SASL_MECHANISM to one that they offer (plain, scram-sha-256, scram-sha-512)`);
  }
  if (has('KafkaJSSASLAuthenticationError', 'SASL_AUTHENTICATION_FAILED')) {
    return settings(`the brokers (${brokers}) refused kafka.sasl.username ${sasl?.username ?? ''} or its password by ${sasl?.mechanism ?? 'none'}: set TIDEGATE_KAFKA_SASL_USERNAME and TIDEGATE_KAFKA_SASL_PASSWORD to what they know`);
  }
  if (has('ILLEGAL_SASL_STATE')) return settings(`the brokers (${brokers}) want no login on this port: set kafka.sasl.mechanism to none, or kafka.brokers to their SASL port`);
  if (has('ERR_TLS_CERT_ALTNAME_INVALID')) return settings(`the certificate of the brokers is not for the names in kafka.brokers (${brokers}): connect by a name that it holds, or give them a certificate for these`);
  if (has(...UNKNOWN_ISSUER)) return settings(`the certificate of the brokers (${brokers}) is not of an authority that is trusted: set kafka.tls.caFile (TIDEGATE_KAFKA_TLS_CA_FILE) to the certificate of the authority that issued it`);
  if (has('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID')) return { sentence: `the certificate of the brokers (${brokers}) is out of its time: renew it, or set the clock of this machine`, settings: false };
  if (has(...CLIENT_CERTIFICATE)) {
    return settings(`the brokers (${brokers}) ${tls !== undefined && tls !== true && tls.cert !== undefined ? 'do not take the client certificate of kafka.tls.certFile: give one of an authority that they trust' : 'want a client certificate: set kafka.tls.certFile and kafka.tls.keyFile'}`);
  }
  if (tls !== undefined && has('EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG')) return settings(`the brokers (${brokers}) do not speak TLS on this port: set kafka.tls.enabled to false, or kafka.brokers to their TLS port`);
  if (has('ENOTFOUND', 'EAI_AGAIN')) return { sentence: `no name in kafka.brokers (${brokers}) is known: set TIDEGATE_KAFKA_BROKERS to host:port of the brokers`, settings: false };
  if (has('ECONNREFUSED')) return { sentence: `nothing listens at kafka.brokers (${brokers}): start Kafka, or set TIDEGATE_KAFKA_BROKERS to where it is`, settings: false };
  if (has('KafkaJSConnectionClosedError', 'ECONNRESET', 'EPIPE')) {
    const wants = [tls === undefined ? 'TLS (kafka.tls.enabled)' : 'no TLS (kafka.tls.enabled)', sasl === undefined ? 'a login (kafka.sasl.mechanism)' : 'no login (kafka.sasl.mechanism)'];
    return { sentence: `the brokers (${brokers}) close the connection without a word: this port may want ${wants.join(' or ')}`, settings: false };
  }
  return undefined;
}

const UNKNOWN_ISSUER = ['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED'];
const CLIENT_CERTIFICATE = ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_TLS_ALERT_UNKNOWN_CA', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'];

const settings = (sentence: string): ConnectionFault => ({ sentence, settings: true });

/** Names, types and codes of an error and of what caused it. */
function codesOf(error: unknown): ReadonlySet<string> {
  const codes = new Set<string>();
  for (const each of chainOf(error)) {
    for (const field of ['name', 'type', 'code'] as const) {
      const value: unknown = field in each ? each[field as keyof typeof each] : undefined;
      if (typeof value === 'string') codes.add(value);
    }
  }
  return codes;
}

const messagesOf = (error: unknown): string[] => chainOf(error).flatMap((each) => ('message' in each && typeof each.message === 'string' ? [each.message] : []));

function chainOf(error: unknown): object[] {
  const chain: object[] = [];
  for (let current = error; typeof current === 'object' && current !== null && chain.length < 6; current = 'cause' in current ? current.cause : undefined) chain.push(current);
  return chain;
}
