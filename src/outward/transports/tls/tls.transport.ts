import { StreamTransport } from '../shared/stream-transport.js';

/** Syslog over TLS (RFC 5425); the buffers come framed. CA, certificate and key are read from the target at each session. */
export class TlsTransport extends StreamTransport {
  readonly protocol = 'tls';
}
