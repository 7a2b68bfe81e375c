import { StreamTransport } from '../shared/stream-transport.js';

/** Syslog over TCP (RFC 6587); the buffers come framed. */
export class TcpTransport extends StreamTransport {
  readonly protocol = 'tcp';
}
